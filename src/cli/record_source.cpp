#include "cli/record_source.hpp"

#include <filesystem>
#include <utility>

#include "audit/sqlite_store.hpp"
#include "cli/command.hpp"

namespace suffice::cli {

Result<RecordSource> open_record_source(const std::string& data) {
  SUFFICE_TRY(const std::filesystem::path folder, data_folder(data));
  const std::filesystem::path file = folder / "audit.sqlite";
  if (!std::filesystem::exists(file)) {
    return fail(ErrorCode::NotFound, "no record here yet; serve or ask first, or name its folder with --data DIR",
                file.string());
  }
  SUFFICE_TRY(std::unique_ptr<audit::AuditReader> reader, audit::open_sqlite_reader(file));
  return RecordSource{.reader = std::move(reader), .name = file.string()};
}

}  // namespace suffice::cli
