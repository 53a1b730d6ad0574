#pragma once
// Tables: the record as two flat, typed CSV files that Parquet converters and data frames read without help.

#include <cstdint>
#include <span>
#include <string_view>

#include "audit/export.hpp"
#include "audit/store.hpp"
#include "core/result.hpp"

namespace suffice::audit {

/// A column. `field` is where its value stands in the canonical JSON: "input.sha256" is below `input`.
struct TableColumn {
  enum class Type : std::uint8_t { Integer, Real, Flag, Text, Time, Texts };
  std::string_view name;
  Type type = Type::Text;
  std::string_view field = name;
};
/// "integer", "real", "boolean", "text", "time" (RFC 3339, UTC), "texts" (joined by ';').
[[nodiscard]] std::string_view name(TableColumn::Type type) noexcept;

/// One row an event, any kind. Stored format: columns are added at the end, never renamed.
[[nodiscard]] std::span<const TableColumn> event_columns() noexcept;
/// One row an attempt; `event_id` names its event.
[[nodiscard]] std::span<const TableColumn> attempt_columns() noexcept;

struct TableCounts {
  std::int64_t events = 0;
  std::int64_t attempts = 0;
};

/// Writes what `filter` matches, oldest first, as RFC 4180: a heading line, CRLF, UTF-8. An empty cell is "absent"; integers and reals are
/// bare, flags `true` or `false`. Cells are as recorded, without a guard against spreadsheets' formulas: for those there is
/// ExportFormat::Csv. IoFailed when a sink stops.
[[nodiscard]] Result<TableCounts> export_tables(AuditReader& reader, const EventFilter& filter,
                                                const ExportSink& events, const ExportSink& attempts);

}  // namespace suffice::audit
