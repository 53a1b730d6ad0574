// The served side of Anthropic's dialect: requests read, answers and streams written. What is written is read back by our own client's side.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "wire/anthropic_messages.hpp"
#include "wire/sse.hpp"

namespace suffice::wire {
namespace {

namespace bj = boost::json;

std::string body_of(std::string_view members, std::string_view messages = R"([{"role":"user","content":"hi"}])") {
  return R"({"model":"suffice/chat","max_tokens":64,"messages":)" + std::string(messages) +
         (members.empty() ? "" : "," + std::string(members)) + "}";
}

ChatRequest decoded(std::string_view members, std::string_view messages = R"([{"role":"user","content":"hi"}])") {
  const std::string body = body_of(members, messages);
  auto request = decode_anthropic_request(body);
  EXPECT_TRUE(request.has_value()) << body << (request ? "" : describe(request.error()));
  return request.value_or(ChatRequest{});
}

TEST(AnthropicInbound, ReadsAConversationWithParallelToolsAndTheirResults) {
  const ChatRequest request =
      decoded(R"("system":"be brief","stop_sequences":["END"],"temperature":0.5,"top_p":0.9,"stream":true,
         "metadata":{"user_id":"u"},
         "tools":[{"name":"f","description":"d","input_schema":{"type":"object"},"strict":true},{"name":"g","type":"custom","input_schema":{}}],
         "tool_choice":{"type":"any","disable_parallel_tool_use":true})",
              R"([{"role":"user","content":[{"type":"text","text":"see"},
            {"type":"image","source":{"type":"base64","media_type":"image/png","data":"QUJD"}},
            {"type":"image","source":{"type":"url","url":"https://x/y.png"}}]},
          {"role":"assistant","content":[{"type":"text","text":"I call"},{"type":"tool_use","id":"t1","name":"f","input":{"x":1}},
                                         {"type":"tool_use","id":"t2","name":"g","input":{}}]},
          {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"one"},
                                    {"type":"tool_result","tool_use_id":"t2","is_error":true,"content":[{"type":"text","text":"no"}]},
                                    {"type":"text","text":"go on"}]}])");

  EXPECT_EQ(request.dialect, ApiDialect::Anthropic);
  ASSERT_EQ(request.messages.size(), 6U);
  EXPECT_EQ(request.messages[0], Message::of(Role::System, "be brief"));
  EXPECT_EQ(request.messages[1].content[1].raw.text,
            R"({"type":"image_url","image_url":{"url":"data:image/png;base64,QUJD"}})");
  EXPECT_EQ(request.messages[1].content[2].raw.text, R"({"type":"image_url","image_url":{"url":"https://x/y.png"}})");
  EXPECT_EQ(request.messages[2].text(), "I call");
  EXPECT_EQ(request.messages[2].tool_calls, (std::vector<ToolCall>{{"t1", "f", R"({"x":1})"}, {"t2", "g", "{}"}}));
  EXPECT_EQ(request.messages[3].tool_call_id, "t1");
  EXPECT_EQ(request.messages[3].text(), "one");
  EXPECT_TRUE(request.messages[4].tool_failed);
  EXPECT_EQ(request.messages[5], Message::of(Role::User, "go on"));
  EXPECT_EQ(request.tools[0].strict, true);
  EXPECT_EQ(request.tool_choice.kind, ToolChoice::Kind::Required);
  EXPECT_EQ(request.parallel_tool_calls, false);
  EXPECT_EQ(request.sampling.stop, std::vector<std::string>{"END"});
  EXPECT_EQ(request.sampling.max_tokens, 64);
  EXPECT_EQ(request.user, "u");
  EXPECT_TRUE(request.stream);
  EXPECT_TRUE(request.extra.empty());
}

TEST(AnthropicInbound, ReadsEveryToolChoice) {
  using Kind = ToolChoice::Kind;
  const std::string tools = R"("tools":[{"name":"f","input_schema":{}}],"tool_choice":)";
  EXPECT_EQ(decoded(tools + R"({"type":"auto"})").tool_choice.kind, Kind::Auto);
  EXPECT_EQ(decoded(tools + R"({"type":"any"})").tool_choice.kind, Kind::Required);
  EXPECT_EQ(decoded(tools + R"({"type":"none"})").tool_choice.kind, Kind::None);
  EXPECT_EQ(decoded(tools + R"({"type":"tool","name":"f"})").tool_choice, (ToolChoice{Kind::Named, "f"}));
  EXPECT_EQ(decoded(tools + R"({"type":"auto","disable_parallel_tool_use":false})").parallel_tool_calls, std::nullopt);
}

