#pragma once
// Anthropic Messages, the client's side: request written, answer and stream read. (The server's side comes with its surface.)
// Source of shapes: Anthropic's API reference, version 2023-06-01.

#include <memory>
#include <string>
#include <string_view>

#include "core/chat.hpp"
#include "core/result.hpp"
#include "wire/stream_decoder.hpp"

namespace suffice::wire {

/// UnsupportedField when the request holds what Messages cannot express (n > 1, logprobs, audio parts): never dropped silently.
/// System and developer messages become `system`; tool results become user blocks; a JSON Schema response format becomes
/// `output_config.format` when `structured_outputs`, else UnsupportedField unless the caller's gate enforces it (`schema_enforced_elsewhere`).
struct AnthropicRequestOptions {
  bool stream = false;
  std::int64_t default_max_tokens = 1024;  ///< Messages requires max_tokens
  bool schema_enforced_elsewhere = true;
};
[[nodiscard]] Result<std::string> encode_anthropic_request(const ChatRequest& request,
                                                           const AnthropicRequestOptions& options);
[[nodiscard]] Result<Completion> decode_anthropic_response(std::string_view body);
[[nodiscard]] std::unique_ptr<StreamDecoder> make_anthropic_stream_decoder();
[[nodiscard]] Error decode_anthropic_error(int status, std::string_view body);

}  // namespace suffice::wire
