#pragma once
// Anthropic Messages, the client's side: request written, answer and stream read. (The server's side comes with its surface.)
// Source of shapes: Anthropic's API reference, version 2023-06-01.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/chat.hpp"
#include "core/result.hpp"
#include "wire/stream_decoder.hpp"

namespace suffice::wire {

struct AnthropicRequestOptions {
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
[[nodiscard]] Result<std::string> encode_anthropic_request(const ChatRequest& request,
                                                           const AnthropicRequestOptions& options);
[[nodiscard]] Result<Completion> decode_anthropic_response(std::string_view body);
/// The end is message_stop; without it finish() is ConnectionClosed.
[[nodiscard]] std::unique_ptr<StreamDecoder> make_anthropic_stream_decoder();
[[nodiscard]] Error decode_anthropic_error(int status, std::string_view body);

}  // namespace suffice::wire