TEST(AnthropicInbound, ReadsAnOutputSchemaUnderBothItsNames) {
  const ChatRequest newer = decoded(R"("output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}})");
  const ChatRequest older = decoded(R"("output_format":{"type":"json_schema","schema":{"type":"object"}})");

  EXPECT_EQ(newer.response_format.kind, ResponseFormat::Kind::JsonSchema);
  EXPECT_EQ(newer.response_format.schema.text, R"({"type":"object"})");
  EXPECT_EQ(older.response_format, newer.response_format);
}

TEST(AnthropicInbound, KeepsWhatOnlyAnthropicKnowsForAnAnthropicModel) {
  const std::string_view messages =
      R"([{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}},
                                    {"type":"document","source":{"type":"text","media_type":"text/plain","data":"d"}}]},
          {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"b"}]},
          {"role":"user","content":"c"}])";
  const std::string_view members =
      R"("system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],"temperature":0.5,"top_p":0.9,
         "top_k":4,"thinking":{"type":"enabled","budget_tokens":1024},"service_tier":"auto",
         "output_config":{"effort":"low","format":{"type":"json_schema","schema":{"type":"object"}}})";

  const auto written = encode_anthropic_request(decoded(members, messages), {});

  ASSERT_TRUE(written.has_value()) << describe(written.error());
  bj::object expected = parse_json(body_of(members, messages))->as_object();
  // A plain string and one text block are the same to the API.
  expected["messages"].as_array()[2].as_object()["content"] = {{{"type", "text"}, {"text", "c"}}};
  EXPECT_EQ(*parse_json(*written), bj::value(expected)) << *written;
}

struct Refused {
  std::string_view name;
  std::string members;
  std::string messages;
  std::string_view where;
};

TEST(AnthropicInbound, RefusesByNameWhatItCannotHonour) {
  const std::string hi = R"([{"role":"user","content":"hi"}])";
  const std::vector<Refused> cases = {
      {"container", R"("container":"c1")", hi, "container"},
      {"mcp servers", R"("mcp_servers":[{"url":"https://x"}])", hi, "mcp_servers"},
      {"a base url", R"("base_url":"https://x")", hi, "base_url"},
      {"unknown metadata", R"("metadata":{"session":"x"})", hi, "metadata"},
      {"a server tool", R"("tools":[{"type":"web_search_20250305","name":"web_search"}])", hi, "tools[0].type"},
      {"deferred tools", R"("tools":[{"name":"f","input_schema":{},"defer_loading":true}])", hi,
       "tools[0].defer_loading"},
      {"input examples", R"("tools":[{"name":"f","input_schema":{},"input_examples":[{}]}])", hi,
       "tools[0].input_examples"},
      {"a file image", "", R"([{"role":"user","content":[{"type":"image","source":{"type":"file","file_id":"f"}}]}])",
       "messages[0].content[0].source.type"},
  };
  for (const Refused& one : cases) {
    const auto request = decode_anthropic_request(body_of(one.members, one.messages));
    ASSERT_FALSE(request.has_value()) << one.name;
    EXPECT_EQ(request.error().code, ErrorCode::UnsupportedField) << one.name;
    EXPECT_EQ(request.error().where, one.where) << one.name;
  }
}

TEST(AnthropicInbound, NamesThePlaceOfAMalformedField) {
  const std::string hi = R"([{"role":"user","content":"hi"}])";
  const std::vector<Refused> cases = {
      {"a foreign role", "", R"([{"role":"robot","content":"x"}])", "messages[0].role"},
      {"no messages", "", "[]", "messages"},
      {"empty content", "", R"([{"role":"user","content":[]}])", "messages[0].content"},
      {"a tool result without id", "", R"([{"role":"user","content":[{"type":"tool_result"}]}])",
       "messages[0].content[0].tool_use_id"},
      {"a tool use of the user", "",
       R"([{"role":"user","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]}])",
       "messages[0].content[0].type"},
      {"a temperature over one", R"("temperature":1.5)", hi, "temperature"},
      {"a tool without schema", R"("tools":[{"name":"f"}])", hi, "tools[0].input_schema"},
      {"an unknown tool", R"("tools":[{"name":"f","input_schema":{}}],"tool_choice":{"type":"tool","name":"g"})", hi,
       "tool_choice.name"},
      {"an empty stop", R"("stop_sequences":[""])", hi, "stop_sequences[0]"},
      {"a system image", R"("system":[{"type":"image","source":{"type":"url","url":"u"}}])", hi, "system"},
  };
  for (const Refused& one : cases) {
    const auto request = decode_anthropic_request(body_of(one.members, one.messages));
    ASSERT_FALSE(request.has_value()) << one.name;
    EXPECT_EQ(request.error().code, ErrorCode::MalformedRequest) << one.name;
    EXPECT_EQ(request.error().where, one.where) << one.name;
  }
}

