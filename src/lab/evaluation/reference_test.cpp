// The reference values of recorded outcomes, to the digits that are given with them. They come from the public sets themselves, so a
// change here means that a definition changed.

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "core/random.hpp"
#include "core/text.hpp"
#include "lab/evaluation/metrics.hpp"
#include "lab/evaluation/outcomes.hpp"

namespace suffice::lab {
namespace {

std::optional<std::string> data_file(const std::string& name) {
  const char* folder = std::getenv("SUFFICE_DATA_DIR");  // NOLINT(concurrency-mt-unsafe)
  if (folder == nullptr) return std::nullopt;
  std::ifstream in(std::string(folder) + "/" + name, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

Pair pair_of(const OutcomeSet& set, const std::string& weak, const std::string& strong) {
  const std::size_t w = set.model(weak).value();
  const std::size_t s = set.model(strong).value();
  Pair pair;
  for (const OutcomeRow& row : set.rows) {
    if (!row.models[w] || !row.models[s]) continue;
    pair.weak.push_back(row.models[w]->quality);
    pair.strong.push_back(row.models[s]->quality);
  }
  return pair;
}

/// `value` as it is printed with so many digits behind the point.
double rounded(double value, int digits) {
  const double unit = std::pow(10, digits);
  return std::round(value * unit) / unit;
}

class RouteLlm : public testing::Test {
 protected:
  void SetUp() override {
    const std::optional<std::string> responses = data_file("routellm/gsm8k_responses.csv.gz");
    const std::optional<std::string> contaminated = data_file("routellm/gsm8k_contaminated_prompts.jsonl");
    if (!responses || !contaminated) GTEST_SKIP() << "SUFFICE_DATA_DIR names no folder with routellm/";
    set_ = read_outcomes(*responses).value();
    EXPECT_EQ(set_.rows.size(), 1319U);
    EXPECT_EQ(exclude_rows(set_, *contaminated).value(), 12U);
    pair_ = pair_of(set_, "mixtral", "gpt-4");
  }

  OutcomeSet set_;
  Pair pair_;
};

TEST_F(RouteLlm, HasTheQualitiesAndTheTableOfBothModels) {
  EXPECT_EQ(pair_.rows(), 1307U);
  const Curve curve = Ranking(pair_, oracle_score(pair_)).curve();
  EXPECT_EQ(rounded(100 * curve.weak(), 2), 63.73);
  EXPECT_EQ(rounded(100 * curve.strong(), 2), 85.77);
  EXPECT_EQ(two_by_two(pair_), (TwoByTwo{.both = 739, .only_strong = 382, .only_weak = 94, .neither = 92}));
}

TEST_F(RouteLlm, HasTheOraclesApgrAndThresholds) {
  const Curve curve = Ranking(pair_, oracle_score(pair_)).curve();
  EXPECT_EQ(rounded(curve.apgr(), 3), 1.121);
  EXPECT_EQ(rounded(100 * curve.cpt(0.5).value(), 2), 11.02);
  EXPECT_EQ(rounded(100 * curve.cpt(0.8).value(), 2), 17.63);
}

TEST_F(RouteLlm, HasTheBaselinesOfChanceAndLength) {
  const RandomBaseline random = random_baseline(pair_, 200, 1);
  // Published from 200 other runs: .5011 and .0193; three standard errors of a difference of two such means, and of deviations.
  EXPECT_NEAR(random.mean, 0.5011, 3 * 0.0193 * std::sqrt(2.0 / 200));
  EXPECT_NEAR(random.deviation, 0.0193, 3 * 0.0193 / std::sqrt(200.0));

  std::vector<double> length;
  for (const OutcomeRow& row : set_.rows) length.push_back(static_cast<double>(count_code_points(row.text)));
  EXPECT_EQ(rounded(Ranking(pair_, length).curve().apgr(), 3), 0.598);
}

TEST_F(RouteLlm, GivesLengthNothingWhenTheOutcomesArePermuted) {
  std::vector<double> length;
  for (const OutcomeRow& row : set_.rows) length.push_back(static_cast<double>(count_code_points(row.text)));
  SeededRandom random(11);
  double sum = 0;
  constexpr int kRuns = 50;
  for (int run = 0; run < kRuns; ++run) {
    for (std::size_t i = pair_.rows(); i > 1; --i) {
      const std::size_t j = random.below(i);
      std::swap(pair_.weak[i - 1], pair_.weak[j]);
      std::swap(pair_.strong[i - 1], pair_.strong[j]);
    }
    sum += Ranking(pair_, length).curve().apgr();
  }
  EXPECT_NEAR(sum / kRuns, 0.5, 3 * 0.0193 / std::sqrt(kRuns));
}

TEST(ZeroEval, HasTheStrictSchemaCascade) {
  const std::optional<std::string> content = data_file("zeroeval_outputs/gsm_matrix.jsonl.gz");
  if (!content) GTEST_SKIP() << "SUFFICE_DATA_DIR names no folder with zeroeval_outputs/";
  const OutcomeSet set = read_outcomes(*content).value();
  const std::size_t weak = set.model("Phi-3.5-mini-instruct").value();
  std::vector<bool> accepted;
  for (const OutcomeRow& row : set.rows) accepted.push_back(*row.models[weak]->valid);
  const Pair pair = pair_of(set, "Phi-3.5-mini-instruct", "gpt-4o-2024-08-06");

  const CascadeFigures figures = cascade_figures(pair, accepted, {}, 20, 1);

  EXPECT_EQ(rounded(100 * figures.acceptance.value, 1), 70.1);
  // The matrix reads answers a little more kindly than the leaderboard (96.21 and 90.67): docs/evidence_judgement.md.
  EXPECT_NEAR(100 * figures.always_strong, 96.21, 0.1);
  EXPECT_NEAR(100 * figures.quality.value, 90.67, 0.1);
}

TEST(FirstPass, HasTheTestGatesCascade) {
  const std::optional<std::string> content = data_file("firstpass_mbpp_cascade/mbpp-974-opus.checkpoint.jsonl.gz");
  if (!content) GTEST_SKIP() << "SUFFICE_DATA_DIR names no folder with firstpass_mbpp_cascade/";
  const OutcomeSet set = read_outcomes(*content).value();
  const Pair pair = pair_of(set, "haiku", "opus");
  std::vector<bool> accepted;
  CallCosts costs;
  for (const OutcomeRow& row : set.rows) {
    accepted.push_back(*row.models[0]->valid);
    costs.weak.push_back(*row.models[0]->cost_usd);
    costs.strong.push_back(*row.models[1]->cost_usd);
  }

  const CascadeFigures figures = cascade_figures(pair, accepted, costs, 20, 1);

  EXPECT_EQ(rounded(figures.always_weak, 4), 0.7834);
  EXPECT_EQ(rounded(figures.always_strong, 4), 0.9435);
  EXPECT_EQ(rounded(figures.quality.value, 4), 0.9333);
  EXPECT_EQ(rounded(figures.cost.value(), 4), 2.9961);
  EXPECT_EQ(rounded(figures.cost_per_success->value, 5), 0.00330);
  EXPECT_EQ(rounded(figures.strong_cost_per_success.value(), 4), 0.0079);
  EXPECT_EQ(rounded(*figures.cost / 7.2849, 2), 0.41);
}

}  // namespace
}  // namespace suffice::lab
