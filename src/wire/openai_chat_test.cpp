// Requests, whole answers and errors of the OpenAI dialect. Streams: openai_stream_test.cpp.
#include "wire/openai_chat.hpp"

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace suffice::wire {
namespace {

namespace bj = boost::json;

std::string with(std::string_view members) {
  return R"({"model":"m","messages":[{"role":"user","content":"hi"}])" +
         (members.empty() ? "" : "," + std::string(members)) + "}";
}

ChatRequest decoded(std::string_view body) {
  auto request = decode_openai_chat_request(body);
  EXPECT_TRUE(request.has_value()) << body << ": " << (request ? "" : describe(request.error()));
  return request.value_or(ChatRequest{});
}

TEST(OpenAiRequest, ReadsEveryFieldItKnows) {
  const ChatRequest request = decoded(R"({
    "model": "suffice/auto",
    "messages": [
      {"role": "system", "content": "be brief"},
      {"role": "developer", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
      {"role": "user", "name": "ann", "content": [{"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": "data:,x"}}]},
      {"role": "assistant", "content": null, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}}]},
      {"role": "tool", "tool_call_id": "c1", "content": "42"},
      {"role": "assistant", "content": "", "refusal": "no"}
    ],
    "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true}}],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "parallel_tool_calls": false,
    "response_format": {"type": "json_schema", "json_schema": {"name": "s", "strict": true, "schema": {"type": "object"}}},
    "temperature": 0.5, "top_p": 1, "presence_penalty": -1, "frequency_penalty": 2, "max_completion_tokens": 9, "seed": -7,
    "stop": ["a", "b"], "n": 2, "logprobs": true, "top_logprobs": 3, "stream": true, "stream_options": {"include_usage": true},
    "metadata": {"task": "classify_issue"}, "user": "u", "reasoning_effort": "low", "store": null
  })");

  ASSERT_EQ(request.messages.size(), 6U);
  EXPECT_EQ(request.model, "suffice/auto");
  EXPECT_EQ(request.messages[0], Message::of(Role::System, "be brief"));
  EXPECT_EQ(request.messages[1].text(), "a\nb");
  EXPECT_EQ(request.messages[2].name, "ann");
  EXPECT_EQ(request.messages[2].content[1].kind, ContentPart::Kind::Image);
  EXPECT_EQ(request.messages[2].content[1].raw.text, R"({"type":"image_url","image_url":{"url":"data:,x"}})");
  EXPECT_TRUE(request.messages[3].content.empty());
  EXPECT_EQ(request.messages[3].tool_calls, (std::vector<ToolCall>{{"c1", "f", "{\"x\":1}"}}));
  EXPECT_EQ(request.messages[4].tool_call_id, "c1");
  EXPECT_EQ(request.messages[5].content[1].kind, ContentPart::Kind::Refusal);
  EXPECT_EQ(request.tools, (std::vector<ToolDefinition>{{"f", "d", JsonText{R"({"type":"object"})"}, true}}));
  EXPECT_EQ(request.tool_choice, (ToolChoice{ToolChoice::Kind::Named, "f"}));
  EXPECT_EQ(request.parallel_tool_calls, false);
  EXPECT_EQ(request.response_format,
            (ResponseFormat{ResponseFormat::Kind::JsonSchema, "s", JsonText{R"({"type":"object"})"}, true}));
  EXPECT_EQ(request.sampling.temperature, 0.5);
  EXPECT_EQ(request.sampling.top_p, 1.0);
  EXPECT_EQ(request.sampling.presence_penalty, -1.0);
  EXPECT_EQ(request.sampling.frequency_penalty, 2.0);
  EXPECT_EQ(request.sampling.max_tokens, 9);
  EXPECT_EQ(request.sampling.seed, -7);
  EXPECT_EQ(request.sampling.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(request.n, 2);
  EXPECT_TRUE(request.logprobs);
  EXPECT_EQ(request.top_logprobs, 3);
  EXPECT_TRUE(request.stream);
  EXPECT_TRUE(request.stream_usage);
  EXPECT_EQ(request.metadata.at("task"), "classify_issue");
  EXPECT_EQ(request.user, "u");
  EXPECT_EQ(request.extra.text, R"({"reasoning_effort":"low"})");
}

