#include "pipeline/lever_json.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace suffice::pipeline {
namespace {

Result<LeverState> change(LeverState state, const char* text) {
  return changed(std::move(state), boost::json::parse(text).as_object());
}

LeverState full() {
  LeverState state{.kill_switch = policy::KillSwitch::LocalOnly, .frontier_only_tasks = {"a", "b"}};
  state.tasks["triage"] = {.min_confidence = 0.9,
                           .canary_percent = 10,
                           .canary_groups = std::set<std::string>{"beta"},
                           .candidate_serves = true,
                           .certificate_withdrawn = true};
  return state;
}

TEST(LeverJson, ReadsBackWhatItWrites) {
  EXPECT_EQ(*changed(LeverState{}, to_json(full())), full());
  EXPECT_EQ(*changed(LeverState{}, to_json(LeverState{})), LeverState{});
}

TEST(LeverJson, ChangesOnlyWhatIsNamed) {
  const LeverState after =
      *change(full(), R"({"tasks":{"triage":{"min_confidence":0.95},"other":{"canary":{"percent":5}}}})");
  EXPECT_EQ(after.kill_switch, policy::KillSwitch::LocalOnly);
  EXPECT_EQ(after.of("triage").min_confidence, 0.95);
  EXPECT_TRUE(after.of("triage").candidate_serves);
  EXPECT_EQ(after.of("other").canary_percent, 5);
  EXPECT_TRUE(after.of("nobody").is_off());
}

TEST(LeverJson, NullPutsALeverOrATaskBack) {
  EXPECT_TRUE(change(full(), R"({"tasks":{"triage":null}})")->tasks.empty());
  const LeverState one = *change(
      full(),
      R"({"tasks":{"triage":{"min_confidence":null,"canary":null,"candidate_serves":false,"certificate_withdrawn":null}}})");
  EXPECT_TRUE(one.tasks.empty()) << "a task whose levers are all off is not kept";
}

TEST(LeverJson, SaysWhichMemberIsWrong) {
  const auto where = [](const char* text) { return change(LeverState{}, text).error().where; };
  EXPECT_EQ(where(R"({"kill_switch":"maybe"})"), "kill_switch");
  EXPECT_EQ(where(R"({"frontier_only_tasks":[1]})"), "frontier_only_tasks");
  EXPECT_EQ(where(R"({"tasks":[]})"), "tasks");
  EXPECT_EQ(where(R"({"tasks":{"t":1}})"), "tasks.t");
  EXPECT_EQ(where(R"({"tasks":{"t":{"min_confidence":1.5}}})"), "tasks.t.min_confidence");
  EXPECT_EQ(where(R"({"tasks":{"t":{"canary":{"percent":101}}}})"), "tasks.t.canary.percent");
  EXPECT_EQ(where(R"({"tasks":{"t":{"canary":{"share":1}}}})"), "tasks.t.canary");
  EXPECT_EQ(where(R"({"tasks":{"t":{"candidate_serves":1}}})"), "tasks.t.candidate_serves");
  EXPECT_EQ(change(LeverState{}, R"({"tasks":{"t":{"speed":1}}})").error().code, ErrorCode::UnsupportedField);
  EXPECT_EQ(change(LeverState{}, R"({"speed":1})").error().code, ErrorCode::UnsupportedField);
}

}  // namespace
}  // namespace suffice::pipeline
