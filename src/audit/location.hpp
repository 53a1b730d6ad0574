#pragma once
// Where a record is: a SQLite file in the data folder, or a PostgreSQL database.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "audit/store.hpp"
#include "core/result.hpp"

namespace suffice::audit {

struct RecordLocation {
  std::filesystem::path file;  ///< SQLite; empty for PostgreSQL
  std::string url;             ///< PostgreSQL; may hold a password: never to be shown
  std::string name;            ///< for people: the file, or "host:port/database"
};

/// Looks up an environment variable; nothing when unset or empty.
using EnvironmentLookup = std::function<std::optional<std::string>(std::string_view)>;

/// `given` is empty (then $SUFFICE_RECORD, and without it DATA/audit.sqlite), postgres://USER@HOST:PORT/DATABASE, env:NAME (the URL is in that
/// variable) or file:PATH (on the first line of that file). A password in `given` itself is refused, because every user of the machine
/// can read command lines; PGPASSWORD and PGPASSFILE work. ConfigInvalid or NotFound, never quoting a URL.
[[nodiscard]] Result<RecordLocation> record_location(const std::string& given, const std::filesystem::path& data,
                                                     const EnvironmentLookup& environment);

enum class Writer : std::uint8_t {
  Gateway,  ///< of SQLite one at a time
  Command,  ///< for the rare event of a command, beside a gateway or without one
};

/// The errors of open_sqlite_store() and open_postgres_store().
[[nodiscard]] Result<std::unique_ptr<AuditStore>> open_store(const RecordLocation& location, Writer writer);
/// NotFound, with the next step, when there is no record yet; or the errors of the store.
[[nodiscard]] Result<std::unique_ptr<AuditReader>> open_reader(const RecordLocation& location);

}  // namespace suffice::audit
