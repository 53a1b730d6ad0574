#include "wire/tool_text.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace suffice::wire {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ToolDefinition search() {
  return {.name = "search",
          .description = "Finds \"issues\".",
          .parameters = {.text = R"({"type":"object","properties":{"query":{"type":"string"}}})"},
          .strict = std::nullopt};
}

TEST(ToolText, DefinesEachToolAsJsonAndSaysWhatTheChoiceDemands) {
  const std::vector<ToolDefinition> tools = {search(),
                                             {.name = "stop", .description = {}, .parameters = {}, .strict = {}}};

  const std::string text = tool_definitions_text(tools, {});

  EXPECT_THAT(text,
              HasSubstr(R"({"type": "function", "function": {"name": "search", "description": "Finds \"issues\".", )"
                        R"("parameters": {"type":"object","properties":{"query":{"type":"string"}}}}})"));
  EXPECT_THAT(text, HasSubstr(R"({"type": "function", "function": {"name": "stop", "parameters": {"type": "object")"));
  EXPECT_THAT(text, Not(HasSubstr("Answer with")));
  EXPECT_THAT(tool_definitions_text(tools, {.kind = ToolChoice::Kind::Required, .name = {}}),
              HasSubstr("Answer with a call."));
  EXPECT_THAT(tool_definitions_text(tools, {.kind = ToolChoice::Kind::Named, .name = "stop"}),
              HasSubstr("Answer with a call of stop."));
}

TEST(ToolText, WritesEarlierCallsAndResultsAsAModelWouldHaveSaidThem) {
  const std::vector<ToolCall> calls = {{.id = "1", .name = "search", .arguments = R"({"query":"a"})"},
                                       {.id = "2", .name = "stop", .arguments = ""}};

  EXPECT_EQ(tool_calls_text("Let me see.", calls),
            "Let me see.\n<tool_call>\n{\"name\": \"search\", \"arguments\": {\"query\":\"a\"}}\n</tool_call>\n"
            "<tool_call>\n{\"name\": \"stop\", \"arguments\": {}}\n</tool_call>");
  EXPECT_EQ(tool_result_text("3 issues"), "<tool_response>\n3 issues\n</tool_response>");
}

TEST(ToolText, ReadsWhatAModelWrote) {
  const std::string one = "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": 1.0}}\n</tool_call>";
  const ToolCall f{.id = {}, .name = "f", .arguments = R"({"x": 1.0})"};
  struct Case {
    const char* name;
    std::string answer;
    ToolAnswer read;
  };
  const std::vector<Case> cases = {
      {"plain text", "no call <tool_call> here ", {"no call <tool_call> here ", {}, true}},
      {"nothing", "", {"", {}, true}},
      {"one call", one, {"", {f}, true}},
      {"text, then a call", "I look.\n\n" + one + "\n", {"I look.", {f}, true}},
      {"two calls", one + "\n" + one, {"", {f, f}, true}},
      {"an end mark within a string",
       "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": \"}\\n</tool_call>\"}}\n</tool_call>",
       {"", {{.id = {}, .name = "f", .arguments = R"({"x": "}\n</tool_call>"})"}}, true}},
      {"other spacing and order",
       "<tool_call>\n{\"arguments\":{\"x\":[1]},\"name\":\"f\"}\n</tool_call>",
       {"", {{.id = {}, .name = "f", .arguments = R"({"x":[1]})"}}, true}},
      {"cut within the second call", one + "\n<tool_call>\n{\"name\": \"f\", \"argu", {"", {f}, false}},
      {"no JSON", "<tool_call>\n{name: f}\n</tool_call>", {"", {}, false}},
      {"arguments that are no object",
       "<tool_call>\n{\"name\": \"f\", \"arguments\": []}\n</tool_call>",
       {"", {}, false}},
      {"a third member", "<tool_call>\n{\"name\": \"f\", \"arguments\": {}, \"id\": 1}\n</tool_call>", {"", {}, false}},
      {"no name", "<tool_call>\n{\"arguments\": {}}\n</tool_call>", {"", {}, false}},
      {"text behind a call", one + " and so on", {"", {f}, false}},
  };
  for (const Case& c : cases) EXPECT_EQ(read_tool_answer(c.answer), c.read) << c.name;
}

TEST(ToolText, ReadsItsOwnCallsBack) {
  const std::vector<ToolCall> calls = {
      {.id = {}, .name = "é \"q\"", .arguments = R"({"a":"<tool_call>\n","b":[1e3,null]})"}};

  EXPECT_EQ(read_tool_answer(tool_calls_text("text", calls)), (ToolAnswer{"text", calls, true}));
}

}  // namespace
}  // namespace suffice::wire
