#pragma once
// Text as counted n-grams: what every linear model here sees of it.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace suffice::learned {

/// Which n-grams, and into how many buckets they are hashed. Stored with a model; the same bytes give the same features on every
/// platform (docs/formats.md).
struct FeatureSpec {
  int word_ngrams = 2;  ///< words, and runs of up to so many
  int char_ngrams_min = 3;
  int char_ngrams_max = 5;  ///< characters within words, the space at either end counted; 0 for none
  int bucket_bits = 17;     ///< 2^bits buckets for words and as many for characters; 10 to 22
  bool operator==(const FeatureSpec&) const = default;

  /// Buckets of both kinds: words first.
  [[nodiscard]] std::uint32_t buckets() const { return 2U << bucket_bits; }
  [[nodiscard]] bool is_word(std::uint32_t bucket) const { return bucket < (1U << bucket_bits); }
};

/// One bucket and how often the text has an n-gram of it.
struct FeatureCount {
  std::uint32_t bucket = 0;
  std::uint32_t count = 0;
  bool operator==(const FeatureCount&) const = default;
};

/// Counts the n-grams of one text after the other. One thread; keeps 4 bytes a bucket.
///
/// The text is case-folded and normalised (core/text.hpp). A word is a run of ASCII letters, digits and underscores and of bytes beyond
/// ASCII; alone it counts from two characters on. Character n-grams are those of scikit-learn's analyzer "char_wb": of each run without
/// white space, with a space before and behind it. The bucket is the upper bits of FNV-1a (64 bits) finished by SplitMix64.
class FeatureCounter {
 public:
  explicit FeatureCounter(const FeatureSpec& spec);

  /// Each bucket once, in the order of first occurrence. Valid until the next call. Linear in the bytes of `text`.
  std::span<const FeatureCount> count(std::string_view text);

 private:
  void count_words(std::string_view folded);
  void count_characters(std::string_view folded);
  void count_run(std::string_view run);
  void add(std::uint64_t hash, bool word);

  FeatureSpec spec_;
  std::vector<std::uint32_t> place_;  ///< by bucket: its place in counts_ plus one, or 0
  std::vector<FeatureCount> counts_;
  std::string padded_;               ///< a run between its spaces
  std::vector<std::size_t> starts_;  ///< of the characters in padded_, and its end
};

}  // namespace suffice::learned
