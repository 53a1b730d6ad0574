// That a certificate keeps its promise is shown by simulation with known truth: 1,000 reruns of drawing rows, making a grid from other rows,
// and certifying. The share of reruns that certify a threshold whose true risk is above the bound must be at most delta, up to what
// chance does to 1,000 draws: three standard deviations of a binomial share. The same simulation catches the usual shortcut.

#include "learned/certify.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.hpp"
#include "learned/intervals.hpp"

namespace suffice::learned {
namespace {

using ::testing::HasSubstr;

constexpr int kReruns = 1'000;

/// A world in which confidences are uniform in [0, 1) and the probability of an error is known.
struct World {
  const char* name;
  std::function<double(double confidence)> error;  ///< P(wrong | confidence)
  std::function<double(double threshold)> risk;    ///< P(wrong | confidence >= threshold)
};

std::vector<Outcome> draw(const World& world, std::size_t rows, Random& random) {
  std::vector<Outcome> outcomes;
  outcomes.reserve(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    const double confidence = random.uniform();
    outcomes.push_back({.confidence = confidence, .correct = random.uniform() >= world.error(confidence)});
  }
  return outcomes;
}

std::vector<double> confidences(const std::vector<Outcome>& rows) {
  std::vector<double> values;
  for (const Outcome& row : rows) values.push_back(row.confidence);
  return values;
}

std::vector<World> worlds(double bound) {
  return {
      {"errors fall with confidence", [](double c) { return 0.3 * (1 - c); }, [](double t) { return 0.15 * (1 - t); }},
      {"confidence says nothing and the risk is a hair above the bound", [=](double) { return 1.001 * bound; },
       [=](double) { return 1.001 * bound; }},
      {"the surest are the worst", [=](double c) { return c > 0.8 ? 2 * bound : bound / 4; },
       [=](double t) { return t >= 0.8 ? 2 * bound : (0.2 * 2 * bound + (0.8 - t) * bound / 4) / (1 - t); }},
  };
}

double slack(double share) { return 3 * std::sqrt(share * (1 - share) / kReruns); }

TEST(Certify, AtMostDeltaOfItsCertificatesAreFalse) {
  const CertificationTerms terms{.false_accept_max = 0.1, .confidence = 0.9};
  for (const World& world : worlds(terms.false_accept_max)) {
    SeededRandom random(20'260);
    int false_certificates = 0;
    for (int i = 0; i < kReruns; ++i) {
      const std::vector<double> grid = threshold_grid(confidences(draw(world, 300, random)), 700, terms);
      const Certification made = certify(draw(world, 700, random), grid, terms);
      if (made.threshold && world.risk(made.threshold->threshold) > terms.false_accept_max) ++false_certificates;
    }
    EXPECT_LE(static_cast<double>(false_certificates) / kReruns, 0.1 + slack(0.1)) << world.name;
  }
}

TEST(Certify, OfAllTrafficAtMostDeltaAreFalseToo) {
  const CertificationTerms terms{.false_accept_max = 0.05, .confidence = 0.9, .unit = RiskUnit::AllTraffic};
  const World world = worlds(terms.false_accept_max).front();
  SeededRandom random(7);
  int false_certificates = 0;
  for (int i = 0; i < kReruns; ++i) {
    const std::vector<double> grid = threshold_grid(confidences(draw(world, 300, random)), 700, terms);
    const Certification made = certify(draw(world, 700, random), grid, terms);
    if (!made.threshold) continue;
    const double t = made.threshold->threshold;
    if (world.risk(t) * (1 - t) > terms.false_accept_max) ++false_certificates;
  }
  EXPECT_LE(static_cast<double>(false_certificates) / kReruns, 0.1 + slack(0.1));
}

TEST(Certify, TheLastThresholdThatLooksGoodOnTheSameDataWouldBreakThePromise) {
  const CertificationTerms terms{.false_accept_max = 0.1, .confidence = 0.9};
  const World world = worlds(terms.false_accept_max)[1];
  SeededRandom random(20'260);
  int false_choices = 0;
  for (int i = 0; i < kReruns; ++i) {
    const std::vector<double> grid = threshold_grid(confidences(draw(world, 300, random)), 700, terms);
    const Certification made = certify(draw(world, 700, random), grid, terms);
    // In this world every threshold is false: choosing any at all is an error.
    const bool chosen = std::ranges::any_of(made.tests, [&](const ThresholdTest& test) { return test.p_value <= 0.1; });
    if (chosen) ++false_choices;
  }
  EXPECT_GT(static_cast<double>(false_choices) / kReruns, 0.2);
}

TEST(Certify, FindsMostOfWhatATrustworthySignalAllows) {
  const CertificationTerms terms{.false_accept_max = 0.1, .confidence = 0.9};
  const World world = worlds(terms.false_accept_max).front();  // everything from 1/3 on may be accepted
  SeededRandom random(3);
  int certified = 0;
  double accepted = 0;
  for (int i = 0; i < 200; ++i) {
    const std::vector<double> grid = threshold_grid(confidences(draw(world, 1'000, random)), 4'000, terms);
    const Certification made = certify(draw(world, 4'000, random), grid, terms);
    if (!made.threshold) continue;
    ++certified;
    accepted += 1 - made.threshold->threshold;
  }
  EXPECT_GT(certified, 190);
  EXPECT_GT(accepted / certified, 0.5);
  EXPECT_LT(accepted / certified, 2.0 / 3);
}

TEST(Certify, StopsAtTheFirstThresholdThatFails) {
  std::vector<Outcome> rows;
  const auto add = [&](double confidence, int right, int wrong) {
    for (int i = 0; i < right + wrong; ++i) rows.push_back({.confidence = confidence, .correct = i < right});
  };
  add(0.9, 100, 0);
  add(0.8, 80, 20);
  add(0.7, 2'000, 0);
  const CertificationTerms terms{.false_accept_max = 0.05, .confidence = 0.95};

  const Certification made = certify(rows, std::vector<double>{0.9, 0.8, 0.7}, terms);

  ASSERT_TRUE(made.threshold);
  EXPECT_EQ(made.threshold->threshold, 0.9);
  EXPECT_EQ(made.threshold->accepted, 100);
  EXPECT_EQ(made.threshold->failures, 0);
  EXPECT_NEAR(made.threshold->p_value, std::pow(0.95, 100), 1e-12);
  // 20 wrong of 2,200 would pass alone: it is not reached.
  EXPECT_LT(made.tests[2].p_value, 0.05);
  EXPECT_FALSE(made.tests[2].certified);
}

TEST(Certify, NeedsFiftyNineRowsForFivePercentAndTwoHundredNinetyNineForOne) {
  EXPECT_EQ(rows_needed_without_failures({.false_accept_max = 0.05, .confidence = 0.95}), 59);
  EXPECT_EQ(rows_needed_without_failures({.false_accept_max = 0.01, .confidence = 0.95}), 299);
}

TEST(Certify, RefusesTooFewRowsAndSaysHowManyMore) {
  const CertificationTerms terms;
  const std::vector<Outcome> rows(40, Outcome{.confidence = 0.9, .correct = true});
  const std::vector<double> grid = threshold_grid(confidences(rows), 40, terms);
  const Certification made = certify(rows, grid, terms);
  EXPECT_TRUE(grid.empty());
  EXPECT_FALSE(made.threshold);
  EXPECT_THAT(made.refusal, HasSubstr("59 are the fewest"));
  EXPECT_EQ(made.more_rows, 19);
}

TEST(Certify, RefusesAndSaysHowManyMoreRowsTheRateSeenWouldNeed) {
  std::vector<Outcome> rows(200, Outcome{.confidence = 0.9, .correct = true});
  for (std::size_t i = 0; i < 6; ++i) rows[i].correct = false;  // 3 % wrong: P(Bin(200, 0.05) <= 6) is 0.12
  const CertificationTerms terms;

  const Certification made = certify(rows, std::vector<double>{0.9}, terms);

  ASSERT_FALSE(made.threshold);
  EXPECT_THAT(made.refusal, HasSubstr("6 of 200"));
  ASSERT_TRUE(made.more_rows);
  const std::int64_t all = 200 + *made.more_rows;
  const auto failures = static_cast<std::int64_t>(std::ceil(0.03 * static_cast<double>(all)));
  EXPECT_LE(binomial_cdf(failures, all, 0.05), 0.05);
  EXPECT_LT(*made.more_rows, 300);
}

TEST(Certify, SaysWhenNoNumberOfRowsWouldHelp) {
  std::vector<Outcome> rows(300, Outcome{.confidence = 0.9, .correct = true});
  for (std::size_t i = 0; i < 30; ++i) rows[i].correct = false;
  const Certification made = certify(rows, std::vector<double>{0.9}, CertificationTerms{});
  EXPECT_FALSE(made.threshold);
  EXPECT_FALSE(made.more_rows);
  EXPECT_THAT(made.refusal, HasSubstr("more labels would not help"));
}

TEST(ThresholdGrid, FallsFromStrictToEverything) {
  SeededRandom random(1);
  std::vector<double> values;
  for (int i = 0; i < 5'000; ++i) values.push_back(random.uniform());
  const std::vector<double> grid = threshold_grid(values, 5'000, CertificationTerms{});
  EXPECT_EQ(grid.size(), 50U);
  EXPECT_TRUE(std::ranges::is_sorted(grid, std::greater<>()));
  EXPECT_EQ(grid.back(), *std::ranges::min_element(values));
  // 234 rows with six failures certify 5 %, so the strictest accepts about that many of 5,000.
  EXPECT_NEAR(1 - grid.front(), 234.0 / 5'000, 0.01);
}

}  // namespace
}  // namespace suffice::learned
