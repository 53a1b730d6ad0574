#pragma once
// What a MAKER run will cost and how likely it succeeds, before anything is spent (arXiv 2511.09030, sections 3.1 and 3.2).
//
// A vote is right with probability p, and the most likely wrong answer has probability q. With one wrong alternative, q = 1 - p and every
// formula here is exact: the lead is a random walk between -k and k. With several, they are bounds, and p < 0.5 is fine as long as p > q.

#include <cstdint>

#include "core/result.hpp"
#include "core/units.hpp"

namespace suffice::workflow::maker {

/// What a valid vote says, as probabilities.
struct VoteOdds {
  double right = 0;       ///< p
  double best_wrong = 0;  ///< q: the most likely wrong answer; 0 < q <= 1 - p, or 0 when p is 1

  /// One wrong alternative: the worst case of a known p.
  static VoteOdds of(double right) { return VoteOdds{.right = right, .best_wrong = 1 - right}; }
  bool operator==(const VoteOdds&) const = default;
};

/// InvalidArgument when the odds are not probabilities (NaN included) or q exceeds 1 - p.
[[nodiscard]] Result<void> check_odds(const VoteOdds& odds);

/// Probability that a step's vote ends right: 1 / (1 + (q/p)^k). With several wrong alternatives a lower bound,
/// 1 - (1-p)/q * (q/p)^k: each of them must once be k ahead of the right one, which a walk with drift against it does with probability
/// at most (q_i/p)^k, and that is largest in sum when all are as likely as the best. `odds` passed check_odds; k >= 1.
[[nodiscard]] double step_success(const VoteOdds& odds, int k);
/// The same of all `steps` in a row. Exact for 1 - p of a billionth and millions of steps: the failure is computed, not 1 minus it.
[[nodiscard]] double run_success(const VoteOdds& odds, int k, std::uint64_t steps);

/// The smallest k whose run_success is at least `target`. InvalidArgument when the odds are none, the target is not inside (0, 1), there
/// are no steps, or the best wrong answer is as likely as the right one: then no number of votes helps.
[[nodiscard]] Result<int> smallest_lead(const VoteOdds& odds, std::uint64_t steps, double target);

/// Expected valid votes of one step: k(2 p_step - 1) / (2p - 1), and k^2 for p = q. Several alternatives: the race of the best two,
/// counting the votes that go to neither; an approximation then.
[[nodiscard]] double expected_votes(const VoteOdds& odds, int k);
/// Expected calls of one step when a share `valid` of the outputs is no red flag. `valid` in (0, 1].
[[nodiscard]] double expected_calls(const VoteOdds& odds, int k, double valid);

/// A model as a worker, measured.
struct WorkerFigures {
  VoteOdds odds;
  double valid = 1;  ///< v: share of outputs without a red flag
  Usd per_call;      ///< c
};

struct RunForecast {
  int ahead_by = 0;  ///< k
  double calls_per_step = 0;
  double calls = 0;    ///< whole run
  double dollars = 0;  ///< whole run
  double success = 0;  ///< probability that no step is wrong
};

/// The forecast of `steps` steps with the smallest k that reaches `target`. Errors: smallest_lead's, and `valid` outside (0, 1].
[[nodiscard]] Result<RunForecast> forecast(const WorkerFigures& worker, std::uint64_t steps, double target);

/// What models are compared by, in dollars a step: c k_min / (v (2p - 1)), with the margin against the best alternative in place of
/// 2p - 1. Errors as forecast's.
[[nodiscard]] Result<double> price_of_reliability(const WorkerFigures& worker, std::uint64_t steps, double target);

}  // namespace suffice::workflow::maker
