#include "workflow/documents/sentences.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

namespace suffice::workflow {

namespace {

using namespace std::string_view_literals;

constexpr std::size_t kSpeakerBytesMax = 48;
constexpr std::size_t kSpeakerWordsMax = 5;

/// Before a full stop, lower-cased: the sentence goes on.
constexpr std::array kAbbreviations = {"mr"sv,     "mrs"sv, "ms"sv,  "dr"sv,  "prof"sv, "st"sv,   "vs"sv,
                                       "etc"sv,    "fig"sv, "no"sv,  "e.g"sv, "i.e"sv,  "cf"sv,   "al"sv,
                                       "approx"sv, "inc"sv, "ltd"sv, "jr"sv,  "sr"sv,   "dept"sv, "vol"sv,
                                       "pp"sv,     "sec"sv, "eq"sv,  "bzw"sv, "z.b"sv,  "d.h"sv,  "usw"sv};

/// End a sentence wherever they stand.
constexpr std::array kFullWidthMarks = {"\u3002"sv, "\uff01"sv, "\uff1f"sv, "\uff61"sv,
                                        "\u0964"sv, "\u0965"sv, "\u061f"sv, "\u06d4"sv};
/// Stay with the sentence that they close.
constexpr std::array kClosers = {"\""sv,     "'"sv,      ")"sv,      "]"sv,      "}"sv,      "\u2019"sv,
                                 "\u201d"sv, "\u00bb"sv, "\u300d"sv, "\u300f"sv, "\uff09"sv, "\u3011"sv};
constexpr std::array kMarks = {"."sv, "!"sv, "?"sv, "\u2026"sv};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

/// Bytes of the one of `words` that `text` begins with, 0 for none.
template <std::size_t N>
std::size_t length_of_any(std::string_view text, const std::array<std::string_view, N>& words) {
  for (const std::string_view word : words) {
    if (text.starts_with(word)) return word.size();
  }
  return 0;
}

/// The word that ends at `end`: letters, full stops within.
std::string_view word_before(std::string_view text, std::size_t begin, std::size_t end) {
  std::size_t at = end;
  while (at > begin && (is_letter(text[at - 1]) || (text[at - 1] == '.' && at < end))) --at;
  return text.substr(at, end - at);
}

bool is_abbreviation(std::string_view word) {
  if (word.size() == 1 && word != "I") return is_letter(word[0]);
  std::string lower(word);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return std::ranges::find(kAbbreviations, lower) != kAbbreviations.end();
}

std::size_t skip_closers(std::string_view text, std::size_t at) {
  while (true) {
    const std::size_t closer = length_of_any(text.substr(at), kClosers);
    if (closer == 0) return at;
    at += closer;
  }
}

std::size_t skip_space(std::string_view text, std::size_t at) {
  while (at < text.size() && is_space(text[at])) ++at;
  return at;
}

/// Where the sentence ends whose mark begins at `at`, or 0 when it goes on. `begin` is the sentence's.
std::size_t end_at_mark(std::string_view text, std::size_t begin, std::size_t at) {
  if (const std::size_t wide = length_of_any(text.substr(at), kFullWidthMarks)) {
    return skip_space(text, skip_closers(text, at + wide));
  }
  std::size_t behind = at;
  while (const std::size_t mark = length_of_any(text.substr(behind), kMarks)) behind += mark;
  const bool one_full_stop = behind == at + 1 && text[at] == '.';
  behind = skip_closers(text, behind);
  if (behind < text.size() && !is_space(text[behind])) return 0;
  const std::size_t next = skip_space(text, behind);
  if (one_full_stop && next < text.size()) {
    if (is_abbreviation(word_before(text, begin, at))) return 0;
    if (text[next] >= 'a' && text[next] <= 'z') return 0;
  }
  return next;
}

bool begins_mark(std::string_view rest) {
  const char c = rest[0];
  if (c == '.' || c == '!' || c == '?') return true;
  if (static_cast<unsigned char>(c) < 0x80U) return false;
  return length_of_any(rest, kFullWidthMarks) != 0 || rest.starts_with("\u2026");
}

}  // namespace

std::size_t character_start(std::string_view text, std::size_t at) {
  if (at >= text.size()) return at;
  std::size_t start = at;
  // A UTF-8 character has at most three continuation bytes; more of them are not UTF-8, and any cut will do.
  while (start > 0 && at - start < 3 && is_continuation(text[start])) --start;
  return is_continuation(text[start]) ? at : start;
}

std::vector<TextRange> split_sentences(std::string_view text) {
  std::vector<TextRange> sentences;
  std::size_t begin = 0;
  std::size_t at = 0;
  const auto close = [&](std::size_t end) {
    sentences.push_back({.begin = begin, .end = end});
    begin = end;
    at = end;
  };
  while (at < text.size()) {
    if (text[at] == '\n') {
      close(skip_space(text, at));
      continue;
    }
    if (begins_mark(text.substr(at))) {
      if (const std::size_t end = end_at_mark(text, begin, at)) {
        close(end);
        continue;
      }
    }
    ++at;
  }
  if (begin < text.size()) close(text.size());
  return sentences;
}

std::vector<TextRange> split_lines(std::string_view text) {
  std::vector<TextRange> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t feed = text.find('\n', begin);
    const std::size_t end = feed == std::string_view::npos ? text.size() : feed + 1;
    lines.push_back({.begin = begin, .end = end});
    begin = end;
  }
  return lines;
}

bool begins_turn(std::string_view line) {
  const std::size_t colon = line.substr(0, kSpeakerBytesMax + 1).find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 >= line.size()) return false;
  if (line[colon + 1] != ' ' && line[colon + 1] != '\n') return false;
  const std::string_view speaker = line.substr(0, colon);
  const char first = speaker[0];
  const bool named = (first >= 'A' && first <= 'Z') || static_cast<unsigned char>(first) >= 0x80U;
  const auto words = static_cast<std::size_t>(std::ranges::count(speaker, ' ')) + 1;
  return named && speaker.back() != ' ' && words <= kSpeakerWordsMax;
}

std::vector<TextRange> split_turns(std::string_view text) {
  const std::vector<TextRange> lines = split_lines(text);
  if (std::ranges::none_of(lines, [&](const TextRange& line) { return begins_turn(line.of(text)); })) return lines;
  std::vector<TextRange> turns;
  for (const TextRange& line : lines) {
    if (turns.empty() || begins_turn(line.of(text))) {
      turns.push_back(line);
    } else {
      turns.back().end = line.end;
    }
  }
  return turns;
}

}  // namespace suffice::workflow
