#pragma once
// Verification: re-derives the hash chain and says where it first breaks. Needs nothing but the record or an export of it.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "audit/store.hpp"
#include "core/result.hpp"

namespace suffice::audit {

/// The first thing that is wrong.
struct ChainProblem {
  enum class Kind : std::uint8_t {
    Unreadable,     ///< not a line of an export, or JSON that is not an event
    Altered,        ///< the event's text does not give its hash
    Gap,            ///< sequence numbers are missing: events were dropped
    Reordered,      ///< a sequence number came before a smaller one, or twice
    BrokenLink,     ///< the event does not follow the one before it: replaced, or forged and appended
    ColumnsDiffer,  ///< a column says something else than the hashed text
    Truncated,      ///< the export ends before its last line, or the record before the expected hash
  };
  Kind kind = Kind::Unreadable;
  std::int64_t position = 0;  ///< line of the export or place in the record, from 1
  std::int64_t sequence = 0;  ///< of the event concerned; 0 when it cannot be told
  std::string message;        ///< one sentence for a person
};
[[nodiscard]] std::string_view name(ChainProblem::Kind kind) noexcept;

struct VerifyReport {
  std::int64_t events = 0;  ///< that are good, up to the problem if there is one
  std::int64_t first_sequence = 0;
  std::int64_t pruned = 0;  ///< events before the first that were pruned, as the record or the export says of itself
  std::string last_hash;    ///< of the last good event: note it elsewhere, and a later verification can ask for it
  bool complete = true;     ///< false for a filtered export: each event was checked, gaps between them were not
  std::optional<ChainProblem> problem;

  [[nodiscard]] bool ok() const { return !problem; }
};

/// What makes a chain more than consistent with itself: a hash that was noted outside. A chain alone cannot show that its end was cut
/// off, nor that all of it was written anew by someone who could.
struct VerifyOptions {
  std::string expected_hash = {};  ///< must be the hash of one of the events; empty: not asked for
};

/// Checks the whole record. An Error only when it cannot be read; everything found is in the report.
[[nodiscard]] Result<VerifyReport> verify(AuditReader& reader, const VerifyOptions& options = {});

/// Gives the next line without its line end, nothing at the end of the file.
using LineSource = std::function<std::optional<std::string>()>;

/// Checks a JSONL export (audit/export.hpp). Pure but for `next_line`.
[[nodiscard]] VerifyReport verify_export(const LineSource& next_line, const VerifyOptions& options = {});

}  // namespace suffice::audit
