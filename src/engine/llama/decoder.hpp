#pragma once
// The batcher's decoder on a context of libllama.

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "core/result.hpp"
#include "engine/batcher.hpp"
#include "engine/counters.hpp"
#include "engine/decoder.hpp"
#include "engine/llama/context.hpp"

namespace suffice::engine {

class Model;

class LlamaDecoder final : public Decoder {
 public:
  /// `context_length` is what one call may use: beyond the model's own it is refused with InvalidArgument; 0 takes the
  /// model's, at most 8192. ModelInvalid when the library makes no context.
  static Result<std::unique_ptr<Decoder>> create(const Model& model, int threads, int context_length,
                                                 const BatchPlan& plan, Counters& counters);

  [[nodiscard]] const DecoderLimits& limits() const override { return limits_; }
  Result<void> decode(std::span<const StepToken> step, const IsCancelled& cancelled) override;
  [[nodiscard]] std::span<const float> logits(std::size_t index) const override;
  void copy(Sequence from, Sequence to, std::size_t tokens) override;
  void forget(Sequence sequence) override;
  void forget_everything() override;
  Result<void> use(const AdapterSet& adapters) override { return context_->use(adapters); }

 private:
  LlamaDecoder(std::unique_ptr<Context> context, const DecoderLimits& limits, std::size_t vocabulary)
      : context_(std::move(context)), limits_(limits), vocabulary_(vocabulary) {}

  std::unique_ptr<Context> context_;
  DecoderLimits limits_;
  std::size_t vocabulary_;
  StepBatch batch_;
};

}  // namespace suffice::engine
