#pragma once
// How many tokens a chat would be, without asking a hosted model.

#include <cstdint>
#include <string_view>

#include "core/chat.hpp"

namespace suffice::server {

struct TokenCount {
  std::int64_t tokens = 0;
  std::string_view
      method;  ///< what the header x-suffice-token-count says: "exact" (by the model's own tokenizer) or "estimate"
};

/// Four bytes of text to the token (OpenAI's rule of thumb for English; other languages take more tokens), four tokens a message for its
/// marks, tool definitions by their JSON, 1,600 an image (the most Anthropic's documentation gives for one). "estimate". Pure.
[[nodiscard]] TokenCount estimate_tokens(const ChatRequest& chat);

}  // namespace suffice::server