struct AcceptedCase {
  std::string_view name;
  std::string_view members;
};

TEST(OpenAiRequest, TakesNullForAbsentAndTheShapesThatClientsSend) {
  const std::vector<AcceptedCase> cases = {
      {"nothing more", ""},
      {"nulls",
       R"("tools":null,"stop":null,"max_tokens":null,"response_format":null,"stream":null,"metadata":null,"functions":null)"},
      {"stop as a string", R"("stop":"x")"},
      {"max_tokens twice and equal", R"("max_tokens":5,"max_completion_tokens":5)"},
      {"whole number written with a point", R"("max_tokens":5.0)"},
      {"text format", R"("response_format":{"type":"text"})"},
      {"json_object", R"("response_format":{"type":"json_object"})"},
      {"text modality", R"("modalities":["text"])"},
      {"no tools and tool_choice none", R"("tools":[],"tool_choice":"none")"},
  };
  for (const AcceptedCase& c : cases) {
    const auto request = decode_openai_chat_request(with(c.members));
    EXPECT_TRUE(request.has_value()) << c.name << ": " << (request ? "" : describe(request.error()));
  }
  EXPECT_EQ(decoded(with(R"("stop":"x")")).sampling.stop, std::vector<std::string>{"x"});
}

struct RefusedCase {
  std::string_view name;
  std::string body;
  ErrorCode code;
  std::string_view where;
};

