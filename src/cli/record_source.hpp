#pragma once
// Where the commands that read decisions take them from.

#include <memory>
#include <string>

#include "audit/store.hpp"
#include "core/result.hpp"

namespace suffice::cli {

struct RecordSource {
  std::unique_ptr<audit::AuditReader> reader;
  std::string name;  ///< for people
};

/// The record that $SUFFICE_RECORD names (audit/location.hpp); without it the one in the folder `data`, or in the default one. NotFound with the next step when there is none.
[[nodiscard]] Result<RecordSource> open_record_source(const std::string& data);

}  // namespace suffice::cli
