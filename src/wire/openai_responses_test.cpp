// Requests and whole answers of the Responses dialect. Streams: openai_responses_stream_test.cpp.
#include "wire/openai_responses.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace suffice::wire {
namespace {

namespace bj = boost::json;

std::string with(std::string_view members) {
  return R"({"model":"m","input":"hi")" + (members.empty() ? "" : "," + std::string(members)) + "}";
}

std::string with_input(std::string_view items) { return R"({"model":"m","input":[)" + std::string(items) + "]}"; }

ResponsesRequest decoded(std::string_view body, const ItemLookup& lookup = nullptr) {
  auto request = decode_openai_responses_request(body, lookup);
  EXPECT_TRUE(request.has_value()) << body << ": " << (request ? "" : describe(request.error()));
  return request.value_or(ResponsesRequest{});
}

Message assistant_calling(std::vector<ToolCall> calls, std::string_view text = {}) {
  Message message;
  message.role = Role::Assistant;
  if (!text.empty()) message = Message::of(Role::Assistant, std::string(text));
  message.tool_calls = std::move(calls);
  return message;
}

Message tool_result(std::string id, std::string text) {
  Message message = Message::of(Role::Tool, std::move(text));
  message.tool_call_id = std::move(id);
  return message;
}

TEST(ResponsesRequest, ReadsEveryFieldItKnows) {
  const ResponsesRequest request = decoded(R"({
    "model": "suffice/auto", "instructions": "be brief",
    "input": [{"role": "user", "content": [{"type": "input_text", "text": "see"},
               {"type": "input_image", "image_url": "data:,x", "detail": "low"},
               {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA"}]}],
    "tools": [{"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true}],
    "tool_choice": {"type": "function", "name": "f"}, "parallel_tool_calls": false,
    "text": {"format": {"type": "json_schema", "name": "s", "strict": true, "schema": {"type": "object"}, "description": "an order"},
             "verbosity": "low"},
    "temperature": 0.5, "top_p": 1, "max_output_tokens": 9, "max_tool_calls": 3, "metadata": {"task": "t"}, "user": "u",
    "store": false, "include": ["message.output_text.logprobs", "reasoning.encrypted_content"], "top_logprobs": 3,
    "truncation": "disabled", "reasoning": {"effort": "low", "summary": null}, "service_tier": "flex", "stream": true,
    "stream_options": {"include_obfuscation": false}, "background": false, "prompt_cache_key": "k", "previous_response_id": null
  })");
  const ChatRequest& chat = request.chat;

  EXPECT_EQ(chat.model, "suffice/auto");
  ASSERT_EQ(chat.messages.size(), 2U);
  EXPECT_EQ(chat.messages[0], Message::of(Role::System, "be brief"));
  ASSERT_EQ(chat.messages[1].content.size(), 3U);
  EXPECT_EQ(chat.messages[1].content[1].raw.text,
            R"({"type":"image_url","image_url":{"url":"data:,x","detail":"low"}})");
  EXPECT_EQ(chat.messages[1].content[2].raw.text,
            R"({"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,AA"}})");
  EXPECT_EQ(chat.tools, (std::vector<ToolDefinition>{{"f", "d", JsonText{R"({"type":"object"})"}, true}}));
  EXPECT_EQ(chat.tool_choice, (ToolChoice{ToolChoice::Kind::Named, "f"}));
  EXPECT_EQ(chat.parallel_tool_calls, false);
  EXPECT_EQ(chat.response_format.kind, ResponseFormat::Kind::JsonSchema);
  EXPECT_EQ(chat.response_format.schema.text, R"({"description":"an order","type":"object"})");
  EXPECT_EQ(chat.response_format.strict, true);
  EXPECT_EQ(chat.sampling.temperature, 0.5);
  EXPECT_EQ(chat.sampling.top_p, 1);
  EXPECT_EQ(chat.sampling.max_tokens, 9);
  EXPECT_EQ(chat.metadata.at("task"), "t");
  EXPECT_EQ(chat.user, "u");
  EXPECT_TRUE(chat.logprobs);
  EXPECT_EQ(chat.top_logprobs, 3);
  EXPECT_TRUE(chat.stream);
  EXPECT_EQ(chat.extra.text,
            R"({"verbosity":"low","reasoning_effort":"low","service_tier":"flex","prompt_cache_key":"k"})");
  EXPECT_FALSE(request.items_may_be_kept);
}

TEST(ResponsesRequest, AStringIsOneUserMessage) {
  EXPECT_EQ(decoded(with("")).chat.messages, (std::vector{Message::of(Role::User, "hi")}));
  EXPECT_TRUE(decoded(with("")).items_may_be_kept);
}

TEST(ResponsesRequest, CallsThatFollowEachOtherAreOneAssistantMessage) {
  const auto chat = decoded(with_input(R"(
    {"type":"message","role":"user","content":"go"},
    {"type":"message","role":"assistant","id":"msg_1","status":"completed","content":[{"type":"output_text","text":"wait","annotations":[]}]},
    {"type":"function_call","id":"fc_1","call_id":"a","name":"f","arguments":"{}","status":"completed"},
    {"type":"function_call","call_id":"b","name":"g","arguments":"{\"x\":1}"},
    {"type":"function_call_output","call_id":"a","output":"1"},
    {"type":"function_call_output","call_id":"b","output":[{"type":"input_text","text":"2"}]},
    {"type":"reasoning","id":"rs_1","summary":[]},
    {"type":"function_call","call_id":"c","name":"f","arguments":"{}"},
    {"type":"function_call_output","call_id":"c","output":"3"})"))
                        .chat;

  EXPECT_EQ(chat.messages,
            (std::vector{Message::of(Role::User, "go"),
                         assistant_calling({{"a", "f", "{}"}, {"b", "g", "{\"x\":1}"}}, "wait"), tool_result("a", "1"),
                         tool_result("b", "2"), assistant_calling({{"c", "f", "{}"}}), tool_result("c", "3")}));
}

TEST(ResponsesRequest, TextAfterACallJoinsItsMessage) {
  const auto chat = decoded(with_input(R"(
    {"role":"user","content":"go"}, {"type":"function_call","call_id":"a","name":"f","arguments":"{}"},
    {"role":"assistant","content":"wait"}, {"type":"function_call_output","call_id":"a","output":"1"})"))
                        .chat;

  EXPECT_EQ(chat.messages[1], assistant_calling({{"a", "f", "{}"}}, "wait"));
  EXPECT_EQ(chat.messages[2], tool_result("a", "1"));
}

TEST(ResponsesRequest, AReferenceStandsForTheItemThatIsHeld) {
  const ItemLookup lookup = [](std::string_view id) -> std::optional<std::string> {
    if (id != "fc_1") return std::nullopt;
    return R"({"id":"fc_1","type":"function_call","status":"completed","call_id":"a","name":"f","arguments":"{}"})";
  };
  const auto chat = decoded(with_input(R"({"role":"user","content":"go"}, {"type":"item_reference","id":"fc_1"},
    {"type":"function_call_output","call_id":"a","output":"1"})"),
                            lookup)
                        .chat;
  EXPECT_EQ(chat.messages[1], assistant_calling({{"a", "f", "{}"}}));

  const auto missing =
      decode_openai_responses_request(with_input(R"({"role":"user","content":"go"},{"id":"fc_2"})"), lookup);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::UnsupportedField);
  EXPECT_EQ(missing.error().where, "input[1].id");
}

TEST(ResponsesRequest, AllowedToolsAreTheOnlyOnesThatStay) {
  const auto chat = decoded(with(R"("tools":[{"type":"function","name":"f"},{"type":"function","name":"g"}],
    "tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"g"}]})"))
                        .chat;

  ASSERT_EQ(chat.tools.size(), 1U);
  EXPECT_EQ(chat.tools[0].name, "g");
  EXPECT_EQ(chat.tool_choice.kind, ToolChoice::Kind::Required);
}

struct Refused {
  std::string_view name;
  std::string body;
  std::string_view where;
  ErrorCode code = ErrorCode::UnsupportedField;
};

TEST(ResponsesRequest, WhatCannotBeHonouredIsRefusedByName) {
  const std::vector<Refused> cases = {
      {"stored", with(R"("store":true)"), "store"},
      {"background", with(R"("background":true)"), "background"},
      {"previous answer", with(R"("previous_response_id":"resp_1")"), "previous_response_id"},
      {"conversation", with(R"("conversation":"conv_1")"), "conversation"},
      {"template", with(R"("prompt":{"id":"p"})"), "prompt"},
      {"cut input", with(R"("truncation":"auto")"), "truncation"},
      {"summary", with(R"("reasoning":{"summary":"auto"})"), "reasoning.summary"},
      {"unknown reasoning", with(R"("reasoning":{"depth":1})"), "reasoning.depth"},
      {"padding", with(R"("stream":true,"stream_options":{"include_obfuscation":true})"),
       "stream_options.include_obfuscation"},
      {"include", with(R"("include":["file_search_call.results"])"), "include[0]"},
      {"built-in tool", with(R"("tools":[{"type":"web_search_preview"}])"), "tools[0].type"},
      {"deferred tool", with(R"("tools":[{"type":"function","name":"f","defer_loading":true}])"),
       "tools[0].defer_loading"},
      {"built-in choice", with(R"("tool_choice":{"type":"file_search"})"), "tool_choice.type"},
      {"chat's name", with(R"("messages":[])"), "messages"},
      {"unknown field", with(R"("colour":"red")"), "colour"},
      {"field that is text", with(R"("please tell me":1)"), ""},
      {"file id", with_input(R"({"role":"user","content":[{"type":"input_image","file_id":"f"}]})"),
       "input[0].content[0].file_id"},
      {"file url", with_input(R"({"role":"user","content":[{"type":"input_file","file_url":"http://x"}]})"),
       "input[0].content[0].file_url"},
      {"audio", with_input(R"({"role":"user","content":[{"type":"input_audio"}]})"), "input[0].content[0].type"},
      {"part's field", with_input(R"({"role":"user","content":[{"type":"input_text","text":"a","loud":true}]})"),
       "input[0].content[0].loud"},
      {"built-in item", with_input(R"({"type":"web_search_call","id":"w"})"), "input[0].type"},
      {"image of a tool", with_input(R"({"type":"function_call","call_id":"a","name":"f","arguments":"{}"},
                     {"type":"function_call_output","call_id":"a","output":[{"type":"input_image","image_url":"data:,x"}]})"),
       "input[1].output[0]"},
      {"no model", R"({"input":"hi"})", "model", ErrorCode::MalformedRequest},
      {"no input", R"({"model":"m"})", "input", ErrorCode::MalformedRequest},
      {"empty input", with_input(""), "input", ErrorCode::MalformedRequest},
      {"only reasoning", with_input(R"({"type":"reasoning","id":"r","summary":[]})"), "input",
       ErrorCode::MalformedRequest},
      {"input of another type", R"({"model":"m","input":3})", "input", ErrorCode::MalformedRequest},
      {"role", with_input(R"({"role":"tool","content":"x"})"), "input[0].role", ErrorCode::MalformedRequest},
      {"no content", with_input(R"({"role":"user"})"), "input[0].content", ErrorCode::MalformedRequest},
      {"output of no call", with_input(R"({"type":"function_call_output","call_id":"a","output":"x"})"),
       "input[0].call_id", ErrorCode::MalformedRequest},
      {"temperature", with(R"("temperature":3)"), "temperature", ErrorCode::MalformedRequest},
      {"tokens", with(R"("max_output_tokens":0)"), "max_output_tokens", ErrorCode::MalformedRequest},
      {"rivals of nothing", with(R"("top_logprobs":2)"), "top_logprobs", ErrorCode::MalformedRequest},
      {"choice of nothing", with(R"("tool_choice":{"type":"function","name":"f"})"), "tool_choice.name",
       ErrorCode::MalformedRequest},
      {"required of nothing", with(R"("tool_choice":"required")"), "tool_choice", ErrorCode::MalformedRequest},
      {"format", with(R"("text":{"format":{"type":"xml"}})"), "text.format.type", ErrorCode::MalformedRequest},
      {"format without schema", with(R"("text":{"format":{"type":"json_schema","name":"s"}})"), "text.format.schema",
       ErrorCode::MalformedRequest},
      {"no JSON", "{", "offset 1", ErrorCode::MalformedJson},
  };
  for (const Refused& one : cases) {
    const auto request = decode_openai_responses_request(one.body);
    ASSERT_FALSE(request.has_value()) << one.name;
    EXPECT_EQ(request.error().code, one.code) << one.name;
    if (one.code != ErrorCode::MalformedJson) EXPECT_EQ(request.error().where, one.where) << one.name;
    EXPECT_EQ(describe(request.error()).find("please"), std::string::npos) << "what a caller wrote is not repeated";
  }
}

TEST(ResponsesRequest, BuiltInToolsAreNamedInTheRefusal) {
  const auto request = decode_openai_responses_request(with(R"("tools":[{"type":"web_search_2025_08_26"}])"));
  ASSERT_FALSE(request.has_value());
  EXPECT_NE(request.error().message.find("web_search"), std::string::npos);
}

ResponsesMeta meta_of(std::string_view body = R"({"model":"m","input":"hi"})") {
  ResponsesMeta meta;
  meta.id = "resp_1";
  meta.created = 1700000000;
  meta.model = "suffice/auto";
  meta.item_seed = "s";
  meta.echo = decoded(body).echo;
  return meta;
}

bj::object object_of(const std::string& text) {
  const auto value = parse_json(text);
  EXPECT_TRUE(value.has_value()) << text;
  return value && value->is_object() ? value->get_object() : bj::object();
}

TEST(ResponsesAnswer, CarriesEveryFieldOfThePublishedObject) {
  Completion completion;
  completion.text = "hello";
  completion.finish = FinishReason::Stop;
  completion.usage = Usage{.input_tokens = 7, .cached_input_tokens = 2, .output_tokens = 3, .reasoning_tokens = 1};

  const ResponsesAnswer answer = encode_openai_response(completion, meta_of(), 1700000002);

  const bj::object body = object_of(answer.body);
  for (const std::string_view name : {"id",
                                      "object",
                                      "created_at",
                                      "completed_at",
                                      "status",
                                      "error",
                                      "incomplete_details",
                                      "instructions",
                                      "model",
                                      "output",
                                      "max_output_tokens",
                                      "max_tool_calls",
                                      "parallel_tool_calls",
                                      "previous_response_id",
                                      "reasoning",
                                      "service_tier",
                                      "store",
                                      "temperature",
                                      "text",
                                      "tool_choice",
                                      "tools",
                                      "top_logprobs",
                                      "top_p",
                                      "truncation",
                                      "usage",
                                      "metadata",
                                      "background"}) {
    EXPECT_TRUE(body.contains(name)) << name;
  }
  EXPECT_EQ(body.at("status"), "completed");
  EXPECT_EQ(body.at("completed_at"), 1700000002);
  EXPECT_EQ(body.at("tool_choice"), "auto");
  EXPECT_EQ(body.at("parallel_tool_calls"), true);
  EXPECT_EQ(body.at("store"), false);
  EXPECT_EQ(to_json_text(body.at("output")).text,
            R"([{"id":"msg_s","type":"message","status":"completed","role":"assistant","content":[)"
            R"({"type":"output_text","text":"hello","annotations":[],"logprobs":[]}]}])");
  EXPECT_EQ(to_json_text(body.at("usage")).text,
            R"({"input_tokens":7,"input_tokens_details":{"cached_tokens":2},"output_tokens":3,)"
            R"("output_tokens_details":{"reasoning_tokens":1},"total_tokens":10})");
  ASSERT_EQ(answer.items.size(), 1U);
  EXPECT_EQ(answer.items[0].id, "msg_s");
}

TEST(ResponsesAnswer, RepeatsWhatTheRequestSaid) {
  const bj::object body =
      object_of(encode_openai_response(
                    Completion{}, meta_of(with(R"("instructions":"be brief","temperature":0.5,"max_output_tokens":5,
        "tools":[{"type":"function","name":"f"}],"tool_choice":"required","parallel_tool_calls":false,"metadata":{"a":"b"},
        "text":{"format":{"type":"json_object"},"verbosity":"low"},"user":"u","reasoning":{"effort":"low"})")),
                    1)
                    .body);

  EXPECT_EQ(body.at("instructions"), "be brief");
  EXPECT_EQ(body.at("temperature"), 0.5);
  EXPECT_EQ(body.at("max_output_tokens"), 5);
  EXPECT_EQ(to_json_text(body.at("tools")).text,
            R"([{"type":"function","name":"f","description":null,"parameters":null,"strict":null}])");
  EXPECT_EQ(body.at("tool_choice"), "required");
  EXPECT_EQ(body.at("parallel_tool_calls"), false);
  EXPECT_EQ(to_json_text(body.at("metadata")).text, R"({"a":"b"})");
  EXPECT_EQ(to_json_text(body.at("text")).text, R"({"format":{"type":"json_object"},"verbosity":"low"})");
  EXPECT_EQ(to_json_text(body.at("reasoning")).text, R"({"effort":"low","summary":null})");
  EXPECT_EQ(body.at("user"), "u");
}

TEST(ResponsesAnswer, ToolCallsAreItemsOfTheirOwn) {
  Completion completion;
  completion.tool_calls = {{"call_1", "f", "{}"}, {"", "g", "{\"x\":1}"}};
  completion.finish = FinishReason::ToolCalls;

  const ResponsesAnswer answer = encode_openai_response(completion, meta_of(), 1);

  const bj::object body = object_of(answer.body);
  const bj::array& output = body.at("output").as_array();
  ASSERT_EQ(output.size(), 2U);
  EXPECT_EQ(
      answer.items[0].json,
      R"({"id":"fc_s","type":"function_call","status":"completed","call_id":"call_1","name":"f","arguments":"{}"})");
  EXPECT_EQ(output[1].at("id"), "fc_s_1");
  EXPECT_FALSE(output[1].at("call_id").as_string().empty());
}

TEST(ResponsesAnswer, WhatWasCutShortIsIncomplete) {
  struct Case {
    FinishReason finish;
    std::string_view status;
    std::string_view reason;
  };
  for (const Case& one : {Case{FinishReason::Length, "incomplete", "max_output_tokens"},
                          Case{FinishReason::LowConfidence, "incomplete", "max_output_tokens"},
                          Case{FinishReason::ContentFilter, "incomplete", "content_filter"},
                          Case{FinishReason::Unknown, "completed", ""}}) {
    Completion completion;
    completion.text = "cut";
    completion.finish = one.finish;
    const bj::object body = object_of(encode_openai_response(completion, meta_of(), 1).body);
    EXPECT_EQ(body.at("status").as_string(), one.status);
    EXPECT_EQ(body.at("output").at(0).at("status").as_string(), one.status);
    EXPECT_EQ(body.at("completed_at").is_null(), !one.reason.empty());
    if (!one.reason.empty()) EXPECT_EQ(body.at("incomplete_details").at("reason").as_string(), one.reason);
    EXPECT_FALSE(body.contains("usage")) << "unknown usage is not made up";
  }
}

TEST(ResponsesAnswer, RefusalsAndLogprobsHaveTheirOwnPlaces) {
  Completion completion;
  completion.refusal = "no";
  const bj::object refused = object_of(encode_openai_response(completion, meta_of(), 1).body);
  EXPECT_EQ(to_json_text(refused.at("output").at(0).at("content")).text, R"([{"type":"refusal","refusal":"no"}])");

  completion = {};
  completion.text = "x";
  completion.logprobs = {{.token = "x", .logprob = -0.5, .top = {{"y", -1}}}};
  ResponsesMeta meta = meta_of();
  meta.include_logprobs = true;
  const bj::object sure = object_of(encode_openai_response(completion, meta, 1).body);
  EXPECT_EQ(
      to_json_text(sure.at("output").at(0).at("content").at(0).at("logprobs")).text,
      R"([{"token":"x","logprob":-0.5,"bytes":[120],"top_logprobs":[{"token":"y","logprob":-1,"bytes":[121]}]}])");
}

TEST(ResponsesAnswer, ItsItemsCanBeSentBack) {
  Completion completion;
  completion.text = "wait";
  completion.tool_calls = {{"a", "f", "{}"}};
  const ResponsesAnswer answer = encode_openai_response(completion, meta_of(), 1);

  const auto chat =
      decoded(with_input(R"({"role":"user","content":"go"},)" + answer.items[0].json + "," + answer.items[1].json +
                         R"(,{"type":"function_call_output","call_id":"a","output":"1"})"))
          .chat;

  EXPECT_EQ(chat.messages[1], assistant_calling({{"a", "f", "{}"}}, "wait"));
}

}  // namespace
}  // namespace suffice::wire
