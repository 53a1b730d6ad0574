#pragma once
// A SIMULATED worker: no model, but a known right answer and a coin. For tests, benches and the demo, which all say so.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "workflow/patterns/maker/worker.hpp"

namespace suffice::workflow::maker {

/// How often the simulation errs.
struct Noise {
  double right = 1;  ///< p: probability that a valid answer is the right one; else it is the one wrong answer
  double valid = 1;  ///< v: probability that an answer is no red flag
  std::uint64_t seed = 1;
};

/// What a worker that knows the truth could say to a question. Buffers that are used again.
struct KnownAnswers {
  std::string right;
  std::string wrong;
};
/// Fills `answers` from the question's own state, so that an error of an earlier step would be carried on as a real worker carries it.
using Oracle = std::function<Result<void>(const StepQuestion& question, KnownAnswers& answers)>;

/// A sample depends on the seed, the step and its number only: a resumed run draws what the uninterrupted one would have drawn.
class SimulatedWorker final : public StepWorker {
 public:
  SimulatedWorker(Oracle oracle, const Noise& noise) : oracle_(std::move(oracle)), noise_(noise) {}

  Task<Result<void>> sample(const StepQuestion& question, SampleRange range, std::vector<Result<Sample>>& out) override;

  /// Samples given so far, those of red flags too.
  [[nodiscard]] std::uint64_t samples() const { return samples_; }

 private:
  Oracle oracle_;
  Noise noise_;
  KnownAnswers answers_;
  std::uint64_t samples_ = 0;
};

/// The next move of Towers of Hanoi, and the state after it; the wrong answer is another legal move.
[[nodiscard]] Oracle hanoi_oracle();

}  // namespace suffice::workflow::maker
