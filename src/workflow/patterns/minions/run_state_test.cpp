#include "workflow/patterns/minions/run_state.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace suffice::workflow::minions {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::int64_t count_bytes(std::string_view text) { return static_cast<std::int64_t>(text.size()); }

Question a_question() {
  return {.query = "q?", .document = Document::create("d.txt", "alpha beta gamma delta").value()};
}

RunState a_state() {
  RunState state;
  state.round = 2;
  state.advice = "look";
  state.feedback = "more \"dates\"";
  state.scratchpad = "π";
  state.asked = {"a", "b"};
  state.manifest = {.tasks = {{.name = "b", .instruction = "find b"}},
                    .chunking = {.unit = Chunking::Unit::Lines, .size = 9, .overlap = 2},
                    .samples = 3};
  state.kept = {
      {.round = 1, .task = "a", .range = {.begin = 0, .end = 5}, .votes = 2, .answer = "x", .explanation = "y"},
      {.round = 2, .task = "b", .range = {.begin = 6, .end = 10}, .votes = 1, .answer = "", .explanation = ""}};
  state.reports = {{.jobs = 4, .abstained = 1, .verified = 2, .malformed = 1}, {.jobs = 1, .failed = 1}};
  state.remote_tokens = 1234;
  return state;
}

TEST(RunState, GoesThroughJsonUnchanged) {
  for (const RunState& state : {RunState{}, a_state()}) {
    const auto back = RunState::from_json(state.json().text, 22);
    ASSERT_TRUE(back.has_value()) << describe(back.error());
    EXPECT_EQ(*back, state);
  }
}

TEST(RunState, OfAnotherDocumentOrProgramIsRefused) {
  EXPECT_FALSE(RunState::from_json(a_state().json().text, 9).has_value()) << "a citation beyond the document";
  EXPECT_FALSE(RunState::from_json("{}", 22).has_value());
  EXPECT_FALSE(RunState::from_json("[]", 22).has_value());
  EXPECT_FALSE(RunState::from_json("no json", 22).has_value());
}

TEST(RunState, HoldsRangesAndNeverTheDocument) { EXPECT_EQ(a_state().json().text.find("alpha"), std::string::npos); }

TEST(ViewOf, ShowsCitationsAndNothingElseOfTheDocument) {
  const RemoteView view = view_of(a_question(), a_state(), {});
  ASSERT_THAT(view.citations, SizeIs(2));
  EXPECT_EQ(view.citations[0].text, "alpha");
  EXPECT_EQ(view.citations[1].text, "beta");
}

TEST(Continued, StartsTheNextRoundWithItsNotes) {
  Decision decision;
  decision.kind = Decision::Kind::More;
  decision.feedback = "dates";
  decision.scratchpad = "s";
  const RunState next = continued(a_state(), decision);
  EXPECT_EQ(next.round, 3U);
  EXPECT_EQ(next.feedback, "dates");
  EXPECT_THAT(next.manifest.tasks, IsEmpty());
  EXPECT_THAT(next.kept, SizeIs(2)) << "citations stay";
}

TEST(RoundsLeft, EndsAtTheLimit) {
  RunState state;
  EXPECT_EQ(rounds_left(state, {.rounds_max = 2}), Rounds::MayGoOn);
  state.round = 2;
  EXPECT_EQ(rounds_left(state, {.rounds_max = 2}), Rounds::MustAnswer);
}

TEST(Answered, NamesTheCitationsItRestsOn) {
  Decision decision;
  decision.kind = Decision::Kind::Answer;
  decision.answer = "yes";
  decision.evidence = {2};
  const Answer answer = answered(a_state(), decision);
  EXPECT_TRUE(answer.found);
  ASSERT_THAT(answer.evidence, SizeIs(1));
  EXPECT_EQ(answer.evidence[0].task, "b");
}

TEST(Fitted, LeavesOutTheWeakestUntilThePromptFitsAndCountsThem) {
  const Question question = a_question();
  const RunState state = a_state();
  const std::int64_t whole = prefill_tokens(reduce_prompt(view_of(question, state, {}), {}), count_bytes);

  EXPECT_EQ(fitted(state, question, {}, whole, count_bytes), state);
  const RunState smaller = fitted(state, question, {}, whole - 1, count_bytes);

  ASSERT_THAT(smaller.kept, SizeIs(1));
  EXPECT_EQ(smaller.kept[0].votes, 2U);
  EXPECT_EQ(smaller.reports.back().left_out, 1U);
  EXPECT_LT(prefill_tokens(reduce_prompt(view_of(question, smaller, {}), {}), count_bytes), whole);
  EXPECT_THAT(fitted(state, question, {}, 1, count_bytes).kept, IsEmpty());
}

TEST(Limits, SayWhichOneIsWrong) {
  EXPECT_TRUE(Limits{}.check().has_value());
  EXPECT_EQ(Limits{.rounds_max = 6}.check().error().where, "minions.rounds");
  EXPECT_THAT(Limits{.rounds_max = 6}.check().error().message, HasSubstr("1 to 5"));
  EXPECT_FALSE(Limits{.tasks_max = 0}.check().has_value());
  EXPECT_FALSE((Limits{.fact_bytes = 500, .chunk_bytes_max = 500}.check().has_value()));
}

}  // namespace
}  // namespace suffice::workflow::minions
