#include "pipeline/callers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/hash.hpp"
#include "testing/manual_clock.hpp"

namespace suffice::pipeline {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// One key, "team-a", with the limits a test gives it.
class CallersTest : public ::testing::Test {
 protected:
  CallersTest() {
    key_.name = "team-a";
    key_.group = "team-a";
    key_.sha256 = sha256_hex("sk-suffice-secret");
  }

  Result<Admitted> admit(Demand demand = {}, std::string_view task = "triage") {
    return callers_.admit(key_, task, demand);
  }

  /// The code with which the next request is refused, or nothing.
  std::optional<ErrorCode> refusal(Demand demand = {}, std::string_view task = "triage") {
    const Result<Admitted> admitted = admit(demand, task);
    return admitted ? std::nullopt : std::optional(admitted.error().code);
  }

  policy::Policy with_key() const {
    policy::Policy policy;
    policy.keys.emplace(key_.sha256, key_);
    return policy;
  }

  policy::AccessKey key_;
  testing::ManualClock clock_;
  Callers callers_{clock_};
};

TEST_F(CallersTest, AskForNoKeyWhenThePolicyHasNone) {
  const Result<const policy::AccessKey*> key = callers_.identify(policy::Policy{}, "");
  ASSERT_TRUE(key);
  EXPECT_EQ(*key, nullptr);
}

TEST_F(CallersTest, KnowAKeyByItsHashAlone) {
  const policy::Policy policy = with_key();

  const Result<const policy::AccessKey*> known = callers_.identify(policy, sha256_hex("sk-suffice-secret"));
  const Result<const policy::AccessKey*> unknown = callers_.identify(policy, sha256_hex("sk-suffice-other"));
  const Result<const policy::AccessKey*> none = callers_.identify(policy, "");

  ASSERT_TRUE(known);
  EXPECT_EQ((*known)->name, "team-a");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::Unauthorized);
  EXPECT_THAT(unknown.error().message, Not(HasSubstr("team-a")));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::Unauthorized);
  EXPECT_THAT(none.error().message, HasSubstr("Authorization"));
}

TEST_F(CallersTest, RefuseAKeyAfterItsLastDay) {
  key_.expires = "2026-01-01";  // the manual clock's first day
  const policy::Policy policy = with_key();
  EXPECT_TRUE(callers_.identify(policy, key_.sha256));

  clock_.advance(std::chrono::hours(24));

  const Result<const policy::AccessKey*> late = callers_.identify(policy, key_.sha256);
  ASSERT_FALSE(late);
  EXPECT_THAT(late.error().message, HasSubstr("2026-01-01"));
}

TEST_F(CallersTest, LetAKeyAskForItsTasksOnly) {
  key_.tasks = {"triage", "intent"};

  EXPECT_FALSE(refusal());
  EXPECT_EQ(refusal({}, "secret_review"), ErrorCode::Forbidden);
  EXPECT_EQ(refusal({}, ""), ErrorCode::Forbidden);  // a request of no task
}

TEST_F(CallersTest, CountRequestsAndTokensAMinute) {
  key_.quota = {.tokens_per_minute = 100, .requests_per_minute = 2};
  Result<Admitted> first = admit({.tokens = 60, .cost = {}});
  ASSERT_TRUE(first);
  EXPECT_EQ(refusal({.tokens = 60, .cost = {}}), ErrorCode::RateLimited);

  first->settle(10, Usd{}, false, clock_);

  Result<Admitted> second = admit({.tokens = 60, .cost = {}});
  ASSERT_TRUE(second);
  second->settle(10, Usd{}, false, clock_);
  const Result<Admitted> third = admit({.tokens = 1, .cost = {}});
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().retry_after_ms, 30'000);
}

TEST_F(CallersTest, LimitTheRequestsInWork) {
  key_.requests_at_once = 1;
  {
    const Result<Admitted> first = admit();
    ASSERT_TRUE(first);
    EXPECT_EQ(refusal(), ErrorCode::RateLimited);
  }  // ended by an exception: never settled
  EXPECT_FALSE(refusal());
}

TEST_F(CallersTest, ReserveTheDearestOutcomeSoThatTwoRequestsCannotBothTakeTheLastDollar) {
  key_.budget_per_day = Usd::from_dollars(1);
  const Demand dear{.tokens = 0, .cost = Usd::from_dollars(0.6)};
  Result<Admitted> first = admit(dear);
  ASSERT_TRUE(first);
  EXPECT_EQ(refusal(dear), ErrorCode::BudgetExhausted);

  first->settle(0, Usd::from_dollars(0.1), true, clock_);

  EXPECT_FALSE(refusal(dear));
}

TEST_F(CallersTest, BeginEveryUtcDayWithAFullBudget) {
  key_.budget_per_day = Usd::from_dollars(1);
  callers_.add_spent("team-a", Usd::from_dollars(1));
  const Demand demand{.tokens = 0, .cost = Usd::from_dollars(0.5)};
  const Result<Admitted> refused = admit(demand);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().retry_after_ms, std::chrono::milliseconds(std::chrono::hours(24)).count());

  clock_.advance(std::chrono::hours(24));

  EXPECT_FALSE(refusal(demand));
}

TEST_F(CallersTest, KeepAnAttackerWhoForcesEscalationsWithinAnHoursShare) {
  key_.escalations_per_hour = 2;
  for (int i = 0; i < 2; ++i) {
    Result<Admitted> escalated = admit();
    ASSERT_TRUE(escalated);
    EXPECT_TRUE(escalated->may_escalate());
    escalated->settle(0, Usd{}, true, clock_);
  }
  Result<Admitted> third = admit();
  ASSERT_TRUE(third);
  EXPECT_FALSE(third->may_escalate());
  third->settle(0, Usd{}, false, clock_);

  clock_.advance(std::chrono::minutes(30));

  EXPECT_TRUE(admit()->may_escalate());
}

TEST_F(CallersTest, CountNoEscalationForAnAnswerOfALocalModel) {
  key_.escalations_per_hour = 1;
  for (int i = 0; i < 5; ++i) {
    Result<Admitted> admitted = admit();
    ASSERT_TRUE(admitted);
    EXPECT_TRUE(admitted->may_escalate()) << i;
    admitted->settle(0, Usd{}, false, clock_);
  }
}

TEST_F(CallersTest, KeepWhatWasUsedWhenThePolicyIsReloaded) {
  key_.quota = {.tokens_per_minute = 0, .requests_per_minute = 1};
  Result<Admitted> first = admit();
  ASSERT_TRUE(first);
  first->settle(0, Usd{}, false, clock_);
  key_.group = "renamed";  // another snapshot, the same limits

  EXPECT_EQ(refusal(), ErrorCode::RateLimited);
}

}  // namespace
}  // namespace suffice::pipeline
