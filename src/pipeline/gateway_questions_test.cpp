// What would be done with a request, and how long it is: asked without a trace.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/hash.hpp"
#include "net/run_sync.hpp"
#include "pipeline/gateway_fixture.hpp"

namespace suffice::pipeline {
namespace {

using GatewayQuestions = GatewayFixture;

std::vector<std::string> models_of(const Intention& intention) {
  std::vector<std::string> models;
  for (const Intention::Rung& rung : intention.ladder) models.push_back(rung.model);
  return models;
}

TEST_F(GatewayQuestions, SayTheLadderOfATaskAndAskNobody) {
  const Result<Intention> intention = gateway().decide(request_);

  ASSERT_TRUE(intention);
  EXPECT_EQ(intention->task, "triage");
  EXPECT_EQ(intention->route, Route::Local);
  EXPECT_TRUE(intention->reasons.empty());
  EXPECT_EQ(models_of(*intention), (std::vector<std::string>{"small", "big"}));
  EXPECT_EQ(intention->policy_version, "v1");
  EXPECT_GT(intention->cost_max.nanos, 0);
  EXPECT_TRUE(local_->calls().empty());
  EXPECT_TRUE(frontier_->calls().empty());
  EXPECT_TRUE(events().empty());
}

TEST_F(GatewayQuestions, SayWhyARequestWouldLeaveTheMachine) {
  policy_.hard_stops["access"] = {.name = "access",
                                  .reason = Reason::HardStopAccess,
                                  .words = {"jane"},
                                  .phrases = {},
                                  .patterns = {},
                                  .except = {}};
  policy_.tasks["triage"].hard_stops = {"access"};

  const Result<Intention> intention = gateway().decide(request_);

  ASSERT_TRUE(intention);
  EXPECT_EQ(intention->route, Route::Frontier);
  EXPECT_EQ(intention->reasons, std::vector<Reason>{Reason::HardStopAccess});
  EXPECT_EQ(models_of(*intention), std::vector<std::string>{"big"});
}

TEST_F(GatewayQuestions, ShowAnEmptyLadderWhenTheKillSwitchLeavesNobody) {
  levers_.set({.kill_switch = policy::KillSwitch::LocalOnly, .frontier_only_tasks = {}});
  request_.chat.model = "suffice/auto";

  const Result<Intention> intention = gateway().decide(request_);

  ASSERT_TRUE(intention);
  EXPECT_EQ(intention->route, Route::Refused);
  EXPECT_TRUE(intention->ladder.empty());
}

TEST_F(GatewayQuestions, HoldAKeyToItsTasksButNotAnOperator) {
  policy::AccessKey key;
  key.name = "ci";
  key.sha256 = sha256_hex("secret");
  key.tasks = {"other"};
  policy_.keys = {{key.sha256, key}};

  EXPECT_EQ(gateway().decide(request_).error().code, ErrorCode::Unauthorized);
  request_.credential = sha256_hex("secret");
  EXPECT_EQ(gateway().decide(request_).error().code, ErrorCode::Forbidden);
  request_.trusted = true;
  EXPECT_TRUE(gateway().decide(request_));
}

TEST_F(GatewayQuestions, CountTokensByTheModelThatWouldBeAsked) {
  local_->set_tokens(41);
  frontier_->set_tokens(43);

  EXPECT_EQ(net::run_sync(gateway().count_tokens(request_, Deadline::never())), 41);
  request_.frontier_requested = true;
  EXPECT_EQ(net::run_sync(gateway().count_tokens(request_, Deadline::never())), 43);
  EXPECT_TRUE(events().empty());
}

TEST_F(GatewayQuestions, AdmitThatAModelCannotCount) {
  EXPECT_EQ(net::run_sync(gateway().count_tokens(request_, Deadline::never())).error().code,
            ErrorCode::UnsupportedField);
}

}  // namespace
}  // namespace suffice::pipeline
