#include "learned/logistic.hpp"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "core/random.hpp"

namespace suffice::learned {
namespace {

using Rows = std::vector<std::vector<double>>;

TEST(Logistic, FindsTheOddsOfTwoGroups) {
  // One yes-or-no input: without a penalty the answer is the share within each group, 3 of 4 and 1 of 4.
  const Rows x = {{0}, {0}, {0}, {0}, {1}, {1}, {1}, {1}};
  const std::vector<int> y = {0, 0, 0, 1, 1, 1, 1, 0};

  const Logistic model = fit_logistic(x, y, 1e-9);

  EXPECT_NEAR(model.probability(std::vector<double>{0}), 0.25, 1e-6);
  EXPECT_NEAR(model.probability(std::vector<double>{1}), 0.75, 1e-6);
}

TEST(Logistic, RecoversTheTruthThatMadeTheData) {
  SeededRandom random(3);
  Rows x;
  std::vector<int> y;
  for (int i = 0; i < 20'000; ++i) {
    x.push_back({10 * random.uniform(), random.uniform() - 0.5});
    y.push_back(random.uniform() < sigmoid(-2 + 0.5 * x.back()[0] + 3 * x.back()[1]) ? 1 : 0);
  }

  const Logistic model = fit_logistic(x, y, 1e-3);

  EXPECT_NEAR(model.weight[0] / model.scale[0], 0.5, 0.03);
  EXPECT_NEAR(model.weight[1] / model.scale[1], 3, 0.2);
  EXPECT_NEAR(model.log_odds(std::vector<double>{0, 0}), -2, 0.12);
}

TEST(Logistic, StaysFiniteOnSeparableData) {
  const Rows x = {{-2}, {-1}, {1}, {2}};
  const std::vector<int> y = {0, 0, 1, 1};
  const Logistic model = fit_logistic(x, y, 1);
  EXPECT_TRUE(std::isfinite(model.weight[0]));
  EXPECT_GT(model.probability(std::vector<double>{2}), model.probability(std::vector<double>{1}));
  EXPECT_LT(model.probability(std::vector<double>{2}), 1);
  EXPECT_NEAR(model.probability(std::vector<double>{0}), 0.5, 1e-9);
}

TEST(Logistic, StaysFiniteWhenEveryAnswerIsRight) {
  const Rows x = {{0.1}, {0.4}, {0.9}};
  const std::vector<int> y = {1, 1, 1};
  const double certain = fit_logistic(x, y, 1).probability(std::vector<double>{0.5});
  EXPECT_GT(certain, 0.9);
  EXPECT_LE(certain, 1);
}

TEST(Logistic, IgnoresAnInputThatNeverChanges) {
  const Rows x = {{1e9, 0}, {1e9, 0}, {1e9, 1}, {1e9, 1}};
  const std::vector<int> y = {0, 1, 1, 1};
  const Logistic model = fit_logistic(x, y, 0.1);
  EXPECT_EQ(model.scale[0], 1);
  EXPECT_NEAR(model.weight[0], 0, 1e-9);
}

TEST(Logistic, OfNoRowsSaysHalf) { EXPECT_EQ(fit_logistic({}, {}, 1).probability({}), 0.5); }

TEST(Logistic, DoesNotOverflow) {
  EXPECT_EQ(sigmoid(1e6), 1);
  EXPECT_EQ(sigmoid(-1e6), 0);
}

}  // namespace
}  // namespace suffice::learned
