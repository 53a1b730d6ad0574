#pragma once
// The embedder's decoder on a context of libllama.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "engine/counters.hpp"
#include "engine/embedder.hpp"
#include "engine/llama/context.hpp"

namespace suffice::engine {

class Model;

class LlamaEmbeddingDecoder final : public EmbeddingDecoder {
 public:
  /// ModelInvalid when the library makes no context for embeddings of this model.
  static Result<std::unique_ptr<EmbeddingDecoder>> create(const Model& model, int threads, Counters& counters);

  [[nodiscard]] const Limits& limits() const override { return limits_; }
  [[nodiscard]] Pooling default_pooling() const override { return pooling_; }
  [[nodiscard]] std::vector<Token> tokens(const std::string& text) const override;
  Result<void> embed(std::span<const std::vector<Token>> texts, const AdapterSet& adapters, const Visit& visit,
                     const IsCancelled& cancelled) override;

 private:
  LlamaEmbeddingDecoder(const Model& model, std::unique_ptr<Context> context, const Limits& limits);

  const Model& model_;
  std::unique_ptr<Context> context_;
  Limits limits_;
  Pooling pooling_;
  std::size_t width_;
  StepBatch batch_;
};

}  // namespace suffice::engine
