#pragma once
// OpenAI chat completions, all four directions: request and answer, read and written, whole and streamed.
// Source of shapes: OpenAI's published OpenAPI description (chat/completions).

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/chat.hpp"
#include "core/reasons.hpp"
#include "core/result.hpp"
#include "core/units.hpp"
#include "wire/json.hpp"
#include "wire/sse.hpp"
#include "wire/stream_decoder.hpp"

namespace suffice::wire {

/// Caller's bytes -> value. MalformedJson, or MalformedRequest naming the field ("messages[2].role: ..."), or UnsupportedField.
/// Unknown top-level fields go to ChatRequest::extra, except those that would let a caller choose upstreams, keys or routes, and
/// those of the old functions API: UnsupportedField. `n` may be over 1: whoever answers makes that many completions or refuses.
/// Members of a message that Message cannot hold (annotations, reasoning_content) are ignored.
[[nodiscard]] Result<ChatRequest> decode_openai_chat_request(std::string_view body, const JsonLimits& limits = {});

/// How the request is written for a provider.
struct OpenAiRequestOptions {
  bool stream = false;
  bool logprobs = false;               ///< ask for them (top_logprobs from the request, else 0)
  bool max_completion_tokens = false;  ///< OpenAI's newer name of max_tokens
  std::vector<std::string>
      guided_labels;  ///< non-empty: a GBNF grammar of exactly these strings is sent (llama-server's `grammar`)
};
/// UnsupportedField for what only another dialect's provider could be told (wire/foreign_fields.hpp). To be asked before writing.
[[nodiscard]] Result<void> check_openai_expressible(const ChatRequest& request);

/// Unknown fields are written back where the request came in this dialect. `metadata` goes along only with store: true, as OpenAI demands. A streamed request always asks
/// for usage.
[[nodiscard]] std::string encode_openai_chat_request(const ChatRequest& request, const OpenAiRequestOptions& options);

/// The route decision, as the answer carries it in the `suffice` extension field (headers carry the same, server/).
struct DecisionExtension {
  std::string task;
  Route route = Route::Frontier;
  std::vector<Reason> reasons;
  std::string model;  ///< policy name of the model that answered
  std::string event_id;
  std::optional<double> confidence;
  Usd cost;
  bool stand_in = false;
  std::vector<std::string> approval_required;  ///< tool names that business rules want approved
  std::string warning;                         ///< for local_with_warning and the like; empty when none
  std::string workflow = {};                   ///< that answered; empty: none, and the rest is empty too
  std::string run_id = {};
  JsonText details = {};  ///< the workflow's answer as it gave it
  struct ModelUse {
    std::string model;
    bool local = false;
    std::int64_t calls = 0;
    std::int64_t input_tokens = 0;
    std::int64_t output_tokens = 0;
    Usd cost;
  };
  std::vector<ModelUse> used = {};
};

struct OpenAiAnswerMeta {
  std::string id;            ///< "chatcmpl-..."
  std::int64_t created = 0;  ///< Unix seconds
  std::string model;
  bool include_logprobs = false;
  bool include_usage = false;  ///< streams only; whole answers carry usage whenever it is known
  DecisionExtension decision;
};

[[nodiscard]] std::string encode_openai_chat_response(const Completion& completion, const OpenAiAnswerMeta& meta);
/// The same for n > 1: one choice each, usage summed (absent when one is unknown).
[[nodiscard]] std::string encode_openai_chat_response(std::span<const Completion> completions,
                                                      const OpenAiAnswerMeta& meta);
/// The first choice. ProtocolError when the body is not a chat completion; the provider's error when it is an error object.
[[nodiscard]] Result<Completion> decode_openai_chat_response(std::string_view body);

/// Writes the SSE stream of one answer. Order of use: begin(), delta()*, end(). One thread.
class OpenAiChatStreamWriter {
 public:
  explicit OpenAiChatStreamWriter(OpenAiAnswerMeta meta);
  [[nodiscard]] std::string begin();  ///< the role chunk
  /// One chunk. Tool-call parts carry id, type and name in the first part of their index only; a missing id is made up.
  [[nodiscard]] std::string delta(const Delta& delta);
  /// Final chunk (finish_reason, decision extension), usage chunk when asked for, "[DONE]".
  [[nodiscard]] std::string end(FinishReason finish, const std::optional<Usage>& usage,
                                const DecisionExtension& decision);
  /// An error inside a stream that has begun: `data: {"error": ...}` and no [DONE].
  [[nodiscard]] std::string error(const Error& error, std::string_view type);

 private:
  OpenAiAnswerMeta meta_;
  std::string head_;                ///< every chunk up to its choices
  std::vector<std::size_t> begun_;  ///< tool-call indices seen
};

/// Tool-call parts come out normalised: indices dense and in order of appearance, id and name in the first part only, a missing
/// id made up. Text after [DONE] is ignored.
[[nodiscard]] std::unique_ptr<StreamDecoder> make_openai_chat_stream_decoder();

/// {"error":{"message","type","param","code"}}. `type` is OpenAI's word ("invalid_request_error", "rate_limit_error", "server_error", ...).
[[nodiscard]] std::string encode_openai_error(const Error& error, std::string_view type);
/// A provider's error body and status -> Error (code, message without echoing the prompt, upstream_status).
[[nodiscard]] Error decode_openai_error(int status, std::string_view body);

/// {"object":"list","data":[...]} of model ids.
struct ModelListing {
  std::string id;
  std::int64_t created = 0;
  std::string owned_by;
};
[[nodiscard]] std::string encode_openai_models(const std::vector<ModelListing>& models);
[[nodiscard]] std::string encode_openai_model(const ModelListing& model);

}  // namespace suffice::wire