TEST(OpenAiRequest, RefusesAndNamesTheField) {
  const auto bad = ErrorCode::MalformedRequest;
  const auto no = ErrorCode::UnsupportedField;
  const auto message = [](std::string_view text) { return R"({"model":"m","messages":[)" + std::string(text) + "]}"; };
  const std::vector<RefusedCase> cases = {
      {"not JSON", "{", ErrorCode::MalformedJson, "byte 1"},
      {"not an object", "[]", bad, ""},
      {"no model", R"({"messages":[]})", bad, "model"},
      {"no messages", R"({"model":"m"})", bad, "messages"},
      {"empty messages", message(""), bad, "messages"},
      {"message is text", message(R"("hi")"), bad, "messages[0]"},
      {"no role", message(R"({"content":"x"})"), bad, "messages[0].role"},
      {"unknown role", message(R"({"role":"user","content":"x"},{"role":"robot","content":"x"})"), bad,
       "messages[1].role"},
      {"old function role", message(R"({"role":"function","content":"x"})"), no, "messages[0].role"},
      {"no content", message(R"({"role":"user"})"), bad, "messages[0].content"},
      {"null user content", message(R"({"role":"user","content":null})"), bad, "messages[0].content"},
      {"number as content", message(R"({"role":"user","content":1})"), bad, "messages[0].content"},
      {"empty parts", message(R"({"role":"user","content":[]})"), bad, "messages[0].content"},
      {"part without type", message(R"({"role":"user","content":[{"text":"x"}]})"), bad, "messages[0].content[0].type"},
      {"text part without text", message(R"({"role":"user","content":[{"type":"text"}]})"), bad,
       "messages[0].content[0].text"},
      {"tool message without id", message(R"({"role":"tool","content":"x"})"), bad, "messages[0].tool_call_id"},
      {"custom tool call", message(R"({"role":"assistant","tool_calls":[{"id":"a","type":"custom"}]})"), no,
       "messages[0].tool_calls[0].type"},
      {"call without function", message(R"({"role":"assistant","tool_calls":[{"id":"a"}]})"), bad,
       "messages[0].tool_calls[0].function"},
      {"old function call", message(R"({"role":"assistant","content":"x","function_call":{"name":"f"}})"), no,
       "messages[0].function_call"},
      {"temperature too high", with(R"("temperature":2.1)"), bad, "temperature"},
      {"temperature as text", with(R"("temperature":"1")"), bad, "temperature"},
      {"max_tokens zero", with(R"("max_tokens":0)"), bad, "max_tokens"},
      {"max_tokens fraction", with(R"("max_tokens":1.5)"), bad, "max_tokens"},
      {"two maxima", with(R"("max_tokens":1,"max_completion_tokens":2)"), bad, "max_tokens"},
      {"n zero", with(R"("n":0)"), bad, "n"},
      {"top_logprobs without logprobs", with(R"("top_logprobs":1)"), bad, "top_logprobs"},
      {"top_logprobs over 20", with(R"("logprobs":true,"top_logprobs":21)"), bad, "top_logprobs"},
      {"stream as text", with(R"("stream":"yes")"), bad, "stream"},
      {"stream_options without stream", with(R"("stream_options":{"include_usage":true})"), bad, "stream_options"},
      {"empty stop", with(R"("stop":[""])"), bad, "stop"},
      {"stop as a number", with(R"("stop":3)"), bad, "stop"},
      {"unknown format", with(R"("response_format":{"type":"xml"})"), bad, "response_format.type"},
      {"schema missing", with(R"("response_format":{"type":"json_schema","json_schema":{"name":"x"}})"), bad,
       "response_format.json_schema.schema"},
      {"schema name missing", with(R"("response_format":{"type":"json_schema","json_schema":{"schema":{}}})"), bad,
       "response_format.json_schema.name"},
      {"tool of another type", with(R"("tools":[{"type":"web_search"}])"), no, "tools[0].type"},
      {"tool without name", with(R"("tools":[{"type":"function","function":{}}])"), bad, "tools[0].function.name"},
      {"tool choice without tools", with(R"("tool_choice":"required")"), bad, "tool_choice"},
      {"tool choice of nobody", with(R"("tool_choice":{"type":"function","function":{"name":"g"}})"), bad,
       "tool_choice.function"},
      {"metadata value", with(R"("metadata":{"a":1})"), bad, "metadata"},
      {"functions", with(R"("functions":[])"), no, "functions"},
      {"audio out", with(R"("modalities":["text","audio"])"), no, "modalities"},
      {"upstream by caller", with(R"("api_base":"http://evil")"), no, "api_base"},
      {"key by caller", with(R"("api_key":"x")"), no, "api_key"},
      {"duplicate member", with(R"("model":"m2")"), ErrorCode::MalformedJson, ""},
  };
  for (const RefusedCase& c : cases) {
    const auto request = decode_openai_chat_request(c.body);

    ASSERT_FALSE(request.has_value()) << c.name;
    EXPECT_EQ(request.error().code, c.code) << c.name;
    EXPECT_EQ(request.error().where, c.where) << c.name;
    EXPECT_FALSE(request.error().message.empty()) << c.name;
  }
}

TEST(OpenAiRequest, ErrorsNeverQuoteTheCaller) {
  const std::string secret = "hunter2-secret";
  const std::vector<std::string> bodies = {
      R"({"model":")" + secret + R"(","messages":[{"role":")" + secret + R"(","content":"x"}]})",
      with(R"("metadata":{")" + secret + R"(":1})"),
      with(R"("tool_choice":")" + secret + "\""),
      with(R"("response_format":{"type":")" + secret + "\"}"),
      "{\"" + secret,
  };
  for (const std::string& body : bodies) {
    const auto request = decode_openai_chat_request(body);
    ASSERT_FALSE(request.has_value()) << body;
    EXPECT_EQ(describe(request.error()).find(secret), std::string::npos) << describe(request.error());
  }
}

