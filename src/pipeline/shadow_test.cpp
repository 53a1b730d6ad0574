#include "pipeline/shadow.hpp"

#include <chrono>

#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/gateway_fixture.hpp"

namespace suffice::pipeline {
namespace {

using ::testing::HasSubstr;

TEST(ShadowAnswers, SayTheSameUpToCaseSpaceAndTheOrderOfAnObject) {
  EXPECT_TRUE(says_the_same("BUILD", " build\n"));
  EXPECT_TRUE(says_the_same("two  words", "two\nwords"));
  EXPECT_TRUE(says_the_same(R"({"a": 1, "b": [2]})", R"({"b":[2],"a":1})"));
  EXPECT_FALSE(says_the_same("build", "test"));
  EXPECT_FALSE(says_the_same(R"({"a": 1})", R"({"a": 2})"));
  EXPECT_FALSE(says_the_same("{", "[")) << "neither is JSON";
}

TEST(ShadowBudget, EndsForTheDayWhenItIsSpentAndBeginsAnewAtMidnight) {
  ShadowBudget budget;
  const policy::ShadowLimits limits{.usd_per_day = Usd::from_dollars(1), .at_once = 1};
  const WallTime evening = std::chrono::sys_days(std::chrono::days(20'000)) + std::chrono::hours(23);
  EXPECT_EQ(budget.begin(limits, evening), ShadowBudget::Answer::Granted);
  EXPECT_EQ(budget.begin(limits, evening), ShadowBudget::Answer::Busy);
  budget.end(Usd::from_dollars(1.5), evening);
  EXPECT_EQ(budget.begin(limits, evening), ShadowBudget::Answer::Spent);
  EXPECT_EQ(budget.spent_today(evening), Usd::from_dollars(1.5));
  EXPECT_EQ(budget.begin(limits, evening + std::chrono::hours(1)), ShadowBudget::Answer::Granted);
}

class GatewayShadow : public GatewayFixture {
 protected:
  /// Asks, then lets everything that was begun beside the request end.
  Answer ask_and_settle() {
    boost::asio::io_context io;
    std::optional<Answer> answer;
    Task<Answer> asking = gateway().answer(request_, nullptr, Deadline::never());
    boost::asio::co_spawn(io, std::move(asking), [&](std::exception_ptr, Answer given) { answer = std::move(given); });
    io.run();
    return *std::move(answer);
  }
  /// The recorder writes on a thread of its own; ending it writes what is queued.
  std::vector<boost::json::object> recorded() {
    gateway_.reset();
    recorder_.reset();
    std::vector<boost::json::object> all;
    for (const audit::StoredEvent& event : events()) all.push_back(boost::json::parse(event.json).as_object());
    return all;
  }
  std::string metrics_text() { return registry_.to_prometheus(); }
};

TEST_F(GatewayShadow, TheFrontierAnswersAndTheLocalPathIsRecordedBesideIt) {
  policy_.tasks["triage"].rollout = policy::RolloutStage::Shadow;
  frontier_->answer("build");
  local_->answer(labelled("build", 0.9));

  const Answer answer = ask_and_settle();

  EXPECT_EQ(answer.completion->text, "build");
  EXPECT_EQ(answer.decision.route, Route::Frontier);
  EXPECT_THAT(metrics_text(), HasSubstr(R"(suffice_shadow_runs_total{task="triage",result="agrees"} 1)"));
  const std::vector<boost::json::object> all = recorded();
  ASSERT_EQ(all.size(), 2U);
  const boost::json::object& beside = all[1];
  EXPECT_EQ(beside.at("kind"), "shadow");
  EXPECT_EQ(beside.at("refers_to"), all[0].at("id"));
  EXPECT_EQ(beside.at("route"), "local");
  EXPECT_EQ(beside.at("label"), "agrees");
  EXPECT_EQ(beside.at("attempts").at(0).at("model"), "small");
  EXPECT_EQ(beside.at("attempts").at(0).at("output_sha256"), all[0].at("output").at("sha256"));
}

TEST_F(GatewayShadow, SaysThatItWouldHaveEscalatedAndWhy) {
  policy_.tasks["triage"].rollout = policy::RolloutStage::Shadow;
  frontier_->answer("build");
  local_->answer(labelled("test", 0.5));

  ask_and_settle();

  const boost::json::object beside = recorded().at(1);
  EXPECT_EQ(beside.at("route"), "escalated");
  EXPECT_EQ(beside.at("reasons").at(0), "confidence_low");
  EXPECT_EQ(beside.at("label"), "differs");
}

TEST_F(GatewayShadow, ACandidateRunsBesideTheServedLadder) {
  policy_.models["next"] = policy_.models["small"];
  policy_.models["next"].name = "next";
  policy_.tasks["triage"].candidate = policy::Tier{.model = "next", .prompt = {}};
  local_->answer(labelled("build", 0.9)).answer(labelled("test", 0.8));

  const Answer answer = ask_and_settle();

  EXPECT_EQ(answer.decision.route, Route::Local);
  EXPECT_EQ(answer.completion->text, "build");
  const boost::json::object beside = recorded().at(1);
  EXPECT_EQ(beside.at("attempts").at(0).at("model"), "next");
  EXPECT_EQ(beside.at("route"), "local");
  EXPECT_EQ(beside.at("label"), "differs") << "a candidate that would have served another answer";
}

TEST_F(GatewayShadow, AsksNoModelAboutAnInputThatMayNotGoLocal) {
  policy_.tasks["triage"].rollout = policy::RolloutStage::Shadow;
  policy_.tasks["triage"].max_input_chars = 3;
  frontier_->answer("build");

  ask_and_settle();

  const boost::json::object beside = recorded().at(1);
  EXPECT_TRUE(beside.at("attempts").as_array().empty());
  EXPECT_EQ(beside.at("reasons").at(0), "input_too_large");
}

TEST_F(GatewayShadow, NothingRunsBesideWhatAnOperatorSentToTheFrontierOrWhatFailed) {
  policy_.tasks["triage"].rollout = policy::RolloutStage::Shadow;
  frontier_->answer("build").fail_with(ErrorCode::UpstreamFailed);
  request_.frontier_requested = true;
  ask_and_settle();
  request_.frontier_requested = false;
  ask_and_settle();

  EXPECT_EQ(recorded().size(), 2U);
}

TEST_F(GatewayShadow, IsLeftOutAndCountedWhenTheDaysMoneyIsSpent) {
  policy_.tasks["triage"].rollout = policy::RolloutStage::Shadow;
  policy_.shadow.usd_per_day = Usd{};
  frontier_->answer("build");

  ask_and_settle();

  EXPECT_THAT(metrics_text(), HasSubstr(R"(suffice_shadow_runs_total{task="triage",result="over_budget"} 1)"));
  EXPECT_EQ(recorded().size(), 1U);
}

}  // namespace
}  // namespace suffice::pipeline
