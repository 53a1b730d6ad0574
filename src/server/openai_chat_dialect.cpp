#include "server/openai_chat_dialect.hpp"

#include <utility>

#include "server/decision_headers.hpp"
#include "server/http_status.hpp"
#include "wire/openai_chat.hpp"
#include "wire/sse.hpp"

namespace suffice::server {
namespace {

wire::OpenAiAnswerMeta meta_for(const AskedChat& asked) {
  wire::OpenAiAnswerMeta meta;
  meta.id = "chatcmpl-" + std::string(asked.request_id);
  meta.created = std::chrono::duration_cast<std::chrono::seconds>(asked.time.time_since_epoch()).count();
  meta.model = asked.chat.model;
  meta.include_logprobs = asked.chat.logprobs;
  meta.include_usage = asked.chat.stream_usage;
  return meta;
}

class OpenAiChatStreamEncoder final : public ChatStreamEncoder {
 public:
  explicit OpenAiChatStreamEncoder(wire::OpenAiAnswerMeta meta) : stream_(std::move(meta)) {}

  std::string keep_alive() const override { return wire::sse_comment("still working"); }
  std::string progress(std::string_view text) const override { return wire::sse_comment(text); }
  void begin(std::string& out) override { out += stream_.begin(); }
  void delta(const Delta& delta, std::string& out) override { out += stream_.delta(delta); }
  void end(const AnsweredChat& answered, std::string& out) override {
    const Completion& completion = answered.completion;
    out += stream_.end(completion.finish, completion.usage, decision_extension(answered.decision));
  }
  void error(const Error& error, int status, std::string& out) override {
    out += stream_.error(error, openai_error_type(status));
  }

 private:
  wire::OpenAiChatStreamWriter stream_;
};

}  // namespace

Result<DecodedChat> OpenAiChatDialect::decode(const net::ServerRequest& request) const {
  SUFFICE_TRY(ChatRequest chat, wire::decode_openai_chat_request(request.body));
  if (chat.n != 1) return fail(ErrorCode::UnsupportedField, "only 1 is served: send n requests instead", "n");
  return DecodedChat{.chat = std::move(chat), .notes = {}};
}

std::string OpenAiChatDialect::encode(const AskedChat& asked, const AnsweredChat& answered) const {
  wire::OpenAiAnswerMeta meta = meta_for(asked);
  meta.decision = decision_extension(answered.decision);
  return wire::encode_openai_chat_response(answered.completion, meta);
}

std::string OpenAiChatDialect::encode_error(const Error& error, int status, std::string_view /*request_id*/) const {
  return openai_error_body(error, status);
}

std::unique_ptr<ChatStreamEncoder> OpenAiChatDialect::stream(const AskedChat& asked) const {
  return std::make_unique<OpenAiChatStreamEncoder>(meta_for(asked));
}

std::string openai_error_body(const Error& error, int status) {
  return wire::encode_openai_error(error, openai_error_type(status));
}

}  // namespace suffice::server
