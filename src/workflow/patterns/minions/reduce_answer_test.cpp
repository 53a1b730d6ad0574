#include "workflow/patterns/minions/reduce_answer.hpp"

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/text.hpp"

namespace suffice::workflow::minions {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ParseDecision, ReadsAnAnswerWithItsEvidence) {
  const auto decision =
      parse_decision(R"({"decision":"answer","answer":"Twelve.","evidence":[3,1,3]})", 3, Rounds::MayGoOn, {});
  ASSERT_TRUE(decision.has_value()) << describe(decision.error());
  EXPECT_EQ(decision->kind, Decision::Kind::Answer);
  EXPECT_EQ(decision->answer, "Twelve.");
  EXPECT_THAT(decision->evidence, ElementsAre(1, 3));
}

TEST(ParseDecision, TakesNotFoundForAnAnswerInTheLastRoundToo) {
  for (const std::string_view answer : {"null", R"("none")", R"("Not found.")", R"("")"}) {
    const std::string text = R"({"decision":"answer","answer":)" + std::string(answer) + "}";
    for (const Rounds rounds : {Rounds::MayGoOn, Rounds::MustAnswer}) {
      const auto decision = parse_decision(text, 2, rounds, {});
      ASSERT_TRUE(decision.has_value()) << answer;
      EXPECT_EQ(decision->kind, Decision::Kind::NotFound);
    }
  }
}

TEST(ParseDecision, AsksForMoreOnlyWhileRoundsAreLeft) {
  const std::string_view text = R"({"decision":"more","feedback":"look for dates","scratchpad":"price known"})";
  const auto decision = parse_decision(text, 0, Rounds::MayGoOn, {});
  ASSERT_TRUE(decision.has_value());
  EXPECT_EQ(decision->feedback, "look for dates");
  EXPECT_EQ(decision->scratchpad, "price known");
  const auto last = parse_decision(text, 0, Rounds::MustAnswer, {});
  ASSERT_FALSE(last.has_value());
  EXPECT_THAT(last.error().message, HasSubstr("last round"));
}

TEST(ParseDecision, RefusesWhatItCannotTrust) {
  struct Case {
    std::string_view text;
    std::string_view problem;
  };
  const Case cases[] = {
      {.text = "The answer is 12", .problem = "not one JSON object"},
      {.text = R"({"answer":"12","evidence":[1]})", .problem = "/decision"},
      {.text = R"({"decision":"maybe"})", .problem = "/decision"},
      {.text = R"({"decision":"answer"})", .problem = "/answer"},
      {.text = R"({"decision":"answer","answer":12})", .problem = "/answer"},
      {.text = R"({"decision":"answer","answer":"12"})", .problem = "/evidence"},
      {.text = R"({"decision":"answer","answer":"12","evidence":[]})", .problem = "/evidence"},
      {.text = R"({"decision":"answer","answer":"12","evidence":[3]})", .problem = "numbers 1 to 2"},
      {.text = R"({"decision":"answer","answer":"12","evidence":[0]})", .problem = "numbers 1 to 2"},
      {.text = R"({"decision":"answer","answer":"12","evidence":["x"]})", .problem = "/evidence"},
      {.text = R"({"decision":"more"})", .problem = "/feedback"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const auto decision = parse_decision(c.text, 2, Rounds::MayGoOn, {});
    ASSERT_FALSE(decision.has_value());
    EXPECT_EQ(decision.error().code, ErrorCode::OutputRejected);
    EXPECT_THAT(decision.error().message, HasSubstr(c.problem));
  }
}

TEST(ParseDecision, CutsNotesAtTheirLimit) {
  std::string note;
  for (int i = 0; i < 100; ++i) note += "é";
  const auto decision = parse_decision(R"({"decision":"more","feedback":")" + note + R"("})", 0, Rounds::MayGoOn,
                                       {.note_characters_max = 10});
  ASSERT_TRUE(decision.has_value());
  EXPECT_EQ(count_code_points(decision->feedback), 10U);
}

}  // namespace
}  // namespace suffice::workflow::minions
