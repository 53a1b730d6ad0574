#pragma once
// Answers one call after the other on one context: free text, text under a grammar, or the most probable of some labels.

#include <memory>

#include "engine/llama/context.hpp"
#include "engine/llama/model.hpp"
#include "engine/service.hpp"

namespace suffice::engine {

/// Errors: InvalidArgument (sampling values, labels), ContextOverflow (the prompt does not fit; nothing is ever cut),
/// UnsupportedField (schema keywords), Cancelled, Internal.
class Generator final : public CallRunner {
 public:
  /// `model` must outlive this.
  Generator(const Model& model, std::unique_ptr<Context> context) : model_(model), context_(std::move(context)) {}

  Result<wire::EngineDone> run(const wire::EngineCall& call, CallLine& line) override;

 private:
  Result<wire::EngineDone> choose_label(const wire::EngineCall& call, const IsCancelled& cancelled);
  Result<wire::EngineDone> write_text(const wire::EngineCall& call, CallLine& line, const IsCancelled& cancelled);
  Result<void> read_prompt(const wire::EngineCall& call, std::size_t answer_tokens, const IsCancelled& cancelled,
                           wire::EngineDone& done);

  const Model& model_;
  std::unique_ptr<Context> context_;
};

}  // namespace suffice::engine
