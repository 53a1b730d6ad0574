#include <filesystem>
#include <fstream>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/gateway_fixture.hpp"

namespace suffice::pipeline {
namespace {

using ::testing::HasSubstr;

/// A workflow of two models: the local one drafts, the hosted one concludes.
constexpr const char* kTwoSteps = R"(version: 1
models: {worker: small, frontier: big}
budget: {calls: 4, usd: 0.5}
start: draft
executors:
  draft: {model: worker, text: "Draft: {{input/query}}"}
  conclude: {model: frontier, text: "Conclude from: {{/answer}}"}
edges:
  - {from: draft, to: conclude}
)";

class GatewayWorkflow : public GatewayFixture {
 protected:
  GatewayWorkflow() {
    const ::testing::TestInfo& test = *::testing::UnitTest::GetInstance()->current_test_info();
    file_ = std::filesystem::path(::testing::TempDir()) / ("gateway_" + std::string(test.name()) + ".yaml");
    std::ofstream(file_) << kTwoSteps;
    policy_.hard_stops["secret"] = {.name = "secret",
                                    .reason = Reason::HardStopSecurity,
                                    .words = {"password"},
                                    .phrases = {},
                                    .patterns = {},
                                    .except = {}};
    policy::WorkflowEntry& entry = policy_.workflows["draft"];
    entry.name = "draft";
    entry.file = file_.string();
    entry.hard_stops = {"secret"};
    request_.chat.model = "suffice/draft";
    // So that the reservation of one call fits the budget.
    policy_.models["big"].price.input_per_million = 1'000;
  }
  ~GatewayWorkflow() override { std::filesystem::remove(file_); }

  boost::json::object event() { return boost::json::parse(events().back().json).as_object(); }

