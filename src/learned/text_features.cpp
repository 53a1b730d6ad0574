#include "learned/text_features.hpp"

#include <algorithm>
#include <array>

#include "core/text.hpp"

namespace suffice::learned {
namespace {

constexpr std::uint64_t kFnvPrime = 0x100000001b3ULL;
/// FNV's offset basis, parted by what is hashed so that a word and the same characters are different features.
constexpr std::uint64_t kWordBasis = 0xcbf29ce484222325ULL;
constexpr std::uint64_t kCharacterBasis = kWordBasis ^ 0x9e3779b97f4a7c15ULL;
/// Between the words of a run; no byte of text.
constexpr unsigned char kBetween = 0xff;

constexpr std::uint64_t step(std::uint64_t hash, char byte) {
  return (hash ^ static_cast<unsigned char>(byte)) * kFnvPrime;
}

/// FNV's upper bits depend little on the last bytes; SplitMix64's finisher spreads them.
constexpr std::uint64_t finish(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

constexpr bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

constexpr bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

constexpr bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }

}  // namespace

FeatureCounter::FeatureCounter(const FeatureSpec& spec) : spec_(spec), place_(spec.buckets(), 0) {}

std::span<const FeatureCount> FeatureCounter::count(std::string_view text) {
  for (const FeatureCount& counted : counts_) place_[counted.bucket] = 0;
  counts_.clear();
  const std::string folded = fold_case(text);
  if (spec_.word_ngrams > 0) count_words(folded);
  if (spec_.char_ngrams_max > 0) count_characters(folded);
  return counts_;
}

void FeatureCounter::add(std::uint64_t hash, bool word) {
  const auto bucket =
      static_cast<std::uint32_t>(finish(hash) >> (64 - spec_.bucket_bits)) + (word ? 0U : 1U << spec_.bucket_bits);
  std::uint32_t& place = place_[bucket];
  if (place == 0) {
    counts_.push_back({.bucket = bucket, .count = 0});
    place = static_cast<std::uint32_t>(counts_.size());
  }
  ++counts_[place - 1].count;
}

void FeatureCounter::count_words(std::string_view folded) {
  constexpr std::size_t kRunMax = 8;
  std::array<std::string_view, kRunMax> last;  // the newest words, by number modulo kRunMax
  std::size_t words = 0;
  const auto longest = std::min(static_cast<std::size_t>(spec_.word_ngrams), kRunMax);
  for (std::size_t at = 0; at < folded.size();) {
    if (!is_word_byte(folded[at])) {
      ++at;
      continue;
    }
    const std::size_t begin = at;
    while (at < folded.size() && is_word_byte(folded[at])) ++at;
    last[words++ % kRunMax] = folded.substr(begin, at - begin);
    for (std::size_t n = 1; n <= std::min(longest, words); ++n) {
      if (n == 1 && at - begin == 1) continue;
      std::uint64_t hash = kWordBasis;
      for (std::size_t i = words - n; i < words; ++i) {
        for (const char c : last[i % kRunMax]) hash = step(hash, c);
        if (i + 1 < words) hash = step(hash, static_cast<char>(kBetween));
      }
      add(hash, true);
    }
  }
}

void FeatureCounter::count_characters(std::string_view folded) {
  for (std::size_t at = 0; at < folded.size();) {
    if (is_space(folded[at])) {
      ++at;
      continue;
    }
    const std::size_t begin = at;
    while (at < folded.size() && !is_space(folded[at])) ++at;
    count_run(folded.substr(begin, at - begin));
  }
}

void FeatureCounter::count_run(std::string_view run) {
  padded_.assign(1, ' ').append(run).append(1, ' ');
  starts_.clear();
  for (std::size_t i = 0; i < padded_.size(); ++i) {
    if (starts_character(padded_[i])) starts_.push_back(i);
  }
  starts_.push_back(padded_.size());
  const std::size_t characters = starts_.size() - 1;
  const auto shortest = static_cast<std::size_t>(spec_.char_ngrams_min);
  const auto longest = static_cast<std::size_t>(spec_.char_ngrams_max);
  if (characters < shortest) {  // counts once, whole
    std::uint64_t hash = kCharacterBasis;
    for (const char c : padded_) hash = step(hash, c);
    add(hash, false);
    return;
  }
  for (std::size_t first = 0; first + shortest <= characters; ++first) {
    std::uint64_t hash = kCharacterBasis;
    for (std::size_t n = 1; n <= longest && first + n <= characters; ++n) {
      for (std::size_t i = starts_[first + n - 1]; i < starts_[first + n]; ++i) hash = step(hash, padded_[i]);
      if (n >= shortest) add(hash, false);
    }
  }
}

}  // namespace suffice::learned
