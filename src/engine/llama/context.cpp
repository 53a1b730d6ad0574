#include "engine/llama/context.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include <llama.h>

#include "engine/llama/model.hpp"

namespace suffice::engine {
namespace {

/// Tokens of one computing step. A prompt is read in steps of this size, between which it can be cancelled; the library
/// aborts the process on more than n_batch.
constexpr std::uint32_t kBatchTokens = 512;
/// Sequences evaluated side by side (sequence 0 is the prompt).
constexpr std::uint32_t kSequences = 64;
/// Memory beside the prompt's for what evaluate() tries out.
constexpr std::uint32_t kScratchTokens = kBatchTokens;
constexpr int kContextLengthDefaultMax = 8'192;

}  // namespace

/// Tokens of one step in the library's form. The arrays belong to this.
struct Context::Batch {
  std::vector<llama_token> tokens;
  std::vector<llama_pos> positions;
  std::vector<std::int32_t> sequence_counts;
  std::vector<llama_seq_id> sequences;
  std::vector<llama_seq_id*> sequence_pointers;
  std::vector<std::int8_t> outputs;

  void add(Token token, std::size_t position, llama_seq_id sequence, bool output) {
    tokens.push_back(token);
    positions.push_back(static_cast<llama_pos>(position));
    sequence_counts.push_back(1);
    sequences.push_back(sequence);
    outputs.push_back(output ? 1 : 0);
  }
};

Result<std::unique_ptr<Context>> Context::create(const Model& model, int threads, int context_length,
                                                 std::atomic<std::uint64_t>& progress) {
  const int trained = static_cast<int>(model.facts().trained_context_length);
  if (context_length > trained && trained > 0) {
    return fail(ErrorCode::InvalidArgument, "context_window is " + std::to_string(context_length) +
                                                " but the model was made for " + std::to_string(trained) + " tokens");
  }
  const int length = context_length > 0 ? context_length : std::clamp(trained, 1, kContextLengthDefaultMax);

  llama_context_params params = llama_context_default_params();
  params.n_ctx = static_cast<std::uint32_t>(length) + kScratchTokens;
  params.n_batch = kBatchTokens;
  params.n_ubatch = kBatchTokens;
  params.n_seq_max = kSequences;
  params.n_outputs_max = kSequences;
  params.n_threads = threads;
  params.n_threads_batch = threads;
  // Packaged kernels without it are 2.7 times slower on quantised prompts.
  params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_ENABLED;
  params.kv_unified = true;  // sequences share the prompt's cells instead of copying them
  params.swa_full = true;    // else a common prefix could not be kept
  params.no_perf = true;
  llama_context* handle = llama_init_from_model(model.handle(), params);
  if (handle == nullptr) {
    params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_AUTO;
    handle = llama_init_from_model(model.handle(), params);
  }
  if (handle == nullptr) {
    return fail(ErrorCode::ModelInvalid, "no context of " + std::to_string(length) +
                                             " tokens can be made for this model; set a smaller context_window");
  }
  return std::unique_ptr<Context>(new Context(handle, length, static_cast<int>(model.facts().vocabulary), progress));
}

Context::Context(llama_context* context, int length, int vocabulary, std::atomic<std::uint64_t>& progress)
    : context_(context),
      length_(length),
      vocabulary_(static_cast<std::size_t>(vocabulary)),
      watch_(std::make_unique<Watch>(Watch{.progress = &progress})) {
  const auto should_abort = [](void* data) {
    const auto* watch = static_cast<const Watch*>(data);
    watch->progress->fetch_add(1, std::memory_order_relaxed);
    return watch->cancelled != nullptr && (*watch->cancelled)();
  };
  llama_set_abort_callback(context_, should_abort, watch_.get());
}

Context::~Context() { llama_free(context_); }

void Context::forget_from(std::size_t position) {
  llama_memory_t memory = llama_get_memory(context_);
  if (position > 0 && llama_memory_seq_rm(memory, 0, static_cast<llama_pos>(position), -1)) {
    read_.resize(position);
    return;
  }
  llama_memory_clear(memory, false);
  read_.clear();
}

Result<void> Context::decode(const Batch& batch, const IsCancelled& cancelled) {
  auto& b = const_cast<Batch&>(batch);  // the library's struct has no const pointers; it only reads
  b.sequence_pointers.clear();
  for (llama_seq_id& sequence : b.sequences) b.sequence_pointers.push_back(&sequence);
  const llama_batch raw{.n_tokens = static_cast<std::int32_t>(b.tokens.size()),
                        .token = b.tokens.data(),
                        .embd = nullptr,
                        .pos = b.positions.data(),
                        .n_seq_id = b.sequence_counts.data(),
                        .seq_id = b.sequence_pointers.data(),
                        .logits = b.outputs.data()};
  watch_->cancelled = &cancelled;
  const std::int32_t status = llama_decode(context_, raw);
  watch_->cancelled = nullptr;
  if (status == 0) return {};
  // Part of the batch may be in the memory: start afresh next time.
  llama_memory_clear(llama_get_memory(context_), false);
  read_.clear();
  if (status == 2 || cancelled()) return fail(ErrorCode::Cancelled, "the call was cancelled");
  return fail(ErrorCode::Internal,
              "the embedded model could not compute (libllama status " + std::to_string(status) + ")");
}

Result<std::size_t> Context::read(const std::vector<Token>& prompt, const IsCancelled& cancelled) {
  std::size_t common = 0;
  while (common < read_.size() && common < prompt.size() && read_[common] == prompt[common]) ++common;
  // The last token is read again: its logits are needed.
  forget_from(std::min(common, prompt.size() - 1));
  const std::size_t cached = read_.size();

  for (std::size_t at = cached; at < prompt.size();) {
    if (cancelled()) return fail(ErrorCode::Cancelled, "the call was cancelled");
    const std::size_t end = std::min<std::size_t>(at + kBatchTokens, prompt.size());
    Batch batch;
    for (std::size_t i = at; i < end; ++i) batch.add(prompt[i], i, 0, i + 1 == prompt.size());
    SUFFICE_TRY_VOID(decode(batch, cancelled));
    read_.insert(read_.end(), prompt.begin() + static_cast<std::ptrdiff_t>(at),
                 prompt.begin() + static_cast<std::ptrdiff_t>(end));
    at = end;
  }
  logits_ = {llama_get_logits_ith(context_, -1), vocabulary_};
  return cached;
}

Result<void> Context::append(Token token, const IsCancelled& cancelled) {
  if (cancelled()) return fail(ErrorCode::Cancelled, "the call was cancelled");
  Batch batch;
  batch.add(token, read_.size(), 0, true);
  SUFFICE_TRY_VOID(decode(batch, cancelled));
  read_.push_back(token);
  logits_ = {llama_get_logits_ith(context_, -1), vocabulary_};
  return {};
}

std::span<const float> Context::logits() const { return logits_; }

Result<void> Context::evaluate(const std::vector<std::vector<Token>>& paths, const VisitLogits& visit,
                               const IsCancelled& cancelled) {
  for (std::size_t first = 0; first < paths.size();) {
    std::size_t last = first;
    std::size_t tokens = 0;
    while (last < paths.size() && last - first < kSequences - 1 && tokens + paths[last].size() <= kScratchTokens) {
      tokens += paths[last++].size();
    }
    SUFFICE_TRY_VOID(evaluate_some(std::span(paths).subspan(first, last - first), first, visit, cancelled));
    first = last;
  }
  return {};
}

Result<void> Context::evaluate_some(std::span<const std::vector<Token>> paths, std::size_t first,
                                    const VisitLogits& visit, const IsCancelled& cancelled) {
  llama_memory_t memory = llama_get_memory(context_);
  Batch batch;
  std::vector<std::int32_t> outputs;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const auto sequence = static_cast<llama_seq_id>(i + 1);
    llama_memory_seq_cp(memory, 0, sequence, -1, -1);
    for (std::size_t depth = 0; depth < paths[i].size(); ++depth) {
      batch.add(paths[i][depth], read_.size() + depth, sequence, depth + 1 == paths[i].size());
    }
    outputs.push_back(static_cast<std::int32_t>(batch.tokens.size()) - 1);
  }
  SUFFICE_TRY_VOID(decode(batch, cancelled));
  for (std::size_t i = 0; i < paths.size(); ++i) {
    visit(first + i, {llama_get_logits_ith(context_, outputs[i]), vocabulary_});
  }
  for (std::size_t i = 0; i < paths.size(); ++i) {
    llama_memory_seq_rm(memory, static_cast<llama_seq_id>(i + 1), -1, -1);
  }
  return {};
}

}  // namespace suffice::engine
