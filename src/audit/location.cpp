#include "audit/location.hpp"

#include <fstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "audit/postgres.hpp"
#include "audit/postgres_store.hpp"
#include "audit/sqlite_store.hpp"

namespace suffice::audit {
namespace {

Result<RecordLocation> at_url(std::string url) {
  SUFFICE_TRY(std::string place, postgres_place(url));
  return RecordLocation{.file = {}, .url = std::move(url), .name = std::move(place)};
}

Result<RecordLocation> from_file(const std::string& path) {
  std::ifstream file(path);
  std::string url;
  if (!std::getline(file, url) || url.empty())
    return fail(ErrorCode::NotFound, "cannot read the record's URL from the first line of this file", path);
  return at_url(std::move(url));
}

}  // namespace

Result<RecordLocation> record_location(const std::string& given, const std::filesystem::path& data,
                                       const EnvironmentLookup& environment) {
  if (given.empty()) {
    if (std::optional<std::string> url = environment("SUFFICE_RECORD")) {
      if (url->starts_with("file:")) return from_file(url->substr(5));
      return at_url(*std::move(url));
    }
    const std::filesystem::path file = data / "audit.sqlite";
    return RecordLocation{.file = file, .url = {}, .name = file.string()};
  }
  if (given.starts_with("file:")) return from_file(given.substr(5));
  if (given.starts_with("env:")) {
    const std::string name = given.substr(4);
    std::optional<std::string> url = environment(name);
    if (!url) return fail(ErrorCode::NotFound, "this environment variable is not set", "--record env:" + name);
    return at_url(*std::move(url));
  }
  SUFFICE_TRY(RecordLocation location, at_url(given));
  if (postgres_password_in(given)) {
    return fail(
        ErrorCode::ConfigInvalid,
        "a password on the command line is visible to every user of this machine; write env:NAME or file:PATH, or set "
        "PGPASSWORD or PGPASSFILE",
        "--record");
  }
  return location;
}

Result<std::unique_ptr<AuditStore>> open_store(const RecordLocation& location, Writer writer) {
  if (!location.url.empty()) return open_postgres_store(location.url);
  return open_sqlite_store(location.file, SqliteOptions{.beside_a_gateway = writer == Writer::Command});
}

Result<std::unique_ptr<AuditReader>> open_reader(const RecordLocation& location) {
  if (!location.url.empty()) return open_postgres_reader(location.url);
  std::error_code ignored;
  if (!std::filesystem::exists(location.file, ignored)) {
    return fail(
        ErrorCode::NotFound,
        "no record here yet; serve or ask first, or name its folder with --data DIR or its database with --record URL",
        location.name);
  }
  return open_sqlite_reader(location.file);
}

}  // namespace suffice::audit
