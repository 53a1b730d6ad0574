// Suites as people write them, right and wrong: what is read, and that every problem comes with its line.
#include "lab/suites/suite.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace suffice::lab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

constexpr std::string_view kYaml = "version: 1\ntask: triage\nprovenance: ours\nlicence: Apache-2.0\n";

LoadedSuite parse(std::string_view cases, std::string_view yaml = kYaml) {
  return parse_suite(yaml, cases, "suites/triage");
}

TEST(Suite, ReadsCasesOfEveryKind) {
  const LoadedSuite loaded = parse(
      R"({"id": "a", "input": "it broke", "expected": "build", "frontier": "build", "tags": ["x", "y"]})"
      "\n\n"
      R"({"id": "b", "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}], "must_escalate": true})"
      "\n"
      R"({"id": "c", "input": "ab", "repeat": 3, "expected": {"n": 1}})"
      "\n"
      R"({"id": "d", "input": "x", "checker": {"regex": "^y+$"}})"
      "\n");

  ASSERT_TRUE(loaded.suite) << policy::to_lines(loaded.problems);
  const Suite& suite = *loaded.suite;
  EXPECT_EQ(suite.name, "triage");
  EXPECT_EQ(suite.task, "triage");
  ASSERT_THAT(suite.cases, SizeIs(4));
  EXPECT_EQ(suite.cases[0].expected.text, "build");
  EXPECT_EQ(suite.cases[0].frontier, "build");
  EXPECT_THAT(suite.cases[0].tags, ElementsAre("x", "y"));
  EXPECT_EQ(suite.cases[1].line, 3U);
  EXPECT_TRUE(suite.cases[1].must_escalate);
  EXPECT_TRUE(suite.cases[1].expected.empty());
  EXPECT_EQ(suite.cases[1].messages.front().role, Role::System);
  EXPECT_EQ(suite.cases[2].messages.front().text(), "ababab");
  EXPECT_EQ(suite.cases[2].expected.fields.text, R"({"n":1})");
  EXPECT_EQ(suite.cases[3].expected.regex, "^y+$");
}

TEST(Suite, HasTheReleaseGatesOfTheSpecificationUnlessItSaysOtherwise) {
  const std::string one = R"({"id": "a", "input": "x", "expected": "y"})";
  EXPECT_EQ(parse(one).suite.value().gates, ReleaseGates{});

  const auto changed =
      parse(one, std::string(kYaml) +
                     "gates: {json_validity: off, label_accuracy: 0.9, false_accepts_on_hard_stops: off, "
                     "kill_switch: off, accepted: 0.2, confidence: 0.99, by: bound}\n");

  ASSERT_TRUE(changed.suite) << policy::to_lines(changed.problems);
  const ReleaseGates& gates = changed.suite->gates;
  EXPECT_EQ(gates.json_validity, std::nullopt);
  EXPECT_EQ(gates.label_accuracy, 0.9);
  EXPECT_FALSE(gates.hard_stops);
  EXPECT_FALSE(gates.kill_switch);
  EXPECT_EQ(gates.accepted, 0.2);
  EXPECT_EQ(gates.confidence, 0.99);
  EXPECT_EQ(gates.by, GateBy::Bound);
}

TEST(Suite, SaysEveryProblemWithItsLine) {
  const LoadedSuite loaded = parse(
      "{\"id\": \"a\", \"input\": \"x\", \"expected\": \"y\"}\n"
      "not json\n"
      "[1]\n"
      "{\"id\": \"a\", \"input\": \"x\", \"expected\": \"y\"}\n"
      "{\"input\": \"x\", \"expected\": 3}\n"
      "{\"id\": \"e\", \"expected\": \"y\", \"expcted\": 1}\n"
      "{\"id\": \"f\", \"input\": \"x\"}\n"
      "{\"id\": \"g\", \"input\": \"x\", \"checker\": {\"regex\": \"(\"}}\n"
      "{\"id\": \"h\", \"input\": \"x\", \"repeat\": 0, \"expected\": \"y\"}\n"
      "{\"id\": \"i\", \"messages\": [{\"role\": \"assistant\", \"content\": \"x\"}], \"expected\": \"y\"}\n",
      "version: 1\ntaks: triage\nprovenance: ours\nlicence: MIT\n");

  EXPECT_FALSE(loaded.suite);
  const std::string lines = policy::to_lines(loaded.problems);
  for (const char* part : {"cases.jsonl:2",
                           "not JSON",
                           "cases.jsonl:3",
                           "a case is an object",
                           "cases.jsonl:4",
                           "line 1 has the same id",
                           "cases.jsonl:5",
                           "every case has an id",
                           "write a label or text",
                           "cases.jsonl:6",
                           "did you mean \"expected\"",
                           "either input or messages",
                           "cases.jsonl:7",
                           "say what is right",
                           "cases.jsonl:8",
                           "not an RE2 expression",
                           "cases.jsonl:9",
                           "from 1",
                           "cases.jsonl:10",
                           "the last message is the user's",
                           "suite.yaml:",
                           "taks"}) {
    EXPECT_THAT(lines, HasSubstr(part));
  }
}