TEST(OpenAiRequest, IsReadBackAsItWasWritten) {
  const std::vector<std::string> bodies = {
      with(""),
      with(R"("temperature":0.7,"top_p":0.9,"max_tokens":10,"seed":1,"stop":["\n"],"n":3,"user":"u")"),
      with(
          R"("tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{}}}}}],"tool_choice":"auto","parallel_tool_calls":true)"),
      with(R"("response_format":{"type":"json_object"})"),
      with(
          R"("response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"enum":["a"]},"strict":false}})"),
      with(R"("logit_bias":{"50256":-100},"store":true,"metadata":{"k":"v \" w"},"service_tier":"auto","top_k":40)"),
      R"({"model":"m","messages":[
        {"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}},{"type":"input_audio","input_audio":{}}]},
        {"role":"assistant","content":"t","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"not json"}}]},
        {"role":"tool","tool_call_id":"1","content":"r"}]})",
  };
  for (const std::string& body : bodies) {
    const ChatRequest request = decoded(body);
    EXPECT_EQ(decoded(encode_openai_chat_request(request, {})), request) << body;
  }
}

TEST(OpenAiRequest, WritesWhatTheProviderIsAskedFor) {
  ChatRequest request = decoded(with(R"("max_tokens":7,"grammar":"root ::= \"x\"","metadata":{"task":"t"})"));
  OpenAiRequestOptions options;
  options.stream = true;
  options.logprobs = true;
  options.max_completion_tokens = true;
  options.guided_labels = {"a \"b\"", "c\\d"};
  request.top_logprobs = 2;

  const bj::object body = parse_json(encode_openai_chat_request(request, options))->as_object();

  EXPECT_EQ(body.at("stream"), true);
  EXPECT_EQ(body.at("stream_options"), (bj::object{{"include_usage", true}}));
  EXPECT_EQ(body.at("logprobs"), true);
  EXPECT_EQ(body.at("top_logprobs"), 2);
  EXPECT_EQ(body.at("max_completion_tokens"), 7);
  EXPECT_FALSE(body.contains("max_tokens"));
  EXPECT_FALSE(body.contains("metadata")) << "OpenAI refuses it without store";
  EXPECT_EQ(body.at("grammar"), R"(root ::= "a \"b\"" | "c\\d")");
}

OpenAiAnswerMeta meta() {
  OpenAiAnswerMeta m;
  m.id = "chatcmpl-1";
  m.created = 1700000000;
  m.model = "gpt-x";
  m.decision.task = "classify_issue";
  m.decision.route = Route::EscalatedAfterValidation;
  m.decision.reasons = {Reason::ConfidenceLow, Reason::SchemaInvalid};
  m.decision.model = "frontier";
  m.decision.event_id = "e1";
  m.decision.confidence = 0.5;
  m.decision.cost = Usd{150};
  m.decision.approval_required = {"deploy"};
  return m;
}

TEST(OpenAiResponse, HasEveryRequiredFieldOfThePublishedShape) {
  Completion completion;
  completion.text = "hello";
  completion.finish = FinishReason::Stop;
  completion.usage = Usage{.input_tokens = 10, .cached_input_tokens = 4, .output_tokens = 3, .reasoning_tokens = 1};

  EXPECT_EQ(
      encode_openai_chat_response(completion, meta()),
      R"({"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"gpt-x","choices":[{"index":0,)"
      R"("message":{"role":"assistant","content":"hello","refusal":null},"logprobs":null,"finish_reason":"stop"}],)"
      R"("usage":{"prompt_tokens":10,"completion_tokens":3,"total_tokens":13,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},)"
      R"("completion_tokens_details":{"reasoning_tokens":1,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},)"
      R"("suffice":{"task":"classify_issue","route":"escalated","reason":"confidence_low","reasons":["confidence_low","schema_invalid"],)"
      R"("model":"frontier","event_id":"e1","confidence":0.5,"cost_usd":0.00000015,"stand_in":false,"approval_required":["deploy"],"warning":null}})");
}

TEST(OpenAiResponse, TellsWhatAWorkflowDid) {
  Completion completion;
  completion.text = "16";
  OpenAiAnswerMeta told = meta();
  told.decision.workflow = "maker";
  told.decision.run_id = "r1";
  told.decision.used = {
      {.model = "mini", .local = true, .calls = 9, .input_tokens = 90, .output_tokens = 18, .cost = Usd{0}}};
  told.decision.details.text = R"({"answer":16})";

  EXPECT_THAT(
      encode_openai_chat_response(completion, told),
      ::testing::HasSubstr(
          R"("warning":null,"workflow":"maker","run_id":"r1","used":[{"model":"mini","local":true,"calls":9,"input_tokens":90,)"
          R"("output_tokens":18,"cost_usd":0}],"details":{"answer":16}}})"));
}

TEST(OpenAiResponse, IsReadBackAsItWasWritten) {
  Completion completion;
  completion.tool_calls = {{"call_1", "f", "{}"}, {"call_2", "g", "{\"a\":\"\\n\"}"}};
  completion.finish = FinishReason::ToolCalls;
  completion.usage = Usage{.input_tokens = 1, .output_tokens = 2};
  completion.model = "gpt-x";
  completion.provider_request_id = "chatcmpl-1";
  completion.logprobs =
      std::vector<TokenLogprob>{{"\xe2\x82", -0.5, {{"\xe2\x82", -0.5}, {"b", -1.25}}}, {"\xac", -0.25, {}}};
  OpenAiAnswerMeta m = meta();
  m.include_logprobs = true;

  const auto back = decode_openai_chat_response(encode_openai_chat_response(completion, m));

  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(*back, completion);
}

TEST(OpenAiResponse, WritesOneChoiceForEachCompletion) {
  Completion one;
  one.text = "a";
  one.usage = Usage{.input_tokens = 1, .output_tokens = 1};
  Completion two = one;
  two.text = "b";
  const std::vector<Completion> both = {one, two};

  const bj::value body = *parse_json(encode_openai_chat_response(both, meta()));

  EXPECT_EQ(body.at("choices").at(1).at("index"), 1);
  EXPECT_EQ(body.at("choices").at(1).at("message").at("content"), "b");
  EXPECT_EQ(body.at("usage").at("total_tokens"), 4);
}

TEST(OpenAiResponse, FollowsTheRulesOfContentAndFinishReason) {
  Completion completion;
  completion.tool_calls = {{"", "f", "{}"}};
  completion.finish = FinishReason::Stop;
  bj::value body = *parse_json(encode_openai_chat_response(completion, meta()));
  EXPECT_TRUE(body.at("choices").at(0).at("message").at("content").is_null());
  EXPECT_EQ(body.at("choices").at(0).at("finish_reason"), "tool_calls");
  EXPECT_FALSE(body.at("choices").at(0).at("message").at("tool_calls").at(0).at("id").as_string().empty());
  EXPECT_FALSE(body.as_object().contains("usage")) << "unknown usage is not zero usage";

  completion = {};
  completion.refusal = "I cannot";
  body = *parse_json(encode_openai_chat_response(completion, meta()));
  EXPECT_TRUE(body.at("choices").at(0).at("message").at("content").is_null());
  EXPECT_EQ(body.at("choices").at(0).at("message").at("refusal"), "I cannot");
  EXPECT_EQ(body.at("choices").at(0).at("finish_reason"), "stop");

  body = *parse_json(encode_openai_chat_response(Completion{}, meta()));
  EXPECT_EQ(body.at("choices").at(0).at("message").at("content"), "");
}

TEST(OpenAiResponse, WritesInfiniteLogprobsAsOpenAiDoes) {
  Completion completion;
  completion.text = "x";
  completion.logprobs = std::vector<TokenLogprob>{{"x", -std::numeric_limits<double>::infinity(), {}}};
  OpenAiAnswerMeta m = meta();
  m.include_logprobs = true;

  const bj::value body = *parse_json(encode_openai_chat_response(completion, m));

  EXPECT_EQ(body.at("choices").at(0).at("logprobs").at("content").at(0).at("logprob"), -9999);
}

TEST(OpenAiResponse, ReadsWhatOtherServersSend) {
  // llama-server: bytes beside the token, an id in each token, null details.
  const auto llama = decode_openai_chat_response(
      R"({"choices":[{"finish_reason":"stop","index":0,"message":{"role":"assistant","content":"Hi"},
          "logprobs":{"content":[{"id":1,"token":"Hi","bytes":[72,105],"logprob":-0.5,"top_logprobs":[]}]}}],
          "model":"m","usage":{"completion_tokens":1,"prompt_tokens":5,"total_tokens":6},"timings":{"prompt_ms":1.5}})");
  ASSERT_TRUE(llama.has_value());
  EXPECT_EQ(llama->logprobs->at(0).token, "Hi");
  EXPECT_EQ(llama->usage->input_tokens, 5);

  // Arguments as an object, no id, content absent.
  const auto loose = decode_openai_chat_response(
      R"({"id":"x","choices":[{"message":{"tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]},"finish_reason":"function_call"}]})");
  ASSERT_TRUE(loose.has_value());
  EXPECT_EQ(loose->tool_calls, (std::vector<ToolCall>{{"call_x_0", "f", R"({"a":1})"}}));
  EXPECT_EQ(loose->finish, FinishReason::ToolCalls);
  EXPECT_FALSE(loose->usage.has_value());

  const auto parts = decode_openai_chat_response(
      R"({"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},"finish_reason":"content_filter"}]})");
  ASSERT_TRUE(parts.has_value());
  EXPECT_EQ(parts->text, "ab");
  EXPECT_EQ(parts->finish, FinishReason::ContentFilter);
}

