#pragma once
// StepWorker: who answers a step's question. A model (model_worker.hpp), or a simulation with a known error rate (simulated_worker.hpp).

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "net/task.hpp"
#include "workflow/patterns/maker/answer.hpp"

namespace suffice::workflow::maker {

/// One step as a worker sees it. The views live until the await ends.
struct StepQuestion {
  std::uint64_t step = 0;  ///< from 0
  std::string_view instruction;
  std::string_view state;  ///< JSON text
};

/// Samples `first` to `first + count - 1` of a question. Sample 0 is asked for at temperature 0, later ones above it.
struct SampleRange {
  int first = 0;
  int count = 1;
};

/// Used by one run at a time.
class StepWorker {
 public:
  virtual ~StepWorker() = default;

  /// Puts `range.count` results into `out` (emptied first), asked for side by side where the worker can; a call that failed is one of them.
  /// Its own Error ends the run: budget, deadline, cancellation. `question` and `out` outlive the await.
  virtual Task<Result<void>> sample(const StepQuestion& question, SampleRange range,
                                    std::vector<Result<Sample>>& out) = 0;
};

}  // namespace suffice::workflow::maker
