#pragma once
// The embedded small model as a ModelClient.

#include <memory>
#include <string>
#include <string_view>

#include "policy/policy.hpp"
#include "providers/embedded_engine.hpp"
#include "providers/model_client.hpp"

namespace suffice::providers {

struct EmbeddedOptions {
  std::string engine_program;  ///< path of suffice-engine; empty: beside the running program
  EngineLimits limits;
  EngineLogLine log;  ///< any thread; no text of a call
};

/// Calls of a policy's Embedded model. The answer to a call with labels is the most probable label, whatever the
/// temperature; without a temperature text is the most probable one too. A call may set what the policy's model leaves open.
class EmbeddedClient final : public ModelClient {
 public:
  /// Uses model.name, model (path), sha256, context_window, threads, contexts, sampling and adapter.
  /// ModelInvalid when the file is missing, no GGUF, or not the pinned one, UnsupportedField for an adapter. Starts the
  /// engine and does not wait for it.
  static Result<std::unique_ptr<EmbeddedClient>> create(const policy::Model& model, EmbeddedOptions options);

  Task<Result<Completion>> complete(const ModelCall& call, TokenSink* sink, Deadline deadline) override;
  [[nodiscard]] Capabilities capabilities() const override;
  [[nodiscard]] std::string_view provider_name() const override { return "suffice.embedded"; }
  [[nodiscard]] bool available() const override { return engine_.ready(); }
  [[nodiscard]] std::string quantisation() const override;

  /// Until the model is loaded, or the reason why it cannot be.
  Task<Result<void>> wait_ready(Deadline deadline) { return engine_.wait_ready(deadline); }
  [[nodiscard]] EngineStatus status() const { return engine_.status(); }

 private:
  EmbeddedClient(policy::Model model, EmbeddedEngine::Options options);
  [[nodiscard]] Result<wire::EngineCall> translate(const ModelCall& call, bool stream) const;

  policy::Model model_;
  EmbeddedEngine engine_;
};

/// Whether `path` can be a model: its beginning, not its whole. ModelInvalid says what is wrong and what to do.
[[nodiscard]] Result<void> check_gguf(const std::string& path);

/// Where suffice-engine lies when it was installed or built with this program.
[[nodiscard]] std::string engine_program_beside_this();

}  // namespace suffice::providers
