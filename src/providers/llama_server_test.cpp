// The OpenAI client against a real llama-server, where there is one: what the imposter only claims about servers is true of this one.
#include "testing/llama_server.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "net/run_sync.hpp"
#include "providers/openai_client.hpp"
#include "testing/scripted_model.hpp"
#include "wire/json.hpp"

namespace suffice::providers {
namespace {

using namespace std::chrono_literals;

class LlamaServerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server = new Result(testing::LlamaServer::start(256)); }
  static void TearDownTestSuite() { delete server; }
  using Result = suffice::Result<std::unique_ptr<testing::LlamaServer>>;

  void SetUp() override {
    if (!*server) GTEST_SKIP() << (*server).error().message;
    model_.name = "llama";
    model_.model = "any";
    model_.endpoint = (**server)->url();
    const Secret key;
    const auto probed = net::run_sync(probe_openai_server(model_, key, http_, Deadline::after(30s)));
    ASSERT_TRUE(probed.has_value()) << describe(probed.error());
    ASSERT_TRUE(probed->llama_server);
    client_ = make_openai_client(model_, key, http_, *probed).value();
  }

  static ModelCall call_of(std::string text) {
    ModelCall call;
    call.request.model = "any";
    call.request.messages = {Message::of(Role::User, std::move(text))};
    call.request.sampling.max_tokens = 8;
    call.request.sampling.temperature = 0;
    return call;
  }
  suffice::Result<Completion> run(const ModelCall& call, TokenSink* sink = nullptr) {
    return net::run_sync(client_->complete(call, sink, Deadline::after(60s)));
  }

  static Result* server;
  policy::Model model_;
  net::HttpClient http_{net::HttpClientOptions{}};
  std::unique_ptr<ModelClient> client_;
};

LlamaServerTest::Result* LlamaServerTest::server = nullptr;

TEST_F(LlamaServerTest, GivesTheSameAnswerStreamedAndWhole) {
  const ModelCall call = call_of("my card was declined");
  testing::CollectingSink sink;

  const auto whole = run(call);
  const auto streamed = run(call, &sink);

  ASSERT_TRUE(whole.has_value()) << describe(whole.error());
  ASSERT_TRUE(streamed.has_value()) << describe(streamed.error());
  EXPECT_EQ(whole->text, streamed->text);
  EXPECT_EQ(sink.text(), streamed->text);
  ASSERT_TRUE(whole->usage && streamed->usage);
  EXPECT_GT(whole->usage->input_tokens, 0);
  EXPECT_EQ(whole->usage->output_tokens, streamed->usage->output_tokens);
  EXPECT_NE(whole->finish, FinishReason::Unknown);
}

TEST_F(LlamaServerTest, HoldsLabelsByGrammarAndGivesLogprobs) {
  ModelCall call = call_of("the build broke");
  call.constraint = {.kind = OutputConstraint::Kind::Labels, .labels = {"alpha \"one\"", "beta"}, .schema = {}};
  call.want_logprobs = true;

  const auto completion = run(call);

  ASSERT_TRUE(completion.has_value()) << describe(completion.error());
  EXPECT_NE(std::ranges::find(call.constraint.labels, completion->text), call.constraint.labels.end())
      << completion->text;
  ASSERT_TRUE(completion->logprobs.has_value());
  ASSERT_FALSE(completion->logprobs->empty());
  EXPECT_LE(completion->logprobs->front().logprob, 0);
}

TEST_F(LlamaServerTest, HoldsAJsonSchema) {
  ModelCall call = call_of("answer");
  call.request.sampling.max_tokens = 64;
  call.constraint = {
      .kind = OutputConstraint::Kind::JsonSchema,
      .labels = {},
      .schema = JsonText{
          R"({"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"],"additionalProperties":false})"}};

  const auto completion = run(call);

  ASSERT_TRUE(completion.has_value()) << describe(completion.error());
  if (completion->finish == FinishReason::Length) GTEST_SKIP() << "the model wrote white space until its limit";
  const auto value = wire::parse_json(completion->text);
  ASSERT_TRUE(value.has_value()) << completion->text;
  EXPECT_TRUE(value->at("ok").is_bool());
}

TEST_F(LlamaServerTest, SaysWhenThePromptDoesNotFit) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "word" + std::to_string(i) + " ";
  EXPECT_EQ(run(call_of(text)).error().code, ErrorCode::ContextOverflow);
}

}  // namespace
}  // namespace suffice::providers
