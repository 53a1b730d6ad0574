#include "learned/text_features.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace suffice::learned {
namespace {

const FeatureSpec kWordsOnly{.word_ngrams = 2, .char_ngrams_min = 3, .char_ngrams_max = 0, .bucket_bits = 17};
const FeatureSpec kCharactersOnly{.word_ngrams = 0, .char_ngrams_min = 3, .char_ngrams_max = 5, .bucket_bits = 17};

std::vector<FeatureCount> counts(const FeatureSpec& spec, std::string_view text) {
  FeatureCounter counter(spec);
  const auto counted = counter.count(text);
  std::vector<FeatureCount> sorted(counted.begin(), counted.end());
  std::ranges::sort(sorted, {}, &FeatureCount::bucket);
  return sorted;
}

std::uint32_t total(const std::vector<FeatureCount>& counts) {
  std::uint32_t sum = 0;
  for (const FeatureCount& counted : counts) sum += counted.count;
  return sum;
}

TEST(TextFeatures, CountWordsAndPairs) {
  struct Case {
    std::string_view name, text;
    std::uint32_t n_grams;
    std::size_t different;
  };
  const Case cases[] = {
      {"nothing", "", 0, 0},
      {"no word", " .,;- ", 0, 0},
      {"one word", "build", 1, 1},
      {"three words, two pairs", "the build failed", 5, 5},
      {"a word alone counts from two characters on, in pairs always", "a b", 1, 1},
      {"the same word twice and its pair", "no no", 3, 2},
      {"punctuation parts words", "npm:install", 3, 3},
      {"an underscore does not", "api_key", 1, 1},
      {"letters beyond ASCII belong to words", "größe 東京", 3, 3},
  };
  for (const Case& c : cases) {
    const std::vector<FeatureCount> counted = counts(kWordsOnly, c.text);
    EXPECT_EQ(total(counted), c.n_grams) << c.name;
    EXPECT_EQ(counted.size(), c.different) << c.name;
  }
}

TEST(TextFeatures, CountCharactersWithinWords) {
  struct Case {
    std::string_view name, text;
    std::uint32_t n_grams;
  };
  // A word of n characters with its two spaces has n runs of 3, n - 1 of 4, n - 2 of 5.
  const Case cases[] = {
      {"nothing", "", 0},           {"one character: one run of 3", "a", 1},
      {"two characters", "ab", 3},  {"four characters", "abcd", 9},
      {"two words", "abcd ab", 12}, {"characters, not bytes", "äöüß", 9 + 3}};  // ß folds to ss: five characters
  for (const Case& c : cases) EXPECT_EQ(total(counts(kCharactersOnly, c.text)), c.n_grams) << c.name;
}

TEST(TextFeatures, AreTheSameForTheSameFoldedText) {
  EXPECT_EQ(counts(FeatureSpec{}, "Reset MY Password"), counts(FeatureSpec{}, "reset my password"));
  EXPECT_EQ(counts(FeatureSpec{}, "ﬁle"), counts(FeatureSpec{}, "file")) << "NFKC";
  EXPECT_NE(counts(FeatureSpec{}, "reset my password"), counts(FeatureSpec{}, "my reset password"));
}

TEST(TextFeatures, StayInTheHalfOfTheirKind) {
  const FeatureSpec spec{.bucket_bits = 10};
  FeatureCounter counter(spec);
  std::size_t words = 0;
  for (const FeatureCount& counted : counter.count("words and characters share no bucket")) {
    ASSERT_LT(counted.bucket, spec.buckets());
    words += spec.is_word(counted.bucket) ? counted.count : 0;
  }
  EXPECT_EQ(words, 11U) << "six words and five pairs";
}

TEST(TextFeatures, KeepTheirBuckets) {
  // Computed apart from the definition. Stored models depend on these; a change needs a new file version.
  const FeatureSpec spec{.word_ngrams = 2, .char_ngrams_min = 3, .char_ngrams_max = 3, .bucket_bits = 17};
  const std::vector<FeatureCount> expected = {{35983, 1},  {111836, 1}, {120060, 1}, {158692, 1}, {165807, 1},
                                              {168832, 1}, {197235, 1}, {204762, 1}, {227934, 1}};
  EXPECT_EQ(counts(spec, "npm err"), expected);
}

TEST(TextFeatures, StartAfreshWithEachText) {
  FeatureCounter counter{FeatureSpec{}};
  counter.count("something else entirely");
  const auto second = counter.count("npm err");
  const std::vector<FeatureCount> again(second.begin(), second.end());
  FeatureCounter fresh{FeatureSpec{}};
  const auto first = fresh.count("npm err");
  EXPECT_EQ(again, std::vector<FeatureCount>(first.begin(), first.end()));
}

TEST(TextFeatures, TakeAnyBytes) {
  for (const std::string_view text :
       {std::string_view("\xff\xfe\x80"), std::string_view("\0\0", 2), std::string_view("\xc3")}) {
    EXPECT_NO_FATAL_FAILURE(counts(FeatureSpec{}, text));
  }
}

}  // namespace
}  // namespace suffice::learned
