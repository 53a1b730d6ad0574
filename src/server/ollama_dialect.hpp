#pragma once
// Ollama's /api/chat and /api/generate as a ChatDialect.

#include <string>
#include <string_view>

#include "server/chat_dialect.hpp"
#include "wire/ollama_chat.hpp"

namespace suffice::server {

/// JSON, or NDJSON when `stream` is absent or true. Bodies are Ollama's own shape: the route decision is in the headers only.
class OllamaDialect final : public ChatDialect {
 public:
  explicit OllamaDialect(wire::OllamaEndpoint endpoint) : endpoint_(endpoint) {}
  [[nodiscard]] std::string_view surface() const override {
    return endpoint_ == wire::OllamaEndpoint::Chat ? "ollama.chat" : "ollama.generate";
  }
  [[nodiscard]] Result<DecodedChat> decode(const net::ServerRequest& request) const override;
  [[nodiscard]] std::string encode(const AskedChat& asked, const AnsweredChat& answered) const override;
  [[nodiscard]] std::string encode_error(const Error& error, int status, std::string_view request_id) const override;
  [[nodiscard]] std::unique_ptr<ChatStreamEncoder> stream(const AskedChat& asked) const override;
  [[nodiscard]] std::string_view stream_content_type() const override { return "application/x-ndjson"; }
  /// Ollama's documentation calls it with `curl -d`, which says application/x-www-form-urlencoded.
  [[nodiscard]] bool any_media_type() const override { return true; }

 private:
  [[nodiscard]] wire::OllamaAnswerMeta meta_for(const AskedChat& asked) const;
  wire::OllamaEndpoint endpoint_;
};

}  // namespace suffice::server
