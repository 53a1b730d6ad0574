#include "wire/anthropic_messages.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/openai_chat.hpp"

namespace suffice::wire {
namespace {

namespace bj = boost::json;

ChatRequest request_of(std::string_view members, std::string_view messages = R"([{"role":"user","content":"hi"}])") {
  const std::string body = R"({"model":"claude-x","messages":)" + std::string(messages) +
                           (members.empty() ? "" : "," + std::string(members)) + "}";
  auto request = decode_openai_chat_request(body);
  EXPECT_TRUE(request.has_value()) << body;
  return request.value_or(ChatRequest{});
}

bj::value encoded(const ChatRequest& request, const AnthropicRequestOptions& options = {}) {
  const auto text = encode_anthropic_request(request, options);
  EXPECT_TRUE(text.has_value()) << (text ? "" : describe(text.error()));
  return text ? *parse_json(*text) : bj::value();
}

TEST(AnthropicRequest, TranslatesAConversationWithTools) {
  const ChatRequest request = request_of(
      R"("tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}],"tool_choice":"required",
         "parallel_tool_calls":false,"temperature":1.5,"top_p":0.9,"stop":"END","max_tokens":7,"user":"u","seed":3)",
      R"([{"role":"system","content":"a"},{"role":"developer","content":"b"},
          {"role":"user","content":[{"type":"text","text":"see"},{"type":"image_url","image_url":{"url":"data:image/png;base64,QUJD"}}]},
          {"role":"assistant","content":null,"tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{\"x\": 1}"}},
                                                             {"id":"t2","type":"function","function":{"name":"f","arguments":""}}]},
          {"role":"tool","tool_call_id":"t1","content":"one"},{"role":"tool","tool_call_id":"t2","content":"two"},
          {"role":"user","content":"go on"}])");
  AnthropicRequestOptions options;
  options.stream = true;

  EXPECT_EQ(encoded(request, options), *parse_json(R"({
    "model":"claude-x","max_tokens":7,"system":"a\n\nb",
    "messages":[
      {"role":"user","content":[{"type":"text","text":"see"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"QUJD"}}]},
      {"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f","input":{"x":1}},{"type":"tool_use","id":"t2","name":"f","input":{}}]},
      {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"one"}]},
                                {"type":"tool_result","tool_use_id":"t2","content":[{"type":"text","text":"two"}]},
                                {"type":"text","text":"go on"}]}],
    "tools":[{"name":"f","description":"d","input_schema":{"type":"object"}}],
    "tool_choice":{"type":"any","disable_parallel_tool_use":true},
    "temperature":1,"stop_sequences":["END"],"metadata":{"user_id":"u"},"stream":true})"));
}

TEST(AnthropicRequest, AlwaysStatesMaxTokens) {
  AnthropicRequestOptions options;
  options.default_max_tokens = 55;
  EXPECT_EQ(encoded(request_of(""), options).at("max_tokens"), 55);
}

TEST(AnthropicRequest, SendsASchemaOnlyWhereTheModelTakesIt) {
  const ChatRequest request =
      request_of(R"("response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"type":"object"}}})");
  AnthropicRequestOptions options;
  EXPECT_FALSE(encoded(request, options).as_object().contains("output_config"));
  options.structured_outputs = true;
  EXPECT_EQ(encoded(request, options).at("output_config").at("format").at("schema"), (bj::object{{"type", "object"}}));
  options = {};
  options.schema_enforced_elsewhere = false;
  EXPECT_EQ(encode_anthropic_request(request, options).error().where, "response_format");
}

TEST(AnthropicRequest, CountsTokensOfThePromptAlone) {
  const ChatRequest request = request_of(R"("max_tokens":9,"temperature":0.5,"stop":["x"],"stream":true,"user":"u")");
  AnthropicRequestOptions options;
  options.body = AnthropicBody::CountTokens;

  const bj::value body = encoded(request, options);

  std::vector<std::string> names;
  for (const auto& member : body.as_object()) names.emplace_back(member.key());
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("model", "messages")) << "the API refuses other fields";
}

TEST(AnthropicTokenCount, IsReadAndNeverGuessed) {
  EXPECT_EQ(decode_anthropic_token_count(encode_anthropic_token_count(17)), 17);
  for (const std::string_view body : {"", "[]", "{}", R"({"input_tokens":-1})", R"({"input_tokens":"9"})"})
    EXPECT_EQ(decode_anthropic_token_count(body).error().code, ErrorCode::ProtocolError) << body;
}

