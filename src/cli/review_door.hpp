#pragma once
// How a command puts what a person said into the record: through the running gateway, or by itself when there is none.

#include <string>

#include "audit/event.hpp"
#include "core/result.hpp"

namespace suffice::cli {

/// Where the record is, and who writes it.
struct ReviewDoor {
  std::string data;   ///< --data
  std::string admin;  ///< host:port of the gateway's admin listener
};

/// Makes `event` part of the record, with a new id and the time of now. While a gateway writes the record, it is asked to
/// (POST /suffice/v1/reviews); its answer says that the event was taken. Without one the event is durable on return. The Error says which way
/// was tried.
[[nodiscard]] Result<void> put_into_record(const ReviewDoor& door, audit::Event event);

/// Pulls levers of the running gateway: `change` is the body of PUT /suffice/v1/flags.
[[nodiscard]] Result<void> pull_levers(const std::string& admin, const std::string& change);

}  // namespace suffice::cli
