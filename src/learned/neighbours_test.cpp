#include "learned/neighbours.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace suffice::learned {
namespace {

/// Right of x is good, left of it bad, up is half good.
Neighbours compass() { return Neighbours::create(2, {3, 0, 0, 5, -1, 0}, {1, 0.5, 0}).value(); }

TEST(Neighbours, SayWhatBecameOfTheNearest) {
  const std::vector<float> east = {7, 0};
  const auto one = compass().estimate(east, 1);

  ASSERT_TRUE(one);
  EXPECT_DOUBLE_EQ(one->value, 1);
  EXPECT_NEAR(one->nearest, 1, 1e-6);
}

TEST(Neighbours, WeighBySimilarity) {
  const std::vector<float> east = {1, 0};
  const double sharp = compass().estimate(east, 2, 0.1)->value;
  const double flat = compass().estimate(east, 2, 1e6)->value;

  const double weight = std::exp(-1 / 0.1);  // of the one at a right angle, beside the nearest's 1
  EXPECT_NEAR(sharp, (1 + 0.5 * weight) / (1 + weight), 1e-9);
  EXPECT_NEAR(flat, 0.75, 1e-5);
  EXPECT_NEAR(compass().estimate(east, 99, 1e6)->value, 0.5, 1e-5) << "k is cut to the rows there are";
}

TEST(Neighbours, SayHowForeignAQueryIs) {
  const std::vector<float> south = {0, -1};
  EXPECT_NEAR(compass().estimate(south, 1)->nearest, 0, 1e-6);
}

TEST(Neighbours, RefuseVectorsWithoutDirection) {
  EXPECT_EQ(Neighbours::create(2, {1, 0, 0, 0}, {1, 0}).error().where, "1");
  EXPECT_FALSE(Neighbours::create(2, {1, 0, std::numeric_limits<float>::quiet_NaN(), 0}, {1, 0}));
  EXPECT_FALSE(Neighbours::create(2, {1, 0, 1}, {1, 0}));
  EXPECT_FALSE(Neighbours::create(2, {}, {}));
  const std::vector<float> short_one = {1};
  const std::vector<float> zero = {0, 0};
  const std::vector<float> fine = {1, 0};
  EXPECT_FALSE(compass().estimate(short_one, 1));
  EXPECT_FALSE(compass().estimate(zero, 1));
  EXPECT_FALSE(compass().estimate(fine, 0));
  EXPECT_FALSE(compass().estimate(fine, 1, 0));
}

}  // namespace
}  // namespace suffice::learned
