// Requests and answers of every dialect: no bytes crash a decoder, and an accepted request survives being written and read again.
#include <tuple>

#include "wire/anthropic_messages.hpp"
#include "wire/fuzz_support.hpp"
#include "wire/ollama_chat.hpp"
#include "wire/openai_chat.hpp"

using namespace suffice;

int main(int argc, char** argv) {
  const auto arguments = wire::fuzz::read_arguments({argv, static_cast<std::size_t>(argc)});
  SeededRandom random(arguments.seed);
  const std::vector<std::string> corpus = {
      R"({"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]},{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},{"role":"tool","tool_call_id":"1","content":"r"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"tool_choice":"auto"})",
      R"({"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":0.5,"max_completion_tokens":5,"stop":["a"],"n":1,"logprobs":true,"top_logprobs":2,"stream":true,"stream_options":{"include_usage":true},"metadata":{"task":"t"},"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{}}},"top_k":4})",
      R"({"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"x","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]},"logprobs":{"content":[{"token":"x","bytes":[120],"logprob":-0.1,"top_logprobs":[]}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}})",
      R"({"id":"m","model":"c","content":[{"type":"text","text":"x"},{"type":"tool_use","id":"t","name":"f","input":{"a":1}}],"stop_reason":"tool_use","usage":{"input_tokens":1,"cache_read_input_tokens":2,"output_tokens":3}})",
      R"({"model":"m","message":{"role":"assistant","content":"x"},"done":true,"done_reason":"stop","prompt_eval_count":1,"eval_count":1})",
      R"({"error":{"message":"m","type":"t","code":"context_length_exceeded","innererror":{"code":"x"}}})",
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
                                               "99999999999999999999",
                                               "\"content\":[]",
                                               "\"arguments\":{}",
                                               "\"code\":429",
                                               ",",
                                               "\"error\":\"x\"",
                                               "[1,2]"};
  std::uint64_t accepted = 0;
  for (std::uint64_t i = 0; i < arguments.iterations; ++i) {
    const std::string input = wire::fuzz::mutate(corpus, words, random);
    std::ignore = wire::decode_openai_chat_response(input);
    std::ignore = wire::decode_anthropic_response(input);
    std::ignore = wire::decode_ollama_response(input, 64);
    std::ignore = wire::decode_openai_error(400, input);
    std::ignore = wire::decode_anthropic_error(0, input);
    std::ignore = wire::decode_ollama_error(500, input);
    const auto request = wire::decode_openai_chat_request(input);
    if (!request) continue;
    ++accepted;
    wire::OpenAiRequestOptions options;
    options.stream = request->stream;
    options.logprobs = request->logprobs;
    const std::string written = wire::encode_openai_chat_request(*request, options);
    auto again = wire::decode_openai_chat_request(written);
    wire::fuzz::require(again.has_value(), "what was written is read", input);
    again->stream_usage = request->stream_usage;                       // streamed requests always ask for usage
    if (again->metadata.empty()) again->metadata = request->metadata;  // kept back without store: true
    wire::fuzz::require(*again == *request, "what was written reads back equal", input);
    if (const auto text = wire::encode_anthropic_request(*request, {})) {
      wire::fuzz::require(wire::parse_json(*text).has_value(), "Anthropic requests are JSON", input);
    }
    if (const auto text = wire::encode_ollama_request(*request, {})) {
      wire::fuzz::require(wire::parse_json(*text).has_value(), "Ollama requests are JSON", input);
    }
  }
  std::printf("%llu accepted\n", static_cast<unsigned long long>(accepted));
  return accepted == 0 ? 1 : 0;
}
