// The served side of Ollama's dialect: requests read, answers and streams written. What is written is read back by our own client's side.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "wire/ndjson.hpp"
#include "wire/ollama_chat.hpp"

namespace suffice::wire {
namespace {

namespace bj = boost::json;
using enum OllamaEndpoint;

std::string chat_body(std::string_view members, std::string_view messages = R"([{"role":"user","content":"hi"}])") {
  return R"({"model":"suffice/chat","messages":)" + std::string(messages) +
         (members.empty() ? "" : "," + std::string(members)) + "}";
}

ChatRequest decoded(const std::string& body, OllamaEndpoint endpoint = Chat) {
  auto request = decode_ollama_request(body, endpoint);
  EXPECT_TRUE(request.has_value()) << body << (request ? "" : describe(request.error()));
  return request.value_or(ChatRequest{});
}

TEST(OllamaInbound, ReadsAConversationWithToolsAndImages) {
  const ChatRequest request = decoded(chat_body(
      R"("stream":false,"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}],
         "format":{"type":"object"},"logprobs":true,"top_logprobs":2,
         "options":{"temperature":0.5,"top_p":0.9,"seed":3,"num_predict":7,"stop":["a","b"],"num_ctx":8192})",
      R"([{"role":"system","content":"s"},{"role":"user","content":"u","images":["iVBORw0KGgo="]},
          {"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{"x":1}}},{"id":"mine","function":{"name":"g"}}]},
          {"role":"tool","tool_name":"g","content":"two"},{"role":"tool","content":"one"}])"));

  EXPECT_EQ(request.dialect, ApiDialect::Ollama);
  EXPECT_FALSE(request.stream);
  ASSERT_EQ(request.messages.size(), 5U);
  EXPECT_EQ(request.messages[1].content[1].raw.text,
            R"({"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}})");
  const std::string made_up = request.messages[2].tool_calls[0].id;
  EXPECT_FALSE(made_up.empty());
  EXPECT_EQ(request.messages[2].tool_calls[0].arguments, R"({"x":1})");
  EXPECT_EQ(request.messages[3].tool_call_id, "mine") << "found by the tool's name";
  EXPECT_EQ(request.messages[4].tool_call_id, made_up) << "the one that still waits";
  EXPECT_EQ(request.response_format.schema.text, R"({"type":"object"})");
  EXPECT_EQ(request.sampling.max_tokens, 7);
  EXPECT_EQ(request.sampling.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(request.top_logprobs, 2);
  EXPECT_TRUE(request.extra.empty());
}

TEST(OllamaInbound, StreamsUnlessItIsToldNotTo) {
  EXPECT_TRUE(decoded(chat_body("")).stream);
  EXPECT_TRUE(decoded(chat_body(R"("stream":true)")).stream);
  EXPECT_FALSE(decoded(chat_body(R"("stream":false)")).stream);
}

TEST(OllamaInbound, ReadsAPromptAsAMessage) {
  const ChatRequest request = decoded(
      R"({"model":"m","prompt":"p","system":"s","format":"json","suffix":"","context":[],"raw":false,"options":{"stop":"x"}})",
      Generate);

  EXPECT_EQ(request.messages, (std::vector<Message>{Message::of(Role::System, "s"), Message::of(Role::User, "p")}));
  EXPECT_EQ(request.response_format.kind, ResponseFormat::Kind::JsonObject);
  EXPECT_EQ(request.sampling.stop, std::vector<std::string>{"x"});
  EXPECT_TRUE(request.extra.empty());
}

TEST(OllamaInbound, KeepsWhatOnlyOllamaKnowsForAnOllamaModel) {
  const ChatRequest request = decoded(
      chat_body(R"("think":true,"keep_alive":"5m","options":{"temperature":1,"top_k":4,"repeat_penalty":1.5})"));
  const bj::value written = *parse_json(*encode_ollama_request(request, {.stream = false, .num_ctx = 4096}));

  EXPECT_EQ(written.at("think"), true);
  EXPECT_EQ(written.at("keep_alive"), "5m");
  EXPECT_EQ(written.at("options"), *parse_json(R"({"top_k":4,"repeat_penalty":1.5,"num_ctx":4096,"temperature":1})"));
}

