#pragma once
// Whether a model's citation really stands in the text that it read.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "workflow/documents/text_range.hpp"

namespace suffice::workflow {

/// What counts as a citation.
struct QuoteRules {
  /// Verbatim: byte for byte. AnyWhiteSpace: each run of white space equals any other, for models that join the lines of a text.
  enum class Match : std::uint8_t { Verbatim, AnyWhiteSpace };
  Match match = Match::Verbatim;
  std::size_t bytes_min = 1;    ///< shorter proves nothing
  std::size_t bytes_max = 600;  ///< longer is a copy, not a citation; counted of the text's own bytes
};

enum class QuoteVerdict : std::uint8_t { Verified, Empty, TooShort, TooLong, NotFound };
[[nodiscard]] std::string_view name(QuoteVerdict verdict) noexcept;

struct CheckedQuote {
  QuoteVerdict verdict = QuoteVerdict::NotFound;
  TextRange range;  ///< Verified only: where it first stands in the text. Use these bytes, not the model's.
};

/// Looks for `quote`, without the white space around it, in `text`. A quote that is not UTF-8 is NotFound, so a range never cuts a
/// character of a text that is. Pure; any thread. O(text * quote) at worst, usually O(text).
[[nodiscard]] CheckedQuote check_quote(std::string_view text, std::string_view quote, const QuoteRules& rules = {});

}  // namespace suffice::workflow
