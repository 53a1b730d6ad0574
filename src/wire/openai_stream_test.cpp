// Streams of the OpenAI dialect, read and written, split at every byte.
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "wire/openai_chat.hpp"

namespace suffice::wire {
namespace {

namespace bj = boost::json;

/// What came out of a decoder: deltas joined, and the end.
struct Outcome {
  std::string text;
  std::vector<Delta::ToolCallPart> parts;
  Result<Completion> completion = fail(ErrorCode::Internal, "not run");
};

Outcome read(std::string_view bytes, std::size_t split = 0) {
  const auto decoder = make_openai_chat_stream_decoder();
  std::vector<Delta> deltas;
  Outcome outcome;
  Result<void> fed = decoder->feed(bytes.substr(0, split), deltas);
  if (fed) fed = decoder->feed(bytes.substr(split), deltas);
  for (const Delta& delta : deltas) {
    outcome.text += delta.text;
    outcome.parts.insert(outcome.parts.end(), delta.tool_calls.begin(), delta.tool_calls.end());
  }
  outcome.completion = decoder->finish();
  if (!fed) EXPECT_EQ(outcome.completion.error(), fed.error()) << "a failed stream stays failed";
  return outcome;
}

std::string event(std::string_view json) { return "data: " + std::string(json) + "\n\n"; }
std::string text_chunk(std::string_view text) {
  return event(R"({"id":"c","model":"m","choices":[{"index":0,"delta":{"content":")" + std::string(text) +
               R"("},"finish_reason":null}]})");
}
std::string call_chunk(std::string_view call) {
  return event(R"({"id":"c","choices":[{"index":0,"delta":{"tool_calls":[)" + std::string(call) + "]}}]}");
}
const std::string kRole =
    event(R"({"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":null}}]})");
const std::string kStop = event(R"({"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})");
const std::string kUsage =
    event(R"({"id":"c","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}})");
const std::string kDone = "data: [DONE]\n\n";

TEST(OpenAiStreamDecoder, GivesTheSameAnswerHoweverTheBytesAreSplit) {
  const std::string bytes =
      ": ping\n\n" + kRole + text_chunk("Hel") + text_chunk("l\\u00f6 \xf0\x9f\x98\x80") + kStop + kUsage + kDone;
  Completion expected;
  expected.text = "Hell\xc3\xb6 \xf0\x9f\x98\x80";
  expected.finish = FinishReason::Stop;
  expected.usage = Usage{.input_tokens = 3, .output_tokens = 2};
  expected.model = "m";
  expected.provider_request_id = "c";
  for (std::size_t split = 0; split <= bytes.size(); ++split) {
    const Outcome outcome = read(bytes, split);
    ASSERT_TRUE(outcome.completion.has_value()) << split;
    EXPECT_EQ(*outcome.completion, expected) << split;
    EXPECT_EQ(outcome.text, expected.text) << split;
  }
}

TEST(OpenAiStreamDecoder, NeverTakesACutStreamForAnAnswer) {
  const std::string bytes = kRole + text_chunk("a") + text_chunk("b");
  const std::string whole = bytes + kStop;
  for (std::size_t cut = 0; cut < whole.size() - 1;
       ++cut) {  // the last line break may be missing: the event is not complete then
    const Outcome outcome = read(std::string_view(whole).substr(0, cut));
    ASSERT_FALSE(outcome.completion.has_value()) << cut;
    EXPECT_EQ(outcome.completion.error().code, ErrorCode::ConnectionClosed) << cut;
  }
  EXPECT_TRUE(read(whole).completion.has_value()) << "a finish_reason counts as the end";
  EXPECT_TRUE(read(bytes + kDone).completion.has_value());
}

TEST(OpenAiStreamDecoder, RefusesMalformedEventsAndPassesErrorsOn) {
  EXPECT_EQ(read(kRole + event("{\"choices\":[{")).completion.error().code, ErrorCode::ProtocolError);
  EXPECT_EQ(read(kRole + event("oops")).completion.error().code, ErrorCode::ProtocolError);
  EXPECT_EQ(read(kRole + event("[]")).completion.error().code, ErrorCode::ProtocolError);
  EXPECT_EQ(
      read(text_chunk("a") + event(R"({"error":{"message":"x","type":"rate_limit_error"}})")).completion.error().code,
      ErrorCode::RateLimited);
  EXPECT_EQ(read("event: error\ndata: {\"message\":\"x\",\"code\":500}\n\n").completion.error().code,
            ErrorCode::UpstreamFailed);
  EXPECT_EQ(read(kRole + text_chunk("a") + kStop + kDone + event("rubbish")).completion->text, "a")
      << "nothing counts after [DONE]";
}

struct ToolCallCase {
  std::string_view name;
  std::vector<std::string> chunks;
  std::vector<ToolCall> calls;
};

