#include "providers/quota_meter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace suffice::providers {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr SteadyTime kStart{};

TEST(QuotaMeter, WithoutAQuotaLetsEverythingThrough) {
  QuotaMeter meter({});
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(meter.reserve(1'000'000, kStart));
}

TEST(QuotaMeter, GivesAMinutesRequestsAtOnceThenOneEachShareOfAMinute) {
  QuotaMeter meter({.tokens_per_minute = 0, .requests_per_minute = 60});
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(meter.reserve(0, kStart)) << i;

  const Result<void> refused = meter.reserve(0, kStart);

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::RateLimited);
  EXPECT_EQ(refused.error().retry_after_ms, 1'000);
  EXPECT_FALSE(meter.reserve(0, kStart + milliseconds(999)));
  EXPECT_TRUE(meter.reserve(0, kStart + milliseconds(1'000)));
}

TEST(QuotaMeter, ReservesTokensAndSettlesWhatWasUsed) {
  QuotaMeter meter({.tokens_per_minute = 1'000, .requests_per_minute = 0});
  ASSERT_TRUE(meter.reserve(900, kStart));
  ASSERT_FALSE(meter.reserve(200, kStart));

  meter.settle(900, 100, kStart);

  EXPECT_TRUE(meter.reserve(900, kStart));
}

TEST(QuotaMeter, TurnsMoreThanReservedIntoADebtThatLaterCallsWaitFor) {
  QuotaMeter meter({.tokens_per_minute = 600, .requests_per_minute = 0});
  ASSERT_TRUE(meter.reserve(600, kStart));
  meter.settle(600, 900, kStart);

  const Result<void> refused = meter.reserve(10, kStart);

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().retry_after_ms, 31'000);  // 310 tokens at 10 a second
}

TEST(QuotaMeter, RefusesForGoodWhatNoMinuteCanHold) {
  QuotaMeter meter({.tokens_per_minute = 100, .requests_per_minute = 0});

  const Result<void> refused = meter.reserve(101, kStart);

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().retry_after_ms, -1);
  EXPECT_TRUE(meter.reserve(100, kStart));
}

TEST(QuotaMeter, NeverSavesUpMoreThanAMinute) {
  QuotaMeter meter({.tokens_per_minute = 0, .requests_per_minute = 2});
  ASSERT_TRUE(meter.reserve(0, kStart));
  const SteadyTime later = kStart + seconds(3'600);

  EXPECT_TRUE(meter.reserve(0, later));
  EXPECT_TRUE(meter.reserve(0, later));
  EXPECT_FALSE(meter.reserve(0, later));
}

TEST(QuotaMeter, GivesBackACallThatWasNeverMade) {
  QuotaMeter meter({.tokens_per_minute = 100, .requests_per_minute = 1});
  ASSERT_TRUE(meter.reserve(100, kStart));
  ASSERT_FALSE(meter.reserve(1, kStart));

  meter.give_back(100, kStart);

  EXPECT_TRUE(meter.reserve(100, kStart));
}

TEST(QuotaMeter, TakesNothingWhenItRefuses) {
  QuotaMeter meter({.tokens_per_minute = 100, .requests_per_minute = 2});
  ASSERT_TRUE(meter.reserve(90, kStart));
  ASSERT_FALSE(meter.reserve(50, kStart));  // the request was there, the tokens were not

  EXPECT_TRUE(meter.reserve(10, kStart));
}

}  // namespace
}  // namespace suffice::providers
