#pragma once
// BM25: which chunks share the query's rare words. The yardstick for any learned selection, and a first cut where there is none.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace suffice::workflow {

/// Words as BM25 here sees them: runs of ASCII letters, digits and characters beyond ASCII, case-folded (core/text.hpp).
[[nodiscard]] std::vector<std::string> words_of(std::string_view text);

/// Okapi BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, equation 3.15) over pieces of
/// one text, with Lucene's idf, ln(1 + (N - n + 0.5) / (n + 0.5)), which is never negative:
///
///   score(q, d) = sum over the query's distinct words of idf * f (k1 + 1) / (f + k1 (1 - b + b |d| / average |d|))
///
/// Immutable once built; any thread.
class Bm25 {
 public:
  struct Options {
    double k1 = 1.5;  ///< how soon repeating a word stops counting; 1.2 to 2 is usual (same source, section 3.5)
    double b = 0.75;  ///< how much a long piece is held against it
  };

  /// `pieces` need not outlive the call. O(bytes).
  explicit Bm25(std::span<const std::string_view> pieces) : Bm25(pieces, Options{}) {}
  Bm25(std::span<const std::string_view> pieces, Options options);

  /// One score a piece, 0 for those that share no word with `query`.
  [[nodiscard]] std::vector<double> scores(std::string_view query) const;
  /// ln(1 + (N - n + 0.5) / (n + 0.5)); the highest for a word that no piece has.
  [[nodiscard]] double idf(const std::string& word) const;

 private:
  struct Posting {
    std::uint32_t piece = 0;
    std::uint32_t count = 0;
  };
  Options options_;
  std::unordered_map<std::string, std::vector<Posting>> postings_;
  std::vector<double> length_norm_;  ///< by piece: k1 (1 - b + b |d| / average |d|)
};

/// Numbers of the `count` highest scores, best first, ties in the order of the text.
[[nodiscard]] std::vector<std::size_t> best_of(std::span<const double> scores, std::size_t count);

}  // namespace suffice::workflow
