#include "engine/llama/decoder.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/llama/model.hpp"

namespace suffice::engine {
namespace {

/// Tokens of one computing step; the library aborts the process on more than its n_batch, which is this.
constexpr std::uint32_t kStepTokens = 512;
constexpr int kContextLengthDefaultMax = 8'192;
/// Memory that concurrent calls may take beside the first one's, and how many more such calls that is at most. Cells of a
/// small model cost 2 kB each, so four calls at their longest fit; one of 7 B costs 128 kB, and calls then share the room
/// of one or wait.
constexpr std::uint64_t kExtraBytesMax = 256ULL << 20;
constexpr std::uint64_t kExtraCallsMax = 3;

/// Keys and values of one token in all layers, half precision.
std::uint64_t cell_bytes(const llama_model* model) {
  const auto heads = static_cast<std::uint64_t>(std::max(1, llama_model_n_head(model)));
  const auto shared = static_cast<std::uint64_t>(std::max(1, llama_model_n_head_kv(model)));
  const auto width = static_cast<std::uint64_t>(llama_model_n_embd(model));
  return 4 *
         std::max<std::uint64_t>(1, static_cast<std::uint64_t>(llama_model_n_layer(model)) * width * shared / heads);
}

}  // namespace

Result<std::unique_ptr<Decoder>> LlamaDecoder::create(const Model& model, int threads, int context_length,
                                                      const BatchPlan& plan, Counters& counters) {
  const int trained = static_cast<int>(model.facts().trained_context_length);
  if (context_length > trained && trained > 0) {
    return fail(ErrorCode::InvalidArgument, "context_window is " + std::to_string(context_length) +
                                                " but the model was made for " + std::to_string(trained) + " tokens");
  }
  const int length = context_length > 0 ? context_length : std::clamp(trained, 1, kContextLengthDefaultMax);
  const auto call_tokens = static_cast<std::uint64_t>(length);
  const std::uint64_t extra_calls =
      std::min(kExtraCallsMax, kExtraBytesMax / std::max<std::uint64_t>(1, call_tokens * cell_bytes(model.handle())));
  const std::uint64_t cells = call_tokens * (1 + extra_calls) + plan.prefix_cells + plan.scratch_cells;

  llama_context_params params = context_params(threads, static_cast<std::uint32_t>(cells), kStepTokens,
                                               static_cast<std::uint32_t>(plan.sequences()));
  params.n_outputs_max = params.n_seq_max;  // the library aborts on fewer
  SUFFICE_TRY(std::unique_ptr<Context> context, Context::create(model, params, counters));
  const llama_model* handle = model.handle();
  const DecoderLimits limits{
      .step_tokens = kStepTokens,
      .step_outputs = params.n_outputs_max,
      .sequences = plan.sequences(),
      .cells = static_cast<std::size_t>(cells),
      .call_tokens = static_cast<std::size_t>(length),
      .partial_copies = !llama_model_is_recurrent(handle) && !llama_model_is_hybrid(handle),
  };
  return std::unique_ptr<Decoder>(new LlamaDecoder(std::move(context), limits, model.facts().vocabulary));
}

Result<void> LlamaDecoder::decode(std::span<const StepToken> step, const IsCancelled& cancelled) {
  batch_.clear();
  for (const StepToken& token : step) batch_.add(token);
  return context_->decode(batch_, cancelled);
}

std::span<const float> LlamaDecoder::logits(std::size_t index) const {
  return {llama_get_logits_ith(context_->handle(), static_cast<std::int32_t>(index)), vocabulary_};
}

void LlamaDecoder::copy(Sequence from, Sequence to, std::size_t tokens) {
  // A recurrent state has no beginning that could be copied; the batcher then asks for whole sequences only.
  const llama_pos end = limits_.partial_copies ? static_cast<llama_pos>(tokens) : -1;
  llama_memory_seq_cp(llama_get_memory(context_->handle()), from, to, 0, end);
}

void LlamaDecoder::forget(Sequence sequence) {
  llama_memory_seq_rm(llama_get_memory(context_->handle()), sequence, -1, -1);
}

void LlamaDecoder::forget_everything() { llama_memory_clear(llama_get_memory(context_->handle()), false); }

}  // namespace suffice::engine
