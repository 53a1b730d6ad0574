#pragma once
// Anthropic Messages, all four directions: request and answer, read and written, whole and streamed.
// Source of shapes: Anthropic's API reference, version 2023-06-01, as @anthropic-ai/sdk 1.12.0 has it.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/chat.hpp"
#include "core/result.hpp"
#include "wire/json.hpp"
#include "wire/stream_decoder.hpp"

namespace suffice::wire {

/// What is asked with a Messages body.
enum class AnthropicBody : std::uint8_t { Message, CountTokens };

struct AnthropicRequestOptions {
  AnthropicBody body = AnthropicBody::Message;
  bool stream = false;
  std::int64_t default_max_tokens = 1024;  ///< Messages requires max_tokens
  bool structured_outputs = false;         ///< the model takes `output_config.format` (2025 models and later)
  bool schema_enforced_elsewhere = true;   ///< the gate checks a schema that cannot be sent
};

/// UnsupportedField for what Messages cannot express (n > 1, logprobs, penalties, audio and file parts): never dropped silently.
/// System and developer messages become `system`; tool results become blocks of a user message; neighbours of one role are joined.
/// A JSON Schema response format becomes `output_config.format` where the model takes it; else it must be enforced elsewhere.
/// Temperature is cut at 1, where this scale ends; of temperature and top_p only the first is sent, since newer models refuse both.
/// `seed` is best effort by its own definition and is left out. MalformedRequest when a tool call's arguments are no JSON object.
/// A request that came in this dialect keeps its unknown fields, its blocks and both samplings; unknown fields of another dialect are
/// UnsupportedField, except hints that cannot change an answer.
[[nodiscard]] Result<std::string> encode_anthropic_request(const ChatRequest& request,
                                                           const AnthropicRequestOptions& options);
[[nodiscard]] Result<Completion> decode_anthropic_response(std::string_view body);
/// The end is message_stop; without it finish() is ConnectionClosed.
[[nodiscard]] std::unique_ptr<StreamDecoder> make_anthropic_stream_decoder();
[[nodiscard]] Error decode_anthropic_error(int status, std::string_view body);

/// Caller's bytes -> value. MalformedJson, MalformedRequest naming the field, or UnsupportedField (docs/dialects.md has the table).
/// Images become OpenAI's image_url parts; other blocks that are not text keep their JSON. `metadata` may also name a task.
[[nodiscard]] Result<ChatRequest> decode_anthropic_request(std::string_view body,
                                                           AnthropicBody kind = AnthropicBody::Message,
                                                           const JsonLimits& limits = {});

struct AnthropicAnswerMeta {
  std::string id;  ///< "msg_..."
  std::string model;
};
/// Arguments that are no JSON object become {"invalid_json": text}: `input` must be an object.
[[nodiscard]] std::string encode_anthropic_response(const Completion& completion, const AnthropicAnswerMeta& meta);

/// Writes the SSE stream of one answer by appending. Order of use: begin(), delta()*, end(). Blocks come one after the other, as the
/// protocol demands: pieces of a later tool call wait until the one before it is a whole JSON object. One thread.
class AnthropicStreamWriter {
 public:
  explicit AnthropicStreamWriter(AnthropicAnswerMeta meta);
  void begin(std::string& out);  ///< message_start; its usage is zero, message_delta says the true one
  void delta(const Delta& delta, std::string& out);
  void end(const Completion& completion, std::string& out);

 private:
  enum class Open : std::uint8_t { Nothing, Text, Thinking, Call };
  struct Call {
    std::string id;
    std::string name;
    std::string arguments;
    std::size_t written = 0;  ///< bytes of `arguments`
  };
  void close(std::string& out);
  void text(std::string_view piece, std::string& out);
  void thinking(const Thinking& piece, std::string& out);
  void take_call_part(const Delta::ToolCallPart& part);
  void write_calls(bool complete, std::string& out);

  AnthropicAnswerMeta meta_;
  Open open_ = Open::Nothing;
  std::size_t index_ = 0;  ///< of the open block, or of the next one
  std::vector<Call> calls_;
  std::size_t call_ = 0;   ///< the call that is open or comes next
  std::string late_text_;  ///< came after a tool call had begun
};

/// `event: ping`, which every client skips.
[[nodiscard]] std::string anthropic_ping();
/// {"type":"error","error":{"type","message"},"request_id"}. `type` is Anthropic's word ("invalid_request_error", ...).
[[nodiscard]] std::string encode_anthropic_error(const Error& error, std::string_view type,
                                                 std::string_view request_id);

/// The answer of count_tokens, written and read.
[[nodiscard]] std::string encode_anthropic_token_count(std::int64_t tokens);
[[nodiscard]] Result<std::int64_t> decode_anthropic_token_count(std::string_view body);

struct AnthropicModel {
  std::string id;
  std::string display_name;
  std::string created_at;  ///< RFC 3339
};
/// The models [begin, end) of a list.
struct AnthropicPage {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool has_more = false;  ///< in the direction that was asked for
};
[[nodiscard]] std::string encode_anthropic_models(const std::vector<AnthropicModel>& all, AnthropicPage page);
[[nodiscard]] std::string encode_anthropic_model(const AnthropicModel& model);

}  // namespace suffice::wire
