#pragma once
// Where a MINIONS run stands: what its checkpoints hold, and the rules that lead from one step to the next. No I/O.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/chat.hpp"
#include "core/result.hpp"
#include "prompts/token_budget.hpp"
#include "workflow/patterns/minions/findings.hpp"
#include "workflow/patterns/minions/limits.hpp"
#include "workflow/patterns/minions/manifest.hpp"
#include "workflow/patterns/minions/question.hpp"
#include "workflow/patterns/minions/reduce_answer.hpp"
#include "workflow/patterns/minions/remote_prompts.hpp"

namespace suffice::workflow::minions {

/// Copies; goes through JSON and back unchanged. Holds citations as byte ranges, never the document.
struct RunState {
  std::size_t round = 1;
  std::string advice;
  std::string feedback;
  std::string scratchpad;
  std::vector<std::string> asked;  ///< names of the tasks of all rounds
  JobManifest manifest;            ///< of this round, once it is planned
  std::vector<Finding> kept;       ///< of all rounds: what the frontier may be shown
  std::vector<MapReport> reports;  ///< by round
  std::int64_t remote_tokens = 0;  ///< of all remote prompts that were sent, by the run's counter
  bool operator==(const RunState&) const = default;

  [[nodiscard]] JsonText json() const;
  /// MalformedJson or MalformedRequest for what json() did not write: a journal that was altered, or another program's. Ranges are checked
  /// against `document_bytes`.
  static Result<RunState> from_json(std::string_view text, std::size_t document_bytes);
};

/// What a run ends with.
struct Answer {
  bool found = false;
  std::string text;               ///< empty when not found
  std::vector<Finding> evidence;  ///< the citations it rests on
};

/// What the frontier may see as `state` stands.
[[nodiscard]] RemoteView view_of(const Question& question, const RunState& state, const Limits& limits);

/// The frontier's advice, cut to its limit.
[[nodiscard]] RunState advised(RunState state, std::string_view advice, const Limits& limits);
/// A round's plan.
[[nodiscard]] RunState planned(RunState state, JobManifest manifest);
/// A round's findings and counts, within cited_bytes_max.
[[nodiscard]] RunState mapped(RunState state, const std::vector<Finding>& found, MapReport report,
                              const Limits& limits);
/// `state` without as many of its weakest findings (fewest votes, then latest) as the reduce prompt is over `tokens_max` by `count`; each
/// is counted as left out. 0: no limit.
[[nodiscard]] RunState fitted(RunState state, const Question& question, const Limits& limits, std::int64_t tokens_max,
                              const prompts::TokenCounter& count);
/// The next round, after Decision::Kind::More.
[[nodiscard]] RunState continued(RunState state, const Decision& decision);
/// Whether the frontier may ask for another round.
[[nodiscard]] Rounds rounds_left(const RunState& state, const Limits& limits);
/// After Answer or NotFound.
[[nodiscard]] Answer answered(const RunState& state, const Decision& decision);

}  // namespace suffice::workflow::minions
