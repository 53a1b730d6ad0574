#pragma once
// The words of a text and what each may mean. Internal to spans.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace suffice::prompts {

struct SpanWord {
  std::size_t begin = 0;  ///< byte offset, without punctuation around the word
  /// Where a value may end with this word: at its end; behind a dot that may belong to it ("a.m.", "7pm."); before letters
  /// behind a number ("13:00pm"). At least one, ascending.
  std::vector<std::size_t> ends;
  std::uint8_t kinds = 0;  ///< of SpanKind
  /// Whether a value may begin with this word: any that is no function word, and a few of those ("in 4 days", "my 3 friends").
  bool begins = false;
  bool finishes = false;  ///< whether a value may end with it
};

[[nodiscard]] std::vector<SpanWord> span_words(std::string_view text);

}  // namespace suffice::prompts