  std::filesystem::path file_;
};

TEST_F(GatewayWorkflow, AnswersUnderItsNameAndTellsWhatEveryModelDid) {
  local_->answer("a draft");
  frontier_->answer("the conclusion");

  const Answer answer = ask();

  ASSERT_TRUE(answer.completion) << answer.completion.error().message;
  EXPECT_EQ(answer.completion->text, "the conclusion");
  EXPECT_EQ(answer.decision.workflow, "draft");
  EXPECT_EQ(answer.decision.route, Route::EscalatedAfterValidation);
  EXPECT_EQ(answer.decision.model, "big");
  ASSERT_EQ(answer.decision.used.size(), 2U);
  EXPECT_EQ(answer.decision.used[0].model, "small");
  EXPECT_EQ(answer.completion->usage->input_tokens, 20);
  EXPECT_THAT(frontier_->calls().front().request.messages.back().text(), HasSubstr("a draft"));
}

TEST_F(GatewayWorkflow, LeavesOneEventWithEveryCall) {
  local_->answer("a draft");
  frontier_->answer("the conclusion");

  const Answer answer = ask();

  ASSERT_EQ(events().size(), 1U);
  EXPECT_EQ(event().at("workflow"), "draft");
  EXPECT_EQ(event().at("run_id").as_string(), answer.decision.run_id);
  EXPECT_EQ(event().at("attempts").as_array().size(), 2U);
  EXPECT_EQ(event().at("cost_nanodollars").as_int64(), answer.decision.cost.nanos);
}

TEST_F(GatewayWorkflow, AHardStopRefusesBeforeAnyModelIsAsked) {
  request_.chat.messages.back() = Message::of(Role::User, "my password is x");

  const Answer answer = ask();

  EXPECT_EQ(answer.completion.error().code, ErrorCode::Forbidden);
  EXPECT_EQ(answer.decision.reasons, std::vector<Reason>{Reason::HardStopSecurity});
  EXPECT_EQ(event().at("route"), "refused");
}

TEST_F(GatewayWorkflow, AHardStopGoesToTheFrontierAloneWhereThePolicySaysSo) {
  policy_.workflows["draft"].on_hard_stop = policy::OnHardStop::Frontier;
  request_.chat.messages.back() = Message::of(Role::User, "my password is x");
  frontier_->answer("change it");

  const Answer answer = ask();

  EXPECT_EQ(answer.completion->text, "change it");
  EXPECT_EQ(answer.decision.route, Route::Frontier);
  EXPECT_TRUE(answer.decision.workflow.empty());
}

TEST_F(GatewayWorkflow, UnderTheKillSwitchADocumentThatMustNotLeaveIsRefused) {
  levers_.set({.kill_switch = policy::KillSwitch::FrontierOnly, .frontier_only_tasks = {}});

  const Answer answer = ask();

  EXPECT_EQ(answer.completion.error().code, ErrorCode::Forbidden);
  EXPECT_EQ(answer.decision.reasons, std::vector<Reason>{Reason::KillSwitch});
}

TEST_F(GatewayWorkflow, UnderLocalOnlyNoHostedModelIsAsked) {
  levers_.set({.kill_switch = policy::KillSwitch::LocalOnly, .frontier_only_tasks = {}});
  local_->answer("a draft");

  const Answer answer = ask();

  EXPECT_EQ(answer.completion.error().code, ErrorCode::NoFrontier);
  EXPECT_TRUE(frontier_->calls().empty());
  EXPECT_THAT(answer.decision.reasons, ::testing::Contains(Reason::KillSwitch));
}

TEST_F(GatewayWorkflow, ABudgetEndsItAndWhatWasUsedIsInTheRecord) {
  policy_.models["big"].price.input_per_million = 1'000'000;
  local_->answer("a draft");

  const Answer answer = ask();

  EXPECT_EQ(answer.completion.error().code, ErrorCode::BudgetExhausted);
  EXPECT_EQ(event().at("reasons").at(0), "budget_exhausted");
  EXPECT_EQ(event().at("attempts").as_array().size(), 1U);
}

TEST_F(GatewayWorkflow, AFileWithProblemsStopsThePolicyWithEveryLine) {
  std::ofstream(file_) << "version: 1\nmodels: {worker: smal}\nstart: a\nexecutors: {a: {model: worker, text: x}}\n";
  const ClientSource clients = [this](const policy::Model&) -> Result<std::shared_ptr<providers::ModelClient>> {
    return local_;
  };
  const auto made = make_snapshot(std::make_shared<const policy::Policy>(policy_), prompts::PromptLibrary{}, clients);

  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::PolicyInvalid);
  EXPECT_EQ(made.error().where, "workflows.draft");
  EXPECT_THAT(made.error().message, HasSubstr(".yaml:2:"));
}

TEST_F(GatewayWorkflow, RefusesFieldsThatAWorkflowCannotHonour) {
  request_.chat.n = 2;
  EXPECT_EQ(ask().completion.error().where, "n");
  request_.chat.n = 1;
  request_.chat.response_format.kind = ResponseFormat::Kind::JsonObject;
  EXPECT_EQ(ask().completion.error().where, "response_format");
  request_.chat.response_format.kind = ResponseFormat::Kind::Text;
  request_.chat.tools.push_back({.name = "search", .description = {}, .parameters = {}, .strict = {}});
  EXPECT_EQ(ask().completion.error().code, ErrorCode::UnsupportedField);
}

TEST_F(GatewayWorkflow, WhatWouldBeDoneIsToldWithoutDoingIt) {
  request_.trusted = true;
  const Result<Intention> intention = gateway().decide(request_);

  EXPECT_EQ(intention->task, "draft");
  EXPECT_EQ(intention->route, Route::Local);
  ASSERT_EQ(intention->ladder.size(), 2U);
  EXPECT_EQ(intention->ladder[1].model, "big");
  EXPECT_EQ(intention->cost_max, Usd::from_dollars(0.5));
}

}  // namespace
}  // namespace suffice::pipeline
