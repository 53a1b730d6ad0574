#include "server/openai_responses_dialect.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "core/ids.hpp"
#include "server/decision_headers.hpp"
#include "server/http_status.hpp"
#include "server/openai_chat_dialect.hpp"
#include "wire/openai_responses.hpp"
#include "wire/sse.hpp"

namespace suffice::server {
namespace {

/// DecodedChat::notes: one of these, then the echo.
constexpr char kKeepItems = 'k';
constexpr char kKeepNothing = '-';

bool may_keep(std::string_view notes) { return notes.starts_with(kKeepItems); }

std::int64_t unix_seconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

wire::ResponsesMeta meta_for(const AskedChat& asked, const Clock& clock, Random& random) {
  wire::ResponsesMeta meta;
  meta.id = "resp_" + std::string(asked.request_id);
  meta.created = unix_seconds(asked.time);
  meta.model = asked.chat.model;
  meta.item_seed = new_uuid7(clock, random);  // never the caller's own request id: an item is found by who knows its id
  std::erase(meta.item_seed, '-');
  meta.include_logprobs = asked.chat.logprobs;
  meta.echo.text = asked.notes.substr(1);
  return meta;
}

void keep(ItemMemory& memory, std::vector<wire::ResponsesItem> items) {
  for (wire::ResponsesItem& item : items) memory.keep(std::move(item.id), std::move(item.json));
}

class StreamEncoder final : public ChatStreamEncoder {
 public:
  StreamEncoder(wire::ResponsesMeta meta, const Clock& clock, ItemMemory* memory)
      : stream_(std::move(meta)), clock_(clock), memory_(memory) {}

  std::string keep_alive() const override { return wire::sse_comment("still working"); }
  std::string progress(std::string_view text) const override { return wire::sse_comment(text); }
  void begin(std::string& out) override { out += stream_.begin(); }
  void delta(const Delta& delta, std::string& out) override { out += stream_.delta(delta); }
  void end(const AnsweredChat& answered, std::string& out) override {
    const Completion& completion = answered.completion;
    out += stream_.end(completion.finish, completion.usage, decision_extension(answered.decision),
                       unix_seconds(clock_.wall_now()));
    if (memory_ != nullptr) keep(*memory_, stream_.items());
  }
  void error(const Error& error, int status, std::string& out) override {
    out += stream_.error(error, openai_error_type(status));
  }

 private:
  wire::OpenAiResponsesStreamWriter stream_;
  const Clock& clock_;
  ItemMemory* memory_;  ///< null: nothing may be kept
};

}  // namespace

Result<DecodedChat> OpenAiResponsesDialect::decode(const net::ServerRequest& request) const {
  const wire::ItemLookup lookup = [this](std::string_view id) { return memory_.find(id); };
  SUFFICE_TRY(wire::ResponsesRequest decoded, wire::decode_openai_responses_request(request.body, lookup));
  return DecodedChat{.chat = std::move(decoded.chat),
                     .notes = (decoded.items_may_be_kept ? kKeepItems : kKeepNothing) + decoded.echo.text};
}

std::string OpenAiResponsesDialect::encode(const AskedChat& asked, const AnsweredChat& answered) const {
  wire::ResponsesMeta meta = meta_for(asked, clock_, random_);
  meta.decision = decision_extension(answered.decision);
  wire::ResponsesAnswer answer =
      wire::encode_openai_response(answered.completion, meta, unix_seconds(clock_.wall_now()));
  if (may_keep(asked.notes)) keep(memory_, std::move(answer.items));
  return std::move(answer.body);
}

std::string OpenAiResponsesDialect::encode_error(const Error& error, int status,
                                                 std::string_view /*request_id*/) const {
  return openai_error_body(error, status);
}

std::unique_ptr<ChatStreamEncoder> OpenAiResponsesDialect::stream(const AskedChat& asked) const {
  return std::make_unique<StreamEncoder>(meta_for(asked, clock_, random_), clock_,
                                         may_keep(asked.notes) ? &memory_ : nullptr);
}

}  // namespace suffice::server
