#pragma once
// What a worker's p and v are, measured on steps whose answer is known, and what a run would therefore cost: before anything else is spent.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "learned/intervals.hpp"
#include "net/task.hpp"
#include "workflow/patterns/maker/answer.hpp"
#include "workflow/patterns/maker/planner_math.hpp"
#include "workflow/patterns/maker/worker.hpp"

namespace suffice::workflow::maker {

/// A step with its right answer.
struct KnownStep {
  std::string instruction;
  std::string state;      ///< JSON text
  std::string canonical;  ///< of the right vote
};

/// Reads JSON lines {"do": text, "state": JSON, "action": JSON, "next": JSON}; `action` only where the format has one. InvalidArgument or
/// MalformedJson with the line in `where`: also when the right answer is not of the format itself, and when there is no line.
[[nodiscard]] Result<std::vector<KnownStep>> read_known_steps(std::string_view lines, const AnswerFormat& format);

/// What a sample of votes showed.
struct Estimate {
  std::int64_t samples = 0;
  std::int64_t valid = 0;
  std::int64_t right = 0;       ///< of the valid ones
  std::int64_t best_wrong = 0;  ///< of the valid ones: the most frequent wrong answer of each step, summed
  RedFlagCounts discarded;

  /// p and q as seen. With few votes a step q is too high rather than too low: a single wrong vote is its own best.
  [[nodiscard]] VoteOdds odds() const;
  /// v as seen.
  [[nodiscard]] double valid_share() const;
  /// Exact intervals (Clopper and Pearson), 95 %. They count votes as independent; steps that differ in difficulty make them too short.
  [[nodiscard]] learned::Interval right_interval() const;
  [[nodiscard]] learned::Interval valid_interval() const;
  /// The odds at a p inside the interval: the best wrong answer keeps its share of what is wrong, all of it when none was seen.
  [[nodiscard]] VoteOdds odds_at(double right) const;
};

/// Asks `votes` samples of each step. Errors: the worker's own. All arguments outlive the await.
[[nodiscard]] Task<Result<Estimate>> estimate_worker(StepWorker& worker, const AnswerFormat& format,
                                                     const std::vector<KnownStep>& steps, int votes);

/// A model's part of the plan that is shown. Whatever is missing could not be: the message says why.
struct ModelForecast {
  std::string model;
  Estimate estimate;
  Usd per_call;
  Result<RunForecast> expected = RunForecast{};  ///< at p and v as seen
  Result<RunForecast> cautious = RunForecast{};  ///< at the low ends of p and v: the k to run with
  learned::Interval success;                     ///< of a run with the cautious k, over the interval of p
  Result<double> reliability_price = 0.0;        ///< c k_min / (v (2p - 1)) in dollars a step, at p and v as seen
};

/// Forecasts `steps` steps with success `target`. Pure.
[[nodiscard]] ModelForecast forecast_model(std::string model, const Estimate& estimate, Usd per_call,
                                           std::uint64_t steps, double target);

/// The model of the lowest price of reliability whose cautious forecast exists, else of any forecast; nothing when no model can do it.
[[nodiscard]] const ModelForecast* best_model(const std::vector<ModelForecast>& models);

}  // namespace suffice::workflow::maker
