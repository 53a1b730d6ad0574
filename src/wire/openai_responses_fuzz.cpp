// Requests of the Responses dialect: no bytes crash the decoder, and what it accepts has an echo and a chat request that can be written.
#include "wire/fuzz_support.hpp"
#include "wire/openai_responses.hpp"

using namespace suffice;

int main(int argc, char** argv) {
  const auto arguments = wire::fuzz::read_arguments({argv, static_cast<std::size_t>(argc)});
  SeededRandom random(arguments.seed);
  const std::vector<std::string> corpus = {
      R"({"model":"m","input":"hi","instructions":"i","store":false,"stream":true,"include":["message.output_text.logprobs"],"top_logprobs":2,"user":"u"})",
      R"({"model":"m","input":[{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image","image_url":"data:,x","detail":"low"},{"type":"input_file","file_data":"d","filename":"f"}]},{"type":"message","role":"assistant","id":"msg_1","content":[{"type":"output_text","text":"t","annotations":[]},{"type":"refusal","refusal":"r"}]}]})",
      R"({"model":"m","input":[{"role":"user","content":"go"},{"type":"function_call","call_id":"a","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"a","output":"1"},{"type":"reasoning","id":"r","summary":[]},{"type":"item_reference","id":"x"}]})",
      R"({"model":"m","input":"x","tools":[{"type":"function","name":"f","parameters":{"type":"object"},"strict":true}],"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"f"}]},"text":{"format":{"type":"json_schema","name":"s","schema":{},"description":"d"},"verbosity":"low"},"reasoning":{"effort":"low"},"metadata":{"a":"b"}})",
  };
  const std::vector<std::string_view> words = {"null",
                                               "{}",
                                               "[]",
                                               "\"type\":\"function_call\"",
                                               "-1",
                                               "\"\"",
                                               "\\u0000",
                                               "true",
                                               "\"item_reference\"",
                                               "\"content\":[]",
                                               "\"role\":\"tool\"",
                                               ",",
                                               "\"tools\":[]",
                                               "\"id\":\"self\"",
                                               "1e400"};
  const wire::ItemLookup lookup = [](std::string_view id) -> std::optional<std::string> {
    if (id == "self") return R"({"type":"item_reference","id":"self"})";
    if (id == "x") return R"({"type":"message","role":"assistant","content":"held"})";
    return std::nullopt;
  };
  std::uint64_t accepted = 0;
  for (std::uint64_t i = 0; i < arguments.iterations; ++i) {
    const std::string input = wire::fuzz::mutate(corpus, words, random);
    const auto request = wire::decode_openai_responses_request(input, lookup);
    if (!request) continue;
    ++accepted;
    const auto echo = wire::parse_json(request->echo.text);
    wire::fuzz::require(echo && echo->is_object(), "the echo is an object", input);
    const std::string chat = wire::encode_openai_chat_request(request->chat, {});
    wire::fuzz::require(wire::decode_openai_chat_request(chat).has_value(), "the chat request is one", input);
    wire::ResponsesMeta meta;
    meta.echo = request->echo;
    const std::string body = wire::encode_openai_response(Completion{}, meta, 0).body;
    wire::fuzz::require(wire::parse_json(body).has_value(), "the answer is JSON without doubled names", input);
  }
  std::printf("%llu accepted\n", static_cast<unsigned long long>(accepted));
  return accepted == 0 ? 1 : 0;
}
