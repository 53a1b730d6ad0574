// One request in three dialects: whichever a caller speaks, each kind of model is asked the same; what cannot be said is refused by name.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "wire/anthropic_messages.hpp"
#include "wire/ollama_chat.hpp"
#include "wire/openai_chat.hpp"

namespace suffice::wire {
namespace {

namespace bj = boost::json;

/// The same conversation, as each vendor's clients write it.
const std::string kOpenAi = R"({"model":"m","max_tokens":9,"temperature":0.5,"stop":["END"],"messages":[
  {"role":"system","content":"s"},
  {"role":"user","content":[{"type":"text","text":"look"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]},
  {"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},
                                                    {"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]},
  {"role":"tool","tool_call_id":"a","content":"one"},{"role":"tool","tool_call_id":"b","content":"two"}],
  "tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}},
           {"type":"function","function":{"name":"g","description":"e","parameters":{"type":"object"}}}],
  "response_format":{"type":"json_schema","json_schema":{"name":"output","strict":true,"schema":{"type":"object"}}}})";
const std::string kAnthropic =
    R"({"model":"m","max_tokens":9,"temperature":0.5,"stop_sequences":["END"],"system":"s","messages":[
  {"role":"user","content":[{"type":"text","text":"look"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}}]},
  {"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{"x":1}},{"type":"tool_use","id":"b","name":"g","input":{}}]},
  {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"one"},{"type":"tool_result","tool_use_id":"b","content":"two"}]}],
  "tools":[{"name":"f","description":"d","input_schema":{"type":"object"}},{"name":"g","description":"e","input_schema":{"type":"object"}}],
  "output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}})";
const std::string kOllama =
    R"({"model":"m","stream":false,"options":{"num_predict":9,"temperature":0.5,"stop":["END"]},"messages":[
  {"role":"system","content":"s"},{"role":"user","content":"look","images":["iVBORw0KGgo="]},
  {"role":"assistant","content":"","tool_calls":[{"id":"a","function":{"name":"f","arguments":{"x":1}}},{"id":"b","function":{"name":"g","arguments":{}}}]},
  {"role":"tool","tool_name":"f","content":"one"},{"role":"tool","tool_name":"g","content":"two"}],
  "tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}},
           {"type":"function","function":{"name":"g","description":"e","parameters":{"type":"object"}}}],
  "format":{"type":"object"}})";

struct Asked {
  std::string_view dialect;
  Result<ChatRequest> request;
};

std::vector<Asked> asked_in_every_dialect() {
  return {{"OpenAI", decode_openai_chat_request(kOpenAi)},
          {"Anthropic", decode_anthropic_request(kAnthropic)},
          {"Ollama", decode_ollama_request(kOllama, OllamaEndpoint::Chat)}};
}

TEST(DialectTranslation, AsksAnOpenAiModelTheSameWhoeverAsks) {
  const bj::value expected = *parse_json(encode_openai_chat_request(*decode_openai_chat_request(kOpenAi), {}));
  for (const Asked& asked : asked_in_every_dialect()) {
    ASSERT_TRUE(asked.request.has_value()) << asked.dialect << describe(asked.request.error());
    EXPECT_TRUE(check_openai_expressible(*asked.request).has_value()) << asked.dialect;
    EXPECT_EQ(*parse_json(encode_openai_chat_request(*asked.request, {})), expected) << asked.dialect;
  }
}

TEST(DialectTranslation, AsksAnAnthropicModelTheSameWhoeverAsks) {
  const AnthropicRequestOptions options{.structured_outputs = true};
  const bj::value expected = *parse_json(*encode_anthropic_request(*decode_openai_chat_request(kOpenAi), options));
  for (const Asked& asked : asked_in_every_dialect()) {
    const auto written = encode_anthropic_request(*asked.request, options);
    ASSERT_TRUE(written.has_value()) << asked.dialect << describe(written.error());
    EXPECT_EQ(*parse_json(*written), expected) << asked.dialect;
  }
}

TEST(DialectTranslation, AsksAnOllamaModelTheSameWhoeverAsks) {
  const bj::value expected = *parse_json(*encode_ollama_request(*decode_openai_chat_request(kOpenAi), {}));
  for (const Asked& asked : asked_in_every_dialect()) {
    const auto written = encode_ollama_request(*asked.request, {});
    ASSERT_TRUE(written.has_value()) << asked.dialect << describe(written.error());
    EXPECT_EQ(*parse_json(*written), expected) << asked.dialect;
  }
}

