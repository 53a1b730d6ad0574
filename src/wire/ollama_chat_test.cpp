#include "wire/ollama_chat.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "wire/openai_chat.hpp"

namespace suffice::wire {
namespace {

ChatRequest request_of(std::string_view members, std::string_view messages = R"([{"role":"user","content":"hi"}])") {
  const std::string body = R"({"model":"phi","messages":)" + std::string(messages) +
                           (members.empty() ? "" : "," + std::string(members)) + "}";
  auto request = decode_openai_chat_request(body);
  EXPECT_TRUE(request.has_value()) << body;
  return request.value_or(ChatRequest{});
}

TEST(OllamaRequest, TranslatesAConversationWithTools) {
  const ChatRequest request = request_of(
      R"("tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"temperature":0.5,"max_tokens":7,"seed":3,"stop":"x",
         "logprobs":true,"top_logprobs":2,"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"type":"object"}}})",
      R"([{"role":"developer","content":"a"},{"role":"user","content":[{"type":"text","text":"b"},{"type":"image_url","image_url":{"url":"data:image/png;base64,QUJD"}}]},
          {"role":"assistant","tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]},
          {"role":"tool","tool_call_id":"t1","content":"one"}])");
  OllamaRequestOptions options;
  options.stream = true;
  options.logprobs = true;
  options.num_ctx = 4096;

  const auto text = encode_ollama_request(request, options);

  ASSERT_TRUE(text.has_value());
  EXPECT_EQ(*parse_json(*text), *parse_json(R"({"model":"phi","messages":[
      {"role":"system","content":"a"},{"role":"user","content":"b","images":["QUJD"]},
      {"role":"assistant","content":"","tool_calls":[{"id":"t1","function":{"name":"f","arguments":{"x":1}}}]},
      {"role":"tool","content":"one","tool_name":"f","tool_call_id":"t1"}],
    "tools":[{"type":"function","function":{"name":"f","description":"","parameters":{"type":"object"}}}],
    "format":{"type":"object"},"options":{"num_ctx":4096,"temperature":0.5,"num_predict":7,"seed":3,"stop":["x"]},
    "logprobs":true,"top_logprobs":2,"stream":true,"truncate":false,"shift":false})"));
}

TEST(OllamaRequest, RefusesWhatItCannotExpress) {
  const std::string tools = R"("tools":[{"type":"function","function":{"name":"f"}}],)";
  EXPECT_EQ(encode_ollama_request(request_of(R"("n":2)"), {}).error().where, "n");
  EXPECT_EQ(encode_ollama_request(request_of(tools + R"("tool_choice":"required")"), {}).error().where, "tool_choice");
  EXPECT_EQ(
      encode_ollama_request(
          request_of("", R"([{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/y.png"}}]}])"),
          {})
          .error()
          .code,
      ErrorCode::UnsupportedField);
  EXPECT_EQ(encode_ollama_request(request_of("", R"([{"role":"user","content":[{"type":"file","file":{}}]}])"), {})
                .error()
                .code,
            ErrorCode::UnsupportedField);
}

const std::string kStream =
    "{\"model\":\"phi\",\"message\":{\"role\":\"assistant\",\"content\":\"Hel\"},\"logprobs\":[{\"token\":\"Hel\",\"logprob\":-0.5}],\"done\":false}\n"
    "{\"model\":\"phi\",\"message\":{\"content\":\"lo\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1}}}]},\"done\":false}\r\n"
    "{\"model\":\"phi\",\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":9,\"eval_count\":3}\n";

TEST(OllamaStream, GivesTheSameAnswerHoweverTheBytesAreSplit) {
  Completion expected;
  expected.text = "Hello";
  expected.tool_calls = {{"call_ollama_0", "f", "{\"x\":1}"}};
  expected.finish = FinishReason::ToolCalls;
  expected.usage = Usage{.input_tokens = 9, .output_tokens = 3};
  expected.model = "phi";
  expected.logprobs = std::vector<TokenLogprob>{{"Hel", -0.5, {}}};
  for (std::size_t split = 0; split <= kStream.size(); ++split) {
    const auto decoder = make_ollama_stream_decoder(0);
    std::vector<Delta> deltas;
    ASSERT_TRUE(decoder->feed(std::string_view(kStream).substr(0, split), deltas).has_value());
    ASSERT_TRUE(decoder->feed(std::string_view(kStream).substr(split), deltas).has_value());
    const auto completion = decoder->finish();
    ASSERT_TRUE(completion.has_value()) << split;
    EXPECT_EQ(*completion, expected) << split;
    EXPECT_EQ(deltas.size(), 2U);
  }
}

TEST(OllamaStream, NeverTakesACutStreamForAnAnswer) {
  for (std::size_t cut = 0; cut < kStream.size(); ++cut) {
    const auto decoder = make_ollama_stream_decoder(0);
    std::vector<Delta> deltas;
    ASSERT_TRUE(decoder->feed(std::string_view(kStream).substr(0, cut), deltas).has_value());
    EXPECT_EQ(decoder->finish().error().code, ErrorCode::ConnectionClosed) << cut;
  }
}

TEST(OllamaStream, SaysWhenThePromptWasCut) {
  const auto decoder = make_ollama_stream_decoder(9);
  std::vector<Delta> deltas;
  EXPECT_EQ(decoder->feed(kStream, deltas).error().code, ErrorCode::ContextOverflow);
  EXPECT_EQ(decoder->finish().error().code, ErrorCode::ContextOverflow);

  const std::string_view last = R"({"message":{"content":"x"},"done":true,"prompt_eval_count":8,"eval_count":1})";
  EXPECT_EQ(decode_ollama_response(last, 8).error().code, ErrorCode::ContextOverflow);
  EXPECT_TRUE(decode_ollama_response(last, 9).has_value());
}

TEST(OllamaStream, PassesErrorsOn) {
  const std::vector<std::pair<std::string, ErrorCode>> cases = {
      {"{\"error\":\"an error was encountered\"}\n", ErrorCode::UpstreamFailed},
      {"not json\n", ErrorCode::ProtocolError},
  };
  for (const auto& [bytes, code] : cases) {
    const auto decoder = make_ollama_stream_decoder(0);
    std::vector<Delta> deltas;
    EXPECT_EQ(decoder->feed(bytes, deltas).error().code, code) << bytes;
    EXPECT_EQ(decoder->finish().error().code, code) << bytes;
  }
}

TEST(OllamaResponse, RefusesWhatIsNoAnswer) {
  EXPECT_EQ(decode_ollama_response("", 0).error().code, ErrorCode::ProtocolError);
  EXPECT_EQ(decode_ollama_response("{}", 0).error().code, ErrorCode::ProtocolError);
  EXPECT_EQ(decode_ollama_response(R"({"message":{"content":"x"},"done":false})", 0).error().code,
            ErrorCode::ProtocolError);
}

TEST(OllamaError, MeansWhatTheServerMeant) {
  EXPECT_EQ(decode_ollama_error(404, R"({"error":"model 'x' not found"})").code, ErrorCode::ModelUnavailable);
  EXPECT_EQ(decode_ollama_error(400, R"({"error":"the input length exceeds the context length"})").code,
            ErrorCode::ContextOverflow);
  EXPECT_EQ(decode_ollama_error(500, R"({"error":"llama runner process has terminated"})").code,
            ErrorCode::UpstreamFailed);
  EXPECT_EQ(decode_ollama_error(503, "").code, ErrorCode::UpstreamFailed);
}

}  // namespace
}  // namespace suffice::wire