TEST(OpenAiStreamDecoder, NormalisesToolCallsHoweverServersSplitThem) {
  const std::vector<ToolCall> two = {{"a", "f", "{\"x\":1}"}, {"b", "g", "{}"}};
  const std::vector<ToolCallCase> cases = {
      {"as OpenAI does",
       {R"({"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}})",
        R"({"index":0,"function":{"arguments":"{\"x\""}})", R"({"index":0,"function":{"arguments":":1}"}})",
        R"({"index":1,"id":"b","type":"function","function":{"name":"g","arguments":"{}"}})"},
       two},
      {"interleaved",
       {R"({"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\""}})",
        R"({"index":1,"id":"b","function":{"name":"g"}})", R"({"index":0,"function":{"arguments":":1}"}})",
        R"({"index":1,"function":{"arguments":"{}"}})"},
       two},
      {"id and name in every piece",
       {R"({"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\""}})",
        R"({"index":0,"id":"a","function":{"name":"f","arguments":":1}"}})",
        R"({"index":1,"id":"b","function":{"name":"g","arguments":"{}"}})"},
       two},
      {"no index",
       {R"({"id":"a","function":{"name":"f","arguments":"{\"x\""}})", R"({"function":{"arguments":":1}"}})",
        R"({"id":"b","function":{"name":"g","arguments":"{}"}})"},
       two},
      {"index always 0",
       {R"({"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}})",
        R"({"index":0,"id":"b","function":{"name":"g","arguments":"{}"}})"},
       two},
      {"index starts at 1",
       {R"({"index":1,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}})",
        R"({"index":2,"id":"b","function":{"name":"g","arguments":"{}"}})"},
       two},
      {"both in one chunk",
       {R"({"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}},{"index":1,"id":"b","function":{"name":"g","arguments":"{}"}})"},
       two},
      {"no ids",
       {R"({"index":0,"function":{"name":"f","arguments":"1"}})",
        R"({"index":1,"function":{"name":"g","arguments":"2"}})"},
       {{"call_c_0", "f", "1"}, {"call_c_1", "g", "2"}}},
      {"neither index nor id",
       {R"({"function":{"name":"f","arguments":"1"}})", R"({"function":{"name":"f","arguments":"2"}})"},
       {{"call_c_0", "f", "1"}, {"call_c_1", "f", "2"}}},
  };
  for (const ToolCallCase& c : cases) {
    std::string bytes = kRole;
    for (const std::string& chunk : c.chunks) bytes += call_chunk(chunk);
    bytes += kStop;
    bytes += kDone;
    const Outcome outcome = read(bytes);

    ASSERT_TRUE(outcome.completion.has_value()) << c.name;
    EXPECT_EQ(outcome.completion->tool_calls, c.calls) << c.name;
    std::vector<ToolCall> joined(c.calls.size());
    for (const Delta::ToolCallPart& part : outcome.parts) {
      ASSERT_LT(part.index, joined.size()) << c.name;
      ToolCall& call = joined[part.index];
      if (!part.id.empty()) EXPECT_TRUE(call.id.empty()) << c.name << ": the id comes once";
      call.id += part.id;
      call.name += part.name;
      call.arguments += part.arguments;
    }
    EXPECT_EQ(joined, c.calls) << c.name << ": what the deltas add up to";
  }
}

TEST(OpenAiStreamDecoder, GathersLogprobsAndRefusals) {
  const std::string bytes =
      event(
          R"({"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"token":"a","bytes":[97],"logprob":-0.5,"top_logprobs":[]}]}}]})") +
      event(R"({"choices":[{"index":0,"delta":{"refusal":"no"},"logprobs":null}]})") + kStop + kDone;

  const Outcome outcome = read(bytes);

  ASSERT_TRUE(outcome.completion.has_value());
  EXPECT_EQ(outcome.completion->refusal, "no");
  ASSERT_TRUE(outcome.completion->logprobs.has_value());
  EXPECT_EQ(*outcome.completion->logprobs, (std::vector<TokenLogprob>{{"a", -0.5, {}}}));
}

OpenAiAnswerMeta meta(bool usage = false) {
  OpenAiAnswerMeta m;
  m.id = "chatcmpl-1";
  m.created = 7;
  m.model = "m";
  m.include_usage = usage;
  return m;
}

DecisionExtension decision() {
  DecisionExtension d;
  d.route = Route::Local;
  d.model = "mini";
  d.event_id = "e";
  return d;
}

std::vector<bj::value> chunks_of(std::string_view bytes) {
  SseReader reader;
  std::vector<SseEvent> events;
  EXPECT_TRUE(reader.feed(bytes, events).has_value());
  EXPECT_TRUE(reader.at_boundary());
  EXPECT_EQ(events.back().data, "[DONE]");
  std::vector<bj::value> chunks;
  for (std::size_t i = 0; i + 1 < events.size(); ++i) {
    const auto value = parse_json(events[i].data);
    EXPECT_TRUE(value.has_value()) << events[i].data;
    chunks.push_back(*value);
  }
  return chunks;
}

