#pragma once
// The tables of the SQLite record that hold events: one a day, so that old days go away whole. Included by sqlite_*.cpp only.

#include <string>
#include <string_view>
#include <vector>

#include "audit/sqlite.hpp"
#include "core/result.hpp"

namespace suffice::audit {

/// The columns of every partition and of the view `event`, in StoredEvent's order.
inline constexpr std::string_view kEventColumns =
    "sequence, id, time, kind, task, route, reason, request_id, json, previous_hash, hash";

/// "2026-11-22" of an RFC 3339 time.
[[nodiscard]] inline std::string day_of(std::string_view time) { return std::string(time.substr(0, 10)); }
/// "event_20261122" of "2026-11-22".
[[nodiscard]] std::string partition_name(std::string_view day);
/// "2026-11-22" of "event_20261122".
[[nodiscard]] std::string partition_day(std::string_view name);

/// Oldest first. Every event of one stands in the chain before every event of the next. The one table of a record of schema 1 counts.
[[nodiscard]] Result<std::vector<std::string>> partitions(Database& database);
/// Makes the table where it is not there, and the view anew. Within the caller's transaction.
[[nodiscard]] Result<void> make_partition(Database& database, const std::string& name);
/// The view `event`, for people with sqlite3 at hand: over the newest 400 partitions, which is below SQLite's limit of 500.
[[nodiscard]] Result<void> renew_view(Database& database);
/// The one table of schema 1 becomes the partition of its last event's day. Within the caller's transaction.
[[nodiscard]] Result<void> adopt_single_table(Database& database);

}  // namespace suffice::audit
