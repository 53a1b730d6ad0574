// Every dialect behind the seam, through the same stories: what a surface would write is read by that vendor's client side.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "server/anthropic_dialect.hpp"
#include "server/http_status.hpp"
#include "server/model_lists.hpp"
#include "server/ollama_dialect.hpp"
#include "server/openai_chat_dialect.hpp"
#include "server/token_count.hpp"
#include "wire/anthropic_messages.hpp"
#include "wire/json.hpp"
#include "wire/openai_chat.hpp"

namespace suffice::server {
namespace {

struct Served {
  std::unique_ptr<ChatDialect> dialect;
  std::string body;
  std::unique_ptr<wire::StreamDecoder> (*client)();
};

std::vector<Served> every_dialect() {
  const std::string chat = R"({"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]})";
  std::vector<Served> all;
  all.push_back({std::make_unique<OpenAiChatDialect>(), chat, wire::make_openai_chat_stream_decoder});
  all.push_back({std::make_unique<AnthropicDialect>(), chat, wire::make_anthropic_stream_decoder});
  all.push_back({std::make_unique<OllamaDialect>(wire::OllamaEndpoint::Chat), chat,
                 [] { return wire::make_ollama_stream_decoder(0); }});
  return all;
}

net::ServerRequest request_with(std::string body) {
  net::ServerRequest request;
  request.body = std::move(body);
  return request;
}

/// What the client makes of a stream whose encoder was driven by `write`.
template <typename Write>
Result<Completion> client_reads(const Served& served, Write write) {
  const auto decoded = served.dialect->decode(request_with(served.body));
  EXPECT_TRUE(decoded.has_value()) << served.dialect->surface();
  const AskedChat asked{.chat = decoded->chat, .notes = {}, .request_id = "r1", .time = {}};
  const auto encoder = served.dialect->stream(asked);
  std::string bytes = encoder->keep_alive();
  encoder->begin(bytes);
  Delta delta;
  delta.text = "half";
  encoder->delta(delta, bytes);
  write(*encoder, bytes);
  const auto client = served.client();
  std::vector<Delta> deltas;
  const Result<void> fed = client->feed(bytes, deltas);
  if (!fed) return fail(fed.error());
  return client->finish();
}

TEST(ChatDialects, StreamAnAnswerThatTheirClientsRead) {
  for (const Served& served : every_dialect()) {
    Completion completion;
    completion.text = "half";
    completion.finish = FinishReason::Stop;
    const pipeline::Decision decision;
    const auto read = client_reads(served, [&](ChatStreamEncoder& encoder, std::string& bytes) {
      encoder.end({.completion = completion, .decision = decision, .elapsed = std::chrono::nanoseconds{5}}, bytes);
    });
    ASSERT_TRUE(read.has_value()) << served.dialect->surface() << describe(read.error());
    EXPECT_EQ(read->text, "half") << served.dialect->surface();
    EXPECT_EQ(read->finish, FinishReason::Stop) << served.dialect->surface();
  }
}

TEST(ChatDialects, NeverLetABrokenStreamPassForAnAnswer) {
  const Error error{.code = ErrorCode::UpstreamFailed, .message = "the provider failed", .where = {}};
  for (const Served& served : every_dialect()) {
    const auto read = client_reads(served, [&](ChatStreamEncoder& encoder, std::string& bytes) {
      encoder.error(error, http_status(error), bytes);
    });
    EXPECT_FALSE(read.has_value()) << served.dialect->surface();
  }
}

TEST(ChatDialects, KnowTheDialectOfTheirRequests) {
  std::vector<ApiDialect> seen;
  for (const Served& served : every_dialect())
    seen.push_back(served.dialect->decode(request_with(served.body))->chat.dialect);
  EXPECT_EQ(seen, (std::vector<ApiDialect>{ApiDialect::OpenAi, ApiDialect::Anthropic, ApiDialect::Ollama}));
}

TEST(ChatDialects, WriteErrorsInTheirVendorsShape) {
  const Error error{.code = ErrorCode::RateLimited, .message = "later", .where = {}};
  const auto text_of = [&](const ChatDialect& dialect) { return dialect.encode_error(error, 429, "r1"); };

  EXPECT_EQ(wire::parse_json(text_of(OpenAiChatDialect()))->at("error").at("type"), "rate_limit_error");
  EXPECT_EQ(wire::parse_json(text_of(AnthropicDialect()))->at("error").at("type"), "rate_limit_error");
  EXPECT_TRUE(wire::parse_json(text_of(OllamaDialect(wire::OllamaEndpoint::Chat)))->at("error").is_string());
}

TEST(AnthropicModelList, GoesThroughItsPagesAndNamesAWrongCursor) {
  policy::Policy policy;
  for (const char* task : {"a", "b", "c"}) policy.tasks[task] = {};
  const auto page = [&](std::string_view query) { return anthropic_model_list(policy, {}, query); };
  const auto ids = [&](std::string_view query) {
    std::string joined;
    const auto parsed = wire::parse_json(*page(query));
    for (const auto& model : parsed->at("data").as_array()) joined += model.at("id").as_string().back();
    return joined + (parsed->at("has_more") == true ? "+" : "");
  };

  EXPECT_EQ(ids(""), "oabc");  // suffice/auto first
  EXPECT_EQ(ids("limit=2"), "oa+");
  EXPECT_EQ(ids("limit=2&after_id=suffice%2Fa"), "bc");
  EXPECT_EQ(ids("before_id=suffice/b&limit=1"), "a+");
  EXPECT_EQ(page("limit=0").error().where, "limit");
  EXPECT_EQ(page("limit=x").error().where, "limit");
  EXPECT_EQ(page("after_id=nope").error().where, "after_id");
  EXPECT_EQ(page("after_id=suffice/a&before_id=suffice/b").error().where, "before_id");
}

TEST(EstimateTokens, CountsTextToolsAndImages) {
  ChatRequest chat;
  chat.messages = {Message::of(Role::User, std::string(400, 'x'))};
  EXPECT_EQ(estimate_tokens(chat).tokens, 104);
  EXPECT_EQ(estimate_tokens(chat).method, "estimate");

  chat.messages[0].content.push_back({.kind = ContentPart::Kind::Image, .text = {}, .raw = {std::string(9'000, 'x')}});
  EXPECT_EQ(estimate_tokens(chat).tokens, 1'704);
  chat.tools = {{.name = "tool", .description = "1234", .parameters = {"{}  "}, .strict = {}}};
  EXPECT_EQ(estimate_tokens(chat).tokens, 1'707);
}

}  // namespace
}  // namespace suffice::server
