#pragma once
// Spans: the parts of a text that an extracted value can be. A small model chooses among them instead of copying.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace suffice::prompts {

/// What a span holds; a set of bits, because "4 people at 7 pm" holds a number and a time.
enum class SpanKind : std::uint8_t {
  Phrase = 0,  ///< any words
  Number = 1,  ///< digits or a number word
  Time = 2,    ///< a time of day, in digits or words
  Date = 4,    ///< a day, month, year or a word such as tomorrow
  Name = 8,    ///< a capitalised word that is no function word, or any word of a text of at most three
  Path = 16,   ///< a file name or path
  Quote = 32,  ///< what stands in quotation marks
};

struct Span {
  std::size_t begin = 0;  ///< byte offset in the text
  std::string_view text;  ///< verbatim part of the text
  std::uint8_t kinds = 0;
  [[nodiscard]] bool holds(SpanKind kind) const {
    return kind == SpanKind::Phrase || (kinds & static_cast<std::uint8_t>(kind)) != 0;
  }
  bool operator==(const Span&) const = default;
};

struct SpanOptions {
  std::size_t words_max = 7;    ///< 99.8 % of the values of restaurant8k have at most seven words
  std::size_t spans_max = 128;  ///< beyond, longer spans are left out first
};

/// Candidate values of `text`, distinct, in the order of the text. A span is a run of whole words that does not end with a
/// function word ("the", "at", "is") or punctuation and begins with one only where values do ("in 4 days", "my 3 friends"); a quotation
/// counts whatever it is made of.
///
/// Recall on restaurant8k and the number of candidates: spans_bench and docs/evidence.md. The views live as long as
/// `text`. Pure; any thread. O(words x words_max).
[[nodiscard]] std::vector<Span> propose_spans(std::string_view text, const SpanOptions& options = {});

}  // namespace suffice::prompts
