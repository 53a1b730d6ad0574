#include "audit/sqlite_partitions.hpp"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

namespace suffice::audit {
namespace {

constexpr std::size_t kViewPartitionsMax = 400;

}  // namespace

std::string partition_name(std::string_view day) {
  std::string name = "event_" + std::string(day);
  std::erase(name, '-');
  return name;
}

std::string partition_day(std::string_view name) {
  const std::string_view digits = name.substr(std::string_view("event_").size());
  return fmt::format("{}-{}-{}", digits.substr(0, 4), digits.substr(4, 2), digits.substr(6));
}

Result<std::vector<std::string>> partitions(Database& database) {
  SUFFICE_TRY(Statement statement,
              database.prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND (name = 'event' OR name GLOB "
                               "'event_[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]') ORDER BY name"));
  std::vector<std::string> names;
  while (true) {
    SUFFICE_TRY(const Statement::Step step, statement.step());
    if (step == Statement::Step::Done) return names;
    names.push_back(statement.text(0));
  }
}

Result<void> make_partition(Database& database, const std::string& name) {
  SUFFICE_TRY(const std::vector<std::string> there, partitions(database));
  if (std::ranges::find(there, name) != there.end()) return {};
  // An index ends in the row's sequence: task and reason serve "the newest of".
  SUFFICE_TRY_VOID(database.execute(fmt::format(R"sql(
CREATE TABLE {0} (
  sequence      INTEGER PRIMARY KEY,
  id            TEXT NOT NULL,
  time          TEXT NOT NULL,
  kind          TEXT NOT NULL,
  task          TEXT NOT NULL,
  route         TEXT NOT NULL,
  reason        TEXT NOT NULL,
  request_id    TEXT NOT NULL,
  json          TEXT NOT NULL,
  previous_hash TEXT NOT NULL,
  hash          TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX {0}_id ON {0} (id);
CREATE INDEX {0}_request_id ON {0} (request_id);
CREATE INDEX {0}_task ON {0} (task);
CREATE INDEX {0}_time ON {0} (time);
CREATE INDEX {0}_reason ON {0} (reason) WHERE reason <> '';
CREATE INDEX {0}_state_change ON {0} (kind) WHERE kind <> 'request';
)sql",
                                                name)));
  return renew_view(database);
}

Result<void> renew_view(Database& database) {
  SUFFICE_TRY(std::vector<std::string> names, partitions(database));
  if (names.size() > kViewPartitionsMax)
    names.erase(names.begin(), names.end() - static_cast<std::ptrdiff_t>(kViewPartitionsMax));
  std::string sql = "DROP VIEW IF EXISTS event; CREATE VIEW event AS ";
  std::string_view between;
  for (const std::string& name : names) {
    sql += fmt::format("{}SELECT {} FROM {}", between, kEventColumns, name);
    between = " UNION ALL ";
  }
  if (names.empty()) {
    sql +=
        "SELECT 0 AS sequence, '' AS id, '' AS time, '' AS kind, '' AS task, '' AS route, '' AS reason, "
        "'' AS request_id, '' AS json, '' AS previous_hash, '' AS hash WHERE 0";
  }
  return database.execute(sql);
}

Result<void> adopt_single_table(Database& database) {
  SUFFICE_TRY(const std::int64_t there,
              database.integer("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'event'"));
  if (there == 0) return {};
  std::string day;
  {
    SUFFICE_TRY(Statement last, database.prepare("SELECT time FROM event ORDER BY sequence DESC LIMIT 1"));
    SUFFICE_TRY(const Statement::Step step, last.step());
    if (step == Statement::Step::Row) day = day_of(last.text(0));
  }
  return database.execute(day.empty() ? std::string("DROP TABLE event")
                                      : fmt::format("ALTER TABLE event RENAME TO {}", partition_name(day)));
}

}  // namespace suffice::audit
