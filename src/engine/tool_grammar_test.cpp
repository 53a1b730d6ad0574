// What the grammars accept, by the tests' own matcher; that libllama follows them is shown by providers/embedded_tools_test.cpp.
#include "engine/tool_grammar.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/gbnf_matcher.hpp"
#include "engine/schema_grammar.hpp"

namespace suffice::engine {
namespace {

using ::testing::HasSubstr;
using wire::EngineConstraint;

EngineConstraint two_tools() {
  EngineConstraint constraint;
  constraint.tools = {
      {.name = "search", .parameters = R"({"type":"object","properties":{"q":{"type":"string"},"n":{"type":"integer"}},
                                         "required":["q"]})"},
      {.name = "stop", .parameters = {}}};
  return constraint;
}

std::string call(const std::string& name, const std::string& arguments) {
  return "<tool_call>\n{\"name\": \"" + name + "\", \"arguments\": " + arguments + "}\n</tool_call>";
}

bool accepts(const EngineConstraint& constraint, const std::string& answer, const std::string& text) {
  return GbnfMatcher(grammar_with_tools(constraint, answer).value()).accepts(text);
}

TEST(ToolGrammar, LetsAnAnswerBeTextOrCallsOrTextAndThenCalls) {
  const std::string one = call("search", R"({"q":"x","n":2})");
  struct Case {
    const char* name;
    std::string text;
    bool accepted;
  };
  const std::vector<Case> cases = {
      {"nothing", "", true},
      {"text", "a < b, and <tool_call> is a word", true},
      {"text that ends in a part of the mark", "see <tool_c", true},
      {"one call", one, true},
      {"two calls", one + "\n" + call("stop", "{}"), true},
      {"text, then a call", "I look.\n" + one, true},
      {"a mark begun twice", "<tool<" + one, true},
      {"an unknown tool", call("find", "{}"), false},
      {"a required argument is missing", call("search", R"({"n":2})"), false},
      {"an unknown argument", call("search", R"({"q":"x","z":1})"), false},
      {"arguments where there are none", call("stop", R"({"a":1})"), false},
      {"a call that breaks off", "<tool_call>\n{\"name\": \"stop\"", false},
      {"text behind a call", one + " there", false},
  };
  for (const Case& c : cases) EXPECT_EQ(accepts(two_tools(), "", c.text), c.accepted) << c.name;
}

TEST(ToolGrammar, DemandsACallOrAllowsOneOnly) {
  const std::string one = call("stop", "{}");
  EngineConstraint required = two_tools();
  required.call_required = true;
  EXPECT_FALSE(accepts(required, "", "text"));
  EXPECT_FALSE(accepts(required, "", ""));
  EXPECT_TRUE(accepts(required, "", one + "\n" + one));

  EngineConstraint single = two_tools();
  single.one_call = true;
  EXPECT_TRUE(accepts(single, "", "text " + one));
  EXPECT_FALSE(accepts(single, "", one + "\n" + one));

  std::string many = one;
  for (int i = 1; i < kCallsMax; ++i) many += "\n" + one;
  EXPECT_TRUE(accepts(two_tools(), "", many));
  EXPECT_FALSE(accepts(two_tools(), "", many + "\n" + one));
}

TEST(ToolGrammar, HoldsAnAnswerWithoutCallsToItsOwnGrammar) {
  const std::string answer = grammar_from_schema(R"({"type":"object","properties":{"ok":{"type":"boolean"}}})").value();

  EXPECT_TRUE(accepts(two_tools(), answer, R"({"ok":true})"));
  EXPECT_TRUE(accepts(two_tools(), answer, call("stop", "{}")));
  EXPECT_FALSE(accepts(two_tools(), answer, "text"));
  EXPECT_FALSE(accepts(two_tools(), answer, R"({"ok":true})" + call("stop", "{}")));
}

TEST(ToolGrammar, TakesAnyObjectWhereParametersSayNothing) {
  EngineConstraint open;
  open.tools = {{.name = "open", .parameters = R"({"description":"anything"})"}};

  EXPECT_TRUE(accepts(open, "", call("open", R"({"a":[1,{"b":null}]})")));
  EXPECT_FALSE(accepts(open, "", call("open", "[1]")));
}

TEST(ToolGrammar, RefusesWithThePlace) {
  struct Case {
    const char* name;
    std::vector<wire::EngineTool> tools;
    ErrorCode code;
    const char* where;
  };
  const std::vector<Case> cases = {
      {"two of one name", {{.name = "a"}, {.name = "a"}}, ErrorCode::InvalidArgument, "/tools/1/name"},
      {"no name", {{.name = ""}}, ErrorCode::InvalidArgument, "/tools/0/name"},
      {"no JSON", {{.name = "a", .parameters = "{"}}, ErrorCode::InvalidArgument, "/tools/0/parameters"},
      {"no object", {{.name = "a", .parameters = "[]"}}, ErrorCode::InvalidArgument, "/tools/0/parameters"},
      {"a keyword that cannot be held",
       {{.name = "a"}, {.name = "b", .parameters = R"({"type":"object","properties":{"x":{"not":{}}}})"}},
       ErrorCode::UnsupportedField,
       "/tools/1/parameters/properties/x/not"},
      {"too many", std::vector<wire::EngineTool>(kToolsMax + 1), ErrorCode::InvalidArgument, "/tools"},
  };
  for (const Case& c : cases) {
    EngineConstraint constraint;
    constraint.tools = c.tools;
    const auto grammar = grammar_with_tools(constraint, "");
    ASSERT_FALSE(grammar.has_value()) << c.name;
    EXPECT_EQ(grammar.error().code, c.code) << c.name;
    EXPECT_EQ(grammar.error().where, c.where) << c.name;
  }
}

TEST(RulePrefix, LeavesLiteralsClassesAndCountsAlone) {
  EXPECT_EQ(with_rule_prefix("root ::= a-b{2,3} \"root \\\" x\" [^a\\]b]* | c # root\n", "p-"),
            "p-root ::= p-a-b{2,3} \"root \\\" x\" [^a\\]b]* | p-c # root\n");
}

}  // namespace
}  // namespace suffice::engine