TEST(OpenAiResponse, RefusesWhatIsNoAnswer) {
  for (const std::string_view body : {"", "null", "[]", "{}", R"({"choices":[]})", R"({"choices":[{"text":"x"}]})",
                                      "<html>502</html>", R"({"choices":[{"message":{"tool_calls":[1]}}]})"}) {
    const auto completion = decode_openai_chat_response(body);
    ASSERT_FALSE(completion.has_value()) << body;
    EXPECT_EQ(completion.error().code, ErrorCode::ProtocolError) << body;
  }
  EXPECT_EQ(decode_openai_chat_response(R"({"error":{"message":"slow down","code":429}})").error().code,
            ErrorCode::RateLimited);
}

struct ErrorCase {
  std::string_view name;
  int status;
  std::string_view body;
  ErrorCode code;
  std::string_view says;
};

TEST(OpenAiError, MeansWhatTheProviderMeant) {
  const std::vector<ErrorCase> cases = {
      {"rate limit", 429, R"({"error":{"message":"Rate limit reached","type":"tokens","code":"rate_limit_exceeded"}})",
       ErrorCode::RateLimited, "rate_limit_exceeded"},
      {"bad key", 401,
       R"({"error":{"message":"Incorrect API key provided: sk-abc","type":"invalid_request_error","code":"invalid_api_key"}})",
       ErrorCode::UpstreamUnauthorized, "invalid_api_key"},
      {"forbidden", 403, "", ErrorCode::UpstreamUnauthorized, "403"},
      {"no model", 404, R"({"error":{"message":"no","type":"invalid_request_error","code":"model_not_found"}})",
       ErrorCode::ModelUnavailable, "model_not_found"},
      {"Azure deployment", 404,
       R"({"error":{"code":"DeploymentNotFound","message":"The API deployment does not exist."}})",
       ErrorCode::ModelUnavailable, "DeploymentNotFound"},
      {"context, OpenAI", 400,
       R"({"error":{"message":"This model's maximum context length is 8192 tokens.","type":"invalid_request_error","code":"context_length_exceeded"}})",
       ErrorCode::ContextOverflow, "context_length_exceeded"},
      {"context, llama-server", 400,
       R"({"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error","n_ctx":64}})",
       ErrorCode::ContextOverflow, "exceed_context_size_error"},
      {"context, vLLM", 400,
       R"({"object":"error","message":"This model's maximum context length is 10 tokens","type":"BadRequestError","code":400})",
       ErrorCode::ContextOverflow, "BadRequestError"},
      {"filter, Azure", 400,
       R"({"error":{"message":"The response was filtered: 'bomb'","type":null,"code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}}})",
       ErrorCode::ContentFiltered, "content_filter"},
      {"rejected", 400,
       R"({"error":{"message":"Unsupported parameter","type":"invalid_request_error","param":"x","code":null}})",
       ErrorCode::UpstreamRejected, "Unsupported parameter"},
      {"500", 500, R"({"error":{"message":"boom","type":"server_error"}})", ErrorCode::UpstreamFailed, "server_error"},
      {"503 HTML", 503, "<html>busy</html>", ErrorCode::UpstreamFailed, "503"},
      {"redirect", 302, "", ErrorCode::UpstreamFailed, "302"},
      {"error as text", 400, R"({"error":"no such field"})", ErrorCode::UpstreamRejected, "no such field"},
      {"in stream", 0, R"({"error":{"message":"The server had an error","type":"server_error"}})",
       ErrorCode::UpstreamFailed, "in the stream"},
      {"in stream, numbered", 0, R"({"error":{"code":429,"message":"Busy"}})", ErrorCode::RateLimited, "429"},
  };
  for (const ErrorCase& c : cases) {
    const Error error = decode_openai_error(c.status, c.body);

    EXPECT_EQ(error.code, c.code) << c.name << ": " << error.message;
    EXPECT_NE(error.message.find(c.says), std::string::npos) << c.name << ": " << error.message;
    if (c.status != 0) EXPECT_EQ(error.upstream_status, c.status) << c.name;
  }
}