struct RefusedCase {
  std::string_view name;
  ChatRequest request;
  ErrorCode code;
  std::string_view where;
};

TEST(AnthropicRequest, RefusesWhatItCannotExpress) {
  const std::vector<RefusedCase> cases = {
      {"n", request_of(R"("n":2)"), ErrorCode::UnsupportedField, "n"},
      {"logprobs", request_of(R"("logprobs":true)"), ErrorCode::UnsupportedField, "logprobs"},
      {"penalty", request_of(R"("presence_penalty":0.5)"), ErrorCode::UnsupportedField, "presence_penalty"},
      {"audio", request_of("", R"([{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}])"),
       ErrorCode::UnsupportedField, "messages[0].content"},
      {"system only", request_of("", R"([{"role":"system","content":"x"}])"), ErrorCode::MalformedRequest, "messages"},
      {"arguments",
       request_of(
           "",
           R"([{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":"[1"}}]}])"),
       ErrorCode::MalformedRequest, "messages[1].tool_calls"},
  };
  for (const RefusedCase& c : cases) {
    const auto text = encode_anthropic_request(c.request, {});
    ASSERT_FALSE(text.has_value()) << c.name;
    EXPECT_EQ(text.error().code, c.code) << c.name;
    EXPECT_EQ(text.error().where, c.where) << c.name;
  }
}

TEST(AnthropicResponse, CountsTheWholePromptAndKeepsToolCalls) {
  const auto completion = decode_anthropic_response(
      R"({"id":"msg_1","type":"message","role":"assistant","model":"claude-x",
          "content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"a"},{"type":"text","text":"b"},
                     {"type":"tool_use","id":"t","name":"f","input":{"x":[1]}}],
          "stop_reason":"tool_use","usage":{"input_tokens":5,"cache_creation_input_tokens":2,"cache_read_input_tokens":3,"output_tokens":4}})");

  ASSERT_TRUE(completion.has_value());
  EXPECT_EQ(completion->text, "ab");
  EXPECT_EQ(completion->tool_calls, (std::vector<ToolCall>{{"t", "f", R"({"x":[1]})"}}));
  EXPECT_EQ(completion->finish, FinishReason::ToolCalls);
  EXPECT_EQ(completion->usage, (Usage{.input_tokens = 10, .cached_input_tokens = 3, .output_tokens = 4}));
  EXPECT_EQ(completion->provider_request_id, "msg_1");
}

TEST(AnthropicResponse, MapsStopReasons) {
  const std::vector<std::pair<std::string, FinishReason>> cases = {
      {"end_turn", FinishReason::Stop},
      {"stop_sequence", FinishReason::Stop},
      {"max_tokens", FinishReason::Length},
      {"refusal", FinishReason::ContentFilter},
      {"model_context_window_exceeded", FinishReason::Length},
      {"new_word", FinishReason::Unknown}};
  for (const auto& [word, finish] : cases) {
    EXPECT_EQ(decode_anthropic_response(R"({"content":[],"stop_reason":")" + word + "\"}")->finish, finish) << word;
  }
}

TEST(AnthropicResponse, RefusesWhatIsNoAnswer) {
  for (const std::string_view body : {"", "[]", "{}", R"({"content":"x"})", R"({"content":[1]})"}) {
    EXPECT_EQ(decode_anthropic_response(body).error().code, ErrorCode::ProtocolError) << body;
  }
}

std::string sse(std::string_view type, std::string_view rest) {
  return "event: " + std::string(type) + "\ndata: {\"type\":\"" + std::string(type) + "\"" + std::string(rest) +
         "}\n\n";
}

std::string whole_stream() {
  return sse("message_start",
             R"(,"message":{"id":"msg_1","model":"claude-x","usage":{"input_tokens":9,"cache_read_input_tokens":1,"output_tokens":1}})") +
         sse("content_block_start", R"(,"index":0,"content_block":{"type":"text","text":""})") + sse("ping", "") +
         sse("content_block_delta", R"(,"index":0,"delta":{"type":"text_delta","text":"Hel"})") +
         sse("content_block_delta", R"(,"index":0,"delta":{"type":"text_delta","text":"lo"})") +
         sse("content_block_stop", R"(,"index":0)") +
         sse("content_block_start",
             R"(,"index":1,"content_block":{"type":"tool_use","id":"t1","name":"f","input":{}})") +
         sse("content_block_delta", R"(,"index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a\""})") +
         sse("content_block_delta", R"(,"index":1,"delta":{"type":"input_json_delta","partial_json":":1}"})") +
         sse("content_block_start",
             R"(,"index":2,"content_block":{"type":"tool_use","id":"t2","name":"g","input":{}})") +
         sse("message_delta", R"(,"delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":12})") +
         sse("message_stop", "");
}

