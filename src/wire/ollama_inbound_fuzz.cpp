// Requests of Ollama's clients: no bytes crash the decoder, and an accepted request can be written again and reads back the same.
#include "wire/fuzz_support.hpp"
#include "wire/ollama_chat.hpp"
#include "wire/openai_chat.hpp"

using namespace suffice;

int main(int argc, char** argv) {
  const auto arguments = wire::fuzz::read_arguments({argv, static_cast<std::size_t>(argc)});
  SeededRandom random(arguments.seed);
  const std::vector<std::string> corpus = {
      R"({"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"u","images":["iVBORw0KGgo="]},{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]},{"role":"tool","tool_name":"f","content":"r"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"format":"json","options":{"temperature":1,"top_k":4,"num_ctx":8,"stop":["a"]},"think":true,"keep_alive":5})",
      R"({"model":"m","prompt":"p","system":"s","stream":false,"format":{"type":"object"},"logprobs":true,"top_logprobs":3,"options":{"num_predict":-1,"seed":1},"raw":false,"context":[]})",
  };
  const std::vector<std::string_view> words = {"null",
                                               "{}",
                                               "[]",
                                               "\"role\":\"tool\"",
                                               "-1",
                                               "1e400",
                                               "\"\"",
                                               "\\u0000",
                                               "true",
                                               "\"content\":[]",
                                               "\"images\":[1]",
                                               "\"options\":[]",
                                               ",",
                                               "\"prompt\":1"};
  std::uint64_t accepted = 0;
  for (std::uint64_t i = 0; i < arguments.iterations; ++i) {
    const std::string input = wire::fuzz::mutate(corpus, words, random);
    const auto prompt = wire::decode_ollama_request(input, wire::OllamaEndpoint::Generate);
    if (prompt) ++accepted;
    const auto request = wire::decode_ollama_request(input, wire::OllamaEndpoint::Chat);
    if (!request) continue;
    ++accepted;
    if (const auto written = wire::encode_ollama_request(*request, {.stream = request->stream})) {
      // `truncate` and `shift` are ours to say and nobody else's.
      auto value = *wire::parse_json(*written);
      value.as_object().erase("truncate");
      value.as_object().erase("shift");
      const auto again = wire::decode_ollama_request(wire::to_json_text(value).text, wire::OllamaEndpoint::Chat);
      wire::fuzz::require(again.has_value(), "what was written is read", input);
      wire::fuzz::require(again->messages.size() == request->messages.size(), "every message survives", input);
      wire::fuzz::require(again->extra.empty() == request->extra.empty(), "unknown fields survive", input);
    }
    if (wire::check_openai_expressible(*request)) {
      wire::fuzz::require(wire::parse_json(wire::encode_openai_chat_request(*request, {})).has_value(),
                          "OpenAI requests are JSON", input);
    }
  }
  std::printf("%llu accepted\n", static_cast<unsigned long long>(accepted));
  return accepted == 0 ? 1 : 0;
}
