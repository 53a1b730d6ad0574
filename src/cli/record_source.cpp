#include "cli/record_source.hpp"

#include <filesystem>
#include <utility>

#include "audit/location.hpp"
#include "cli/command.hpp"
#include "policy/policy_store.hpp"

namespace suffice::cli {

Result<RecordSource> open_record_source(const std::string& data) {
  SUFFICE_TRY(const std::filesystem::path folder, data_folder(data));
  SUFFICE_TRY(audit::RecordLocation location, audit::record_location({}, folder, policy::process_environment()));
  SUFFICE_TRY(std::unique_ptr<audit::AuditReader> reader, audit::open_reader(location));
  return RecordSource{.reader = std::move(reader), .name = std::move(location.name)};
}

}  // namespace suffice::cli
