#pragma once
// What the record says of one decision, read back from its canonical JSON (api/audit_event.schema.json).

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "audit/event.hpp"
#include "audit/store.hpp"
#include "core/clock.hpp"
#include "core/result.hpp"

namespace suffice::lab {

/// A text of the record: never the text itself.
struct Excerpt {
  std::int64_t bytes = 0;
  std::string preview = {};  ///< redacted, at most 240 code points
  std::string sha256 = {};
};

struct Recorded {
  std::int64_t sequence = 0;
  audit::Event event = {};  ///< `input` and `output` are empty: the record does not have them
  Excerpt input = {};
  Excerpt output = {};
};

/// Fields that this program does not know are skipped, absent ones keep their default. MalformedJson or MalformedRequest for what is no
/// event, UnsupportedField for a kind of a newer program. Pure; any thread.
[[nodiscard]] Result<Recorded> read_event(std::string_view json);

/// How many events were read, and how many could not be used.
struct ReadCount {
  std::int64_t events = 0;
  std::int64_t skipped = 0;  ///< of a kind this program does not know, or unreadable: `suffice audit verify` says more
};

/// Every event from `since` on, oldest first, until `row` returns false. The store's error; what cannot be read is counted.
[[nodiscard]] Result<ReadCount> read_events(audit::AuditReader& reader, WallTime since,
                                            const std::function<bool(const Recorded&)>& row);

/// "2026-11-22T06:30:42.123Z", seconds' fraction optional, or "2026-11-22"; from 1970 to 2261. InvalidArgument.
[[nodiscard]] Result<WallTime> parse_time(std::string_view text);
/// A time, or how long before `now`: "30m", "24h", "7d", "4w". InvalidArgument.
[[nodiscard]] Result<WallTime> parse_since(std::string_view text, WallTime now);

/// Whether it is one answered or refused chat: calls for embeddings are recorded too, and nothing is decided about them.
[[nodiscard]] bool is_decision(const audit::Event& event);
/// What a decision is counted under: its task, or "workflow NAME" where a workflow answered without one; empty when neither is known.
[[nodiscard]] std::string subject_of(const audit::Event& event);
/// A local answer that the gate let through.
[[nodiscard]] bool is_local_accept(const audit::Event& event);
/// The attempt whose answer was served, null when none was.
[[nodiscard]] const audit::Attempt* accepted_attempt(const audit::Event& event);

}  // namespace suffice::lab
