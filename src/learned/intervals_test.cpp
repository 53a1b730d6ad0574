// Reference values by exact summation of binomial terms (math.comb in Python).

#include "learned/intervals.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "core/random.hpp"

namespace suffice::learned {
namespace {

TEST(BinomialCdf, IsTheSumOfItsTerms) {
  EXPECT_NEAR(binomial_cdf(3, 100, 0.05), 0.2578386591160153, 1e-12);
  EXPECT_NEAR(binomial_cdf(50, 1500, 0.05), 0.0011120484114450475, 1e-12);
  EXPECT_NEAR(binomial_cdf(0, 58, 0.05), std::pow(0.95, 58), 1e-14);
}

TEST(BinomialCdf, HasItsEnds) {
  EXPECT_EQ(binomial_cdf(-1, 10, 0.5), 0);
  EXPECT_EQ(binomial_cdf(10, 10, 0.5), 1);
  EXPECT_EQ(binomial_cdf(4, 10, 0.0), 1);
  EXPECT_EQ(binomial_cdf(4, 10, 1.0), 0);
  EXPECT_EQ(binomial_cdf(0, 0, 0.5), 1);
}

TEST(ClopperPearson, FindsTheKnownEnds) {
  const Interval most = clopper_pearson(95, 100);
  EXPECT_NEAR(most.low, 0.8871650888945372, 1e-10);
  EXPECT_NEAR(most.high, 0.9835681208179478, 1e-10);
  const Interval none = clopper_pearson(0, 20);
  EXPECT_EQ(none.low, 0);
  EXPECT_NEAR(none.high, 1 - std::pow(0.025, 1.0 / 20), 1e-12);
  EXPECT_EQ(clopper_pearson(20, 20).high, 1);
  EXPECT_EQ(clopper_pearson(0, 0), (Interval{.low = 0, .high = 1}));
}

TEST(ClopperPearson, CoversTheTruthAtLeastAsOftenAsItSays) {
  // Exactly, by summing the probability of every outcome whose interval holds the truth.
  constexpr std::int64_t n = 40;
  for (const double truth : {0.02, 0.05, 0.3, 0.5, 0.97}) {
    double covered = 0;
    for (std::int64_t k = 0; k <= n; ++k) {
      const double probability = binomial_cdf(k, n, truth) - binomial_cdf(k - 1, n, truth);
      if (clopper_pearson(k, n, 0.9).contains(truth)) covered += probability;
    }
    EXPECT_GE(covered, 0.9) << truth;
  }
}

TEST(Wilson, FindsTheKnownEnds) {
  const Interval interval = wilson(95, 100);
  EXPECT_NEAR(interval.low, 0.8882495307680808, 1e-12);
  EXPECT_NEAR(interval.high, 0.9784563208456319, 1e-12);
  EXPECT_NEAR(wilson(0, 20).high, 0.16112515805281938, 1e-12);
  EXPECT_EQ(wilson(0, 20).low, 0);
  EXPECT_EQ(wilson(0, 0), (Interval{.low = 0, .high = 1}));
}

double mean_of(const std::vector<double>& values, std::span<const std::size_t> rows) {
  double sum = 0;
  for (const std::size_t row : rows) sum += values[row];
  return sum / static_cast<double>(rows.size());
}

TEST(Bootstrap, OfAMeanIsAsWideAsItsStandardErrorSays) {
  SeededRandom random(5);
  std::vector<double> values(2'000);
  for (double& value : values) value = random.uniform();

  const Interval interval =
      bootstrap(values.size(), [&](std::span<const std::size_t> rows) { return mean_of(values, rows); }, 1'000, 7);

  const double error = std::sqrt(1.0 / 12 / 2'000);  // of the mean of 2,000 uniform numbers
  EXPECT_TRUE(interval.contains(0.5));
  EXPECT_NEAR(interval.high - interval.low, 2 * 1.96 * error, 0.2 * 2 * 1.96 * error);
}

TEST(Bootstrap, RepeatsWithItsSeed) {
  const std::vector<double> values = {1, 2, 4, 8, 16};
  const auto mean = [&](std::span<const std::size_t> rows) { return mean_of(values, rows); };
  EXPECT_EQ(bootstrap(values.size(), mean, 100, 1), bootstrap(values.size(), mean, 100, 1));
  EXPECT_NE(bootstrap(values.size(), mean, 100, 1), bootstrap(values.size(), mean, 100, 2));
}

TEST(Bootstrap, OfNothingIsNoNumber) {
  const Interval interval = bootstrap(0, [](std::span<const std::size_t>) { return 1.0; }, 100, 1);
  EXPECT_TRUE(std::isnan(interval.low) && std::isnan(interval.high));
  const Interval undefined = bootstrap(3, [](std::span<const std::size_t>) { return NAN; }, 100, 1);
  EXPECT_TRUE(std::isnan(undefined.low));
}

}  // namespace
}  // namespace suffice::learned
