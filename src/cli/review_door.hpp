#pragma once
// How a command puts what a person said into the record, and pulls levers of a gateway that runs.

#include <string>

#include "audit/event.hpp"
#include "core/result.hpp"

namespace suffice::cli {

/// Makes `event` part of the record in the folder `data` (or that $SUFFICE_RECORD names), with a new id and the time of now; durable on return. A
/// gateway may write the same record meanwhile.
[[nodiscard]] Result<void> put_into_record(const std::string& data, audit::Event event);

/// `change` is the body of PUT /suffice/v1/flags; `admin` is HOST:PORT of the gateway's admin listener.
[[nodiscard]] Result<void> pull_levers(const std::string& admin, const std::string& change);

}  // namespace suffice::cli
