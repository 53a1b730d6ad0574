#pragma once
// A local model as the reader of chunks.

#include <cstdint>
#include <memory>

#include "core/clock.hpp"
#include "workflow/model_port.hpp"
#include "workflow/patterns/minions/chunk_worker.hpp"
#include "workflow/patterns/minions/limits.hpp"

namespace suffice::workflow::minions {

struct ModelReading {
  std::int64_t output_tokens_max = 400;
  double first_temperature = 0.0;
  double later_temperature = 0.8;  ///< of later samples, and of a second attempt
  Limits limits;
};

/// Asks through a port, which knows the budget and is paid. The answer's shape is enforced where the client can.
class ModelChunkWorker final : public ChunkWorker {
 public:
  ModelChunkWorker(const ModelReading& reading, ModelPort port, Deadline deadline, std::uint64_t seed)
      : reading_(reading), port_(port), deadline_(deadline), seed_(seed) {}

  Task<Result<WorkerReply>> read(const ChunkQuestion& question) override;
  [[nodiscard]] bool may_be_asked() const override { return !port_.refused(); }

 private:
  [[nodiscard]] providers::ModelCall call_of(const ChunkQuestion& question) const;

  ModelReading reading_;
  ModelPort port_;
  Deadline deadline_;
  std::uint64_t seed_;
};

/// InvalidArgument when it is not local: chunks would leave the machine.
[[nodiscard]] Result<MakeWorker> model_reader(std::shared_ptr<const PortModel> model, const ModelReading& reading);

}  // namespace suffice::workflow::minions
