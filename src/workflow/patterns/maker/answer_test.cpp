#include "workflow/patterns/maker/answer.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace suffice::workflow::maker {
namespace {

AnswerFormat pair_format() {
  AnswerFormat format;
  format.action = CanonicalForm::Label;
  format.bytes_max = 200;
  format.action_schema = *gate::JsonSchema::compile(R"({"enum":["add","Add","move"]})");
  format.state_schema = *gate::JsonSchema::compile(R"({"type":"object","required":["value"]})");
  return format;
}

AnswerFormat value_format(CanonicalForm form) {
  AnswerFormat format;
  format.shape = AnswerFormat::Shape::Value;
  format.state = form;
  return format;
}

TEST(StepAnswer, IsThePairOfActionAndNextState) {
  const auto vote =
      read_vote(pair_format(), {.text = " {\"state\": {\"value\": 16.0, \"a\": [1e1]}, \"action\": \"add\"}\n"});

  ASSERT_TRUE(vote) << name(vote.error());
  EXPECT_EQ(vote->answer.action, R"("add")");
  EXPECT_EQ(vote->answer.state, R"({"a":[10],"value":16})");
}

TEST(StepAnswer, VotesAgreeWhenActionAndStateMeanTheSame) {
  const AnswerFormat format = pair_format();
  const auto first = read_vote(format, {.text = R"({"action":"add","state":{"value":16}})"});
  const auto same = read_vote(format, {.text = R"({"state":{"value":1.6e1},"action":"Add"})"});
  const auto other_action = read_vote(format, {.text = R"({"action":"move","state":{"value":16}})"});
  const auto other_state = read_vote(format, {.text = R"({"action":"add","state":{"value":17}})"});

  ASSERT_TRUE(first && same && other_action && other_state);
  EXPECT_EQ(first->canonical, same->canonical);
  EXPECT_NE(first->canonical, other_action->canonical);
  EXPECT_NE(first->canonical, other_state->canonical);
}

TEST(StepAnswer, EveryFormatErrorIsARedFlagAndNothingIsRepaired) {
  struct Case {
    const char* name;
    std::string text;
    RedFlag flag;
    FinishReason finish = FinishReason::Stop;
  };
  const std::string good = R"({"action":"add","state":{"value":1}})";
  const std::vector<Case> table = {
      {"longer than the cap", good + std::string(200, ' '), RedFlag::TooLong},
      {"cut off by the model's limit, though it reads well", good, RedFlag::CutOff, FinishReason::Length},
      {"nothing", "", RedFlag::Empty},
      {"white space", " \n", RedFlag::Empty},
      {"filtered", good, RedFlag::Empty, FinishReason::ContentFilter},
      {"a Markdown fence", "```json\n" + good + "\n```", RedFlag::NotJson},
      {"words before it", "The answer: " + good, RedFlag::NotJson},
      {"two values", good + good, RedFlag::NotJson},
      {"a repeated name", R"({"action":"add","action":"move","state":{"value":1}})", RedFlag::NotJson},
      {"a list", "[1]", RedFlag::WrongShape},
      {"no state", R"({"action":"add"})", RedFlag::WrongShape},
      {"a third member", R"({"action":"add","state":{"value":1},"why":"so"})", RedFlag::WrongShape},
      {"an action that is no label", R"({"action":7,"state":{"value":1}})", RedFlag::NotCanonical},
      {"an action outside its schema", R"({"action":"jump","state":{"value":1}})", RedFlag::SchemaInvalid},
      {"a state outside its schema", R"({"action":"add","state":{}})", RedFlag::SchemaInvalid},
      {"bytes that are not UTF-8", "\xff", RedFlag::NotCanonical},
  };
  for (const Case& row : table) {
    SCOPED_TRACE(row.name);
    const auto vote = read_vote(pair_format(), {.text = row.text, .finish = row.finish});
    ASSERT_FALSE(vote);
    EXPECT_EQ(name(vote.error()), name(row.flag));
  }
}

TEST(StepAnswer, AValueIsTheNextState) {
  struct Case {
    const char* name;
    CanonicalForm form;
    const char* text;
    const char* state;  // null: refused
  };
  const std::vector<Case> table = {
      {"a number", CanonicalForm::Number, " 16.0\n", "16"},
      {"a label keeps its spelling", CanonicalForm::Label, "Billing ", R"("Billing")"},
      {"exact text", CanonicalForm::Exact, "a ", R"("a ")"},
      {"json", CanonicalForm::Json, "[1.0]", "[1]"},
      {"no number", CanonicalForm::Number, "sixteen", nullptr},
      {"a word that would be a refusal elsewhere", CanonicalForm::Label, "No", R"("No")"},
      {"a refusal", CanonicalForm::Trimmed, "I'm sorry, but I can't help with that.", nullptr},
  };
  for (const Case& row : table) {
    SCOPED_TRACE(row.name);
    const auto vote = read_vote(value_format(row.form), {.text = row.text});
    ASSERT_EQ(vote.has_value(), row.state != nullptr);
    if (vote) EXPECT_EQ(vote->answer.state, row.state);
  }
}

TEST(StepAnswer, PairsThatRunTogetherAreStillTwoPairs) {
  AnswerFormat format;
  format.action = format.state = CanonicalForm::Exact;
  const auto first = read_vote(format, {.text = R"({"action":"ab","state":"c"})"});
  const auto second = read_vote(format, {.text = R"({"action":"a","state":"bc"})"});

  ASSERT_TRUE(first && second);
  EXPECT_NE(first->canonical, second->canonical);
}

}  // namespace
}  // namespace suffice::workflow::maker
