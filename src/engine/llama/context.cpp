#include "engine/llama/context.hpp"

#include <utility>
#include <vector>

#include "engine/llama/adapter_shelf.hpp"
#include "engine/llama/model.hpp"

namespace suffice::engine {

llama_context_params context_params(int threads, std::uint32_t tokens, std::uint32_t step_tokens,
                                    std::uint32_t sequences) {
  llama_context_params params = llama_context_default_params();
  params.n_ctx = tokens;
  params.n_batch = step_tokens;
  params.n_ubatch = step_tokens;
  params.n_seq_max = sequences;
  params.n_threads = threads;
  params.n_threads_batch = threads;
  // Packaged kernels without it are 2.7 times slower on quantised prompts.
  params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_ENABLED;
  params.kv_unified = true;  // sequences share cells instead of copying them
  params.swa_full = true;    // else a common prefix could not be kept
  params.no_perf = true;
  return params;
}

Result<std::unique_ptr<Context>> Context::create(const Model& model, const llama_context_params& params,
                                                 Counters& counters) {
  llama_context* handle = llama_init_from_model(model.handle(), params);
  if (handle == nullptr) {
    llama_context_params without = params;
    without.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_AUTO;
    handle = llama_init_from_model(model.handle(), without);
  }
  if (handle == nullptr) {
    return fail(ErrorCode::ModelInvalid, "no context of " + std::to_string(params.n_ctx) +
                                             " tokens can be made for this model; set a smaller context_window");
  }
  return std::unique_ptr<Context>(new Context(handle, counters));
}

Context::Context(llama_context* context, Counters& counters)
    : context_(context), watch_(std::make_unique<Watch>(Watch{.counters = &counters})) {
  const auto should_abort = [](void* data) {
    const auto* watch = static_cast<const Watch*>(data);
    watch->counters->progress.fetch_add(1, std::memory_order_relaxed);
    return watch->cancelled != nullptr && (*watch->cancelled)();
  };
  llama_set_abort_callback(context_, should_abort, watch_.get());
}

Context::~Context() { llama_free(context_); }

Result<void> Context::decode(StepBatch& batch, const IsCancelled& cancelled) {
  watch_->cancelled = &cancelled;
  const std::int32_t status = llama_decode(context_, batch.raw());
  watch_->cancelled = nullptr;
  if (status == 0) return {};
  if (status == 2 || cancelled()) return fail(ErrorCode::Cancelled, "the call was cancelled");
  return fail(ErrorCode::Internal,
              "the embedded model could not compute (libllama status " + std::to_string(status) + ")");
}

Result<void> Context::use(const AdapterSet& adapters) {
  if (adapters.key == adapters_.key) return {};
  std::vector<llama_adapter_lora*> handles;
  std::vector<float> scales;
  for (const AdapterSet::Part& part : adapters.parts) {
    handles.push_back(static_cast<const LlamaAdapter&>(*part.adapter).handle());
    scales.push_back(part.scale);
  }
  if (llama_set_adapters_lora(context_, handles.data(), handles.size(), scales.data()) != 0) {
    return fail(ErrorCode::Internal, "the embedded model could not change its adapters");
  }
  adapters_ = adapters;
  watch_->counters->adapter_switches.fetch_add(1);
  return {};
}

}  // namespace suffice::engine
