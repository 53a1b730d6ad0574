#include "lab/evaluation/gates.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.hpp"
#include "lab/evaluation/many_models.hpp"
#include "lab/evaluation/routers.hpp"

namespace suffice::lab {
namespace {

using testing::HasSubstr;

/// A small model that is right when a hidden coin says so, a second one that then says the same, a large one that is nearly always right.
OutcomeSet two_small_and_a_large(int rows, std::uint64_t seed) {
  SeededRandom random(seed);
  std::string content;
  for (int i = 0; i < rows; ++i) {
    const bool right = random.uniform() < 0.7;
    const bool second_right = random.uniform() < 0.7;
    const int answer = i;
    const int mine = right ? answer : answer + 1 + static_cast<int>(random.below(50));
    const int other = second_right ? answer : answer + 51 + static_cast<int>(random.below(50));
    content += fmt::format(
        R"({{"id":"{}","text":"question {}","models":{{"small":{{"correct":{},"valid":{},"output":"{{\"answer\":{}}}"}},)"
        R"("second":{{"correct":{},"output":"{{\"answer\":{}}}"}},"large":{{"correct":{}}}}}}})"
        "\n",
        i, random.next(), right, random.uniform() < 0.5, mine, second_right, other, random.uniform() < 0.95);
  }
  return read_outcomes(content).value();
}

TEST(RecordedGate, OfAgreementKeepsWhatTwoModelsAnswerAlike) {
  const OutcomeSet set = two_small_and_a_large(400, 1);
  const PairedRows rows = paired_rows(set, 0, 2);
  const RecordedGate gate = RecordedGate::parse("agreement:second", set, rows).value();
  ASSERT_TRUE(gate.binary());

  const std::vector<bool> accepted = accepted_by_halves(rows, gate, std::nullopt, 0.01, 1);
  const CascadeFigures figures = cascade_figures(rows.pair, accepted, {}, 20, 1);

  EXPECT_NEAR(figures.acceptance.value, 0.49, 0.07);
  EXPECT_EQ(figures.accuracy_accepted.value, 1);
}

TEST(RecordedGate, JoinedByPlusKeepsWhatAllKeep) {
  const OutcomeSet set = two_small_and_a_large(100, 2);
  const PairedRows rows = paired_rows(set, 0, 2);
  const RecordedGate both = RecordedGate::parse("valid + agreement:second", set, rows).value();
  const RecordedGate valid = RecordedGate::parse("valid", set, rows).value();
  const RecordedGate agreement = RecordedGate::parse("agreement:second", set, rows).value();
  std::vector<std::size_t> all(rows.rows.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  for (const std::size_t i : all) {
    const std::vector<std::size_t> one = {i};
    EXPECT_EQ(both.scores({}, one)[0], std::min(valid.scores({}, one)[0], agreement.scores({}, one)[0]));
  }
}

TEST(RecordedGate, ThatIsLearnedFindsTheSignalThatMatters) {
  const OutcomeSet set = two_small_and_a_large(600, 3);
  const PairedRows rows = paired_rows(set, 0, 2);
  std::vector<RecordedGate> gates;
  for (const char* name : {"valid", "learned", "learned:second"}) {
    gates.push_back(RecordedGate::parse(name, set, rows).value());
  }

  const VerifierChoice choice = choose_verifiers(gates, rows, 3, 1);

  EXPECT_EQ(choice.halves, 6);
  EXPECT_NEAR(choice.verifiers[0].apgr_mean, 0.5, 0.1);
  EXPECT_GT(choice.verifiers[2].apgr_mean, 0.75);
  EXPECT_EQ(choice.verifiers[2].chosen, 6);
  EXPECT_EQ(choice.chosen_apgr_mean, choice.verifiers[2].apgr_mean);
  EXPECT_THAT(gates[2].features(), testing::Contains("agrees_with second"));
}

TEST(RecordedGate, ThatIsLearnedLearnsNothingFromPermutedOutcomes) {
  OutcomeSet set = two_small_and_a_large(600, 4);
  SeededRandom random(5);
  for (std::size_t i = set.rows.size(); i > 1; --i) {
    const std::size_t j = random.below(i);
    for (const std::size_t model : {0U, 2U}) {
      std::swap(set.rows[i - 1].models[model]->quality, set.rows[j].models[model]->quality);
    }
  }
  const PairedRows rows = paired_rows(set, 0, 2);
  const std::vector<RecordedGate> gates = {RecordedGate::parse("learned:second", set, rows).value()};
  // A half of 300 rows has a standard deviation of about .06, the mean of four halves of about .03.
  EXPECT_NEAR(choose_verifiers(gates, rows, 2, 1).chosen_apgr_mean, 0.5, 0.1);
}

TEST(RecordedGate, SaysWhatIsMissing) {
  const OutcomeSet set = two_small_and_a_large(20, 6);
  const PairedRows rows = paired_rows(set, 0, 2);
  const auto message = [&](const char* gate) { return RecordedGate::parse(gate, set, rows).error().message; };
  EXPECT_THAT(message("hope"), HasSubstr("no gate is called \"hope\"; there are valid"));
  EXPECT_THAT(message("confidence"), HasSubstr("not every request"));
  EXPECT_THAT(message("agreement:none"), HasSubstr("no model is called"));
  EXPECT_THAT(message("agreement:large"), HasSubstr("has no output recorded"));
  EXPECT_THAT(message("valid+learned"), HasSubstr("stands alone"));
}

TEST(ThresholdForLoss, KeepsAsMuchAsTheLossAllows) {
  const Pair pair = {.weak = {1, 1, 0, 1, 0}, .strong = {1, 1, 1, 1, 1}};
  const std::vector<double> score = {0.9, 0.8, 0.7, 0.6, 0.5};
  EXPECT_EQ(threshold_for_loss(pair, score, 0), 0.8);
  EXPECT_EQ(threshold_for_loss(pair, score, 0.2), 0.6);
  EXPECT_EQ(threshold_for_loss(pair, score, 1), 0.5);
  const Pair bad = {.weak = {0}, .strong = {1}};
  const std::vector<double> one = {0.9};
  EXPECT_EQ(threshold_for_loss(bad, one, 0), std::numeric_limits<double>::infinity());
}

/// The weak model is right on short requests only; lengths vary by what is not words.
OutcomeSet hard_when_long(int rows) {
  SeededRandom random(8);
  std::string content;
  for (int i = 0; i < rows; ++i) {
    const std::size_t length = 20 + random.below(200);
    const bool is_long = length >= 120;
    content += fmt::format(R"({{"text":"{}{}","task":"{}","scores":{{"weak":{},"strong":1}}}})"
                           "\n",
                           std::string(length, '.'), i + 1000, is_long ? "essay" : "note", is_long ? 0 : 1);
  }
  return read_outcomes(content).value();
}

TEST(Routers, ReachTheOracleWhereLengthIsTheDifficulty) {
  const OutcomeSet set = hard_when_long(300);
  const PairedRows rows = paired_rows(set, 0, 1);
  const double oracle = Ranking(rows.pair, oracle_score(rows.pair)).curve().apgr();

  for (const RouterKind kind : {RouterKind::Length, RouterKind::Table}) {
    const std::vector<double> score = router_score(kind, rows, {}).value();
    EXPECT_NEAR(Ranking(rows.pair, score).curve().apgr(), oracle, 1e-9) << name_of(kind);
  }
}

TEST(Routers, LearnWhichWordsAreHard) {
  SeededRandom random(9);
  std::string content;
  for (int i = 0; i < 300; ++i) {
    const bool hard = random.below(2) == 0;
    content += fmt::format("{{\"text\":\"please {} number {}\",\"scores\":{{\"weak\":{},\"strong\":1}}}}\n",
                           hard ? "prove" : "repeat", i, hard ? 0 : 1);
  }
  const OutcomeSet set = read_outcomes(content).value();
  const PairedRows rows = paired_rows(set, 0, 1);
  const std::vector<double> score =
      router_score(RouterKind::Linear, rows, {.folds = 2, .seed = 1, .progress = {}}).value();
  const double oracle = Ranking(rows.pair, oracle_score(rows.pair)).curve().apgr();
  EXPECT_NEAR(Ranking(rows.pair, score).curve().apgr(), oracle, 0.01);
}

TEST(Routers, StopWhenTheyAreTold) {
  const OutcomeSet set = hard_when_long(60);
  const PairedRows rows = paired_rows(set, 0, 1);
  const auto stopped = router_score(
      RouterKind::Linear, rows, {.folds = 2, .seed = 1, .progress = [](std::string_view, double) { return false; }});
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::Cancelled);
}

