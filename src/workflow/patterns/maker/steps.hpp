#pragma once
// The loop of MAKER: each step is voted on, committed and carried forward, or escalated; never guessed.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "net/task.hpp"
#include "workflow/patterns/maker/answer.hpp"
#include "workflow/patterns/maker/plan.hpp"
#include "workflow/patterns/maker/voting.hpp"
#include "workflow/patterns/maker/worker.hpp"

namespace suffice::workflow::maker {

/// How steps are decided. Immutable; shared by runs.
struct StepRules {
  VotingRules voting;
  AnswerFormat format;
  int frontier_tries = 2;  ///< calls of the frontier for one escalated step; its red flags are discarded too
};

/// How far a run has come: all that the next step depends on, and the counts. A value; the checkpoint of a run.
struct Progress {
  /// Escalated steps are named up to this many, and always counted.
  static constexpr std::size_t kEscalatedKept = 100;

  std::uint64_t step = 0;  ///< steps committed
  std::string state;       ///< JSON text after them
  std::string action;      ///< JSON text of the last one; empty before the first
  std::uint64_t votes = 0;
  std::uint64_t samples = 0;  ///< votes and discarded samples, of the worker and the frontier
  RedFlagCounts discarded;
  std::uint64_t escalated = 0;
  std::vector<std::uint64_t> escalated_steps;  ///< from 0

  /// Appends the JSON form; the state is a string in it, so that no number of it is ever rewritten.
  void append_json(std::string& out) const;
  /// From append_json. MalformedJson or InvalidArgument.
  static Result<Progress> read(std::string_view json);
  bool operator==(const Progress&) const = default;
};

/// What a run tells while it goes. Any may be empty.
struct StepHooks {
  /// After each committed step; an Error ends the run.
  std::function<Result<void>(const Progress&)> committed = {};
  /// The votes of a step did not converge.
  std::function<void(std::uint64_t step)> inconclusive = {};
  /// Asked before each step; true ends the run with Cancelled.
  std::function<bool()> stopping = {};
};

/// Makes the steps of `plan` from `at.step` on. `at` is changed as steps are committed and its counts include a step that failed;
/// whatever ends the run, `at.state` is that of the last step whose vote was decided (or that the frontier answered within the format).
///
/// A step whose votes do not converge within the budget goes to `frontier`. NoFrontier when that is null, OutputRejected when its answers
/// are red flags, both naming the step; else the errors of the workers and the hooks; Cancelled. All arguments outlive the await.
[[nodiscard]] Task<Result<void>> make_steps(const StepRules& rules, const Plan& plan, StepWorker& worker,
                                            StepWorker* frontier, Progress& at, const StepHooks& hooks);

}  // namespace suffice::workflow::maker
