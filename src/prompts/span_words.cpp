#include "prompts/span_words.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

#include "prompts/spans.hpp"

namespace suffice::prompts {

namespace {

// Sorted, lower case. English; values in other languages are found by digits, capitals and length alone.
constexpr std::array<std::string_view, 69> kFunctionWords{
    "a",     "about", "am",   "an",   "and",  "are",  "as",  "at",   "be",     "been",  "book", "but",   "by",   "can",
    "could", "do",    "does", "for",  "from", "had",  "has", "have", "he",     "hello", "her",  "hi",    "his",  "how",
    "i",     "i'd",   "i'll", "i'm",  "if",   "in",   "is",  "it",   "it's",   "its",   "just", "like",  "make", "may",
    "me",    "my",    "name", "need", "of",   "on",   "or",  "our",  "please", "she",   "so",   "table", "that", "the",
    "their", "there", "they", "this", "to",   "want", "was", "we",   "what",   "will",  "with", "would", "you"};
/// Function words that values begin with, where more follows.
constexpr std::array<std::string_view, 9> kOpeners{"a", "an", "in", "me", "my", "on", "our", "the", "this"};
constexpr std::array<std::string_view, 39> kNumberWords{
    "both",  "couple",    "dozen",    "eight",     "eighteen", "eighty", "eleven", "fifteen",  "fifty",  "five",
    "forty", "four",      "fourteen", "half",      "hundred",  "myself", "nine",   "nineteen", "ninety", "none",
    "one",   "ourselves", "seven",    "seventeen", "seventy",  "single", "six",    "sixteen",  "sixty",  "solo",
    "ten",   "thirteen",  "thirty",   "thousand",  "three",    "twelve", "twenty", "two",      "zero"};
constexpr std::array<std::string_view, 17> kTimeWords{"a.m",   "afternoon", "am",     "breakfast", "dinner",  "evening",
                                                      "lunch", "lunchtime", "midday", "midnight",  "morning", "night",
                                                      "noon",  "o'clock",   "p.m",    "pm",        "tonight"};
constexpr std::array<std::string_view, 47> kDateWords{
    "apr",    "april",     "aug",     "august", "dec",       "december", "feb",      "february", "fri",      "friday",
    "jan",    "january",   "jul",     "july",   "jun",       "june",     "mar",      "march",    "may",      "mon",
    "monday", "month",     "next",    "nov",    "november",  "oct",      "october",  "sat",      "saturday", "sep",
    "sept",   "september", "sun",     "sunday", "thu",       "thurs",    "thursday", "today",    "tomorrow", "tonight",
    "tue",    "tues",      "tuesday", "wed",    "wednesday", "week",     "weekend"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
/// What stands around words; a byte of a multi-byte character is never that.
bool is_punctuation(char c) { return std::string_view(".,;:!?\"()[]{}<>'`*").contains(c); }

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return result;
}

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& sorted, std::string_view word) {
  return std::ranges::binary_search(sorted, word);
}

std::uint8_t bit(SpanKind kind) { return static_cast<std::uint8_t>(kind); }

/// "5:45", "17.30", "7pm", "6 a.m" begins so.
bool is_clock(std::string_view word) {
  const bool colon = word.size() >= 4 && is_digit(word[0]) && word.find_first_of(":.") != std::string_view::npos &&
                     is_digit(word.back());
  return colon || word.ends_with("pm") || word.ends_with("am") || word.ends_with("p.m") || word.ends_with("a.m");
}

/// "24th", "08/18/2018", "2018-08-18".
bool is_day(std::string_view word) {
  if (word.size() < 3 || !is_digit(word[0])) return false;
  const bool ordinal = word.ends_with("st") || word.ends_with("nd") || word.ends_with("rd") || word.ends_with("th");
  return ordinal || word.find_first_of("/-") != std::string_view::npos;
}

bool is_path(std::string_view word) {
  const auto dot = word.rfind('.');
  const bool extension = dot != std::string_view::npos && dot > 0 && word.size() - dot >= 2 && word.size() - dot <= 6 &&
                         std::isalpha(static_cast<unsigned char>(word[dot + 1])) != 0;
  return extension || (word.size() > 2 && word.find('/') != std::string_view::npos && !is_digit(word[0]));
}

std::uint8_t kinds_of(std::string_view word, const std::string& folded, bool function_word) {
  std::uint8_t kinds = 0;
  const bool digits = std::ranges::any_of(word, is_digit);
  const std::string_view first_part = std::string_view(folded).substr(0, folded.find('-'));  // "twenty-five"
  if (digits || is_one_of(kNumberWords, first_part)) kinds |= bit(SpanKind::Number);
  if ((digits && is_clock(folded)) || is_one_of(kTimeWords, folded)) kinds |= bit(SpanKind::Time);
  if (is_day(folded) || is_one_of(kDateWords, folded)) kinds |= bit(SpanKind::Date);
  const bool capital = word[0] >= 'A' && word[0] <= 'Z';
  const bool foreign = static_cast<unsigned char>(word[0]) >= 0x80;
  if ((capital && !function_word) || foreign) kinds |= bit(SpanKind::Name);
  if (is_path(word)) kinds |= bit(SpanKind::Path);
  return kinds;
}

SpanWord read_word(std::string_view text, std::size_t begin, std::size_t stop) {
  SpanWord word;
  std::size_t end = stop;
  while (begin < end && is_punctuation(text[begin])) ++begin;
  while (end > begin && (is_punctuation(text[end - 1]) || text[end - 1] == '/')) --end;
  if (begin == end) return word;
  const std::string_view bare = text.substr(begin, end - begin);
  const std::string folded = lower(bare);
  const bool function_word = is_one_of(kFunctionWords, folded);
  word.begin = begin;
  word.kinds = kinds_of(bare, folded, function_word);
  word.finishes = !function_word || (word.kinds & ~bit(SpanKind::Name)) != 0;
  word.begins = word.finishes || is_one_of(kOpeners, folded);
  std::size_t digits = 0;
  while (digits < bare.size() && (is_digit(bare[digits]) || bare[digits] == ':')) ++digits;
  const bool time = (word.kinds & bit(SpanKind::Time)) != 0;
  if (time && digits > 0 && digits < bare.size()) word.ends.push_back(begin + digits);
  word.ends.push_back(end);
  const bool dotted = end < stop && text[end] == '.' && (time || bare.find('.') != std::string_view::npos);
  if (dotted) word.ends.push_back(end + 1);
  return word;
}

}  // namespace

std::vector<SpanWord> span_words(std::string_view text) {
  std::vector<SpanWord> words;
  for (std::size_t at = 0; at < text.size();) {
    while (at < text.size() && is_space(text[at])) ++at;
    std::size_t stop = at;
    while (stop < text.size() && !is_space(text[stop])) ++stop;
    if (SpanWord word = read_word(text, at, stop); !word.ends.empty()) words.push_back(std::move(word));
    at = stop;
  }
  constexpr std::size_t short_text = 3;
  if (words.size() <= short_text) {
    for (SpanWord& word : words) word.kinds |= bit(SpanKind::Name);
  }
  return words;
}

}  // namespace suffice::prompts