TEST(DialectTranslation, GivesEveryCallerTheSameAnswer) {
  Completion completion;
  completion.text = "here";
  completion.tool_calls = {{"a", "f", R"({"x":1})"}};
  completion.finish = FinishReason::ToolCalls;
  completion.usage = Usage{.input_tokens = 3, .output_tokens = 2};
  completion.model = "m";
  OpenAiAnswerMeta openai;
  openai.id = "id";
  openai.model = "m";

  const auto from_openai = decode_openai_chat_response(encode_openai_chat_response(completion, openai));
  const auto from_anthropic = decode_anthropic_response(encode_anthropic_response(completion, {"id", "m"}));
  const auto from_ollama =
      decode_ollama_response(encode_ollama_response(completion, {.model = "m", .created_at = ""}, 1), 0);

  Completion named = completion;
  named.provider_request_id = "id";
  EXPECT_EQ(*from_openai, named);
  EXPECT_EQ(*from_anthropic, named);
  EXPECT_EQ(*from_ollama, completion);
}

TEST(DialectTranslation, TellsEveryModelThatAToolFailed) {
  const auto request =
      decode_anthropic_request(R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"},
    {"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]},
    {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","is_error":true,"content":"no such file"}]}],
    "tools":[{"name":"f","input_schema":{"type":"object"}}]})");

  const bj::value openai = *parse_json(encode_openai_chat_request(*request, {}));
  const bj::value ollama = *parse_json(*encode_ollama_request(*request, {}));
  const bj::value anthropic = *parse_json(*encode_anthropic_request(*request, {}));

  EXPECT_EQ(openai.at("messages").at(2).at("content"), "[the tool call failed]\nno such file");
  EXPECT_EQ(ollama.at("messages").at(2).at("content"), "[the tool call failed]\nno such file");
  EXPECT_EQ(anthropic.at("messages").at(2).at("content").at(0).at("is_error"), true);
}

TEST(DialectTranslation, RefusesByNameWhatTheOtherDialectCannotSay) {
  struct Case {
    std::string_view name;
    Result<ChatRequest> request;
    std::string_view where;  ///< empty: it can be said, or need not be
  };
  const auto anthropic = [](std::string_view members, std::string_view content = R"("hi")") {
    return decode_anthropic_request(R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":)" +
                                    std::string(content) + "}]," + std::string(members) + "}");
  };
  const auto ollama = [](std::string_view members) {
    return decode_ollama_request(
        R"({"model":"m","messages":[{"role":"user","content":"hi"}],)" + std::string(members) + "}",
        OllamaEndpoint::Chat);
  };
  const std::vector<Case> cases = {
      {"thinking", anthropic(R"("thinking":{"type":"enabled","budget_tokens":1024})"), "thinking"},
      {"no thinking", anthropic(R"("thinking":{"type":"disabled"})"), ""},
      {"top_k", anthropic(R"("top_k":5)"), "top_k"},
      {"effort", anthropic(R"("output_config":{"effort":"low"})"), "output_config.effort"},
      {"a hint", anthropic(R"("service_tier":"auto","cache_control":{"type":"ephemeral"})"), ""},
      {"a document", anthropic(R"("stream":false)", R"([{"type":"document","source":{"type":"text","data":"d"}}])"),
       "messages[0].content"},
      {"a cached text",
       anthropic(R"("stream":false)", R"([{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}])"), ""},
      {"think", ollama(R"("think":"high")"), "think"},
      {"think not", ollama(R"("think":false)"), ""},
      {"an option", ollama(R"("options":{"mirostat":1})"), "options.mirostat"},
      {"the machine", ollama(R"("keep_alive":"5m","options":{"num_gpu":1,"num_thread":4})"), ""},
  };
  for (const Case& one : cases) {
    ASSERT_TRUE(one.request.has_value()) << one.name << describe(one.request.error());
    const Result<void> sayable = check_openai_expressible(*one.request);
    EXPECT_EQ(sayable.has_value(), one.where.empty()) << one.name;
    if (sayable) {
      const std::string written = encode_openai_chat_request(*one.request, {});
      EXPECT_EQ(written.find("cache_control"), std::string::npos) << one.name;
      EXPECT_EQ(written.find("keep_alive"), std::string::npos) << one.name;
    } else {
      EXPECT_EQ(sayable.error().code, ErrorCode::UnsupportedField) << one.name;
      EXPECT_EQ(sayable.error().where, one.where) << one.name;
    }
  }
}

TEST(DialectTranslation, RefusesAnOpenAiFieldForAnotherVendorsModel) {
  const auto request = decode_openai_chat_request(
      R"({"model":"m","messages":[{"role":"user","content":"hi"}],"store":false,"reasoning_effort":"low"})");

  EXPECT_EQ(encode_anthropic_request(*request, {}).error().where, "reasoning_effort");
  EXPECT_EQ(encode_ollama_request(*request, {}).error().where, "reasoning_effort");
}

}  // namespace
}  // namespace suffice::wire