TEST(AnthropicInbound, WantsMaxTokensForAMessageButNotForACount) {
  const std::string_view body = R"({"model":"m","messages":[{"role":"user","content":"hi"}]})";

  EXPECT_EQ(decode_anthropic_request(body).error().where, "max_tokens");
  EXPECT_TRUE(decode_anthropic_request(body, AnthropicBody::CountTokens).has_value());
}

Completion rich_answer() {
  Completion completion;
  completion.thinking = {{.text = "hm", .signature = "s"}, {.redacted = "x"}};
  completion.text = "Hell\xc3\xb6";
  completion.tool_calls = {{"t1", "f", R"({"a":1})"}, {"t2", "g", "{}"}};
  completion.finish = FinishReason::ToolCalls;
  completion.usage = Usage{.input_tokens = 9, .cached_input_tokens = 4, .output_tokens = 5};
  completion.model = "suffice/chat";
  completion.provider_request_id = "msg_1";
  return completion;
}

const AnthropicAnswerMeta kMeta{.id = "msg_1", .model = "suffice/chat"};

TEST(AnthropicAnswer, ReadsBackAsWhatWasWritten) {
  const auto again = decode_anthropic_response(encode_anthropic_response(rich_answer(), kMeta));

  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(*again, rich_answer());
}

TEST(AnthropicAnswer, SaysWhyItStopped) {
  struct Case {
    FinishReason finish;
    std::string stop_sequence;
    std::string refusal;
    std::string_view word;
  };
  const std::vector<Case> cases = {
      {FinishReason::Stop, "", "", "end_turn"},         {FinishReason::Stop, "END", "", "stop_sequence"},
      {FinishReason::Length, "", "", "max_tokens"},     {FinishReason::LowConfidence, "", "", "max_tokens"},
      {FinishReason::ContentFilter, "", "", "refusal"}, {FinishReason::Stop, "", "no", "refusal"},
      {FinishReason::Unknown, "", "", "end_turn"}};
  for (const Case& one : cases) {
    Completion completion;
    completion.finish = one.finish;
    completion.stop_sequence = one.stop_sequence;
    completion.refusal = one.refusal;
    const bj::value body = *parse_json(encode_anthropic_response(completion, kMeta));
    EXPECT_EQ(body.at("stop_reason"), bj::value(one.word));
    EXPECT_EQ(body.at("stop_sequence").is_null(), one.word != "stop_sequence");
  }
}

TEST(AnthropicAnswer, KeepsArgumentsThatAreNoObject) {
  Completion completion;
  completion.tool_calls = {{"t", "f", "not json"}, {"u", "g", "[1]"}, {"v", "h", ""}};
  const bj::value body = *parse_json(encode_anthropic_response(completion, kMeta));

  EXPECT_EQ(body.at("content").at(0).at("input").at("invalid_json"), "not json");
  EXPECT_EQ(body.at("content").at(1).at("input").at("invalid_json"), "[1]");
  EXPECT_EQ(body.at("content").at(2).at("input"), bj::object());
}

/// The deltas a provider would have sent for rich_answer().
std::vector<Delta> rich_deltas() {
  std::vector<Delta> deltas(8);
  deltas[0].thinking.text = "hm";
  deltas[1].thinking.signature = "s";
  deltas[2].thinking.redacted = "x";
  deltas[3].text = "Hell";
  deltas[4].text = "\xc3\xb6";
  deltas[5].tool_calls = {{.index = 0, .id = "t1", .name = "f", .arguments = "{\"a\""}};
  deltas[6].tool_calls = {{.index = 0, .id = "", .name = "", .arguments = ":1}"}};
  deltas[7].tool_calls = {{.index = 1, .id = "t2", .name = "g", .arguments = ""}};
  return deltas;
}

std::string streamed(const std::vector<Delta>& deltas, const Completion& completion) {
  AnthropicStreamWriter writer(kMeta);
  std::string out;
  writer.begin(out);
  for (const Delta& delta : deltas) writer.delta(delta, out);
  writer.end(completion, out);
  return out;
}

