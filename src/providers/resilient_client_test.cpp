// Retries around a scripted model; time is moved, never waited for.
#include "providers/resilient_client.hpp"

#include <tuple>

#include <gtest/gtest.h>

#include "net/run_sync.hpp"
#include "testing/manual_clock.hpp"
#include "testing/scripted_model.hpp"

namespace suffice::providers {
namespace {

using namespace std::chrono_literals;
using testing::CollectingSink;
using testing::ScriptedModel;

class ResilientClientTest : public ::testing::Test {
 protected:
  ScriptedModel& make(ResilientRules rules = {}) {
    auto inner = std::make_unique<ScriptedModel>("inner");
    ScriptedModel& model = *inner;
    client_ = make_resilient_client(std::move(inner), rules, clock_, random_, &sleeper_);
    return model;
  }
  Result<Completion> call(TokenSink* sink = nullptr, Deadline deadline = Deadline::never()) {
    const ModelCall request;
    return net::run_sync(client_->complete(request, sink, deadline));
  }

  testing::ManualClock clock_;
  testing::ManualSleeper sleeper_{clock_};
  SeededRandom random_{3};
  std::unique_ptr<ModelClient> client_;
};

TEST_F(ResilientClientTest, PassesAnAnswerOnWithoutWaiting) {
  make().answer("ok");
  EXPECT_EQ(call()->text, "ok");
  EXPECT_TRUE(sleeper_.slept().empty());
}

TEST_F(ResilientClientTest, TriesAgainUntilItGetsAnAnswer) {
  ScriptedModel& model = make();
  model.fail_with(ErrorCode::UpstreamFailed).fail_with(ErrorCode::RateLimited, 2500).answer("ok");

  EXPECT_EQ(call()->text, "ok");

  EXPECT_EQ(model.calls().size(), 3U);
  ASSERT_EQ(sleeper_.slept().size(), 2U);
  EXPECT_LT(sleeper_.slept()[0], 1s);
  EXPECT_EQ(sleeper_.slept()[1], 2500ms) << "Retry-After is longer than the back-off";
}

TEST_F(ResilientClientTest, ReturnsTheLastErrorWithItsRetryAfter) {
  make()
      .fail_with(ErrorCode::UpstreamFailed)
      .fail_with(ErrorCode::UpstreamFailed)
      .fail_with(ErrorCode::RateLimited, 9000);
  const auto result = call();
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::RateLimited);
  EXPECT_EQ(result.error().retry_after_ms, 9000);
}

TEST_F(ResilientClientTest, NeverTriesAgainAfterADeltaReachedTheCaller) {
  ScriptedModel& model = make();
  model.cut_after("half");
  CollectingSink sink;

  EXPECT_EQ(call(&sink).error().code, ErrorCode::ConnectionClosed);
  EXPECT_EQ(sink.text(), "half");
  EXPECT_EQ(model.calls().size(), 1U);
}

TEST_F(ResilientClientTest, TriesAgainWhenAStreamWasCutBeforeItsFirstDelta) {
  ScriptedModel& model = make();
  model.fail_with(ErrorCode::ConnectionClosed).answer("whole");
  CollectingSink sink;

  EXPECT_EQ(call(&sink)->text, "whole");
  EXPECT_EQ(sink.text(), "whole");
}

TEST_F(ResilientClientTest, NeverSendsTheSameSizeAgainAfterAContextOverflow) {
  ScriptedModel& model = make();
  model.fail_with(ErrorCode::ContextOverflow);
  EXPECT_EQ(call().error().code, ErrorCode::ContextOverflow);
  EXPECT_EQ(model.calls().size(), 1U);
}

TEST_F(ResilientClientTest, KeepsTheSumOfAttemptsAndWaitsWithinTheDeadline) {
  ResilientRules rules;
  rules.retries = {.attempts_max = 100, .backoff_first = 1s, .backoff_max = 8s};
  rules.total = 10s;
  rules.breaker.failures_to_open = 1000;
  ScriptedModel& model = make(rules);
  for (int i = 0; i < 20; ++i) model.fail_with(ErrorCode::UpstreamFailed, 2000);
  const SteadyTime start = clock_.steady_now();

  EXPECT_EQ(call().error().code, ErrorCode::UpstreamFailed);

  EXPECT_LE(clock_.steady_now() - start, 10s);
  while (model.turns_left() > 0) std::ignore = net::run_sync(model.complete(ModelCall{}, nullptr, Deadline::never()));
}

TEST_F(ResilientClientTest, StopsWaitingWhenCancelled) {
  make().fail_with(ErrorCode::UpstreamFailed);
  sleeper_.cancel_next();
  EXPECT_EQ(call().error().code, ErrorCode::Cancelled);
}

TEST_F(ResilientClientTest, LeavesAFlappingProviderAloneAndComesBackWithin30Seconds) {
  ResilientRules rules;
  rules.retries.attempts_max = 1;
  ScriptedModel& model = make(rules);
  for (int i = 0; i < 5; ++i) model.fail_with(ErrorCode::UpstreamFailed);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(call().error().code, ErrorCode::UpstreamFailed);

  EXPECT_FALSE(client_->available());
  const auto refused = call();
  EXPECT_EQ(refused.error().code, ErrorCode::ModelUnavailable);
  EXPECT_EQ(refused.error().retry_after_ms, 10'000);
  EXPECT_EQ(model.calls().size(), 5U) << "the provider is not called";

  clock_.advance(10s);
  model.answer("back");
  EXPECT_EQ(call()->text, "back");
  EXPECT_TRUE(client_->available());
}

TEST_F(ResilientClientTest, WaitsForTheQuotaInsteadOfBreakingIt) {
  ResilientRules rules;
  rules.quota.requests_per_minute = 6;
  ScriptedModel& model = make(rules);
  for (int i = 0; i < 7; ++i) model.answer("yes");
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(call());
  const SteadyTime before = clock_.steady_now();

  EXPECT_EQ(call()->text, "yes");

  EXPECT_EQ(clock_.steady_now() - before, 10s);
}

TEST_F(ResilientClientTest, RefusesAsAProviderWouldWhenTheQuotaComesBackAfterTheDeadline) {
  ResilientRules rules;
  rules.quota.requests_per_minute = 1;
  rules.total = 5s;
  ScriptedModel& model = make(rules);
  model.answer("yes");
  ASSERT_TRUE(call());

  const auto refused = call();

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::RateLimited);
  EXPECT_EQ(refused.error().retry_after_ms, 60'000);
  EXPECT_EQ(model.calls().size(), 1U) << "the provider is not called";
  EXPECT_TRUE(client_->available());
}

TEST_F(ResilientClientTest, SettlesTheTokensOfAQuotaWithWhatWasUsed) {
  ResilientRules rules;
  rules.quota.tokens_per_minute = 1'500;
  rules.retries.attempts_max = 1;
  ScriptedModel& model = make(rules);
  for (int i = 0; i < 20; ++i) model.answer("yes");  // 15 tokens each; 1,025 are reserved

  for (int i = 0; i < 20; ++i) EXPECT_TRUE(call()) << i;
}

TEST_F(ResilientClientTest, RateLimitsDoNotOpenTheBreaker) {
  ResilientRules rules;
  rules.retries.attempts_max = 1;
  ScriptedModel& model = make(rules);
  for (int i = 0; i < 20; ++i) model.fail_with(ErrorCode::RateLimited);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(call().error().code, ErrorCode::RateLimited);
  EXPECT_TRUE(client_->available());
}

TEST_F(ResilientClientTest, SaysWhatTheInnerClientSays) {
  make();
  EXPECT_EQ(client_->provider_name(), "inner");
  EXPECT_EQ(client_->capabilities().context_window, 8192);
}

}  // namespace
}  // namespace suffice::providers
