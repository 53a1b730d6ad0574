#pragma once
// Export: the record as text that other programs read, and that can be verified without the store.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "audit/store.hpp"
#include "core/result.hpp"

namespace suffice::audit {

enum class ExportFormat : std::uint8_t { Jsonl, Csv };

/// Takes the next piece of the export; false stops it (a full disk, a closed pipe).
using ExportSink = std::function<bool(std::string_view)>;

/// One line of a JSONL export, without its line end. Stored format, never changed:
///   {"sequence":N,"hash":"...","previous_hash":"...","event":CANONICAL}
/// CANONICAL stands as it was hashed, byte for byte: hash = SHA-256(previous_hash + "\n" + CANONICAL).
[[nodiscard]] std::string export_line(const StoredEvent& event);

/// Writes the events that `filter` matches, always oldest first; gives their number.
///
/// Jsonl: a first line {"export":{"format":1,"complete":true|false}} (with ,"pruned":{"sequence":N,"hash":"..."} behind `complete` when the
/// record begins behind pruned events), export_line() per event, a last line
/// {"end":{"events":N,"last_hash":"..."}}; `complete` says that nothing was filtered out, so that a gap means loss. Csv (RFC 4180): a heading, then one flat row per event for a spreadsheet;
/// cells that a spreadsheet would take for a formula begin with an apostrophe. IoFailed when the sink stops.
[[nodiscard]] Result<std::int64_t> export_events(AuditReader& reader, const EventFilter& filter, ExportFormat format,
                                                 const ExportSink& sink);

}  // namespace suffice::audit
