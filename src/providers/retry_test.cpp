// Retry decisions and the breaker, without sockets or sleeps.
#include "providers/retry.hpp"

#include <optional>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "providers/circuit_breaker.hpp"

namespace suffice::providers {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using Delivered = RetryFsm::Delivered;

const SteadyTime kStart{1h};

Error error_of(ErrorCode code, std::int64_t retry_after_ms = -1) {
  Error error{.code = code, .message = "x", .where = {}};
  error.retry_after_ms = retry_after_ms;
  return error;
}

/// Always the largest value: a jittered wait is then its ceiling minus one.
class HighestRandom final : public Random {
 public:
  std::uint64_t next() override { return ~0ULL; }
};

struct Fixture {
  HighestRandom random;
  RetryBudget budget;
  policy::Retries rules{.attempts_max = 5, .backoff_first = 1000ms, .backoff_max = 4000ms};
  RetryFsm fsm(Deadline deadline = Deadline::never()) { return RetryFsm(rules, deadline, random, budget); }
};

TEST(RetryFsm, DoublesTheCeilingOfItsWaitsUpToTheMaximum) {
  Fixture f;
  RetryFsm retry = f.fsm();
  const Error error = error_of(ErrorCode::UpstreamFailed);

  EXPECT_EQ(retry.after_failure(error, Delivered::Nothing, kStart), 999ms);
  EXPECT_EQ(retry.after_failure(error, Delivered::Nothing, kStart), 1999ms);
  EXPECT_EQ(retry.after_failure(error, Delivered::Nothing, kStart), 3999ms);
  EXPECT_EQ(retry.after_failure(error, Delivered::Nothing, kStart), 3999ms);
  EXPECT_EQ(retry.after_failure(error, Delivered::Nothing, kStart), std::nullopt) << "five attempts in all";
  EXPECT_EQ(retry.failures(), 5);
}

TEST(RetryFsm, SpreadsItsWaitsOverTheWholeRange) {
  SeededRandom random(7);
  RetryBudget budget(1, 1e6);
  const policy::Retries rules{.attempts_max = 2, .backoff_first = 1000ms, .backoff_max = 1000ms};
  int low = 0;
  for (int i = 0; i < 1000; ++i) {
    RetryFsm retry(rules, Deadline::never(), random, budget);
    const auto wait = retry.after_failure(error_of(ErrorCode::UpstreamFailed), Delivered::Nothing, kStart);
    ASSERT_TRUE(wait.has_value());
    ASSERT_LT(*wait, 1000ms);
    low += *wait < 500ms ? 1 : 0;
  }
  EXPECT_NEAR(low, 500, 80);
}

struct CodeCase {
  ErrorCode code;
  bool retried;
};

TEST(RetryFsm, RetriesOnlyWhatMayPass) {
  const std::vector<CodeCase> cases = {{ErrorCode::RateLimited, true},
                                       {ErrorCode::UpstreamFailed, true},
                                       {ErrorCode::ConnectFailed, true},
                                       {ErrorCode::ConnectTimeout, true},
                                       {ErrorCode::ConnectionClosed, true},
                                       {ErrorCode::ContextOverflow, false},
                                       {ErrorCode::ContentFiltered, false},
                                       {ErrorCode::UpstreamRejected, false},
                                       {ErrorCode::UpstreamUnauthorized, false},
                                       {ErrorCode::FirstTokenTimeout, false},
                                       {ErrorCode::IdleTimeout, false},
                                       {ErrorCode::DeadlineExceeded, false},
                                       {ErrorCode::Cancelled, false},
                                       {ErrorCode::ProtocolError, false},
                                       {ErrorCode::ModelUnavailable, false},
                                       {ErrorCode::UnsupportedField, false}};
  for (const CodeCase& c : cases) {
    Fixture f;
    RetryFsm retry = f.fsm();
    EXPECT_EQ(retry.after_failure(error_of(c.code), Delivered::Nothing, kStart).has_value(), c.retried) << name(c.code);
  }
}

TEST(RetryFsm, NeverRetriesWhatTheCallerHasSeen) {
  Fixture f;
  RetryFsm retry = f.fsm();
  EXPECT_EQ(retry.after_failure(error_of(ErrorCode::ConnectionClosed), Delivered::Something, kStart), std::nullopt);
}

TEST(RetryFsm, HonoursRetryAfterAndTheDeadline) {
  Fixture f;
  RetryFsm patient = f.fsm(Deadline::at(kStart + 10s));
  EXPECT_EQ(patient.after_failure(error_of(ErrorCode::RateLimited, 7000), Delivered::Nothing, kStart), 7000ms);
  EXPECT_EQ(patient.after_failure(error_of(ErrorCode::RateLimited, 7000), Delivered::Nothing, kStart + 7s),
            std::nullopt)
      << "3 s are left, 7 s were asked for";

  RetryFsm short_one = f.fsm(Deadline::at(kStart + 999ms));
  EXPECT_EQ(short_one.after_failure(error_of(ErrorCode::UpstreamFailed), Delivered::Nothing, kStart), std::nullopt);
}

TEST(RetryBudget, KeepsRetriesToAShareOfTraffic) {
  RetryBudget budget(0.2, 2);
  EXPECT_TRUE(budget.spend());
  EXPECT_TRUE(budget.spend());
  EXPECT_FALSE(budget.spend());
  for (int i = 0; i < 5; ++i) budget.earn();
  EXPECT_TRUE(budget.spend());
  EXPECT_FALSE(budget.spend());
  for (int i = 0; i < 1000; ++i) budget.earn();
  EXPECT_TRUE(budget.spend());
  EXPECT_TRUE(budget.spend());
  EXPECT_FALSE(budget.spend()) << "it does not save up";
}

TEST(RetryFsm, GivesUpWhenTheBudgetIsSpent) {
  Fixture f;
  while (f.budget.spend()) {
  }
  RetryFsm retry = f.fsm();
  EXPECT_EQ(retry.after_failure(error_of(ErrorCode::UpstreamFailed), Delivered::Nothing, kStart), std::nullopt);
}

TEST(RetryAfter, ReadsSecondsAndAllThreeHttpDates) {
  const WallTime now = std::chrono::sys_days(std::chrono::year(1994) / 11 / 6) + 8h + 49min + 30s;
  const std::vector<std::pair<std::string_view, std::optional<milliseconds>>> cases = {
      {"0", 0ms},
      {"120", 120s},
      {" 3 ", 3s},
      {"99999999999999", 24h},
      {"Sun, 06 Nov 1994 08:49:37 GMT", 7s},
      {"Sunday, 06-Nov-94 08:49:37 GMT", 7s},
      {"Sun Nov  6 08:49:37 1994", 7s},
      {"Sun, 06 Nov 1994 08:49:00 GMT", 0ms},
      {"Mon, 06 Nov 2034 08:49:00 GMT", 24h},
      {"", std::nullopt},
      {"-1", std::nullopt},
      {"1.5", std::nullopt},
      {"soon", std::nullopt},
      {"Sun, 32 Nov 1994 08:49:37 GMT", std::nullopt},
      {"Sun, 06 Nov 1994 25:49:37 GMT", std::nullopt},
      {"Sun, 06 Nov 1994 08:49:37 CET", std::nullopt},
  };
  for (const auto& [value, wait] : cases) EXPECT_EQ(parse_retry_after(value, now), wait) << value;
}

TEST(CircuitBreaker, OpensProbesAndCloses) {
  CircuitBreaker breaker({.failures_to_open = 2, .open_for = 10s});
  EXPECT_TRUE(breaker.try_enter(kStart));
  breaker.failed(kStart);
  EXPECT_EQ(breaker.state(kStart), CircuitBreaker::State::Closed);
  EXPECT_TRUE(breaker.try_enter(kStart));
  breaker.failed(kStart);

  EXPECT_EQ(breaker.state(kStart), CircuitBreaker::State::Open);
  EXPECT_FALSE(breaker.try_enter(kStart + 9999ms));
  EXPECT_EQ(breaker.opens_in(kStart + 4s), 6s);

  EXPECT_EQ(breaker.state(kStart + 10s), CircuitBreaker::State::HalfOpen);
  EXPECT_TRUE(breaker.try_enter(kStart + 10s)) << "the probe";
  EXPECT_FALSE(breaker.try_enter(kStart + 10s)) << "one at a time";
  breaker.failed(kStart + 11s);
  EXPECT_FALSE(breaker.try_enter(kStart + 20s)) << "open again from the probe's failure on";

  EXPECT_TRUE(breaker.try_enter(kStart + 21s));
  breaker.succeeded();
  EXPECT_EQ(breaker.state(kStart + 21s), CircuitBreaker::State::Closed);
  EXPECT_TRUE(breaker.try_enter(kStart + 21s));
  breaker.failed(kStart + 21s);
  EXPECT_EQ(breaker.state(kStart + 21s), CircuitBreaker::State::Closed) << "failures count anew";
}

TEST(CircuitBreaker, AProbeThatTellsNothingLeavesTheDoorAjar) {
  CircuitBreaker breaker({.failures_to_open = 1, .open_for = 10s});
  EXPECT_TRUE(breaker.try_enter(kStart));
  breaker.failed(kStart);
  EXPECT_TRUE(breaker.try_enter(kStart + 10s));
  breaker.gave_up();
  EXPECT_EQ(breaker.state(kStart + 10s), CircuitBreaker::State::HalfOpen);
  EXPECT_TRUE(breaker.try_enter(kStart + 10s));
}

TEST(CircuitBreaker, SuccessesBetweenFailuresKeepItClosed) {
  CircuitBreaker breaker({.failures_to_open = 2, .open_for = 10s});
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(breaker.try_enter(kStart));
    breaker.failed(kStart);
    EXPECT_TRUE(breaker.try_enter(kStart));
    breaker.succeeded();
  }
}

}  // namespace
}  // namespace suffice::providers