TEST(Suite, WithoutCasesIsAProblem) {
  EXPECT_THAT(policy::to_lines(parse("\n\n").problems), HasSubstr("no cases"));
  EXPECT_THAT(policy::to_lines(parse("{}", "").problems), HasSubstr("suite.yaml"));
  EXPECT_THAT(policy::to_lines(load_suite("/nowhere/suite").problems), HasSubstr("no such folder"));
}

TEST(Suite, IsNamedByItsFolderAndKnownByItsBytes) {
  const std::string one = R"({"id": "a", "input": "x", "expected": "y"})";
  EXPECT_EQ(parse_suite(kYaml, one, "suites/triage/").suite.value().name, "triage");
  EXPECT_NE(parse(one).suite.value().sha256, parse(one + "\n").suite.value().sha256);
}

TEST(Suite, NamesLabelsThatTheTaskDoesNotHave) {
  const Suite suite = parse(
                          "{\"id\": \"a\", \"input\": \"x\", \"expected\": \"Build\"}\n"
                          "{\"id\": \"b\", \"input\": \"x\", \"expected\": \"biuld\"}\n")
                          .suite.value();

  const auto problems = unknown_labels(suite, {"build", "test"});

  ASSERT_THAT(problems, SizeIs(1));
  EXPECT_EQ(problems[0].line, 2);
  EXPECT_THAT(problems[0].message, HasSubstr("did you mean \"build\""));
  EXPECT_THAT(unknown_labels(suite, {}), SizeIs(0));
}

TEST(Expectation, SaysWhatIsRight) {
  struct Case {
    const char* name;
    Expectation expected;
    std::string answer;
    bool right;
  };
  const Expectation fields{.fields = JsonText{R"({"n": 2, "who": "Ada", "list": ["a", "b"]})"}};
  const Case cases[] = {
      {"a label", {.text = "build"}, "build", true},
      {"trimmed and folded", {.text = "Build"}, " BUILD\n", true},
      {"prose around it is wrong", {.text = "build"}, "it is build", false},
      {"fields in another order", fields, R"({"list": ["A", "b"], "who": " ada", "n": 2.0})", true},
      {"a field missing", fields, R"({"n": 2, "who": "Ada"})", false},
      {"a field invented", fields, R"({"n": 2, "who": "Ada", "list": ["a", "b"], "x": 1})", false},
      {"a list in another order", fields, R"({"n": 2, "who": "Ada", "list": ["b", "a"]})", false},
      {"not JSON", fields, "n is 2", false},
      {"one of", {.one_of = {"yes", "sure"}}, "Sure", true},
      {"none of", {.one_of = {"yes", "sure"}}, "surely", false},
      {"contains all", {.contains = {"disk", "full"}}, "The DISK is full.", true},
      {"contains some", {.contains = {"disk", "full"}}, "the disk", false},
      {"a pattern", {.regex = "^v\\d+$"}, "v12", true},
      {"no pattern", {.regex = "^v\\d+$"}, "v12b", false},
      {"nothing is right by itself", {}, "anything", false},
  };
  for (const Case& one : cases) EXPECT_EQ(is_right(one.expected, one.answer), one.right) << one.name;
}

}  // namespace
}  // namespace suffice::lab
