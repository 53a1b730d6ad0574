#pragma once
// Anthropic's Messages as a ChatDialect, and the errors of its surface.

#include <string>
#include <string_view>

#include "server/chat_dialect.hpp"

namespace suffice::server {

/// What the headers anthropic-beta ask for, joined by commas; empty when nothing. InvalidArgument naming the header for anything but names.
[[nodiscard]] Result<std::string> anthropic_betas(const net::Headers& headers);

/// POST /v1/messages, JSON and SSE. Bodies are the vendor's own shape: the route decision is in the headers only.
class AnthropicDialect final : public ChatDialect {
 public:
  [[nodiscard]] std::string_view surface() const override { return "anthropic.messages"; }
  [[nodiscard]] Result<DecodedChat> decode(const net::ServerRequest& request) const override;
  [[nodiscard]] std::string encode(const AskedChat& asked, const AnsweredChat& answered) const override;
  [[nodiscard]] std::string encode_error(const Error& error, int status, std::string_view request_id) const override;
  [[nodiscard]] std::unique_ptr<ChatStreamEncoder> stream(const AskedChat& asked) const override;
  /// `request-id`, which Anthropic's SDKs read.
  void add_headers(net::Headers& headers, std::string_view request_id) const override;
};

}  // namespace suffice::server
