#include "learned/calibration_metrics.hpp"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace suffice::learned {
namespace {

// Two bins are used: [0.2, 0.3) with one of two right, [0.9, 1] with two of three right.
const std::vector<Outcome> kFive = {{0.25, true}, {0.25, false}, {0.95, true}, {1.0, true}, {0.9, false}};

TEST(Reliability, CountsEveryRowInItsBin) {
  const std::vector<ReliabilityBin> table = reliability(kFive);
  ASSERT_EQ(table.size(), 10U);
  EXPECT_EQ(table[2].rows, 2);
  EXPECT_EQ(table[2].correct, 1);
  EXPECT_EQ(table[9].rows, 3);
  EXPECT_NEAR(table[9].confidence(), 0.95, 1e-12);
  EXPECT_NEAR(table[9].accuracy(), 2.0 / 3, 1e-12);
  EXPECT_EQ(table[5].rows, 0);
}

TEST(CalibrationError, IsTheWeightedGapOfTheBins) {
  EXPECT_NEAR(expected_calibration_error(kFive), 0.4 * 0.25 + 0.6 * (0.95 - 2.0 / 3), 1e-12);
  EXPECT_EQ(expected_calibration_error({}), 0);
}

TEST(BrierScore, IsTheMeanSquaredDistance) {
  EXPECT_NEAR(brier_score(kFive), (0.75 * 0.75 + 0.25 * 0.25 + 0.05 * 0.05 + 0 + 0.81) / 5, 1e-12);
}

TEST(Auroc, CountsPairsAndHalfOfTies) {
  // Right: 0.25, 0.95, 1.0; wrong: 0.25, 0.9. Pairs won: half, 0; 1, 1; 1, 1.
  EXPECT_NEAR(auroc(kFive), 4.5 / 6, 1e-12);
}

TEST(Auroc, OfOneKindOnlyIsNoNumber) {
  EXPECT_TRUE(std::isnan(auroc(std::vector<Outcome>{{0.5, true}, {0.6, true}})));
  EXPECT_TRUE(std::isnan(auroc({})));
}

}  // namespace
}  // namespace suffice::learned
