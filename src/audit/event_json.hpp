#pragma once
// An event as the record keeps it: canonical JSON with texts as hash and redacted preview.

#include <cstddef>
#include <string>

#include "audit/event.hpp"
#include "audit/store.hpp"

namespace suffice::audit {

/// The canonical JSON of `event` (api/audit_event.schema.json): keys in byte order, no white space, numbers as in RFC 8785, text in
/// well-formed UTF-8. `input` and `output` become byte count, SHA-256 and a preview of at most `preview_code_points_max` code points;
/// notes and check details are redacted the same way. Other strings are cut at 256 code points.
/// Pure; any thread. Cost: audit_bench.cpp.
[[nodiscard]] std::string event_json(const Event& event, std::size_t preview_code_points_max = 240);

/// `event` ready to be chained: its JSON and the columns that queries use; sequence and hashes are left empty.
[[nodiscard]] StoredEvent stored_form(const Event& event, std::size_t preview_code_points_max = 240);

/// "2026-11-22T06:30:42.123Z": RFC 3339, UTC, milliseconds.
[[nodiscard]] std::string rfc3339_ms(WallTime time);

}  // namespace suffice::audit