TEST(OpenAiError, PassesNoKeyAndNoQuotation) {
  const std::vector<std::string> messages = {
      "Incorrect API key provided: sk-proj-abcdefgh12345678.",
      "Key abcdEFGH12345678ijklMNOP is not valid",
      "Invalid value: 'the user said hunter2'",
      "You wrote `hunter2` in messages[0]",
      "Bad request {\\\"content\\\":\\\"hunter2\\\"}",
      "line\\nhunter2",
      std::string(300, 'x') + " hunter2",
  };
  for (const std::string& message : messages) {
    const std::string body = R"({"error":{"type":"invalid_request_error","message":")" + message + "\"}}";
    ASSERT_TRUE(parse_json(body).has_value()) << body;
    const Error error = decode_openai_error(400, body);
    for (const std::string_view secret : {"sk-proj", "abcdEFGH", "hunter2"}) {
      EXPECT_EQ(error.message.find(secret), std::string::npos) << error.message;
    }
    EXPECT_NE(error.message.find("invalid_request_error"), std::string::npos);
  }
  const Error odd_type =
      decode_openai_error(400, R"({"error":{"type":"my prompt was hunter2","code":"sk-abcdef1234567890"}})");
  EXPECT_EQ(odd_type.message, "provider answered 400");
}

TEST(OpenAiError, IsWrittenInTheirShape) {
  Error error;
  error.code = ErrorCode::MalformedRequest;
  error.message = "is required";
  error.where = "messages";
  EXPECT_EQ(
      encode_openai_error(error, "invalid_request_error"),
      R"({"error":{"message":"messages: is required","type":"invalid_request_error","param":"messages","code":"malformed_request"}})");
  error = Error{};
  error.message = "x";
  EXPECT_EQ(encode_openai_error(error, "server_error"),
            R"({"error":{"message":"x","type":"server_error","param":null,"code":"internal"}})");
}

TEST(OpenAiModels, AreListed) {
  EXPECT_EQ(encode_openai_models({{"a", 1, "suffice"}}),
            R"({"object":"list","data":[{"id":"a","object":"model","created":1,"owned_by":"suffice"}]})");
  EXPECT_EQ(encode_openai_model({"a", 1, "suffice"}),
            R"({"id":"a","object":"model","created":1,"owned_by":"suffice"})");
}

}  // namespace
}  // namespace suffice::wire
