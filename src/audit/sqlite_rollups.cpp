#include "audit/sqlite_rollups.hpp"

#include <string>
#include <utility>

#include <fmt/format.h>

namespace suffice::audit {
namespace {

constexpr int kFirstSum = 6;  // behind the key and the histogram

std::string columns() {
  std::string names = "hour, task, route, reason, model, latency";
  for (const RollupSum& sum : rollup_sums()) names.append(", ").append(sum.name);
  return names;
}

Rollup row_of(const Statement& statement) {
  Rollup row{.key = {.hour = statement.text(0),
                     .task = statement.text(1),
                     .route = statement.text(2),
                     .reason = statement.text(3),
                     .model = statement.text(4)},
             .sums = {}};
  row.sums.latency = histogram_from(statement.text(5));
  int column = kFirstSum;
  for (const RollupSum& sum : rollup_sums()) row.sums.*sum.value = statement.integer(column++);
  return row;
}

void bind_key(Statement& statement, const RollupKey& key) {
  statement.bind(1, key.hour).bind(2, key.task).bind(3, key.route).bind(4, key.reason).bind(5, key.model);
}

}  // namespace

Result<void> add_rollups(Database& database, const RollupMap& rows) {
  SUFFICE_TRY(Statement select, database.prepare(fmt::format(
                                    "SELECT {} FROM rollup WHERE hour = ?1 AND task = ?2 AND route = ?3 AND reason "
                                    "= ?4 AND model = ?5",
                                    columns())));
  std::string places = "?1";
  for (std::size_t i = 2; i <= 6 + rollup_sums().size(); ++i) places += fmt::format(", ?{}", i);
  SUFFICE_TRY(Statement replace,
              database.prepare(fmt::format("INSERT OR REPLACE INTO rollup ({}) VALUES ({})", columns(), places)));
  for (const auto& [key, added] : rows) {
    bind_key(select, key);
    SUFFICE_TRY(const Statement::Step step, select.step());
    RollupSums sums = step == Statement::Step::Row ? row_of(select).sums : RollupSums{};
    select.reset();
    sums += added;
    bind_key(replace, key);
    const std::string latency = to_text(sums.latency);
    replace.bind(6, latency);
    int place = kFirstSum;
    for (const RollupSum& sum : rollup_sums()) replace.bind(++place, sums.*sum.value);
    SUFFICE_TRY_VOID(replace.run());
  }
  return {};
}

Result<RollupMap> stored_rollups(Database& database, const TimeRange& range) {
  SUFFICE_TRY(
      Statement statement,
      database.prepare(fmt::format("SELECT {} FROM rollup WHERE hour >= ?1 AND (?2 = '' OR hour < ?2)", columns())));
  const std::string from = hour_of(range.from);
  statement.bind(1, from).bind(2, range.to);
  RollupMap rows;
  while (true) {
    SUFFICE_TRY(const Statement::Step step, statement.step());
    if (step == Statement::Step::Done) return rows;
    Rollup row = row_of(statement);
    rows.insert_or_assign(rows.end(), std::move(row.key), std::move(row.sums));
  }
}

}  // namespace suffice::audit
