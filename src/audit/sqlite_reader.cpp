#include "audit/sqlite_reader.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "audit/sqlite_partitions.hpp"
#include "audit/sqlite_rollups.hpp"

namespace suffice::audit {
namespace {

StoredEvent event_of(const Statement& row) {
  return StoredEvent{.sequence = row.integer(0),
                     .id = row.text(1),
                     .time = row.text(2),
                     .kind = row.text(3),
                     .task = row.text(4),
                     .route = row.text(5),
                     .reason = row.text(6),
                     .request_id = row.text(7),
                     .json = row.text(8),
                     .previous_hash = row.text(9),
                     .hash = row.text(10)};
}

/// One state of the record for several statements, unless a transaction is under way.
class Snapshot {
 public:
  explicit Snapshot(Database& database) : database_(database), own_(sqlite3_get_autocommit(database.handle()) != 0) {
    if (own_) static_cast<void>(database_.execute("BEGIN"));
  }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  ~Snapshot() {
    if (own_) static_cast<void>(database_.execute("COMMIT"));
  }

 private:
  Database& database_;
  bool own_;
};

/// The statement of a filter and its values, in order.
struct Query {
  std::string sql;
  std::vector<std::string> texts;
  std::vector<std::pair<int, std::int64_t>> numbers;
};

Query query_of(const std::string& table, const EventFilter& filter, std::int64_t limit) {
  Query query{.sql = fmt::format("SELECT {} FROM {} WHERE 1", kEventColumns, table), .texts = {}, .numbers = {}};
  int next = 0;
  const auto equals = [&](std::string_view column, const std::string& value, std::string_view relation) {
    if (value.empty()) return;
    query.sql += fmt::format(" AND {} {} ?{}", column, relation, ++next);
    query.texts.push_back(value);
  };
  equals("task", filter.task, "=");
  equals("route", filter.route, "=");
  equals("reason", filter.reason, "=");
  equals("kind", filter.kind, "=");
  equals("time", filter.since, ">=");
  equals("time", filter.until, "<");
  if (filter.id_or_request_id.size() >= 6) {
    // A range serves a prefix by the index; '~' sorts behind every byte of an id.
    query.sql += fmt::format(" AND (id BETWEEN ?{0} AND ?{1} OR request_id BETWEEN ?{0} AND ?{1})", next + 1, next + 2);
    query.texts.push_back(filter.id_or_request_id);
    query.texts.push_back(filter.id_or_request_id + "~");
    next += 2;
  } else if (!filter.id_or_request_id.empty()) {
    query.sql += fmt::format(" AND (id = ?{0} OR request_id = ?{0})", ++next);
    query.texts.push_back(filter.id_or_request_id);
  }
  if (filter.after_sequence > 0) {
    query.sql += fmt::format(" AND sequence > ?{}", ++next);
    query.numbers.emplace_back(next, filter.after_sequence);
  }
  query.sql += filter.newest_first ? " ORDER BY sequence DESC" : " ORDER BY sequence";
  query.sql += fmt::format(" LIMIT ?{}", ++next);
  query.numbers.emplace_back(next, limit);
  return query;
}

/// Leaves out the days that can hold nothing from `since` on: an event's partition is never of an earlier day than its time.
std::vector<std::string> from_day(std::vector<std::string> names, std::string_view since) {
  const std::string first = since.empty() ? std::string() : partition_name(day_of(since));
  std::erase_if(names, [&](const std::string& name) { return name != "event" && name < first; });
  return names;
}

}  // namespace

Result<std::optional<StoredEvent>> SqliteReader::last() {
  std::optional<StoredEvent> found;
  SUFFICE_TRY_VOID(read(EventFilter{.limit = 1, .newest_first = true}, [&](const StoredEvent& event) {
    found = event;
    return true;
  }));
  return found;
}

Result<void> SqliteReader::read_partition(const std::string& table, const EventFilter& filter, std::int64_t& left,
                                          bool& going, const std::function<bool(const StoredEvent&)>& row) {
  const Query query = query_of(table, filter, left);
  SUFFICE_TRY(Statement statement, database_.prepare(query.sql));
  int index = 0;
  for (const std::string& text : query.texts) statement.bind(++index, text);
  for (const auto& [place, number] : query.numbers) statement.bind(place, number);
  while (going) {
    SUFFICE_TRY(const Statement::Step step, statement.step());
    if (step == Statement::Step::Done) return {};
    --left;
    going = row(event_of(statement));
  }
  return {};
}

Result<void> SqliteReader::read(const EventFilter& filter, const std::function<bool(const StoredEvent&)>& row) {
  const Snapshot snapshot(database_);
  SUFFICE_TRY(std::vector<std::string> names, partitions(database_));
  names = from_day(std::move(names), filter.since);
  if (filter.newest_first) std::ranges::reverse(names);
  std::int64_t left = filter.limit > 0 ? filter.limit : std::numeric_limits<std::int64_t>::max();
  bool going = true;
  for (auto name = names.begin(); name != names.end() && going && left > 0; ++name)
    SUFFICE_TRY_VOID(read_partition(*name, filter, left, going, row));
  return {};
}

Result<std::map<std::string, Usd>> SqliteReader::spent_since(std::string_view time) {
  const Snapshot snapshot(database_);
  SUFFICE_TRY(const std::vector<std::string> names, partitions(database_));
  std::map<std::string, Usd> spent;
  for (const std::string& name : from_day(names, time)) {
    SUFFICE_TRY(Statement statement,
                database_.prepare(fmt::format("SELECT json_extract(json, '$.caller_key') AS key, "
                                              "sum(json_extract(json, '$.cost_nanodollars')) FROM {} "
                                              "WHERE time >= ?1 AND kind = 'request' AND key IS NOT NULL GROUP BY key",
                                              name)));
    statement.bind(1, time);
    while (true) {
      SUFFICE_TRY(const Statement::Step step, statement.step());
      if (step == Statement::Step::Done) break;
      spent[statement.text(0)] += Usd{statement.integer(1)};
    }
  }
  return spent;
}

Result<ChainRow> SqliteReader::chain_row() {
  SUFFICE_TRY(const std::int64_t version, database_.integer("PRAGMA user_version"));
  if (version < 2) return ChainRow{};
  SUFFICE_TRY(Statement statement,
              database_.prepare("SELECT pruned_sequence, pruned_hash, rolled_sequence FROM chain WHERE only = 1"));
  SUFFICE_TRY(const Statement::Step step, statement.step());
  if (step == Statement::Step::Done) return fail(ErrorCode::ChainBroken, "the record's table chain has lost its row");
  return ChainRow{.pruned = {.sequence = statement.integer(0), .hash = statement.text(1)},
                  .rolled_sequence = statement.integer(2)};
}

Result<std::optional<PrunedEnd>> SqliteReader::pruned() {
  SUFFICE_TRY(ChainRow chain, chain_row());
  if (chain.pruned.sequence == 0) return std::nullopt;
  return std::move(chain.pruned);
}

Result<std::optional<SealedTexts>> SqliteReader::sealed(std::string_view id) {
  SUFFICE_TRY(const std::int64_t version, database_.integer("PRAGMA user_version"));
  if (version < 3) return std::nullopt;
  SUFFICE_TRY(Statement statement, database_.prepare("SELECT expires, sealed FROM vault WHERE id = ?1"));
  statement.bind(1, id);
  SUFFICE_TRY(const Statement::Step step, statement.step());
  if (step == Statement::Step::Done) return std::nullopt;
  return SealedTexts{.id = std::string(id), .expires = statement.text(0), .bytes = statement.text(1)};
}

Result<std::vector<Rollup>> SqliteReader::rollups(const TimeRange& range) {
  const Snapshot snapshot(database_);
  SUFFICE_TRY(const ChainRow chain, chain_row());
  SUFFICE_TRY(const std::int64_t version, database_.integer("PRAGMA user_version"));
  RollupMap rows;
  if (version >= 2) {
    SUFFICE_TRY(rows, stored_rollups(database_, range));
  }
  const std::string from = hour_of(range.from);
  SUFFICE_TRY_VOID(read(EventFilter{.after_sequence = chain.rolled_sequence}, [&](const StoredEvent& event) {
    const std::string hour = hour_of(event.time);
    if (hour >= from && (range.to.empty() || hour < range.to)) fold(rows, event);
    return true;
  }));
  std::vector<Rollup> result;
  result.reserve(rows.size());
  for (auto& [key, sums] : rows) result.push_back(Rollup{.key = key, .sums = std::move(sums)});
  return result;
}

}  // namespace suffice::audit
