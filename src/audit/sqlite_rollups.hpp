#pragma once
// The roll-ups of the SQLite record, as rows of its table. Included by sqlite_*.cpp only.

#include "audit/rollups.hpp"
#include "audit/sqlite.hpp"
#include "core/result.hpp"

namespace suffice::audit {

/// Adds `rows` to what is stored. Within the caller's transaction.
[[nodiscard]] Result<void> add_rollups(Database& database, const RollupMap& rows);
[[nodiscard]] Result<RollupMap> stored_rollups(Database& database, const TimeRange& range);

}  // namespace suffice::audit
