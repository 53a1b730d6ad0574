#include "workflow/documents/quotes.hpp"

#include <optional>

#include "core/text.hpp"

namespace suffice::workflow {

namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }

/// The end of a match of `quote` at `begin`, runs of white space being alike.
std::optional<std::size_t> match_at(std::string_view text, std::size_t begin, std::string_view quote) {
  std::size_t at = begin;
  for (std::size_t i = 0; i < quote.size();) {
    if (is_space(quote[i])) {
      if (at >= text.size() || !is_space(text[at])) return std::nullopt;
      while (i < quote.size() && is_space(quote[i])) ++i;
      while (at < text.size() && is_space(text[at])) ++at;
      continue;
    }
    if (at >= text.size() || text[at] != quote[i]) return std::nullopt;
    ++at;
    ++i;
  }
  return at;
}

std::optional<TextRange> find(std::string_view text, std::string_view quote, QuoteRules::Match match) {
  if (match == QuoteRules::Match::Verbatim) {
    const std::size_t at = text.find(quote);
    if (at == std::string_view::npos) return std::nullopt;
    return TextRange{.begin = at, .end = at + quote.size()};
  }
  for (std::size_t at = text.find(quote[0]); at != std::string_view::npos; at = text.find(quote[0], at + 1)) {
    if (const auto end = match_at(text, at, quote)) return TextRange{.begin = at, .end = *end};
  }
  return std::nullopt;
}

}  // namespace

std::string_view name(QuoteVerdict verdict) noexcept {
  switch (verdict) {
    case QuoteVerdict::Verified:
      return "verified";
    case QuoteVerdict::Empty:
      return "empty";
    case QuoteVerdict::TooShort:
      return "too_short";
    case QuoteVerdict::TooLong:
      return "too_long";
    case QuoteVerdict::NotFound:
      return "not_found";
  }
  return "not_found";
}

CheckedQuote check_quote(std::string_view text, std::string_view quote, const QuoteRules& rules) {
  const std::string_view wanted = trim(quote);
  if (wanted.empty()) return {.verdict = QuoteVerdict::Empty, .range = {}};
  if (wanted.size() < rules.bytes_min) return {.verdict = QuoteVerdict::TooShort, .range = {}};
  if (wanted.size() > rules.bytes_max) return {.verdict = QuoteVerdict::TooLong, .range = {}};
  if (first_invalid_utf8(wanted)) return {.verdict = QuoteVerdict::NotFound, .range = {}};
  const std::optional<TextRange> range = find(text, wanted, rules.match);
  if (!range) return {.verdict = QuoteVerdict::NotFound, .range = {}};
  // With white space alike, the text's own bytes may be more than the model's.
  if (range->size() > rules.bytes_max) return {.verdict = QuoteVerdict::TooLong, .range = {}};
  return {.verdict = QuoteVerdict::Verified, .range = *range};
}

}  // namespace suffice::workflow
