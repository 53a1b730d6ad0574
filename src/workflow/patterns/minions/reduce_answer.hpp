#pragma once
// What the frontier decides once it has seen a round's citations: an answer, "not found", or another round.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "workflow/patterns/minions/limits.hpp"

namespace suffice::workflow::minions {

struct Decision {
  enum class Kind : std::uint8_t { Answer, NotFound, More };
  Kind kind = Kind::NotFound;
  std::string answer;                 ///< Answer only
  std::vector<std::size_t> evidence;  ///< Answer only: numbers of citations, each one that was shown, ascending
  std::string feedback;               ///< More only: what the next round ought to do
  std::string scratchpad;             ///< More only: what the frontier wants to remember
};

/// Whether another round may be asked for.
enum class Rounds : std::uint8_t { MayGoOn, MustAnswer };

/// Reads {"decision": "answer" | "more", "answer", "evidence", "feedback", "scratchpad"}, alone or in one code fence. `citations` is
/// how many were shown, numbered from 1. An answer that says nothing (null, "none", "not found") is NotFound. Feedback and scratchpad are
/// cut to limits.note_characters_max. OutputRejected with what is wrong, never quoting: no JSON, another shape, evidence that was
/// not shown, an answer without evidence, "more" where the last round must answer.
[[nodiscard]] Result<Decision> parse_decision(std::string_view text, std::size_t citations, Rounds rounds,
                                              const Limits& limits);

}  // namespace suffice::workflow::minions
