// read_tool_answer never crashes; every call it gives has arguments that are a JSON object, and what it read says the same when it is
// written and read again.
#include <array>

#include "wire/fuzz_support.hpp"
#include "wire/json.hpp"
#include "wire/tool_text.hpp"

using namespace suffice;

int main(int argc, char** argv) {
  const auto arguments = wire::fuzz::read_arguments({argv, static_cast<std::size_t>(argc)});
  SeededRandom random(arguments.seed);
  const std::array<ToolCall, 2> calls = {
      {{.id = {}, .name = "search", .arguments = R"({"q":"a \"b\"","n":[1.0,null]})"},
       {.id = {}, .name = "st\xc3\xb6p", .arguments = "{}"}}};
  const std::vector<std::string> corpus = {
      wire::tool_calls_text("Let me see.", calls), wire::tool_calls_text("", {calls.data(), 1}), "plain < text",
      "<tool_call>\n{\"arguments\":{\"x\":1},\"name\":\"f\"}\n</tool_call> \n<tool_call>\n"};
  const std::vector<std::string_view> words = {
      "<tool_call>", "<tool_call>\n", "}\n</tool_call>",  "\n", "{\"name\": ", "\"", "{", "}",
      "\\u003c",     "\xff",          ", \"arguments\": "};
  std::uint64_t read_calls = 0;
  for (std::uint64_t i = 0; i < arguments.iterations; ++i) {
    const std::string input = wire::fuzz::mutate(corpus, words, random);
    const wire::ToolAnswer answer = wire::read_tool_answer(input);
    for (const ToolCall& call : answer.calls) {
      ++read_calls;
      const auto value = wire::parse_json(call.arguments);
      wire::fuzz::require(value && value->is_object(), "arguments are a JSON object", input);
    }
    // Text that ends in the mark's word would run into the call that is written below it.
    if (answer.text.ends_with("<tool_call>")) continue;
    const wire::ToolAnswer again = wire::read_tool_answer(wire::tool_calls_text(answer.text, answer.calls));
    wire::fuzz::require(again.whole && again.text == answer.text && again.calls == answer.calls,
                        "what was read reads the same again", input);
  }
  std::printf("%llu calls read\n", static_cast<unsigned long long>(read_calls));
  return read_calls == 0 ? 1 : 0;
}
