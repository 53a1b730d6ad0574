#include "prompts/spans.hpp"

#include <algorithm>
#include <tuple>
#include <unordered_set>

#include "prompts/span_words.hpp"

namespace suffice::prompts {

namespace {

struct Candidate {
  Span span;
  std::size_t words = 0;
};

/// A path is one word, and a name begins and ends with one ("Jean de Luc"); the other kinds may stand anywhere in a run.
std::uint8_t kinds_of_run(std::uint8_t kinds, const SpanWord& first, const SpanWord& last) {
  constexpr auto name_bit = static_cast<std::uint8_t>(SpanKind::Name);
  constexpr auto path_bit = static_cast<std::uint8_t>(SpanKind::Path);
  if (&first == &last) return kinds;
  kinds &= static_cast<std::uint8_t>(~(name_bit | path_bit));
  return static_cast<std::uint8_t>(kinds | (first.kinds & last.kinds & name_bit));
}

void add_runs(std::string_view text, const std::vector<SpanWord>& words, const SpanOptions& options,
              std::vector<Candidate>& found) {
  for (std::size_t first = 0; first < words.size(); ++first) {
    if (!words[first].begins) continue;
    std::uint8_t kinds = 0;
    const std::size_t stop = std::min(words.size(), first + options.words_max);
    for (std::size_t last = first; last < stop; ++last) {
      kinds |= words[last].kinds;
      if (!words[last].finishes) continue;
      const std::size_t begin = words[first].begin;
      const std::uint8_t held = kinds_of_run(kinds, words[first], words[last]);
      for (const std::size_t end : words[last].ends) {
        found.push_back({.span = {.begin = begin, .text = text.substr(begin, end - begin), .kinds = held},
                         .words = last - first + 1});
      }
    }
  }
}

/// "...", `...`: what stands between two equal marks on one line.
void add_quotes(std::string_view text, std::vector<Candidate>& found) {
  for (const char mark : {'"', '`'}) {
    for (std::size_t open = text.find(mark); open != std::string_view::npos;) {
      const std::size_t close = text.find_first_of(std::string{mark, '\n'}, open + 1);
      if (close == std::string_view::npos) break;
      const bool closed = text[close] == mark && close > open + 1;
      if (closed) {
        found.push_back({.span = {.begin = open + 1,
                                  .text = text.substr(open + 1, close - open - 1),
                                  .kinds = static_cast<std::uint8_t>(SpanKind::Quote)},
                         .words = 1});
      }
      open = text.find(mark, close + (text[close] == mark ? 1 : 0));
    }
  }
}

}  // namespace

std::vector<Span> propose_spans(std::string_view text, const SpanOptions& options) {
  std::vector<Candidate> found;
  add_quotes(text, found);
  add_runs(text, span_words(text), options, found);
  // Short ones first, and of equal ones those that hold something; a text twice is one value.
  std::ranges::sort(found, {}, [](const Candidate& one) {
    return std::tuple(one.words, one.span.kinds == 0, one.span.begin, one.span.text.size());
  });
  std::unordered_set<std::string_view> seen;
  std::vector<Span> spans;
  for (const Candidate& one : found) {
    if (spans.size() == options.spans_max) break;
    if (seen.insert(one.span.text).second) spans.push_back(one.span);
  }
  std::ranges::sort(spans, {}, [](const Span& span) { return std::tuple(span.begin, span.text.size()); });
  return spans;
}

}  // namespace suffice::prompts