TEST(OllamaInbound, RefusesByNameWhatItCannotHonour) {
  struct Case {
    OllamaEndpoint endpoint;
    std::string members;
    ErrorCode code;
    std::string_view where;
  };
  using enum ErrorCode;
  const std::vector<Case> cases = {
      {Generate, R"("prompt":"p","suffix":"x")", UnsupportedField, "suffix"},
      {Generate, R"("prompt":"p","template":"x")", UnsupportedField, "template"},
      {Generate, R"("prompt":"p","context":[1])", UnsupportedField, "context"},
      {Generate, R"("prompt":"p","raw":true)", UnsupportedField, "raw"},
      {Generate, R"("prompt":"p","truncate":true)", UnsupportedField, "truncate"},
      {Generate, R"("prompt":"")", MalformedRequest, "prompt"},
      {Chat, R"("messages":[])", MalformedRequest, "messages"},
      {Chat, R"("messages":[{"role":"robot"}])", MalformedRequest, "messages[0].role"},
      {Chat, R"("messages":[{"role":"tool","content":"x"}])", MalformedRequest, "messages[0]"},
      {Chat, R"("messages":[{"role":"user","content":"x","images":["####"]}])", UnsupportedField,
       "messages[0].images[0]"},
      {Chat, R"("messages":[{"role":"user","content":"x"}],"format":"xml")", MalformedRequest, "format"},
      {Chat, R"("messages":[{"role":"user","content":"x"}],"options":{"temperature":"hot"})", MalformedRequest,
       "options.temperature"},
      {Chat, R"("messages":[{"role":"user","content":"x"}],"options":{"num_predict":0})", MalformedRequest,
       "options.num_predict"},
  };
  for (const Case& one : cases) {
    const auto request = decode_ollama_request(R"({"model":"m",)" + one.members + "}", one.endpoint);
    ASSERT_FALSE(request.has_value()) << one.members;
    EXPECT_EQ(request.error().code, one.code) << one.members;
    EXPECT_EQ(request.error().where, one.where) << one.members;
  }
}

Completion rich_answer() {
  Completion completion;
  completion.text = "Hell\xc3\xb6\n\"you\"";
  completion.thinking = {{.text = "hm"}};
  completion.tool_calls = {{"t1", "f", R"({"a":1})"}, {"t2", "g", "{}"}};
  completion.finish = FinishReason::ToolCalls;
  completion.usage = Usage{.input_tokens = 9, .output_tokens = 5};
  completion.model = "suffice/chat";
  completion.logprobs = {{.token = "Hell\xc3\xb6", .logprob = -0.5, .top = {{.token = "Hi", .logprob = -1}}}};
  return completion;
}

OllamaAnswerMeta meta(OllamaEndpoint endpoint = Chat) {
  return {.endpoint = endpoint,
          .model = "suffice/chat",
          .created_at = "2026-11-22T06:30:42.123Z",
          .include_logprobs = true};
}

TEST(OllamaAnswer, ReadsBackAsWhatWasWritten) {
  const auto again = decode_ollama_response(encode_ollama_response(rich_answer(), meta(), 7), 0);

  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(*again, rich_answer());
}

TEST(OllamaAnswer, SaysOnlyDurationsThatWereMeasured) {
  Completion unknown;
  unknown.finish = FinishReason::Length;
  const bj::value body = *parse_json(encode_ollama_response(unknown, meta(Generate), 1'234));

  EXPECT_EQ(body.at("total_duration"), 1'234);
  EXPECT_EQ(body.at("eval_duration"), 0);
  EXPECT_EQ(body.at("done_reason"), "length");
  EXPECT_EQ(body.at("response"), "");
  EXPECT_FALSE(body.as_object().contains("eval_count")) << "nobody counted";
}

std::string streamed(OllamaEndpoint endpoint = Chat) {
  OllamaStreamWriter writer(meta(endpoint));
  std::string out = writer.empty_line();
  std::vector<Delta> deltas(3);
  deltas[0].thinking.text = "hm";
  deltas[1].text = "Hell\xc3\xb6";
  deltas[1].logprobs = *rich_answer().logprobs;
  deltas[2].text = "\n\"you\"";
  for (const Delta& delta : deltas) writer.delta(delta, out);
  writer.end(rich_answer(), 7, out);
  return out;
}

TEST(OllamaStreamWriter, IsReadTheSameHoweverItsBytesAreSplit) {
  const std::string bytes = streamed();

  for (std::size_t split = 0; split <= bytes.size(); ++split) {
    const auto decoder = make_ollama_stream_decoder(0);
    std::vector<Delta> deltas;
    ASSERT_TRUE(decoder->feed(std::string_view(bytes).substr(0, split), deltas).has_value());
    ASSERT_TRUE(decoder->feed(std::string_view(bytes).substr(split), deltas).has_value());
    const auto completion = decoder->finish();
    ASSERT_TRUE(completion.has_value());
    ASSERT_EQ(*completion, rich_answer()) << "split at " << split;
  }
}

TEST(OllamaStreamWriter, IsNeverAnAnswerWhenItIsCut) {
  const std::string bytes = streamed();

  for (std::size_t end = 0; end < bytes.size(); ++end) {
    const auto decoder = make_ollama_stream_decoder(0);
    std::vector<Delta> deltas;
    ASSERT_TRUE(decoder->feed(std::string_view(bytes).substr(0, end), deltas).has_value());
    ASSERT_FALSE(decoder->finish().has_value()) << "cut at " << end;
  }
}

TEST(OllamaStreamWriter, WritesOneObjectALineAndEndsOnce) {
  NdjsonReader reader;
  std::vector<std::string> lines;
  ASSERT_TRUE(reader.feed(streamed(Generate), lines).has_value());

  std::string text;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const bj::value line = *parse_json(lines[i]);
    text += line.at("response").as_string();
    EXPECT_EQ(line.at("done"), i + 1 == lines.size());
  }
  EXPECT_EQ(text, rich_answer().text);
}

}  // namespace
}  // namespace suffice::wire