TEST(AnthropicStream, GivesTheSameAnswerHoweverTheBytesAreSplit) {
  const std::string bytes = whole_stream();
  Completion expected;
  expected.text = "Hello";
  expected.tool_calls = {{"t1", "f", "{\"a\":1}"}, {"t2", "g", "{}"}};
  expected.finish = FinishReason::ToolCalls;
  expected.usage = Usage{.input_tokens = 10, .cached_input_tokens = 1, .output_tokens = 12};
  expected.model = "claude-x";
  expected.provider_request_id = "msg_1";
  for (std::size_t split = 0; split <= bytes.size(); ++split) {
    const auto decoder = make_anthropic_stream_decoder();
    std::vector<Delta> deltas;
    ASSERT_TRUE(decoder->feed(std::string_view(bytes).substr(0, split), deltas).has_value());
    ASSERT_TRUE(decoder->feed(std::string_view(bytes).substr(split), deltas).has_value());
    const auto completion = decoder->finish();
    ASSERT_TRUE(completion.has_value()) << split;
    EXPECT_EQ(*completion, expected) << split;
    EXPECT_EQ(deltas.size(), 6U);
    EXPECT_EQ(deltas[2].tool_calls, (std::vector<Delta::ToolCallPart>{{0, "t1", "f", ""}}));
    EXPECT_EQ(deltas[3].tool_calls, (std::vector<Delta::ToolCallPart>{{0, "", "", "{\"a\""}}));
  }
}

TEST(AnthropicStream, NeverTakesACutStreamForAnAnswer) {
  const std::string bytes = whole_stream();
  for (std::size_t cut = 0; cut < bytes.size() - 1; ++cut) {
    const auto decoder = make_anthropic_stream_decoder();
    std::vector<Delta> deltas;
    ASSERT_TRUE(decoder->feed(std::string_view(bytes).substr(0, cut), deltas).has_value());
    EXPECT_EQ(decoder->finish().error().code, ErrorCode::ConnectionClosed) << cut;
  }
}

TEST(AnthropicStream, PassesErrorsOn) {
  const std::vector<std::pair<std::string, ErrorCode>> cases = {
      {sse("error", R"(,"error":{"type":"overloaded_error","message":"Overloaded"})"), ErrorCode::UpstreamFailed},
      {sse("error", R"(,"error":{"type":"rate_limit_error","message":"x"})"), ErrorCode::RateLimited},
      {"data: {\n\n", ErrorCode::ProtocolError},
  };
  for (const auto& [bytes, code] : cases) {
    const auto decoder = make_anthropic_stream_decoder();
    std::vector<Delta> deltas;
    EXPECT_EQ(decoder->feed(bytes, deltas).error().code, code) << bytes;
    EXPECT_EQ(decoder->finish().error().code, code) << bytes;
  }
}

TEST(AnthropicError, MeansWhatTheProviderMeant) {
  const auto body = [](std::string_view type, std::string_view message) {
    return R"({"type":"error","error":{"type":")" + std::string(type) + R"(","message":")" + std::string(message) +
           "\"}}";
  };
  EXPECT_EQ(decode_anthropic_error(400, body("invalid_request_error", "prompt is too long: 9 tokens > 1 maximum")).code,
            ErrorCode::ContextOverflow);
  EXPECT_EQ(decode_anthropic_error(400, body("invalid_request_error", "max_tokens: field required")).code,
            ErrorCode::UpstreamRejected);
  EXPECT_EQ(decode_anthropic_error(401, body("authentication_error", "invalid x-api-key")).code,
            ErrorCode::UpstreamUnauthorized);
  EXPECT_EQ(decode_anthropic_error(404, body("not_found_error", "model: x")).code, ErrorCode::ModelUnavailable);
  EXPECT_EQ(decode_anthropic_error(429, body("rate_limit_error", "x")).code, ErrorCode::RateLimited);
  EXPECT_EQ(decode_anthropic_error(529, body("overloaded_error", "Overloaded")).code, ErrorCode::UpstreamFailed);
  EXPECT_EQ(decode_anthropic_error(502, "<html>").code, ErrorCode::UpstreamFailed);
}

}  // namespace
}  // namespace suffice::wire
