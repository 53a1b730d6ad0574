#include "server/anthropic_dialect.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "server/http_status.hpp"
#include "wire/anthropic_messages.hpp"
#include "wire/sse.hpp"

namespace suffice::server {
namespace {

constexpr std::size_t kBetasBytesMax = 2'048;

wire::AnthropicAnswerMeta meta_for(const AskedChat& asked) {
  return {.id = "msg_" + std::string(asked.request_id), .model = asked.chat.model};
}

class AnthropicStreamEncoder final : public ChatStreamEncoder {
 public:
  AnthropicStreamEncoder(wire::AnthropicAnswerMeta meta, std::string request_id)
      : stream_(std::move(meta)), request_id_(std::move(request_id)) {}

  std::string keep_alive() const override { return wire::anthropic_ping(); }
  std::string progress(std::string_view text) const override { return wire::sse_comment(text); }
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

Result<std::string> anthropic_betas(const net::Headers& headers) {
  std::string betas;
  for (const auto& [name, value] : headers.all()) {
    if (!net::equal_ignoring_case(name, "anthropic-beta")) continue;
    betas += (betas.empty() ? "" : ",") + value;
  }
  const auto of_a_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == ',' || c == ' ';
  };
  if (betas.size() > kBetasBytesMax || !std::ranges::all_of(betas, of_a_name))
    return fail(ErrorCode::InvalidArgument, "must be names of features, separated by commas", "anthropic-beta");
  return betas;
}

Result<DecodedChat> AnthropicDialect::decode(const net::ServerRequest& request) const {
  SUFFICE_TRY(ChatRequest chat, wire::decode_anthropic_request(request.body));
  SUFFICE_TRY(chat.betas, anthropic_betas(request.headers));
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
