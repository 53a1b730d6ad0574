#include "engine/abort_rule.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace suffice::engine {
namespace {

TEST(AbortRule, EndsAtATokenBelowTheFloor) {
  AbortRule rule({.min_token_probability = 0.1}, 100);
  EXPECT_TRUE(rule.needs_logprobs());
  EXPECT_FALSE(rule.hopeless_after(std::log(0.5)));
  EXPECT_FALSE(rule.hopeless_after(std::log(0.11)));
  EXPECT_TRUE(rule.hopeless_after(std::log(0.09)));
}

TEST(AbortRule, EndsWhenTheMeanIsOutOfReachAndNotBefore) {
  // Four tokens at most and a mean of 0.5: the logarithms may sum to 4 ln 0.5 = ln 0.0625.
  AbortRule rule({.min_mean_probability = 0.5}, 4);
  EXPECT_FALSE(rule.hopeless_after(std::log(0.25)));
  EXPECT_FALSE(rule.hopeless_after(std::log(0.26)));
  EXPECT_TRUE(rule.hopeless_after(std::log(0.9)));
}

TEST(AbortRule, NeverGivesUpWhatCanStillReachTheFloor) {
  for (const double first : {0.9, 0.3, 0.1, 0.07}) {
    AbortRule rule({.min_mean_probability = 0.5}, 4);
    // Three certain tokens after it lift the mean to the fourth root of the first.
    EXPECT_EQ(rule.hopeless_after(std::log(first)), std::pow(first, 0.25) < 0.5) << first;
  }
}

TEST(AbortRule, WithoutFloorsNothingIsHopeless) {
  AbortRule rule({}, 10);
  EXPECT_FALSE(rule.needs_logprobs());
  EXPECT_FALSE(rule.hopeless_after(-1e9));
  EXPECT_FALSE(rule.too_long(1'000'000));
}

TEST(AbortRule, EndsAnAnswerThatIsTooLong) {
  const AbortRule rule({.text_bytes_max = 5}, 10);
  EXPECT_FALSE(rule.too_long(5));
  EXPECT_TRUE(rule.too_long(6));
}

}  // namespace
}  // namespace suffice::engine
