// Tools on the real engine with the real small model. The model was never trained for tools: that its calls are nevertheless calls of
// the given tools, with arguments by their schemas, is what the grammar guarantees.
#include <set>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <gmock/gmock.h>

#include "testing/embedded_fixture.hpp"

namespace suffice::providers {
namespace {

using Choice = ToolChoice::Kind;

class EmbeddedToolsTest : public EmbeddedClientTest {
 protected:
  static ModelCall tool_call(ToolChoice choice) {
    ModelCall call = call_of("You help.", "find issues about billing");
    call.request.tools = {
        {.name = "search",
         .description = "Finds issues.",
         .parameters = {.text =
                            R"({"type":"object","properties":{"open":{"type":"boolean"},"kind":{"enum":["bug","idea"]}},
                                    "required":["open","kind"],"additionalProperties":false})"},
         .strict = {}},
        {.name = "stop", .description = {}, .parameters = {}, .strict = {}}};
    call.request.tool_choice = std::move(choice);
    call.request.sampling.max_tokens = 400;
    return call;
  }
};

void expect_calls_by_the_schemas(const Completion& completion) {
  std::set<std::string> ids;
  for (const ToolCall& call : completion.tool_calls) {
    EXPECT_TRUE(ids.insert(call.id).second) << "an id of its own: " << call.id;
    EXPECT_TRUE(call.id.starts_with("call_"));
    boost::system::error_code error;
    const boost::json::value arguments = boost::json::parse(call.arguments, error);
    ASSERT_FALSE(error) << call.arguments;
    if (call.name == "stop") {
      EXPECT_EQ(call.arguments, "{}");
      continue;
    }
    ASSERT_EQ(call.name, "search");
    EXPECT_EQ(arguments.as_object().size(), 2U);
    EXPECT_TRUE(arguments.at("open").is_bool());
    EXPECT_THAT(std::string(arguments.at("kind").as_string()), ::testing::AnyOf("bug", "idea"));
  }
}

TEST_F(EmbeddedToolsTest, WritesCallsBySchemaWhenACallIsRequired) {
  start();
  for (int seed = 1; seed <= 8; ++seed) {
    ModelCall call = tool_call({.kind = Choice::Required, .name = {}});
    call.request.parallel_tool_calls = false;
    call.request.sampling.temperature = 1.5;
    call.request.sampling.seed = seed;
    const Completion completion = complete(call).value();

    ASSERT_EQ(completion.tool_calls.size(), 1U) << completion.text;
    EXPECT_EQ(completion.text, "");
    EXPECT_EQ(completion.finish, FinishReason::ToolCalls);
    expect_calls_by_the_schemas(completion);
  }
}

TEST_F(EmbeddedToolsTest, CallsTheToolThatTheCallerNames) {
  start();
  const Completion completion = complete(tool_call({.kind = Choice::Named, .name = "stop"})).value();
  ASSERT_EQ(completion.tool_calls.size(), 1U);
  EXPECT_EQ(completion.tool_calls.front().name, "stop");

  const auto unknown = complete(tool_call({.kind = Choice::Named, .name = "search it"}));
  EXPECT_EQ(unknown.error().code, ErrorCode::InvalidArgument);
}

TEST_F(EmbeddedToolsTest, MayWriteTextOrCallsOnItsOwnChoice) {
  start();
  for (int seed = 1; seed <= 6; ++seed) {
    ModelCall call = tool_call({});
    call.request.sampling.temperature = 1;
    call.request.sampling.seed = seed;
    call.request.sampling.max_tokens = 60;
    const Completion completion = complete(call).value();
    expect_calls_by_the_schemas(completion);
    EXPECT_EQ(completion.text.find("<tool_call>\n"), std::string::npos);
  }
}

TEST_F(EmbeddedToolsTest, ACallThatBreaksOffIsNoCall) {
  start();
  ModelCall call = tool_call({.kind = Choice::Required, .name = {}});
  call.request.sampling.max_tokens = 6;
  const Completion completion = complete(call).value();

  EXPECT_TRUE(completion.tool_calls.empty());
  EXPECT_EQ(completion.finish, FinishReason::Length);
}

TEST_F(EmbeddedToolsTest, GivesLogProbabilitiesAndOneDeltaWithTheWholeAnswer) {
  start();
  ModelCall call = tool_call({.kind = Choice::Required, .name = {}});
  call.request.parallel_tool_calls = false;
  call.want_logprobs = true;
  std::vector<Delta> deltas;
  Sink sink([&](const Delta& delta) {
    deltas.push_back(delta);
    return SinkAction::Continue;
  });
  const Completion completion = complete(call, &sink).value();

  ASSERT_TRUE(completion.logprobs.has_value());
  EXPECT_EQ(static_cast<std::int64_t>(completion.logprobs->size()), completion.usage->output_tokens);
  for (const TokenLogprob& token : *completion.logprobs) EXPECT_LE(token.logprob, 0);
  ASSERT_EQ(deltas.size(), 1U);
  ASSERT_EQ(deltas.front().tool_calls.size(), 1U);
  EXPECT_EQ(deltas.front().tool_calls.front().id, completion.tool_calls.front().id);
  EXPECT_EQ(deltas.front().tool_calls.front().arguments, completion.tool_calls.front().arguments);
  EXPECT_EQ(deltas.front().logprobs, *completion.logprobs);
}

TEST_F(EmbeddedToolsTest, HidesToolsThatMayNotBeCalled) {
  start();
  const auto tokens = [&](const ModelCall& call) {
    return wait_for(client->count_tokens(call, Deadline::after(kPatience))).value();
  };
  ModelCall none = tool_call({.kind = Choice::None, .name = {}});
  ModelCall without = none;
  without.request.tools.clear();

  EXPECT_EQ(tokens(none), tokens(without));
  EXPECT_GT(tokens(tool_call({})), tokens(without)) << "definitions are counted";
  EXPECT_TRUE(complete(none)->tool_calls.empty());
}

TEST_F(EmbeddedToolsTest, FollowsAConversationWithCallsAndResults) {
  start();
  ModelCall call = tool_call({});
  Message asked;
  asked.role = Role::Assistant;
  asked.tool_calls = {{.id = "1", .name = "search", .arguments = R"({"open":true,"kind":"bug"})"},
                      {.id = "2", .name = "stop", .arguments = "{}"}};
  Message first = Message::of(Role::Tool, "3 issues");
  first.tool_call_id = "1";
  Message second = Message::of(Role::Tool, "stopped");
  second.tool_call_id = "2";
  for (const Message& message : {asked, first, second}) call.request.messages.push_back(message);

  const Result<Completion> completion = complete(call);

  EXPECT_TRUE(completion.has_value()) << completion.error().message;
}

TEST_F(EmbeddedToolsTest, SaysWhichParameterItCannotHold) {
  start();
  ModelCall call = tool_call({});
  call.request.tools.front().parameters.text = R"({"type":"object","properties":{"a":{"not":{}}}})";

  const auto completion = complete(call);

  EXPECT_EQ(completion.error().code, ErrorCode::UnsupportedField);
  EXPECT_EQ(completion.error().where, "/tools/0/parameters/properties/a/not");
}

}  // namespace
}  // namespace suffice::providers
