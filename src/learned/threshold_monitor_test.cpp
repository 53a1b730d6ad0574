// Simulated reviews with known defect rates: what stays in bounds keeps its certificate, what drifts loses it.

#include "learned/threshold_monitor.hpp"

#include <gtest/gtest.h>

#include "core/random.hpp"

namespace suffice::learned {
namespace {

const MonitorTerms kTerms{.threshold_certified = 0.8, .false_accept_max = 0.05, .step = 0.02, .confidence = 0.95};

/// Reviews until withdrawal, at most `most`; `most` when it never came.
int reviews_until_withdrawal(const MonitorTerms& terms, double defect_rate, int most, std::uint64_t seed) {
  SeededRandom random(seed);
  MonitorState state = begin_monitoring(terms);
  for (int i = 0; i < most; ++i) {
    state = observe(terms, state, random.uniform() < defect_rate);
    if (state.withdrawn) return i + 1;
  }
  return most;
}

TEST(ThresholdMonitor, MovesWithEachReviewAndNeverBelowTheCertifiedThreshold) {
  MonitorState state = begin_monitoring(kTerms);
  EXPECT_EQ(state.threshold, 0.8);
  state = observe(kTerms, state, false);
  EXPECT_EQ(state.threshold, 0.8);
  state = observe(kTerms, state, true);
  EXPECT_NEAR(state.threshold, 0.8 + 0.02 * 0.95, 1e-12);
  state = observe(kTerms, state, false);
  EXPECT_NEAR(state.threshold, 0.8 + 0.02 * 0.95 - 0.02 * 0.05, 1e-12);
  for (int i = 0; i < 200; ++i) state = observe(kTerms, state, false);
  EXPECT_EQ(state.threshold, 0.8);
  for (int i = 0; i < 200; ++i) state = observe(kTerms, state, true);
  EXPECT_EQ(state.threshold, 1);
}

TEST(ThresholdMonitor, CorrectsTrafficThatGotHarderBackToTheBound) {
  // After the drift an answer of confidence c, uniform from the threshold to 1, is wrong with probability 1 - c: 10 % from 0.8 on.
  SeededRandom random(11);
  MonitorTerms terms = kTerms;
  terms.step = 0.005;
  MonitorState state = begin_monitoring(terms);
  int defects = 0;
  constexpr int kReviews = 20'000;
  for (int i = 0; i < kReviews; ++i) {
    const double confidence = state.threshold + (1 - state.threshold) * random.uniform();
    const bool defect = random.uniform() < 1 - confidence;
    defects += defect ? 1 : 0;
    state = observe(terms, state, defect);
  }
  EXPECT_LE(static_cast<double>(defects) / kReviews, 0.05 + (1 - 0.8) / (0.005 * kReviews));
  EXPECT_NEAR(state.threshold, 0.9, 0.05);
}

TEST(ThresholdMonitor, WithdrawsSoonWhenDefectsAreFarAboveTheBound) {
  int slow = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    if (reviews_until_withdrawal(kTerms, 0.3, 500, seed) > 60) ++slow;
  }
  EXPECT_LE(slow, 10);
}

TEST(ThresholdMonitor, KeepsATaskAtItsBoundInAllButTheStatedShareOfBlocks) {
  // Three standard deviations of 1,000 draws at 5 %: 0.0207.
  int withdrawn = 0;
  for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
    if (reviews_until_withdrawal(kTerms, 0.05, static_cast<int>(kTerms.block), seed) < kTerms.block) ++withdrawn;
  }
  EXPECT_LE(withdrawn, 50 + 20);
}

TEST(ThresholdMonitor, AGoodPastDoesNotHideABadPresent) {
  MonitorState state = begin_monitoring(kTerms);
  for (int i = 0; i < 10'000; ++i) state = observe(kTerms, state, false);
  SeededRandom random(2);
  int reviews = 0;
  while (!state.withdrawn && reviews < 1'000) {
    state = observe(kTerms, state, random.uniform() < 0.3);
    ++reviews;
  }
  EXPECT_TRUE(state.withdrawn);
  EXPECT_LT(reviews, 200);
}

TEST(ThresholdMonitor, StaysWithdrawn) {
  MonitorState state = begin_monitoring(kTerms);
  for (int i = 0; i < 20; ++i) state = observe(kTerms, state, true);
  ASSERT_TRUE(state.withdrawn);
  for (int i = 0; i < 2'000; ++i) state = observe(kTerms, state, false);
  EXPECT_TRUE(state.withdrawn);
}

}  // namespace
}  // namespace suffice::learned
