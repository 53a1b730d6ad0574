#include "engine/llama/embedding.hpp"

#include <algorithm>
#include <utility>

#include "engine/llama/model.hpp"

namespace suffice::engine {
namespace {

/// A text is read in one step, because an encoder looks both ways; models of today embed 512 to 8192 tokens.
constexpr std::uint32_t kStepTokensMax = 2'048;
constexpr std::uint32_t kStepTexts = 32;

}  // namespace

Result<std::unique_ptr<EmbeddingDecoder>> LlamaEmbeddingDecoder::create(const Model& model, int threads,
                                                                        Counters& counters) {
  const std::uint32_t trained = model.facts().trained_context_length;
  const std::uint32_t tokens = trained > 0 ? std::min(trained, kStepTokensMax) : kStepTokensMax;
  llama_context_params params = context_params(threads, tokens, tokens, kStepTexts);
  params.embeddings = true;
  // Vectors of tokens: pooled here, so that each call may choose how.
  params.pooling_type = LLAMA_POOLING_TYPE_NONE;
  SUFFICE_TRY(std::unique_ptr<Context> context, Context::create(model, params, counters));
  const Limits limits{.step_tokens = tokens, .step_texts = kStepTexts};
  return std::unique_ptr<EmbeddingDecoder>(new LlamaEmbeddingDecoder(model, std::move(context), limits));
}

LlamaEmbeddingDecoder::LlamaEmbeddingDecoder(const Model& model, std::unique_ptr<Context> context, const Limits& limits)
    : model_(model),
      context_(std::move(context)),
      limits_(limits),
      pooling_(model.pooling()),
      width_(model.facts().embedding_length) {}

std::vector<Token> LlamaEmbeddingDecoder::tokens(const std::string& text) const { return model_.text_tokens(text); }

Result<void> LlamaEmbeddingDecoder::embed(std::span<const std::vector<Token>> texts, const AdapterSet& adapters,
                                          const Visit& visit, const IsCancelled& cancelled) {
  SUFFICE_TRY_VOID(context_->use(adapters));
  batch_.clear();
  for (std::size_t text = 0; text < texts.size(); ++text) {
    for (std::size_t i = 0; i < texts[text].size(); ++i) {
      batch_.add({.token = texts[text][i], .position = i, .sequence = static_cast<Sequence>(text), .output = true});
    }
  }
  const Result<void> computed = context_->decode(batch_, cancelled);
  // An encoder has no memory; a writing model's is of no use for the next texts.
  if (llama_memory_t memory = llama_get_memory(context_->handle()); memory != nullptr) {
    llama_memory_clear(memory, false);
  }
  SUFFICE_TRY_VOID(computed);
  std::int32_t row = 0;
  for (std::size_t text = 0; text < texts.size(); ++text) {
    for (std::size_t i = 0; i < texts[text].size(); ++i) {
      const float* vector = llama_get_embeddings_ith(context_->handle(), row++);
      if (vector == nullptr) return fail(ErrorCode::Internal, "the embedded model gave no vector for a token");
      visit(text, {vector, width_});
    }
  }
  return {};
}

}  // namespace suffice::engine
