// BM25 against figures computed by hand from the formula in the header.

#include "workflow/documents/bm25.hpp"

#include <array>
#include <cmath>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace suffice::workflow {
namespace {

using testing::ElementsAre;

constexpr std::array<std::string_view, 3> kPieces = {"the cat sat", "the dog sat on the cat cat", "birds"};

TEST(Bm25, ScoresByTheFormula) {
  const Bm25 bm25(kPieces);
  const std::vector<double> scores = bm25.scores("cat");

  // N = 3, n = 2, lengths 3, 7, 1, average 11/3, k1 = 1.5, b = 0.75.
  const double idf = std::log(1 + 1.5 / 2.5);
  const double average = 11.0 / 3;
  EXPECT_NEAR(scores[0], idf * 1 * 2.5 / (1 + 1.5 * (0.25 + 0.75 * 3 / average)), 1e-12);
  EXPECT_NEAR(scores[1], idf * 2 * 2.5 / (2 + 1.5 * (0.25 + 0.75 * 7 / average)), 1e-12);
  EXPECT_EQ(scores[2], 0);
}

TEST(Bm25, CountsAWordOfTheQueryOnce) {
  const Bm25 bm25(kPieces);
  EXPECT_EQ(bm25.scores("cat cat CAT"), bm25.scores("cat"));
}

TEST(Bm25, KnowsWordsOfAnyAlphabetWhateverTheirCase) {
  EXPECT_THAT(words_of("Größe, ÉCOLE 12b-c"), ElementsAre("grösse", "école", "12b", "c"));
  const std::array<std::string_view, 2> pieces = {"ÉCOLE", "other"};
  EXPECT_GT(Bm25(pieces).scores("école")[0], 0);
}

TEST(Bm25, OfNothingIsNothing) {
  EXPECT_TRUE(Bm25({}).scores("cat").empty());
  const std::array<std::string_view, 2> empty = {"", " "};
  EXPECT_THAT(Bm25(empty).scores("cat"), ElementsAre(0, 0));
}

TEST(BestOf, BreaksTiesByTheOrderOfTheText) {
  const std::array<double, 5> scores = {1, 3, 1, 3, 0};
  EXPECT_THAT(best_of(scores, 3), ElementsAre(1, 3, 0));
  EXPECT_THAT(best_of(scores, 9), ElementsAre(1, 3, 0, 2, 4));
}

}  // namespace
}  // namespace suffice::workflow
