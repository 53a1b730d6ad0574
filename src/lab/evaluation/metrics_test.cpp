#include "lab/evaluation/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/random.hpp"

namespace suffice::lab {
namespace {

constexpr double kExact = 1e-12;

// Four requests: only strong, both, only weak, neither.
const Pair kFour = {.weak = {0, 1, 1, 0}, .strong = {1, 1, 0, 0}};
// The strong model is right three times, the weak one once.
const Pair kGap = {.weak = {0, 0, 1, 0}, .strong = {1, 1, 1, 0}};

TEST(TwoByTwo, CountsWhoWasRight) {
  EXPECT_EQ(two_by_two(kFour), (TwoByTwo{.both = 1, .only_strong = 1, .only_weak = 1, .neither = 1}));
  EXPECT_EQ(two_by_two({.weak = {0.5}, .strong = {1}}), std::nullopt);
}

TEST(Curve, HasAPointForEveryStrongCall) {
  const std::vector<double> score = {4, 3, 2, 1};
  const Curve curve = Ranking(kGap, score).curve();

  ASSERT_EQ(curve.points().size(), 5U);
  EXPECT_DOUBLE_EQ(curve.weak(), 0.25);
  EXPECT_DOUBLE_EQ(curve.strong(), 0.75);
  EXPECT_DOUBLE_EQ(curve.at(0.25), 0.5);
  EXPECT_DOUBLE_EQ(curve.at(0.375), 0.625);
  EXPECT_DOUBLE_EQ(curve.pgr(0.25), 0.5);
  // PGR 0, .5, 1, 1, 1 at quarters: (0/2 + .5 + 1 + 1 + 1/2) / 4.
  EXPECT_NEAR(curve.apgr(), 0.75, kExact);
  EXPECT_NEAR(*curve.cpt(0.5), 0.25, kExact);
  EXPECT_NEAR(*curve.cpt(0.8), 0.4, kExact);
}

TEST(Curve, SaysUnreachedForWhatNoShareReaches) {
  const std::vector<double> score = {4, 3, 2, 1};
  const Curve curve = Ranking(kGap, score).curve();
  EXPECT_FALSE(curve.cpt(1.2).has_value());
  EXPECT_EQ(curve.cpt(0), 0);

  const Curve level = Ranking(kFour, score).curve();
  EXPECT_TRUE(std::isnan(level.apgr()));
  EXPECT_FALSE(level.cpt(0.5).has_value());
}

TEST(Curve, TakesTheFirstOfSeveralSharesThatReachIt) {
  // Up, down, up: the weak model alone is right on the second.
  const Pair pair = {.weak = {0, 1, 0, 0}, .strong = {1, 0, 1, 1}};
  const std::vector<double> score = {4, 3, 2, 1};
  EXPECT_NEAR(*Ranking(pair, score).curve().cpt(0.5), 0.25, kExact);
}

TEST(Ranking, MakesTiesTheMeanOfAllTheirOrders) {
  const Pair pair = {.weak = {0, 0, 1, 0, 1}, .strong = {1, 0, 0, 1, 1}};
  const std::vector<double> score = {2, 1, 1, 1, 0};
  double sum = 0;
  int orders = 0;
  std::vector<double> among = {1.1, 1.2, 1.3};
  do {
    const std::vector<double> untied = {2, among[0], among[1], among[2], 0};
    sum += Ranking(pair, untied).curve().apgr();
    ++orders;
  } while (std::ranges::next_permutation(among).found);

  EXPECT_EQ(orders, 6);
  EXPECT_NEAR(Ranking(pair, score).curve().apgr(), sum / orders, kExact);
}

TEST(Ranking, GivesTheSameInAnyOrderOfTheRows) {
  SeededRandom random(7);
  Pair pair;
  std::vector<double> score;
  for (int i = 0; i < 200; ++i) {
    pair.weak.push_back(random.below(2) == 0 ? 0 : 1);
    pair.strong.push_back(random.below(4) == 0 ? 0 : 1);
    score.push_back(static_cast<double>(random.below(10)));
  }
  const Curve forwards = Ranking(pair, score).curve();
  std::ranges::reverse(pair.weak);
  std::ranges::reverse(pair.strong);
  std::ranges::reverse(score);
  const Curve backwards = Ranking(pair, score).curve();

  EXPECT_NEAR(forwards.apgr(), backwards.apgr(), kExact);
  EXPECT_NEAR(*forwards.cpt(0.5), *backwards.cpt(0.5), kExact);
}

TEST(Ranking, OfDrawnRowsIsTheRankingOfTheirCopies) {
  const std::vector<double> score = {4, 3, 3, 1};
  const std::vector<std::size_t> drawn = {0, 0, 2, 3};
  const Pair copies = {.weak = {0, 0, 1, 0}, .strong = {1, 1, 1, 0}};
  const std::vector<double> copied = {4, 4, 3, 1};
  EXPECT_NEAR(Ranking(kGap, score).curve(drawn).apgr(), Ranking(copies, copied).curve().apgr(), kExact);
}

TEST(Oracle, IsTheFormulaOfTheTwoByTwoTable) {
  // 30 both, 40 only strong, 10 only weak, 20 neither.
  Pair pair;
  const auto add = [&](int times, double weak, double strong) {
    for (int i = 0; i < times; ++i) pair.weak.push_back(weak), pair.strong.push_back(strong);
  };
  add(30, 1, 1);
  add(40, 0, 1);
  add(10, 1, 0);
  add(20, 0, 0);
  const Curve curve = Ranking(pair, oracle_score(pair)).curve();
  for (const double c : {0.0, 0.1, 0.4, 0.55, 0.9, 0.95, 1.0}) {
    EXPECT_NEAR(curve.at(c), 0.4 + std::min(c, 0.4) - std::max(0.0, c - 0.9), kExact) << c;
  }
}

TEST(RouterFigures, HoldTheValueInTheirIntervalAndRepeatWithTheirSeed) {
  SeededRandom random(3);
  Pair pair;
  std::vector<double> score;
  for (int i = 0; i < 300; ++i) {
    const double hard = random.uniform();
    pair.weak.push_back(random.uniform() > hard ? 1 : 0);
    pair.strong.push_back(random.uniform() > hard / 4 ? 1 : 0);
    score.push_back(hard);
  }
  const RouterFigures figures = router_figures(pair, score, 300, 1);
  EXPECT_GT(figures.apgr.value, 0.6);
  EXPECT_TRUE(figures.apgr.interval.contains(figures.apgr.value));
  EXPECT_TRUE(figures.cpt50.interval.contains(figures.cpt50.value));
  EXPECT_GT(figures.apgr.interval.low, 0.5);
  EXPECT_EQ(router_figures(pair, score, 300, 1).apgr.interval, figures.apgr.interval);
}

TEST(RandomBaseline, IsOneHalf) {
  Pair pair;
  for (int i = 0; i < 400; ++i) pair.weak.push_back(i % 2), pair.strong.push_back(i % 5 == 0 ? 0 : 1);
  const RandomBaseline random = random_baseline(pair, 200, 5);
  EXPECT_NEAR(random.mean, 0.5, 3 * random.deviation / std::sqrt(200));
  EXPECT_GT(random.deviation, 0);
}

TEST(Cascade, CountsWhatIsKeptAndWhatIsServedWrongly) {
  const Pair pair = {.weak = {1, 0, 1, 0, 1}, .strong = {1, 1, 0, 0, 1}};
  const std::vector<bool> accepted = {true, true, true, false, false};
  const CallCosts costs = {.weak = {1, 1, 1, 1, 1}, .strong = {10, 10, 10, 10, 10}, .judge = 0.5};

  const CascadeFigures figures = cascade_figures(pair, accepted, costs, 50, 1);

  EXPECT_EQ(figures.accepted, 3U);
  EXPECT_DOUBLE_EQ(figures.acceptance.value, 0.6);
  EXPECT_DOUBLE_EQ(figures.accuracy_accepted.value, 2.0 / 3);
  EXPECT_DOUBLE_EQ(figures.false_accepts_of_all.value, 0.2);
  EXPECT_DOUBLE_EQ(figures.false_accepts_accepted.value, 1.0 / 3);
  EXPECT_DOUBLE_EQ(figures.false_rejects_of_all.value, 0.2);
  EXPECT_DOUBLE_EQ(figures.quality.value, 0.6);
  EXPECT_DOUBLE_EQ(figures.strong_calls.value, 0.4);
  EXPECT_DOUBLE_EQ(figures.random, 0.6);
  EXPECT_DOUBLE_EQ(figures.oracle, 0.8);
  EXPECT_DOUBLE_EQ(*figures.weak_cost, 5);
  EXPECT_DOUBLE_EQ(*figures.strong_cost, 20);
  EXPECT_DOUBLE_EQ(*figures.judge_cost, 2.5);
  EXPECT_DOUBLE_EQ(figures.cost_per_success->value, 27.5 / 3);
  EXPECT_DOUBLE_EQ(*figures.strong_cost_per_success, 50.0 / 3);
  EXPECT_DOUBLE_EQ(figures.price_share->value, 27.5 / 50);
}

TEST(Cascade, OfNothingKeptIsTheStrongModel) {
  const CascadeFigures figures = cascade_figures(kGap, std::vector<bool>(4, false), {}, 20, 1);
  EXPECT_DOUBLE_EQ(figures.quality.value, 0.75);
  EXPECT_TRUE(std::isnan(figures.accuracy_accepted.value));
  EXPECT_FALSE(figures.cost.has_value());
}

TEST(JudgeBreakEven, IsThePriceAtWhichTheSavingIsGone) {
  const Pair pair = {.weak = {1, 0, 1, 0}, .strong = {1, 1, 1, 0}};
  const std::vector<bool> accepted = {true, false, true, false};
  CallCosts costs = {.weak = {1, 1, 1, 1}, .strong = {10, 10, 10, 10}, .judge = 0};

  const std::optional<BreakEven> price = judge_break_even(pair, accepted, costs);

  ASSERT_TRUE(price);
  EXPECT_DOUBLE_EQ(price->per_request, 4);
  costs.judge = price->per_success;
  EXPECT_NEAR(cascade_figures(pair, accepted, costs, 10, 1).price_share->value, 1, kExact);
  EXPECT_FALSE(judge_break_even(pair, accepted, {}));
}

TEST(ThresholdSweep, KeepsFromTheLaxestToTheStrictest) {
  const std::vector<double> quality = {1, 0, 1, 1};
  const std::vector<double> confidence = {0.9, 0.5, 0.5, 0.8};
  const std::vector<SweepPoint> points = threshold_sweep(quality, confidence, 0);
  ASSERT_EQ(points.size(), 3U);
  EXPECT_EQ(points[0].threshold, 0.5);
  EXPECT_EQ(points[0].accepted, 4U);
  EXPECT_DOUBLE_EQ(points[0].accuracy, 0.75);
  EXPECT_EQ(points[2].threshold, 0.9);
  EXPECT_EQ(points[2].accepted, 1U);
  EXPECT_DOUBLE_EQ(points[2].band.low, learned::clopper_pearson(1, 1).low);
  EXPECT_EQ(threshold_sweep(quality, confidence, 2).size(), 2U);
}

}  // namespace
}  // namespace suffice::lab
