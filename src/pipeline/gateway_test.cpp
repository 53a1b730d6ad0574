#include "pipeline/gateway.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include "core/hash.hpp"
#include "net/run_sync.hpp"
#include "pipeline/gateway_fixture.hpp"
#include "pipeline/gateway_metrics.hpp"
#include "testing/manual_clock.hpp"
#include "testing/scripted_model.hpp"

namespace suffice::pipeline {
namespace {

using testing::ScriptedModel;

using GatewayTest = GatewayFixture;

TEST_F(GatewayTest, RecordsBeforeItAnswers) {
  local_->answer(labelled("build", 0.9));

  const Answer answer = ask();

  ASSERT_TRUE(answer.completion);
  ASSERT_EQ(events().size(), 1U) << "the event is durable when the answer is there";
  EXPECT_EQ(events()[0].id, answer.decision.event_id);
  EXPECT_EQ(events()[0].route, "local");
  EXPECT_EQ(answer.decision.route, Route::Local);
  EXPECT_EQ(answer.decision.model, "small");
  EXPECT_DOUBLE_EQ(answer.decision.confidence.value(), 0.9);
}

TEST_F(GatewayTest, KeepsTheCallersTextOutOfTheRecord) {
  local_->answer(labelled("build", 0.9));
  static_cast<void>(ask());
  EXPECT_EQ(events()[0].json.find("jane@example.com"), std::string::npos);
  EXPECT_NE(events()[0].json.find("sha256"), std::string::npos);
}

TEST_F(GatewayTest, TellsRouteReasonAndBothCostsOfAnEscalation) {
  local_->answer(labelled("build", 0.3));
  frontier_->answer("test");

  const Answer answer = ask();

  EXPECT_EQ(answer.decision.route, Route::EscalatedAfterValidation);
  EXPECT_EQ(answer.decision.reasons, std::vector<Reason>{Reason::ConfidenceLow});
  EXPECT_EQ(answer.decision.cost, Usd::from_dollars(10));
  EXPECT_EQ(events()[0].reason, "confidence_low");
}

TEST_F(GatewayTest, AnswersAnUnknownTaskFromTheFrontier) {
  request_.chat.model = "gpt-4o";
  frontier_->answer("hello");

  const Answer answer = ask();

  EXPECT_EQ(answer.decision.reasons, std::vector<Reason>{Reason::UnknownTask});
  EXPECT_EQ(answer.decision.route, Route::Frontier);
  EXPECT_EQ(answer.completion->text, "hello");
}

TEST_F(GatewayTest, SaysWhatIsMissingWhenThereIsNoFrontier) {
  policy_.frontier.clear();
  request_.chat.model = "gpt-4o";

  const Answer answer = ask();

  ASSERT_FALSE(answer.completion);
  EXPECT_EQ(answer.completion.error().code, ErrorCode::NoFrontier);
  EXPECT_EQ(events()[0].route, "refused");
}

TEST_F(GatewayTest, ShowsALocalAnswerOnlyAfterItIsAccepted) {
  local_->answer(labelled("build", 0.9));
  RecordingSink sink;

  const Answer answer = ask(&sink);

  EXPECT_TRUE(answer.streamed);
  EXPECT_EQ(sink.text, "build");
  ASSERT_EQ(sink.begun.size(), 1U);
  EXPECT_EQ(sink.begun[0].route, Route::Local);
}

TEST_F(GatewayTest, NeverShowsARejectedLocalAnswer) {
  local_->answer(labelled("build", 0.3));
  frontier_->answer("test");
  RecordingSink sink;

  static_cast<void>(ask(&sink));

  EXPECT_EQ(sink.text, "test");
  ASSERT_EQ(sink.begun.size(), 1U);
  EXPECT_EQ(sink.begun[0].route, Route::EscalatedAfterValidation);
  EXPECT_EQ(sink.begun[0].reasons, std::vector<Reason>{Reason::ConfidenceLow});
}

TEST_F(GatewayTest, EndsACutStreamAsAnErrorNeverAsAnAnswer) {
  local_->answer(labelled("build", 0.3));
  frontier_->cut_after("half an ans");
  RecordingSink sink;

  const Answer answer = ask(&sink);

  EXPECT_TRUE(answer.streamed);
  ASSERT_FALSE(answer.completion);
  EXPECT_EQ(answer.completion.error().code, ErrorCode::ConnectionClosed);
  EXPECT_NE(events()[0].json.find("connection_closed"), std::string::npos);
}

TEST_F(GatewayTest, ServesAnUnsureAnswerWithAWarningWhereThePolicySaysSo) {
  policy_.tasks["triage"].on_frontier_unavailable = policy::OnFrontierUnavailable::LocalWithWarning;
  local_->answer(labelled("build", 0.3));
  frontier_->fail_with(ErrorCode::UpstreamFailed);

  const Answer answer = ask();

  ASSERT_TRUE(answer.completion);
  EXPECT_EQ(answer.completion->text, "build");
  EXPECT_FALSE(answer.decision.warning.empty());
}

TEST_F(GatewayTest, NeverRescuesAnAnswerThatFailedAMechanicalCheck) {
  policy_.tasks["triage"].on_frontier_unavailable = policy::OnFrontierUnavailable::LocalWithWarning;
  local_->answer(labelled("rubbish", 0.99));
  frontier_->fail_with(ErrorCode::UpstreamFailed);

  EXPECT_FALSE(ask().completion);
}

TEST_F(GatewayTest, RefusesWhenTheEventCannotBeMadeDurable) {
  kept_->broken = true;
  local_->answer(labelled("build", 0.9));

  const Answer answer = ask();

  ASSERT_FALSE(answer.completion);
  EXPECT_EQ(answer.completion.error().code, ErrorCode::StoreFailed);
  const std::lock_guard lock(kept_->mutex);
  kept_->broken = false;  // so that the recorder can finish
}

TEST_F(GatewayTest, ServesWithAWarningWhenTheOperatorPreferredThat) {
  options_.on_record_failure = OnRecordFailure::Serve;
  kept_->broken = true;
  local_->answer(labelled("build", 0.9));

  const Answer answer = ask();

  ASSERT_TRUE(answer.completion);
  EXPECT_NE(answer.decision.warning.find("not durable"), std::string::npos);
  const std::lock_guard lock(kept_->mutex);
  kept_->broken = false;
}

TEST_F(GatewayTest, KeepsTheSnapshotARequestBeganWith) {
  testing::ScriptedTurn turn;
  turn.result = labelled("build", 0.9);
  turn.check = [this](const providers::ModelCall&) {
    policy_.version = "v2";
    gateway_->replace(make());
  };
  local_->then(std::move(turn));
  local_->answer(labelled("build", 0.9));

  EXPECT_EQ(ask().decision.policy_version, "v1");
  EXPECT_EQ(ask().decision.policy_version, "v2");
}

TEST_F(GatewayTest, RecordsACallerWhoLeftAndCancelsTheModel) {
  namespace asio = boost::asio;
  using asio::experimental::awaitable_operators::operator||;
  local_->hang();
  Gateway& under_test = gateway();
  const auto leave = []() -> Task<void> {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    timer.expires_after(std::chrono::milliseconds{1});
    co_await timer.async_wait(asio::use_awaitable);
  };
  const auto caller = [&]() -> Task<void> {
    Task<Answer> answering = under_test.answer(request_, nullptr, Deadline::never());
    Task<void> leaving = leave();
    co_await (std::move(answering) || std::move(leaving));
  };
  net::run_sync(caller());

  ASSERT_EQ(events().size(), 1U);
  EXPECT_NE(events()[0].json.find("\"cancelled\""), std::string::npos);
}

TEST_F(GatewayTest, MarksToolsThatNeedApproval) {
  policy_.approval_tools = {"delete_branch"};
  request_.chat.model = "gpt-4o";
  Completion completion;
  completion.finish = FinishReason::ToolCalls;
  completion.tool_calls = {{.id = "1", .name = "delete_branch", .arguments = "{}"},
                           {.id = "2", .name = "list", .arguments = "{}"}};
  frontier_->answer(completion);

  EXPECT_EQ(ask().decision.approval_required, std::vector<std::string>{"delete_branch"});
}

TEST_F(GatewayTest, CountsRequestsByTaskRouteAndReason) {
  local_->answer(labelled("build", 0.3));
  frontier_->answer("test");
  static_cast<void>(ask());
  EXPECT_NE(registry_.to_prometheus().find(
                R"(suffice_requests_total{task="triage",route="escalated",reason="confidence_low"} 1)"),
            std::string::npos)
      << registry_.to_prometheus();
}

/// A key of the policy whose caller brings it.
policy::AccessKey key_of(const std::string& secret) {
  policy::AccessKey key;
  key.name = "team-a";
  key.group = "blue";
  key.sha256 = sha256_hex(secret);
  return key;
}

TEST_F(GatewayTest, AsksNoModelAndWritesNoEventForAnUnknownKey) {
  const policy::AccessKey key = key_of("right");
  policy_.keys.emplace(key.sha256, key);
  for (const std::string& credential : {std::string(), sha256_hex("wrong")}) {
    request_.credential = credential;

    const Answer answer = ask();

    ASSERT_FALSE(answer.completion);
    EXPECT_EQ(answer.completion.error().code, ErrorCode::Unauthorized);
    EXPECT_EQ(answer.decision.request_id, "req-1");
    EXPECT_EQ(answer.decision.route, Route::Refused);
  }
  EXPECT_TRUE(events().empty());
  EXPECT_NE(registry_.to_prometheus().find("suffice_requests_refused_total{key=\"none\",error=\"unauthorized\"} 2"),
            std::string::npos);
}

TEST_F(GatewayTest, RecordsTheKeyAndItsGroupWhateverTheCallerSays) {
  const policy::AccessKey key = key_of("right");
  policy_.keys.emplace(key.sha256, key);
  request_.credential = key.sha256;
  request_.caller_group = "admins";
  local_->answer(labelled("build", 0.9));

  ASSERT_TRUE(ask().completion);

  ASSERT_EQ(events().size(), 1U);
  EXPECT_NE(events().front().json.find(R"("caller_group":"blue","caller_key":"team-a")"), std::string::npos);
}

TEST_F(GatewayTest, KeepsAKeyThatForcesEscalationsOffTheFrontier) {
  policy::AccessKey key = key_of("right");
  key.escalations_per_hour = 1;
  policy_.keys.emplace(key.sha256, key);
  request_.credential = key.sha256;
  local_->answer(labelled("build", 0.2)).answer(labelled("build", 0.2)).answer(labelled("build", 0.9));
  Completion dear;
  dear.text = "build";
  dear.finish = FinishReason::Stop;
  frontier_->answer(dear);
  ASSERT_TRUE(ask().completion);

  const Answer held = ask();
  const Answer local = ask();

  ASSERT_FALSE(held.completion);
  EXPECT_EQ(held.completion.error().code, ErrorCode::RateLimited);
  EXPECT_EQ(held.completion.error().retry_after_ms, 3'600'000);
  EXPECT_EQ(held.decision.reasons.back(), Reason::BudgetExhausted);
  ASSERT_TRUE(local.completion);
  EXPECT_NE(registry_.to_prometheus().find("suffice_key_escalations_withheld_total{key=\"" + key.name + "\"} 2"),
            std::string::npos);
  EXPECT_EQ(events().size(), 3U);
}

TEST_F(GatewayTest, RefusesBeforeItCallsWhatTheBudgetCannotPay) {
  policy::AccessKey key = key_of("right");
  key.budget_per_day = Usd::from_dollars(0.01);
  policy_.keys.emplace(key.sha256, key);
  request_.credential = key.sha256;

  const Answer answer = ask();

  ASSERT_FALSE(answer.completion);
  EXPECT_EQ(answer.completion.error().code, ErrorCode::BudgetExhausted);
  EXPECT_TRUE(events().empty());
}

}  // namespace
}  // namespace suffice::pipeline
