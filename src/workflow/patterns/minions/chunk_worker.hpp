#pragma once
// ChunkWorker: who reads a chunk. A local model (model_worker.hpp), or a fitted selection of sentences (span_worker.hpp).

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "net/task.hpp"
#include "workflow/documents/text_range.hpp"
#include "workflow/flow_run.hpp"
#include "workflow/patterns/minions/manifest.hpp"
#include "workflow/patterns/minions/question.hpp"
#include "workflow/patterns/minions/worker_answer.hpp"

namespace suffice::workflow::minions {

/// One job as a worker sees it: no query, no other chunk. The views live until the await ends.
struct ChunkQuestion {
  std::size_t number = 0;  ///< of the job in its round
  std::string_view instruction;
  std::string_view chunk;
  TextRange range;          ///< of the chunk in the document
  std::size_t sample = 0;   ///< 0: as sure as can be; later ones differ
  std::size_t attempt = 0;  ///< 1: the first answer could not be read
};

struct WorkerReply {
  std::string text;
  Ending ending = Ending::Complete;
};

/// Used by one run, for several questions side by side.
class ChunkWorker {
 public:
  virtual ~ChunkWorker() = default;

  /// Errors that end the run: BudgetExhausted, Cancelled, DeadlineExceeded, and any while may_be_asked() is false. Any other is this
  /// job's. `question` outlives the await.
  virtual Task<Result<WorkerReply>> read(const ChunkQuestion& question) = 0;
  /// False when the run's levers forbid this worker altogether.
  [[nodiscard]] virtual bool may_be_asked() const { return true; }
};

/// Makes a run's worker; what it makes is gone when its step is. `question` and `run` outlive it.
using MakeWorker = std::function<Result<std::unique_ptr<ChunkWorker>>(const Question&, FlowRun&)>;

}  // namespace suffice::workflow::minions