TEST(FoldOf, PutsCopiesOfATextOnOneSide) {
  const OutcomeRow one{.id = "1", .text = "The same", .task = "", .models = {}};
  const OutcomeRow copy{.id = "2", .text = "the same ", .task = "", .models = {}};
  for (std::uint64_t seed = 0; seed < 20; ++seed) EXPECT_EQ(fold_of(one, 5, seed), fold_of(copy, 5, seed));
}

TEST(ManyModels, FindTheModelOfEachTask) {
  std::string content;
  for (int i = 0; i < 120; ++i) {
    const int kind = i % 3;
    content += fmt::format(
        "{{\"text\":\"{} {}\",\"task\":\"t{}\",\"models\":{{\"a\":{{\"correct\":{},\"cost\":1}},\"b\":{{\"correct\":{},\"cost\":2}},"
        "\"c\":{{\"correct\":{},\"cost\":4}}}}}}\n",
        kind == 0 ? "sing" : (kind == 1 ? "count" : "draw"), i, kind, kind == 0 ? 1 : 0, kind == 1 ? 1 : 0,
        kind == 2 ? 1 : 0);
  }
  const OutcomeSet set = read_outcomes(content).value();
  ManyOptions options;
  options.repetitions = 20;

  const ManyModels many = many_models(set, options).value();

  EXPECT_EQ(many.rows, 120U);
  const auto quality = [&](std::string_view name) {
    const auto found = std::ranges::find(many.choices, name, &ChoiceFigures::name);
    return found == many.choices.end() ? -1 : found->quality.value;
  };
  EXPECT_NEAR(quality("random"), 1.0 / 3, 1e-9);
  EXPECT_LT(quality("best single"), 0.4);
  EXPECT_EQ(quality("best by task"), 1);
  EXPECT_EQ(quality("linear"), 1);
  EXPECT_EQ(quality("oracle"), 1);
  ASSERT_FALSE(many.trade_offs.empty());
  EXPECT_EQ(many.trade_offs.front().lambda, 0);
  EXPECT_GE(*many.trade_offs.front().figures.cost, *many.trade_offs.back().figures.cost);
}

}  // namespace
}  // namespace suffice::lab
