// Ladders on worlds whose best ladder is known, and the search against walking every ladder over every row.
#include "lab/ladder/ladder.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/random.hpp"

namespace suffice::lab {
namespace {

constexpr double kNothing = -std::numeric_limits<double>::infinity();

struct Cell {
  double quality = 0;
  double score = 0;
  double cost = 0;
};

LadderData data_of(std::vector<std::string> models, const std::vector<std::vector<Cell>>& rows) {
  LadderData data;
  data.scored.assign(models.size(), true);
  data.models = std::move(models);
  for (const std::vector<Cell>& row : rows) {
    for (const Cell& cell : row) {
      data.quality.push_back(cell.quality);
      data.score.push_back(cell.score);
      data.cost.push_back(cell.cost);
    }
  }
  return data;
}

std::vector<std::size_t> all_rows(const LadderData& data) {
  std::vector<std::size_t> rows(data.rows());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  return rows;
}

/// Model m is right with probability `right[m]`, costs `cost[m]`, and its score is 1 or 0 by being right, wrong about that in `noise`.
LadderData simulated(const std::vector<double>& right, const std::vector<double>& cost, double noise, int rows,
                     std::uint64_t seed) {
  SeededRandom random(seed);
  std::vector<std::vector<Cell>> table;
  for (int i = 0; i < rows; ++i) {
    std::vector<Cell> row;
    for (std::size_t m = 0; m < right.size(); ++m) {
      const bool is_right = random.uniform() < right[m];
      const bool seems_right = random.uniform() < noise ? !is_right : is_right;
      row.push_back({.quality = is_right ? 1.0 : 0.0, .score = seems_right ? 1.0 : 0.0, .cost = cost[m]});
    }
    table.push_back(std::move(row));
  }
  std::vector<std::string> names;
  for (std::size_t m = 0; m < right.size(); ++m) names.push_back("m" + std::to_string(m));
  return data_of(names, table);
}

std::vector<std::size_t> models_of(const Ladder& ladder) {
  std::vector<std::size_t> models;
  for (const Rung& rung : ladder.rungs) models.push_back(rung.model);
  return models;
}

TEST(Ladder, PaysEveryFailedAttempt) {
  const LadderData data = data_of({"a", "b", "c"}, {{{0, 0.1, 1}, {0, 0.2, 10}, {1, 0.9, 100}}});
  const Ladder ladder{.rungs = {{.model = 0, .accept_min = 0.5}, {.model = 1, .accept_min = 0.5}, {.model = 2}}};

  const Served served = serve(data, ladder, 0);
  EXPECT_EQ(served.rung, 2U);
  EXPECT_DOUBLE_EQ(served.cost, 111);
  EXPECT_DOUBLE_EQ(served.quality, 1);
}

TEST(Ladder, KeepsTheFirstAnswerWhoseScorePasses) {
  const LadderData data = data_of({"a", "b"}, {{{1, 0.5, 1}, {0, 0.9, 10}}});
  EXPECT_EQ(serve(data, {.rungs = {{.model = 0, .accept_min = 0.5}, {.model = 1}}}, 0).rung, 0U) << "at the threshold";
  EXPECT_EQ(serve(data, {.rungs = {{.model = 0, .accept_min = 0.51}, {.model = 1}}}, 0).rung, 1U);
}

TEST(Ladder, TheLastAcceptsWhateverComes) {
  const LadderData data = data_of({"a", "b"}, {{{0, 0, 1}, {0, 0, 10}}});
  EXPECT_EQ(serve(data, {.rungs = {{.model = 0, .accept_min = 0.5}, {.model = 1, .accept_min = 0.5}}}, 0).rung, 1U);
}

TEST(Ladder, HopelessCasesStayWhereTheyAre) {
  const LadderData data = data_of({"a", "b"}, {{{0, 0.05, 1}, {0, 0, 10}}, {{0, 0.3, 1}, {1, 1, 10}}});
  const Ladder ladder{.rungs = {{.model = 0, .accept_min = 0.5, .keep_below = 0.1}, {.model = 1}}};

  EXPECT_TRUE(serve(data, ladder, 0).hopeless);
  EXPECT_DOUBLE_EQ(serve(data, ladder, 0).cost, 1);
  EXPECT_FALSE(serve(data, ladder, 1).hopeless);
  EXPECT_EQ(serve(data, ladder, 1).rung, 1U);
}

TEST(LadderSearch, FindsTheLadderOfAWorldWithAPerfectScorer) {
  // m2 is as good as m1 at three times its price, so m0 then m1 is the best that 0.5 a request buys: 1 - 0.4 * 0.1 = 0.96 for 0.1 + 0.4.
  const LadderData data = simulated({0.6, 0.9, 0.9}, {0.1, 1, 3}, 0, 20'000, 1);
  const auto search = LadderSearch::run(data, all_rows(data), {.rungs_max = 2});
  ASSERT_TRUE(search);

  const auto found = search->best_within(0.52);
  ASSERT_TRUE(found);
  EXPECT_EQ(models_of(found->ladder), (std::vector<std::size_t>{0, 1}));
  EXPECT_NEAR(found->quality, 0.96, 0.01);
  EXPECT_NEAR(found->cost, 0.1 + 0.4 * 1, 0.02);
}

TEST(LadderSearch, AddsTheThirdModelWhenTheBudgetAllowsIt) {
  const LadderData data = simulated({0.6, 0.8, 0.95}, {0.1, 1, 10}, 0, 20'000, 2);
  const auto search = LadderSearch::run(data, all_rows(data), {});
  ASSERT_TRUE(search);

  const auto found = search->best_within(1.5);
  ASSERT_TRUE(found);
  EXPECT_EQ(models_of(found->ladder), (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_NEAR(found->quality, 1 - 0.4 * 0.2 * 0.05, 0.005);
  EXPECT_NEAR(found->cost, 0.1 + 0.4 * 1 + 0.4 * 0.2 * 10, 0.08);
}

TEST(LadderSearch, SpendsNothingOnAScorerThatKnowsNothing) {
  // With a coin for a scorer a ladder is a mixture of its models, and paying for the first as well is a loss: between 1 and 10 nothing but
  // mixtures is for sale, and at 10 the dear model alone is the best.
  const LadderData data = simulated({0.5, 0.9}, {1, 10}, 0.5, 20'000, 3);
  const auto search = LadderSearch::run(data, all_rows(data), {});
  ASSERT_TRUE(search);

  EXPECT_EQ(models_of(search->best_within(1)->ladder), std::vector<std::size_t>{0});
  EXPECT_EQ(models_of(search->best_within(10)->ladder), std::vector<std::size_t>{1});
  EXPECT_NEAR(search->cheapest_reaching(0.89)->cost, 10, 1e-9);
}

TEST(LadderSearch, HasNothingForLessThanTheCheapestModel) {
  const LadderData data = simulated({0.5, 0.9}, {1, 10}, 0, 100, 4);
  const auto search = LadderSearch::run(data, all_rows(data), {});
  ASSERT_TRUE(search);

  EXPECT_FALSE(search->best_within(0.5));
  EXPECT_FALSE(search->cheapest_reaching(1.01));
}

TEST(LadderSearch, PrunesModelsThatRarelyDisagree) {
  LadderData data = simulated({0.5, 0.9}, {1, 10}, 0, 1000, 5);
  for (std::size_t row = 0; row < data.rows(); ++row) data.quality[data.at(row, 1)] = data.quality[data.at(row, 0)];
  const auto search = LadderSearch::run(data, all_rows(data), {});
  ASSERT_TRUE(search);

  EXPECT_EQ(search->pruned(), 2U);
  EXPECT_EQ(search->ladders(), 2U) << "each alone";
  EXPECT_EQ(search->frontier().size(), 1U) << "the dear twin is worth nothing";
}

TEST(LadderSearch, AModelWithoutScoresIsOnlyEverTheLast) {
  LadderData data = simulated({0.5, 0.9}, {1, 10}, 0, 1000, 6);
  data.scored[0] = false;
  const auto search = LadderSearch::run(data, all_rows(data), {});
  ASSERT_TRUE(search);

  for (const LadderPoint& point : search->frontier()) {
    for (std::size_t i = 0; i + 1 < point.ladder.rungs.size(); ++i) EXPECT_NE(point.ladder.rungs[i].model, 0U);
  }
}

TEST(LadderSearch, LeavesTheHopelessAloneOnlyWhereThatIsAskedForAndPays) {
  // A third is easy (score 1), a third needs the strong model (score 0.5), a third is beyond both (score 0).
  std::vector<std::vector<Cell>> rows;
  for (int i = 0; i < 300; ++i) {
    const int kind = i % 3;
    rows.push_back({{.quality = kind == 0 ? 1.0 : 0.0, .score = 1 - 0.5 * kind, .cost = 1},
                    {.quality = kind == 2 ? 0.0 : 1.0, .score = 1, .cost = 9}});
  }
  const LadderData data = data_of({"small", "large"}, rows);
  const auto plain = LadderSearch::run(data, all_rows(data), {});
  const auto fitted = LadderSearch::run(data, all_rows(data), {.keep_hopeless = true});
  ASSERT_TRUE(plain && fitted);

  EXPECT_NEAR(plain->cheapest_reaching(2.0 / 3)->cost, 1 + 9 * 2.0 / 3, 1e-9) << "the hopeless are escalated too";
  EXPECT_NEAR(fitted->cheapest_reaching(2.0 / 3)->cost, 1 + 9 * 1.0 / 3, 1e-9);
  EXPECT_EQ(fitted->cheapest_reaching(2.0 / 3)->ladder.rungs.front().keep_below, 0.5);
}

/// Every ladder of the frontier gives what it promises when it is walked, and no ladder of the whole grid beats it.
TEST(LadderSearch, IsWhatWalkingEveryLadderOverEveryRowFinds) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SeededRandom random(seed);
    std::vector<std::vector<Cell>> rows;
    for (int i = 0; i < 40; ++i) {
      std::vector<Cell> row;
      for (int m = 0; m < 3; ++m) {
        const double score = static_cast<double>(random.below(6)) / 5;
        row.push_back({.quality = random.uniform() < 0.3 + 0.5 * score ? 1.0 : 0.0,
                       .score = score,
                       .cost = static_cast<double>(1 + random.below(20))});
      }
      rows.push_back(std::move(row));
    }
    const LadderData data = data_of({"a", "b", "c"}, rows);
    const auto search =
        LadderSearch::run(data, all_rows(data), {.cuts = 40, .disagreement_min = 0, .keep_hopeless = seed % 2 == 0});
    ASSERT_TRUE(search);

    const auto mean = [&](const Ladder& ladder) {
      Cell sum;
      for (std::size_t row = 0; row < data.rows(); ++row) {
        const Served served = serve(data, ladder, row);
        sum.quality += served.quality / 40;
        sum.cost += served.cost / 40;
      }
      return sum;
    };
    for (const LadderPoint& point : search->frontier()) {
      const Cell walked = mean(point.ladder);
      EXPECT_NEAR(walked.quality, point.quality, 1e-9) << describe(point.ladder, data.models);
      EXPECT_NEAR(walked.cost, point.cost, 1e-9) << describe(point.ladder, data.models);
    }
    const std::vector<double> cuts = {0.2, 0.4, 0.6, 0.8, 1};
    const auto beaten = [&](const Ladder& ladder) {
      const Cell walked = mean(ladder);
      const auto best = search->best_within(walked.cost + 1e-9);
      return !best || best->quality + 1e-9 < walked.quality;
    };
    for (std::size_t a = 0; a < 3; ++a) {
      EXPECT_FALSE(beaten({.rungs = {{.model = a}}}));
      for (std::size_t b = 0; b < 3; ++b) {
        for (const double one : cuts) {
          if (b == a) continue;
          EXPECT_FALSE(beaten({.rungs = {{.model = a, .accept_min = one}, {.model = b}}}));
          for (const double two : cuts) {
            EXPECT_FALSE(beaten(
                {.rungs = {{.model = a, .accept_min = one}, {.model = b, .accept_min = two}, {.model = 3 - a - b}}}));
          }
        }
      }
    }
  }
}

TEST(LadderSearch, RefusesWhatItCannotSearch) {
  const LadderData data = simulated({0.5, 0.9}, {1, 10}, 0, 20, 7);
  EXPECT_EQ(LadderSearch::run(data, {}, {}).error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(LadderSearch::run(data, all_rows(data), {.rungs_max = 4}).error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(LadderSearch::run(data, all_rows(data), {.cuts = 1}).error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(LadderSearch::run(data, all_rows(data), {.progress = [](double) { return false; }}).error().code,
            ErrorCode::Cancelled);
}

TEST(LadderFigures, CountWhereRequestsEndAndWhatTheyCost) {
  const LadderData data =
      data_of({"a", "b"},
              {{{1, 1, 1}, {1, 1, 10}}, {{0, 0, 1}, {1, 1, 10}}, {{0, 0.5, 1}, {0, 1, 10}}, {{1, 1, 1}, {1, 1, 10}}});
  const Ladder ladder{.rungs = {{.model = 0, .accept_min = 0.9, .keep_below = 0.2}, {.model = 1}}};
  const LadderFigures figures = ladder_figures(data, ladder, all_rows(data), 100, 1);

  EXPECT_DOUBLE_EQ(figures.quality.value, 0.5);
  EXPECT_DOUBLE_EQ(figures.cost.value, 14.0 / 4);
  EXPECT_EQ(figures.share, (std::vector<double>{0.75, 0.25}));
  EXPECT_DOUBLE_EQ(figures.hopeless, 0.25);
  EXPECT_TRUE(figures.quality.interval.contains(0.5));
}

TEST(LadderFigures, TheOracleAsksTheCheapestOfTheBestOnce) {
  const LadderData data =
      data_of({"a", "b"}, {{{1, 0, 1}, {1, 0, 10}}, {{0, 0, 1}, {1, 0, 10}}, {{0, 0, 1}, {0, 0, 10}}});
  const LadderFigures oracle = ladder_oracle(data, all_rows(data), 100, 1);

  EXPECT_DOUBLE_EQ(oracle.quality.value, 2.0 / 3);
  EXPECT_DOUBLE_EQ(oracle.cost.value, 12.0 / 3);
}

TEST(LadderFigures, DifferencesArePaired) {
  const LadderData data = simulated({0.7, 0.7}, {1, 4}, 0, 500, 8);
  const Ladder cheap{.rungs = {{.model = 0}}};
  const LadderDifference same = ladder_difference(data, cheap, cheap, all_rows(data), 200, 1);
  EXPECT_DOUBLE_EQ(same.quality.interval.low, 0);
  EXPECT_DOUBLE_EQ(same.quality.interval.high, 0);

  const LadderDifference dear = ladder_difference(data, cheap, {.rungs = {{.model = 1}}}, all_rows(data), 200, 1);
  EXPECT_DOUBLE_EQ(dear.saved.value, 0.75);
  EXPECT_TRUE(dear.quality.interval.contains(0));
}

TEST(Ladder, IsDescribedInWords) {
  const std::vector<std::string> names = {"small", "large"};
  EXPECT_EQ(describe({.rungs = {{.model = 0, .accept_min = 0.8}, {.model = 1}}}, names), "small >= 0.8, large");
  EXPECT_EQ(describe({.rungs = {{.model = 0, .accept_min = 0.8, .keep_below = 0.1}, {.model = 1}}}, names),
            "small >= 0.8 (hopeless < 0.1), large");
  EXPECT_EQ(describe({.rungs = {{.model = 1, .accept_min = kNothing}}}, names), "large");
}

}  // namespace
}  // namespace suffice::lab
