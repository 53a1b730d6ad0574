#pragma once
// OpenAI's chat completions as a ChatDialect, and the errors of its surface.

#include <string>

#include "server/chat_dialect.hpp"

namespace suffice::server {

/// POST /v1/chat/completions, JSON and SSE. n > 1 is refused by name.
class OpenAiChatDialect final : public ChatDialect {
 public:
  [[nodiscard]] std::string_view surface() const override { return "openai.chat.completions"; }
  [[nodiscard]] Result<DecodedChat> decode(const net::ServerRequest& request) const override;
  [[nodiscard]] std::string encode(const AskedChat& asked, const AnsweredChat& answered) const override;
  [[nodiscard]] std::string encode_error(const Error& error, int status, std::string_view request_id) const override;
  [[nodiscard]] std::unique_ptr<ChatStreamEncoder> stream(const AskedChat& asked) const override;
};

/// {"error": {...}} in OpenAI's words: also for what never reached a dialect.
[[nodiscard]] std::string openai_error_body(const Error& error, int status);

}  // namespace suffice::server
