#include "workflow/run_ledger.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace suffice::workflow {
namespace {

using ::testing::HasSubstr;

audit::Attempt attempt_of(const std::string& model, std::int64_t tokens, double dollars) {
  audit::Attempt attempt;
  attempt.model = model;
  attempt.local = model == "mini";
  attempt.usage = {.input_tokens = tokens - 1, .cached_input_tokens = 0, .output_tokens = 1, .reasoning_tokens = 0};
  attempt.cost = Usd::from_dollars(dollars);
  return attempt;
}

TEST(RunLedger, CountsWhatEveryModelDid) {
  RunLedger ledger;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(ledger.reserve(Usd{}, 10));
    ledger.charge(Usd{}, 10, attempt_of("mini", 7, 0.001));
  }
  audit::Attempt failed = attempt_of("big", 1, 0);
  failed.error = "connect_failed";
  ASSERT_TRUE(ledger.reserve(Usd::from_dollars(1), 10));
  ledger.charge(Usd::from_dollars(1), 10, failed);

  ASSERT_EQ(ledger.used().size(), 2U);
  EXPECT_EQ(ledger.used()[0].model, "mini");
  EXPECT_TRUE(ledger.used()[0].local);
  EXPECT_EQ(ledger.used()[0].calls, 3);
  EXPECT_EQ(ledger.used()[0].usage.input_tokens, 18);
  EXPECT_EQ(ledger.used()[1].failed, 1);
  EXPECT_EQ(ledger.cost(), Usd::from_dollars(0.003));
  EXPECT_EQ(ledger.tokens(), 22);
  EXPECT_EQ(ledger.calls(), 4);
}

TEST(RunLedger, RefusesACallThatCouldOverrunALimitAndSaysWhich) {
  RunLedger calls({.cost_max = {}, .calls_max = 1, .tokens_max = 0});
  ASSERT_TRUE(calls.reserve(Usd{}, 1));
  EXPECT_THAT(calls.reserve(Usd{}, 1).error().message, HasSubstr("has made its 1 calls"));

  RunLedger tokens({.cost_max = {}, .calls_max = 0, .tokens_max = 100});
  EXPECT_EQ(tokens.reserve(Usd{}, 101).error().where, "budget.tokens");
  EXPECT_TRUE(tokens.reserve(Usd{}, 100));

  RunLedger cost({.cost_max = Usd::from_dollars(0.5), .calls_max = 0, .tokens_max = 0});
  EXPECT_EQ(cost.reserve(Usd::from_dollars(0.6), 1).error().code, ErrorCode::BudgetExhausted);
  EXPECT_TRUE(cost.reserve(Usd::from_dollars(0.5), 1));
}

TEST(RunLedger, CallsSideBySideCannotOverrunALimitTogether) {
  RunLedger ledger({.cost_max = Usd::from_dollars(1), .calls_max = 0, .tokens_max = 0});
  ASSERT_TRUE(ledger.reserve(Usd::from_dollars(0.6), 1));
  EXPECT_FALSE(ledger.reserve(Usd::from_dollars(0.6), 1)) << "the first may still cost all it reserved";
  ledger.charge(Usd::from_dollars(0.6), 1, attempt_of("big", 5, 0.1));
  EXPECT_TRUE(ledger.reserve(Usd::from_dollars(0.6), 1)) << "it cost less";
}

TEST(RunLedger, WhatAnEarlierPartOfTheRunUsedCountsAgainstItsLimits) {
  RunLedger first;
  ASSERT_TRUE(first.reserve(Usd{}, 50));
  first.charge(Usd{}, 50, attempt_of("mini", 50, 0.25));
  RunLedger second({.cost_max = Usd::from_dollars(0.3), .calls_max = 2, .tokens_max = 60});
  second.carry_over(first.used());

  EXPECT_EQ(second.used(), first.used());
  EXPECT_FALSE(second.reserve(Usd::from_dollars(0.1), 1));
  EXPECT_FALSE(second.reserve(Usd{}, 11));
  EXPECT_TRUE(second.reserve(Usd::from_dollars(0.05), 10));
  EXPECT_FALSE(second.reserve(Usd{}, 0));
}

TEST(RunLedger, KeepsTheFirstAttemptsAndTheTotalsOfAMillion) {
  RunLedger ledger;
  for (std::size_t i = 0; i < RunLedger::kAttemptsKept + 10; ++i) {
    ASSERT_TRUE(ledger.reserve(Usd{}, 1));
    ledger.charge(Usd{}, 1, attempt_of("mini", 1, 0));
  }
  EXPECT_EQ(ledger.attempts().size(), RunLedger::kAttemptsKept);
  EXPECT_EQ(ledger.used()[0].calls, static_cast<std::int64_t>(RunLedger::kAttemptsKept + 10));
}

TEST(RunLedger, NotesAReasonOnce) {
  RunLedger ledger;
  ledger.note(Reason::VotesInconclusive);
  ledger.note(Reason::BudgetExhausted);
  ledger.note(Reason::VotesInconclusive);
  EXPECT_EQ(ledger.reasons(), (std::vector<Reason>{Reason::VotesInconclusive, Reason::BudgetExhausted}));
}

}  // namespace
}  // namespace suffice::workflow
