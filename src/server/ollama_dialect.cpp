#include "server/ollama_dialect.hpp"

#include <utility>

#include "audit/event_json.hpp"

namespace suffice::server {
namespace {

class OllamaStreamEncoder final : public ChatStreamEncoder {
 public:
  explicit OllamaStreamEncoder(wire::OllamaAnswerMeta meta) : stream_(std::move(meta)) {}

  std::string keep_alive() const override { return stream_.empty_line(); }
  void begin(std::string&) override {}
  void delta(const Delta& delta, std::string& out) override { stream_.delta(delta, out); }
  void end(const AnsweredChat& answered, std::string& out) override {
    stream_.end(answered.completion, answered.elapsed.count(), out);
  }
  void error(const Error& error, int, std::string& out) override {
    out += wire::encode_ollama_error(error);
    out += '\n';
  }

 private:
  wire::OllamaStreamWriter stream_;
};

}  // namespace

wire::OllamaAnswerMeta OllamaDialect::meta_for(const AskedChat& asked) const {
  return {.endpoint = endpoint_,
          .model = asked.chat.model,
          .created_at = audit::rfc3339_ms(asked.time),
          .include_logprobs = asked.chat.logprobs};
}

Result<DecodedChat> OllamaDialect::decode(const net::ServerRequest& request) const {
  SUFFICE_TRY(ChatRequest chat, wire::decode_ollama_request(request.body, endpoint_));
  return DecodedChat{.chat = std::move(chat), .notes = {}};
}

std::string OllamaDialect::encode(const AskedChat& asked, const AnsweredChat& answered) const {
  return wire::encode_ollama_response(answered.completion, meta_for(asked), answered.elapsed.count());
}

std::string OllamaDialect::encode_error(const Error& error, int /*status*/, std::string_view /*request_id*/) const {
  return wire::encode_ollama_error(error);
}

std::unique_ptr<ChatStreamEncoder> OllamaDialect::stream(const AskedChat& asked) const {
  return std::make_unique<OllamaStreamEncoder>(meta_for(asked));
}

}  // namespace suffice::server
