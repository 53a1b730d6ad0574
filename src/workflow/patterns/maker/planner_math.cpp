#include "workflow/patterns/maker/planner_math.hpp"

#include <algorithm>
#include <cmath>

namespace suffice::workflow::maker {
namespace {

/// More votes than anybody pays for; a k beyond it says that the margin is hopeless.
constexpr double kLeadMax = 1'000'000;

/// ln(q/p): negative when the right answer leads. -infinity when nothing wrong is ever said.
double log_ratio(const VoteOdds& odds) { return std::log(odds.best_wrong) - std::log(odds.right); }

/// How many alternatives as likely as the best the wrong votes make up; 1 when there is one.
double alternatives(const VoteOdds& odds) {
  return odds.best_wrong > 0 ? std::max(1.0, (1 - odds.right) / odds.best_wrong) : 1.0;
}

/// Whether 1 - p is all one answer, but for rounding.
bool one_alternative(const VoteOdds& odds) { return alternatives(odds) < 1 + 1e-9; }

/// 1 - step_success, without cancellation.
double step_failure(const VoteOdds& odds, int k) {
  if (odds.best_wrong <= 0) return odds.right > 0 ? 0 : 1;
  const double power = k * log_ratio(odds);
  if (one_alternative(odds)) return 1 / (1 + std::exp(-power));
  if (k == 1) return 1 - odds.right;  // the first vote decides
  return std::min(1.0, alternatives(odds) * std::exp(power));
}

}  // namespace

Result<void> check_odds(const VoteOdds& odds) {
  if (!(odds.right >= 0 && odds.right <= 1)) {
    return fail(ErrorCode::InvalidArgument, "the probability of a right vote is not between 0 and 1");
  }
  const bool possible = odds.best_wrong >= 0 && odds.best_wrong <= 1 - odds.right + 1e-12;
  if (!possible || (odds.right < 1 && odds.best_wrong <= 0)) {
    return fail(ErrorCode::InvalidArgument,
                "the probability of the best wrong answer does not fit that of the right one");
  }
  return {};
}

double step_success(const VoteOdds& odds, int k) { return 1 - step_failure(odds, k); }

double run_success(const VoteOdds& odds, int k, std::uint64_t steps) {
  const double failure = step_failure(odds, k);
  return failure >= 1 ? 0 : std::exp(static_cast<double>(steps) * std::log1p(-failure));
}

Result<int> smallest_lead(const VoteOdds& odds, std::uint64_t steps, double target) {
  SUFFICE_TRY_VOID(check_odds(odds));
  if (!(target > 0 && target < 1)) return fail(ErrorCode::InvalidArgument, "the target is not between 0 and 1");
  if (steps == 0) return fail(ErrorCode::InvalidArgument, "there are no steps");
  if (odds.best_wrong <= 0) return 1;
  const double ratio = log_ratio(odds);
  // ln(t)/s is -1e-8 and smaller: expm1 keeps the digits that 1 - t^(1/s) would lose.
  const double share = std::log(target) / static_cast<double>(steps);
  const double wanted = one_alternative(odds) ? std::log(std::expm1(-share))
                                              : std::log(-std::expm1(share)) - std::log(alternatives(odds));
  const double lead = std::max(1.0, std::ceil(wanted / ratio - 1e-9));
  if (!(ratio < 0) || !(lead <= kLeadMax)) {
    return fail(ErrorCode::InvalidArgument,
                "no number of votes helps: the best wrong answer is as likely as the right one");
  }
  const int k = static_cast<int>(lead);
  return k > 1 && run_success(odds, 1, steps) >= target ? 1 : k;
}

double expected_votes(const VoteOdds& odds, int k) {
  if (odds.best_wrong <= 0) return k;
  // With L = ln(p/q): 2 p_step - 1 = tanh(kL/2) and, among the votes for the two, 2p - 1 = tanh(L/2).
  const double half = -log_ratio(odds) / 2;
  const double race = half == 0 ? static_cast<double>(k) * k : k * std::tanh(k * half) / std::tanh(half);
  return race / (odds.right + odds.best_wrong);
}

double expected_calls(const VoteOdds& odds, int k, double valid) { return expected_votes(odds, k) / valid; }

Result<RunForecast> forecast(const WorkerFigures& worker, std::uint64_t steps, double target) {
  if (!(worker.valid > 0 && worker.valid <= 1)) {
    return fail(ErrorCode::InvalidArgument, "the share of valid outputs is not above 0 and at most 1");
  }
  SUFFICE_TRY(const int k, smallest_lead(worker.odds, steps, target));
  RunForecast run;
  run.ahead_by = k;
  run.calls_per_step = expected_calls(worker.odds, k, worker.valid);
  run.calls = run.calls_per_step * static_cast<double>(steps);
  run.dollars = run.calls * worker.per_call.dollars();
  run.success = run_success(worker.odds, k, steps);
  return run;
}

Result<double> price_of_reliability(const WorkerFigures& worker, std::uint64_t steps, double target) {
  SUFFICE_TRY(const RunForecast run, forecast(worker, steps, target));
  const double margin = worker.odds.right - worker.odds.best_wrong;
  return worker.per_call.dollars() * run.ahead_by / (worker.valid * margin);
}

}  // namespace suffice::workflow::maker