TEST(AnthropicStreamWriter, IsReadTheSameHoweverItsBytesAreSplit) {
  const std::string bytes = anthropic_ping() + streamed(rich_deltas(), rich_answer());

  for (std::size_t split = 0; split <= bytes.size(); ++split) {
    const auto decoder = make_anthropic_stream_decoder();
    std::vector<Delta> deltas;
    ASSERT_TRUE(decoder->feed(std::string_view(bytes).substr(0, split), deltas).has_value());
    ASSERT_TRUE(decoder->feed(std::string_view(bytes).substr(split), deltas).has_value());
    const auto completion = decoder->finish();
    ASSERT_TRUE(completion.has_value());
    ASSERT_EQ(*completion, rich_answer()) << "split at " << split;
  }
}

TEST(AnthropicStreamWriter, IsNeverAnAnswerWhenItIsCut) {
  const std::string bytes = streamed(rich_deltas(), rich_answer());

  for (std::size_t end = 0; end < bytes.size(); ++end) {
    const auto decoder = make_anthropic_stream_decoder();
    std::vector<Delta> deltas;
    ASSERT_TRUE(decoder->feed(std::string_view(bytes).substr(0, end), deltas).has_value());
    ASSERT_EQ(decoder->finish().error().code, ErrorCode::ConnectionClosed) << "cut at " << end;
  }
}

/// "type:index" of every event about a block.
std::vector<std::string> block_events(std::string_view bytes) {
  SseReader reader;
  std::vector<SseEvent> events;
  EXPECT_TRUE(reader.feed(bytes, events).has_value());
  std::vector<std::string> seen;
  for (const SseEvent& event : events) {
    const bj::value data = *parse_json(event.data);
    EXPECT_EQ(data.at("type"), bj::value(event.event));
    if (!event.event.starts_with("content_block")) continue;
    seen.push_back(event.event.substr(14) + ":" + std::to_string(data.at("index").as_int64()));
  }
  return seen;
}

TEST(AnthropicStreamWriter, OpensOneBlockAtATime) {
  const std::vector<std::string> expected = {"start:0", "delta:0", "delta:0", "stop:0",  // thinking and its signature
                                             "start:1", "stop:1",                        // redacted
                                             "start:2", "delta:2", "delta:2", "stop:2",  // text
                                             "start:3", "delta:3", "delta:3", "stop:3", "start:4", "stop:4"};
  EXPECT_EQ(block_events(streamed(rich_deltas(), rich_answer())), expected);
}

TEST(AnthropicStreamWriter, PutsInterleavedCallsAndLateTextInOrder) {
  std::vector<Delta> deltas(5);
  deltas[0].tool_calls = {{.index = 0, .id = "a", .name = "f", .arguments = "{"}};
  deltas[1].tool_calls = {{.index = 1, .id = "b", .name = "g", .arguments = "{\"y\":"}};
  deltas[2].text = "late";
  deltas[3].tool_calls = {{.index = 0, .id = "", .name = "", .arguments = "}"}};
  deltas[4].tool_calls = {{.index = 1, .id = "", .name = "", .arguments = "2}"}};
  Completion completion;
  completion.finish = FinishReason::ToolCalls;
  completion.tool_calls = {{"a", "f", "{}"}, {"b", "g", R"({"y":2})"}};

  const std::string bytes = streamed(deltas, completion);

  const auto decoder = make_anthropic_stream_decoder();
  std::vector<Delta> read;
  ASSERT_TRUE(decoder->feed(bytes, read).has_value());
  const auto again = decoder->finish();
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->tool_calls, completion.tool_calls);
  EXPECT_EQ(again->text, "late");
  const std::vector<std::string> expected = {"start:0", "delta:0", "delta:0", "stop:0",  "start:1", "delta:1",
                                             "delta:1", "stop:1",  "start:2", "delta:2", "stop:2"};
  EXPECT_EQ(block_events(bytes), expected);
}

TEST(AnthropicError, HasTheVendorsShape) {
  const Error error{.code = ErrorCode::MalformedRequest, .message = "is required", .where = "max_tokens"};
  const bj::value body = *parse_json(encode_anthropic_error(error, "invalid_request_error", "r1"));

  EXPECT_EQ(body.at("type"), "error");
  EXPECT_EQ(body.at("error").at("type"), "invalid_request_error");
  EXPECT_NE(body.at("error").at("message").as_string().find("max_tokens"), bj::string::npos);
  EXPECT_EQ(body.at("request_id"), "r1");
}

}  // namespace
}  // namespace suffice::wire
