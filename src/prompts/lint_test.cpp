// What the lint says, rule by rule, and where.

#include "prompts/lint.hpp"

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <unistd.h>

#include <gmock/gmock.h>

namespace suffice::prompts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
namespace fs = std::filesystem;

/// A prompt the lint has nothing to say about.
Prompt good() {
  Prompt prompt;
  prompt.name = "p";
  prompt.version = 1;
  prompt.system = "You sort.";
  prompt.parser = Parser::Json;
  prompt.schema.text = R"({"type":"object"})";
  prompt.categories = {{.label = "a", .when = "it is a", .not_when = ""},
                       {.label = "b", .when = "it is b", .not_when = ""}};
  prompt.tie_break = {"a and b: a"};
  prompt.examples = {{.input = "x", .output = R"({"a":1,"b":2})", .why = "", .wrong = "one"},
                     {.input = "y", .output = R"({"a":3,"b":4})", .why = "", .wrong = ""}};
  prompt.reminder = "Answer with JSON.";
  prompt.max_output_tokens = 9;
  prompt.tests = {{.name = "", .input = "x", .output = "{}", .contains = {}, .lacks = {}, .fields = {}, .answer = ""}};
  return prompt;
}

TEST(Lint, SaysEachThingThatHurtsSmallModels) {
  ASSERT_THAT(lint(good()), IsEmpty());
  const struct {
    const char* rule;
    const char* at;
    std::function<void(Prompt&)> spoil;
  } cases[] = {
      {"no_reminder", "/input", [](Prompt& p) { p.reminder.clear(); }},
      {"no_schema", "/parser", [](Prompt& p) { p.schema.text.clear(); }},
      {"schema_after_task", "/reminder", [](Prompt& p) { p.reminder = R"({"properties": {}})"; }},
      {"schema_after_task", "/input/wrap", [](Prompt& p) { p.wrap = R"({input} {"type": "object"})"; }},
      {"no_output_cap", "", [](Prompt& p) { p.max_output_tokens.reset(); }},
      {"no_example", "", [](Prompt& p) { p.examples.clear(); }},
      {"many_examples", "/examples/3", [](Prompt& p) { p.examples.resize(4, p.examples[0]); }},
      {"no_wrong_answer", "/examples", [](Prompt& p) { p.examples[0].wrong.clear(); }},
      {"example_shape", "/examples/1/output", [](Prompt& p) { p.examples[1].output = R"({"a":3})"; }},
      {"example_shape", "/examples/1/output", [](Prompt& p) { p.examples[1].output = R"({"b":4,"a":3})"; }},
      {"example_shape", "/examples/1/input", [](Prompt& p) { p.examples[1].input = R"({"text":"y"})"; }},
      {"real_value", "/examples/1", [](Prompt& p) { p.examples[1].input = "write to ann@example.com"; }},
      {"real_value", "/examples/0", [](Prompt& p) { p.examples[0].input = "account 123456789"; }},
      {"no_tie_break", "/categories", [](Prompt& p) { p.tie_break.clear(); }},
      {"long_part", "/system", [](Prompt& p) { p.system = std::string(1000, 'x'); }},
      {"long_part", "/examples", [](Prompt& p) { p.examples[0].input = std::string(3000, 'x'); }},
      {"no_tests", "", [](Prompt& p) { p.tests.clear(); }},
  };
  for (const auto& one : cases) {
    Prompt prompt = good();
    one.spoil(prompt);
    const auto findings = lint(prompt);
    ASSERT_EQ(findings.size(), 1U) << one.rule << " " << one.at;
    EXPECT_EQ(findings[0].rule, one.rule);
    EXPECT_EQ(findings[0].at, one.at);
  }
}

TEST(Lint, APlaceholderIsNoRealValue) {
  Prompt prompt = good();
  prompt.examples[0].input = "write to <CUSTOMER_EMAIL>, user@host, @name, 12345678";

  EXPECT_THAT(lint(prompt), IsEmpty());
}

TEST(Lint, ContrastsShowWrongAnswersToo) {
  Prompt prompt = good();
  prompt.examples[0].wrong.clear();
  prompt.contrasts = {{.input = "", .correct = "{}", .incorrect = "none", .why = "no JSON"}};

  EXPECT_THAT(lint(prompt), IsEmpty());
}

TEST(Lint, LeavesASpecialistAsItWasTrained) {
  Prompt prompt;
  prompt.specialist = true;
  prompt.system = "task";

  const auto findings = lint(prompt);

  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].rule, "no_tests");
}

TEST(Lint, GivesTheLineOfEachFinding) {
  const fs::path file = fs::temp_directory_path() / ("suffice_lint_" + std::to_string(::getpid()) + ".yaml");
  std::ofstream(file) << "name: p\nsystem: s\nexamples:\n- input: x\n  output: a\n- input: y\n  output: '{\"a\":1}'\n";
  Prompt prompt = good();
  prompt.file = file;
  prompt.examples[1].output = "a";

  const auto problems = lint_with_places(prompt);
  fs::remove(file);

  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].line, 7);
  EXPECT_THAT(problems[0].to_string(), HasSubstr("examples[1].output: examples of different shape"));
  EXPECT_THAT(problems[0].to_string(), HasSubstr("[example_shape]"));
}

}  // namespace
}  // namespace suffice::prompts
