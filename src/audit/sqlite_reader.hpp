#pragma once
// Reading the SQLite record, for the reader and the store alike. Included by sqlite_*.cpp only.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "audit/rollups.hpp"
#include "audit/sqlite.hpp"
#include "audit/store.hpp"

namespace suffice::audit {

/// What the table `chain` says.
struct ChainRow {
  PrunedEnd pruned;
  std::int64_t rolled_sequence = 0;
};

class SqliteReader final : public AuditReader {
 public:
  explicit SqliteReader(Database database) : database_(std::move(database)) {}

  Result<std::optional<StoredEvent>> last() override;
  Result<void> read(const EventFilter& filter, const std::function<bool(const StoredEvent&)>& row) override;
  Result<std::map<std::string, Usd>> spent_since(std::string_view time) override;
  Result<std::optional<PrunedEnd>> pruned() override;
  Result<std::optional<SealedTexts>> sealed(std::string_view id) override;
  Result<std::vector<Rollup>> rollups(const TimeRange& range) override;

  /// Zeros for a record of schema 1.
  Result<ChainRow> chain_row();
  [[nodiscard]] Database& database() { return database_; }

 private:
  Result<void> read_partition(const std::string& table, const EventFilter& filter, std::int64_t& left, bool& going,
                              const std::function<bool(const StoredEvent&)>& row);
  Database database_;
};

}  // namespace suffice::audit