TEST(OpenAiStreamWriter, WritesTheChunksThatSdksExpect) {
  OpenAiChatStreamWriter writer(meta());
  std::string bytes = writer.begin();
  bytes += writer.delta(Delta{.text = "hi", .tool_calls = {}, .refusal = {}, .logprobs = {}});
  bytes += writer.end(FinishReason::Stop, std::nullopt, decision());

  const std::vector<bj::value> chunks = chunks_of(bytes);

  ASSERT_EQ(chunks.size(), 3U);
  EXPECT_EQ(to_json_text(chunks[0]).text,
            R"({"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,)"
            R"("delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}]})");
  EXPECT_EQ(to_json_text(chunks[1]).text,
            R"({"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,)"
            R"("delta":{"content":"hi"},"logprobs":null,"finish_reason":null}]})");
  EXPECT_EQ(
      to_json_text(chunks[2]).text,
      R"({"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,)"
      R"("delta":{},"logprobs":null,"finish_reason":"stop"}],"suffice":{"task":null,"route":"local","reason":null,"reasons":[],)"
      R"("model":"mini","event_id":"e","confidence":null,"cost_usd":0,"stand_in":false,"approval_required":[],"warning":null}})");
}

TEST(OpenAiStreamWriter, SendsUsageInAChunkOfItsOwnAndNullBefore) {
  OpenAiChatStreamWriter writer(meta(true));
  std::string bytes = writer.begin();
  bytes += writer.delta(Delta{.text = "hi", .tool_calls = {}, .refusal = {}, .logprobs = {}});
  bytes += writer.end(FinishReason::Length, Usage{.input_tokens = 1, .output_tokens = 2}, decision());

  const std::vector<bj::value> chunks = chunks_of(bytes);

  ASSERT_EQ(chunks.size(), 4U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(chunks[i].at("usage").is_null()) << i;
  EXPECT_EQ(chunks[2].at("choices").at(0).at("finish_reason"), "length");
  EXPECT_TRUE(chunks[3].at("choices").as_array().empty());
  EXPECT_EQ(chunks[3].at("usage").at("total_tokens"), 3);
}

TEST(OpenAiStreamWriter, NamesAToolCallOnce) {
  OpenAiChatStreamWriter writer(meta());
  const auto part = [](std::size_t index, std::string id, std::string name, std::string arguments) {
    Delta delta;
    delta.tool_calls.push_back({index, std::move(id), std::move(name), std::move(arguments)});
    return delta;
  };
  std::string bytes = writer.begin();
  bytes += writer.delta(part(0, "", "f", "{"));
  bytes += writer.delta(part(0, "", "", "}"));
  bytes += writer.delta(part(1, "x", "g", "{}"));
  bytes += writer.end(FinishReason::Unknown, std::nullopt, decision());

  const std::vector<bj::value> chunks = chunks_of(bytes);

  const auto call = [&](std::size_t i) {
    return to_json_text(chunks[i].at("choices").at(0).at("delta").at("tool_calls").at(0)).text;
  };
  EXPECT_EQ(call(1),
            R"({"index":0,"id":"call_chatcmpl1_0","type":"function","function":{"name":"f","arguments":"{"}})");
  EXPECT_EQ(call(2), R"({"index":0,"function":{"arguments":"}"}})");
  EXPECT_EQ(call(3), R"({"index":1,"id":"x","type":"function","function":{"name":"g","arguments":"{}"}})");
  EXPECT_EQ(chunks[4].at("choices").at(0).at("finish_reason"), "tool_calls");
}

TEST(OpenAiStreamWriter, IsReadBackAsItWasWritten) {
  OpenAiAnswerMeta m = meta(true);
  m.include_logprobs = true;
  OpenAiChatStreamWriter writer(m);
  Delta one;
  one.text = "a\n\"\xf0\x9f\x98\x80";
  one.logprobs = {{"a", -0.125, {{"b", -2.5}}}};
  Delta two;
  two.tool_calls = {{0, "i", "f", "{\"k\":"}, {1, "j", "g", ""}};
  Delta three;
  three.tool_calls = {{0, "", "", "1}"}};
  const std::string bytes =
      writer.begin() + writer.delta(one) + writer.delta(two) + writer.delta(three) +
      writer.end(FinishReason::ToolCalls, Usage{.input_tokens = 4, .output_tokens = 5}, decision());

  const Outcome outcome = read(bytes, bytes.size() / 2);

  ASSERT_TRUE(outcome.completion.has_value());
  EXPECT_EQ(outcome.completion->text, one.text);
  EXPECT_EQ(outcome.completion->tool_calls, (std::vector<ToolCall>{{"i", "f", "{\"k\":1}"}, {"j", "g", ""}}));
  EXPECT_EQ(*outcome.completion->logprobs, one.logprobs);
  EXPECT_EQ(outcome.completion->usage->output_tokens, 5);
  EXPECT_EQ(outcome.completion->finish, FinishReason::ToolCalls);
}

TEST(OpenAiStreamWriter, AnErrorInsideAStreamIsReadAsOne) {
  OpenAiChatStreamWriter writer(meta());
  Error error;
  error.code = ErrorCode::ConnectionClosed;
  error.message = "the provider closed the stream";

  const Outcome outcome = read(writer.begin() + writer.error(error, "server_error"));

  ASSERT_FALSE(outcome.completion.has_value());
  EXPECT_EQ(outcome.completion.error().code, ErrorCode::UpstreamFailed);
}

}  // namespace
}  // namespace suffice::wire
