#pragma once
// THE port to every model: embedded, local server, hosted API, recording.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/adapter_use.hpp"
#include "core/chat.hpp"
#include "core/clock.hpp"
#include "core/embedding.hpp"
#include "core/result.hpp"
#include "net/task.hpp"

namespace suffice::providers {

/// Constraint on what the model may write. Enforced by grammar where the client can (Capabilities), else only checked by the gate.
struct OutputConstraint {
  enum class Kind : std::uint8_t { None, Labels, JsonSchema, Regex };
  Kind kind = Kind::None;
  std::vector<std::string> labels;  ///< Labels
  JsonText schema;                  ///< JsonSchema
  std::string regex = {};           ///< Regex: the whole answer matches it
  bool operator==(const OutputConstraint&) const = default;
};

/// One call of one model. `request.model` is what the provider knows the model as.
struct ModelCall {
  ChatRequest request;
  OutputConstraint constraint;
  bool want_logprobs = false;
  std::vector<AdapterUse> adapters;  ///< LoRA adapters, all at once; none: the base, or what the policy's model says
  int samples = 1;                   ///< more than 1 fill Completion::agreement, where the client can (Capabilities)
  /// The answer is of no use below these (gate's min_token_probability, mean_logprob) or beyond so many bytes: a client that
  /// can stops then with FinishReason::LowConfidence. 0: no limit.
  double token_probability_min = 0;
  double mean_probability_min = 0;
  std::size_t text_bytes_max = 0;
  std::string request_id;   ///< passed to the provider as x-request-id where it has such a header
  std::string traceparent;  ///< W3C trace context for the provider; empty when the request has no trace
  std::string task;         ///< for recordings and fairness; empty when unknown
  std::string input;  ///< the caller's last user text before any prompt wrapped it; recordings find their answer by it
};

/// What the client can do, known from its kind or probed at start.
struct Capabilities {
  bool logprobs = false;
  bool json_schema = false;
  bool labels = false;  ///< exact label distribution
  bool tools = false;
  bool samples = false;  ///< several answers of one call
  bool streaming = false;
  std::int64_t context_window = 0;  ///< tokens; 0 when unknown
};

enum class SinkAction : std::uint8_t { Continue, Stop };

/// Receives a streamed answer as it comes. Stop ends the call with Cancelled and closes the upstream.
class TokenSink {
 public:
  virtual ~TokenSink() = default;
  virtual Task<SinkAction> on_delta(const Delta& delta) = 0;
};

/// Any thread; each call runs on its caller's executor. Cancelling the awaiting coroutine cancels the upstream.
class ModelClient {
 public:
  virtual ~ModelClient() = default;

  /// The whole answer, also when `sink` saw it piece by piece. `sink` null: not streamed. `call` must outlive the await.
  /// Errors: those of net/http_client.hpp and RateLimited, UpstreamRejected, UpstreamUnauthorized, UpstreamFailed, ContentFiltered,
  /// ContextOverflow, ModelUnavailable. A stream that ends without its terminator is ConnectionClosed, never a Completion.
  [[nodiscard]] virtual Task<Result<Completion>> complete(const ModelCall& call, TokenSink* sink,
                                                          Deadline deadline) = 0;

  /// One vector for each text, never of a text that was cut. `request.model` is what the provider knows the model as; it must outlive
  /// the await. Errors: as complete(), and UnsupportedField from a client that makes none or not of these dimensions.
  [[nodiscard]] virtual Task<Result<EmbeddingAnswer>> embed(const EmbeddingRequest& /*request*/,
                                                            Deadline /*deadline*/) {
    co_return fail(ErrorCode::UnsupportedField, "this model makes no embeddings", "model");
  }
  /// Tokens of `call`'s prompt by the model's own tokenizer: marks of messages, tool definitions and all. Nothing is computed, and a
  /// prompt that is too long for the model is counted too. UnsupportedField where the client cannot know. `call` must outlive the await.
  [[nodiscard]] virtual Task<Result<std::int64_t>> count_tokens(const ModelCall& call, Deadline deadline);

  [[nodiscard]] virtual Capabilities capabilities() const = 0;
  /// gen_ai.provider.name: "openai", "azure.ai.openai", "anthropic", "ollama", "suffice.embedded", "suffice.recorded".
  [[nodiscard]] virtual std::string_view provider_name() const = 0;
  /// False when a call would fail at once (engine restarting, breaker open). Cheap; for readiness and routing.
  [[nodiscard]] virtual bool available() const { return true; }
  /// How the weights are stored ("Q4_0"), where the client knows it; empty otherwise. For the record.
  [[nodiscard]] virtual std::string quantisation() const { return {}; }
};

}  // namespace suffice::providers
