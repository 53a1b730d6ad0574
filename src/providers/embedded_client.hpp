#pragma once
// The embedded small model as a ModelClient.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.hpp"
#include "providers/embedded_engine.hpp"
#include "providers/model_client.hpp"

namespace suffice::providers {

struct EmbeddedOptions {
  std::string engine_program;  ///< path of suffice-engine; empty: beside the running program
  EngineLimits limits;
  EngineLogLine log;  ///< any thread; no text of a call
};

/// Texts to be turned into vectors.
struct EmbeddingCall {
  std::vector<std::string> texts;
  wire::EngineEmbed::Pooling pooling = wire::EngineEmbed::Pooling::Model;
  bool normalise = true;  ///< to length 1
  std::string task;
};

struct Embeddings {
  std::vector<std::vector<float>> vectors;                                ///< in the order of the texts
  wire::EngineEmbed::Pooling pooling = wire::EngineEmbed::Pooling::Mean;  ///< the one used
  Usage usage;
};

/// Calls of a policy's Embedded model. The answer to a call with labels is the most probable label, whatever the
/// temperature; without a temperature text is the most probable one too. A call may set what the policy's model leaves open.
/// A request's tools are shown in its system message in the form of wire/tool_text.hpp, whatever the model's template, and the engine's
/// grammar lets the model write no call that is not one of them with arguments by its schema; a model that was trained for this form
/// (Qwen 2.5 and later, Hermes) also chooses well. With tools the sink gets the answer as a whole.
class EmbeddedClient final : public ModelClient {
 public:
  /// Uses model.name, model (path), sha256, context_window, threads, contexts, sampling, adapter, adapters and their digests.
  /// ModelInvalid when a file is missing, no GGUF, or not the pinned one. Starts the engine and does not wait for it; an
  /// adapter that is none of this model shows as ModelInvalid of wait_ready().
  static Result<std::unique_ptr<EmbeddedClient>> create(const policy::Model& model, EmbeddedOptions options);

  Task<Result<Completion>> complete(const ModelCall& call, TokenSink* sink, Deadline deadline) override;
  /// Exact, by the engine's tokenizer and the model's template. Errors as complete() has, but never ContextOverflow.
  [[nodiscard]] Task<Result<std::int64_t>> count_tokens(const ModelCall& call, Deadline deadline) override;
  [[nodiscard]] Capabilities capabilities() const override;
  [[nodiscard]] std::string_view provider_name() const override { return "suffice.embedded"; }
  [[nodiscard]] bool available() const override { return engine_.ready(); }
  [[nodiscard]] std::string quantisation() const override;

  /// Embeddings of texts, of any model: of one made for writing they are its last layer's, which was not trained for it.
  /// Errors: InvalidArgument (no texts, an empty one), ContextOverflow, and those of complete().
  Task<Result<Embeddings>> embed(EmbeddingCall call, Deadline deadline);
  /// The same behind the port: pooled as the file says, of length 1. `dimensions` is refused.
  Task<Result<EmbeddingAnswer>> embed(const EmbeddingRequest& request, Deadline deadline) override;

  /// A call as the engine knows it, for what a ModelCall cannot say (a regular expression, a grammar). Not streamed.
  Task<Result<wire::EngineDone>> run(wire::EngineCall call, Deadline deadline) {
    return engine_.run(std::move(call), nullptr, deadline);
  }

  using AdapterList = std::vector<wire::EngineAdapterFacts>;
  /// Lists, loads or unloads LoRA adapters while calls run; gives those loaded afterwards. An engine that is started again
  /// has the policy's only. ModelInvalid, NotFound, ModelUnavailable.
  Task<Result<AdapterList>> order_adapters(wire::EngineAdapterOrder order, Deadline deadline);

  /// Until the model is loaded, or the reason why it cannot be.
  Task<Result<void>> wait_ready(Deadline deadline, std::uint64_t ends_max = EmbeddedEngine::kNoLimit) {
    return engine_.wait_ready(deadline, ends_max);
  }
  [[nodiscard]] EngineStatus status() const { return engine_.status(); }

 private:
  EmbeddedClient(policy::Model model, EmbeddedEngine::Options options);
  [[nodiscard]] std::vector<wire::EngineAdapterUse> adapters_of(const ModelCall& call) const;
  [[nodiscard]] Result<wire::EngineCall> translate(const ModelCall& call, bool stream) const;

  policy::Model model_;
  EmbeddedEngine engine_;
};

/// Where suffice-engine lies when it was installed or built with this program.
[[nodiscard]] std::string engine_program_beside_this();

}  // namespace suffice::providers
