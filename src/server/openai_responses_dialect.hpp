#pragma once
// OpenAI's Responses API as a ChatDialect.

#include "core/clock.hpp"
#include "core/random.hpp"
#include "server/chat_dialect.hpp"
#include "server/item_memory.hpp"

namespace suffice::server {

/// POST /v1/responses, JSON and SSE. Nothing is stored, but items of recent answers can be referred to (item_memory.hpp) unless the
/// caller said store: false. Any thread.
class OpenAiResponsesDialect final : public ChatDialect {
 public:
  OpenAiResponsesDialect(const Clock& clock, Random& random) : clock_(clock), random_(random), memory_(clock) {}

  [[nodiscard]] std::string_view surface() const override { return "openai.responses"; }
  [[nodiscard]] Result<DecodedChat> decode(const net::ServerRequest& request) const override;
  [[nodiscard]] std::string encode(const AskedChat& asked, const AnsweredChat& answered) const override;
  [[nodiscard]] std::string encode_error(const Error& error, int status, std::string_view request_id) const override;
  [[nodiscard]] std::unique_ptr<ChatStreamEncoder> stream(const AskedChat& asked) const override;

 private:
  const Clock& clock_;
  Random& random_;
  mutable ItemMemory memory_;
};

}  // namespace suffice::server
