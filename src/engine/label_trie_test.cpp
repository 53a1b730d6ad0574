// The trie against brute force: a made-up model gives logits to every path, and the probability of each label is computed
// once by the trie and once by walking that label alone.
#include "engine/label_trie.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "core/random.hpp"

namespace suffice::engine {
namespace {

constexpr Token kEnd = 99;
constexpr std::size_t kVocabulary = 100;

/// Logits that depend on the whole path, spread over `sharpness`.
std::vector<float> logits_after(const std::vector<Token>& path, double sharpness) {
  std::uint64_t seed = 17;
  for (const Token token : path) seed = seed * 1'000'003 + static_cast<std::uint64_t>(token) + 1;
  SeededRandom random(seed);
  std::vector<float> logits(kVocabulary);
  for (float& logit : logits) logit = static_cast<float>(sharpness * (random.uniform() - 0.5));
  return logits;
}

struct FakeModel {
  double sharpness = 8;
  int calls = 0;
  std::vector<std::vector<Token>> asked{};

  LabelScores score(const LabelTrie& trie, std::span<const float> root, double mass_min = kLabelMassMin) {
    LabelScoring scoring(trie, root, mass_min);
    while (!scoring.paths().empty()) {
      ++calls;
      const std::vector<std::vector<Token>> wave = scoring.paths();
      for (std::size_t i = wave.size(); i-- > 0;) {
        asked.push_back(wave[i]);
        scoring.visit(i, logits_after(wave[i], sharpness));
      }
    }
    return scoring.scores();
  }
};

/// P(label) straight from the definition.
double brute_force(const std::vector<std::vector<Token>>& labels, std::size_t which, double sharpness) {
  std::vector<Token> target = labels[which];
  target.push_back(kEnd);
  double probability = 1;
  for (std::size_t depth = 0; depth < target.size(); ++depth) {
    const std::vector<Token> prefix(target.begin(), target.begin() + static_cast<std::ptrdiff_t>(depth));
    std::set<Token> allowed;
    for (std::vector<Token> label : labels) {
      label.push_back(kEnd);
      if (label.size() > depth && std::equal(prefix.begin(), prefix.end(), label.begin())) allowed.insert(label[depth]);
    }
    const std::vector<float> logits = logits_after(prefix, sharpness);
    double sum = 0;
    for (const Token token : allowed) sum += std::exp(static_cast<double>(logits[static_cast<std::size_t>(token)]));
    probability *= std::exp(static_cast<double>(logits[static_cast<std::size_t>(target[depth])])) / sum;
  }
  return probability;
}

const std::vector<std::vector<Token>> kLabels = {{1}, {1, 2}, {1, 2, 3}, {1, 4, 5, 6}, {7, 8}, {7, 9}, {10, 11, 12}};

TEST(LabelTrie, GivesEveryLabelItsBruteForceProbability) {
  const LabelTrie trie = LabelTrie::build(kLabels, kEnd).value();
  FakeModel model;
  const LabelScores scores = model.score(trie, logits_after({}, model.sharpness), 0);
  for (std::size_t i = 0; i < kLabels.size(); ++i) {
    EXPECT_NEAR(scores.probability[i], brute_force(kLabels, i, model.sharpness), 1e-9) << i;
  }
  EXPECT_NEAR(std::accumulate(scores.probability.begin(), scores.probability.end(), 0.0), 1, 1e-12);
  EXPECT_EQ(scores.unresolved, 0);
}

TEST(LabelTrie, EvaluatesOnlyWhereThereIsAChoice) {
  const LabelTrie trie = LabelTrie::build(kLabels, kEnd).value();
  FakeModel model;
  model.score(trie, logits_after({}, model.sharpness), 0);
  const std::set<std::vector<Token>> asked(model.asked.begin(), model.asked.end());
  EXPECT_EQ(asked, (std::set<std::vector<Token>>{{1}, {1, 2}, {7}}));
  EXPECT_EQ(model.calls, 2) << "one call a level of the tree";
}

TEST(LabelTrie, NeedsNoEvaluationForSingleTokenLabels) {
  const LabelTrie trie = LabelTrie::build({{1}, {2}, {3}}, kEnd).value();
  FakeModel model;
  model.score(trie, logits_after({}, 8));
  EXPECT_EQ(model.calls, 0);
}

TEST(LabelTrie, IsCertainOfAnOnlyLabelButSaysWhatLiesOutside) {
  const LabelTrie trie = LabelTrie::build({{1, 2}}, kEnd).value();
  FakeModel model;
  const std::vector<float> root = logits_after({}, 8);
  const LabelScores scores = model.score(trie, root);
  EXPECT_EQ(scores.probability, std::vector<double>{1.0});
  double all = 0;
  for (const float logit : root) all += std::exp(static_cast<double>(logit));
  EXPECT_NEAR(scores.outside_mass, 1 - std::exp(static_cast<double>(root[1])) / all, 1e-9);
  EXPECT_EQ(model.calls, 0);
}

TEST(LabelTrie, SpreadsImprobableBranchesAndReportsTheirMass) {
  const LabelTrie trie = LabelTrie::build({{1, 2}, {1, 3}, {1, 4}, {5}}, kEnd).value();
  std::vector<float> root(kVocabulary, 0);
  root[5] = 20;  // leaves about 2e-9 for the branch under token 1
  FakeModel model;
  const LabelScores scores = model.score(trie, root);
  EXPECT_EQ(model.calls, 0);
  EXPECT_GT(scores.unresolved, 0);
  EXPECT_LT(scores.unresolved, kLabelMassMin);
  EXPECT_DOUBLE_EQ(scores.probability[0], scores.unresolved / 3);
  EXPECT_NEAR(std::accumulate(scores.probability.begin(), scores.probability.end(), 0.0), 1, 1e-12);
  EXPECT_EQ(scores.best, 3);
}

TEST(LabelTrie, PruningMovesNoLabelByMoreThanTheUnresolvedMass) {
  std::vector<std::vector<Token>> labels;
  for (Token a = 1; a <= 10; ++a) {
    for (Token b = 11; b <= 20; ++b) labels.push_back({a, b});
  }
  const LabelTrie trie = LabelTrie::build(labels, kEnd).value();
  FakeModel model{.sharpness = 30};
  const LabelScores pruned = model.score(trie, logits_after({}, 30));
  const LabelScores exact = model.score(trie, logits_after({}, 30), 0);
  ASSERT_GT(pruned.unresolved, 0);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    EXPECT_NEAR(pruned.probability[i], exact.probability[i], pruned.unresolved) << i;
  }
}

TEST(LabelTrie, RefusesSetsThatCannotBeToldApart) {
  EXPECT_EQ(LabelTrie::build({}, kEnd).error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(LabelTrie::build({{1}, {}}, kEnd).error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(LabelTrie::build({{1, 2}, {1, 2}}, kEnd).error().code, ErrorCode::InvalidArgument);
}

}  // namespace
}  // namespace suffice::engine
