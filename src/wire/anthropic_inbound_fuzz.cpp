// Requests of Anthropic's clients: no bytes crash the decoder, and an accepted request can be written again and reads back the same.
#include "wire/anthropic_messages.hpp"
#include "wire/fuzz_support.hpp"
#include "wire/openai_chat.hpp"

using namespace suffice;

int main(int argc, char** argv) {
  const auto arguments = wire::fuzz::read_arguments({argv, static_cast<std::size_t>(argc)});
  SeededRandom random(arguments.seed);
  const std::vector<std::string> corpus = {
      R"({"model":"m","max_tokens":5,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA"}}]},{"role":"assistant","content":[{"type":"thinking","thinking":"h","signature":"s"},{"type":"tool_use","id":"t","name":"f","input":{"a":1}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","is_error":true,"content":[{"type":"text","text":"r"}]}]}],"tools":[{"name":"f","input_schema":{"type":"object"}}],"tool_choice":{"type":"tool","name":"f"}})",
      R"({"model":"m","max_tokens":5,"system":"s","messages":[{"role":"user","content":"hi"}],"stop_sequences":["a"],"temperature":0.5,"top_p":1,"top_k":4,"stream":true,"metadata":{"user_id":"u"},"output_config":{"format":{"type":"json_schema","schema":{}},"effort":"low"},"thinking":{"type":"enabled","budget_tokens":9}})",
  };
  const std::vector<std::string_view> words = {"null",
                                               "{}",
                                               "[]",
                                               "\"role\":\"user\"",
                                               "-1",
                                               "1e400",
                                               "\"\"",
                                               "\\u0000",
                                               "true",
                                               "\"content\":[]",
                                               "\"type\":\"tool_use\"",
                                               "\"input\":[]",
                                               ",",
                                               "\"text\":1"};
  std::uint64_t accepted = 0;
  for (std::uint64_t i = 0; i < arguments.iterations; ++i) {
    const std::string input = wire::fuzz::mutate(corpus, words, random);
    const auto request = wire::decode_anthropic_request(input);
    if (!request) continue;
    ++accepted;
    const auto written = wire::encode_anthropic_request(*request, {.stream = request->stream});
    if (written) {
      const auto again = wire::decode_anthropic_request(*written);
      wire::fuzz::require(again.has_value(), "what was written is read", input);
      wire::fuzz::require(again->messages.size() <= request->messages.size(), "no message is made up", input);
      wire::fuzz::require(again->tools == request->tools && again->extra.empty() == request->extra.empty(),
                          "tools and unknown fields survive", input);
    }
    if (wire::check_openai_expressible(*request)) {
      wire::fuzz::require(wire::parse_json(wire::encode_openai_chat_request(*request, {})).has_value(),
                          "OpenAI requests are JSON", input);
    }
  }
  std::printf("%llu accepted\n", static_cast<unsigned long long>(accepted));
  return accepted == 0 ? 1 : 0;
}
