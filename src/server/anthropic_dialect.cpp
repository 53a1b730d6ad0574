#include "server/anthropic_dialect.hpp"

#include <utility>

#include "server/http_status.hpp"
#include "wire/anthropic_messages.hpp"

namespace suffice::server {
namespace {

wire::AnthropicAnswerMeta meta_for(const AskedChat& asked) {
  return {.id = "msg_" + std::string(asked.request_id), .model = asked.chat.model};
}

class AnthropicStreamEncoder final : public ChatStreamEncoder {
 public:
  AnthropicStreamEncoder(wire::AnthropicAnswerMeta meta, std::string request_id)
      : stream_(std::move(meta)), request_id_(std::move(request_id)) {}

  std::string keep_alive() const override { return wire::anthropic_ping(); }
  void begin(std::string& out) override { stream_.begin(out); }
  void delta(const Delta& delta, std::string& out) override { stream_.delta(delta, out); }
  void end(const AnsweredChat& answered, std::string& out) override { stream_.end(answered.completion, out); }
  void error(const Error& error, int status, std::string& out) override {
    out += "event: error\ndata: ";
    out += wire::encode_anthropic_error(error, anthropic_error_type(status), request_id_);
    out += "\n\n";
  }

 private:
  wire::AnthropicStreamWriter stream_;
  std::string request_id_;
};

}  // namespace

Result<DecodedChat> AnthropicDialect::decode(const net::ServerRequest& request) const {
  SUFFICE_TRY(ChatRequest chat, wire::decode_anthropic_request(request.body));
  return DecodedChat{.chat = std::move(chat), .notes = {}};
}

std::string AnthropicDialect::encode(const AskedChat& asked, const AnsweredChat& answered) const {
  return wire::encode_anthropic_response(answered.completion, meta_for(asked));
}

std::string AnthropicDialect::encode_error(const Error& error, int status, std::string_view request_id) const {
  return wire::encode_anthropic_error(error, anthropic_error_type(status), request_id);
}

std::unique_ptr<ChatStreamEncoder> AnthropicDialect::stream(const AskedChat& asked) const {
  return std::make_unique<AnthropicStreamEncoder>(meta_for(asked), std::string(asked.request_id));
}

void AnthropicDialect::add_headers(net::Headers& headers, std::string_view request_id) const {
  headers.add("request-id", std::string(request_id));
}

}  // namespace suffice::server
