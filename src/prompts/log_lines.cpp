#include "prompts/log_lines.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>

#include "core/text.hpp"

namespace suffice::prompts {

namespace {

/// Only so much of a line decides what it is.
constexpr std::size_t kLookedAt = 240;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '_'; }

template <std::size_t N>
bool starts_with_any(std::string_view text, const std::array<std::string_view, N>& beginnings) {
  return std::ranges::any_of(beginnings, [&](std::string_view beginning) { return text.starts_with(beginning); });
}

template <std::size_t N>
bool holds_any(std::string_view text, const std::array<std::string_view, N>& parts) {
  return std::ranges::any_of(parts, [&](std::string_view part) { return text.find(part) != std::string_view::npos; });
}

/// Whether `word` stands in `text` as a whole word.
bool holds_word(std::string_view text, std::string_view word) {
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const bool begins = at == 0 || !is_word(text[at - 1]);
    const std::size_t end = at + word.size();
    if (begins && (end == text.size() || !is_word(text[end]))) return true;
  }
  return false;
}

/// Where an escape sequence (ECMA-48 CSI, or ESC and one character) that starts at `at` ends.
std::size_t end_of_escape(std::string_view line, std::size_t at) {
  ++at;
  if (at >= line.size() || line[at] != '[') return std::min(at + 1, line.size());
  ++at;
  while (at < line.size() && (line[at] < '@' || line[at] > '~')) ++at;
  return std::min(at + 1, line.size());
}

/// The line without "[INFO] " and the like, and without a time stamp before it.
std::string_view without_prefix(std::string_view line) {
  constexpr std::size_t stamp_max = 32;
  std::size_t at = 0;
  while (at < line.size() && at < stamp_max && (is_digit(line[at]) || std::string_view("-:.,T+Z ").contains(line[at])))
    ++at;
  constexpr std::size_t stamp_min = 8;
  if (at < stamp_min) at = 0;
  return trim(line.substr(at));
}

bool is_rule(std::string_view text) { return text.find_first_not_of("-=*_#~+. <>|") == std::string_view::npos; }

// All in lower case, of lines without level and time stamp.
constexpr std::array<std::string_view, 19> kProgressBeginnings{"downloading",      "downloaded", "download ",
                                                               "progress (",       "progress:",  "receiving objects",
                                                               "resolving deltas", "remote: ",   "unpacking objects",
                                                               "collecting ",      "fetching ",  "fetched ",
                                                               "using cached ",    "get:",       "hit:",
                                                               "extracting",       "pulling ",   "waiting",
                                                               "uploading"};
constexpr std::array<std::string_view, 11> kAdvice{"-> [help 1]",
                                                   "please refer to dump files",
                                                   "to see the full stack trace",
                                                   "re-run maven",
                                                   "for more information about the errors",
                                                   "after correcting the problems",
                                                   "  mvn <args>",
                                                   "mvn <args>",
                                                   "for more or less details, use",
                                                   "plugin validation issues were",
                                                   "a complete log of this run"};
constexpr std::array<std::string_view, 8> kErrorLevels{
    "[error]", "error:", "error ", "fatal:", "e: ", "severe:", "npm err", "err!"};
constexpr std::array<std::string_view, 4> kQuietLevels{"[info]", "[debug]", "[warning]", "[warn]"};
constexpr std::array<std::string_view, 11> kErrorWords{"error",      "errors",  "failed", "failure",
                                                       "failures",   "fatal",   "panic",  "traceback",
                                                       "unresolved", "aborted", "killed"};
constexpr std::array<std::string_view, 14> kErrorPhrases{
    "exception", "cannot ",   "could not ", "undefined reference", "not found", "no such file", "permission denied",
    "caused by", "assertion", "expected:",  "expected <",          "but was",   "unable to",    "out of memory"};

/// "Tests run: 5, Failures: 0, Errors: 0", "0 errors": numbers that say that all is well.
bool counts_nothing_wrong(std::string_view text) {
  const bool counts = text.find("errors: 0") != std::string_view::npos || holds_word(text, "0 errors") ||
                      holds_word(text, "0 failed") || holds_word(text, "0 failures");
  const bool some = text.find("<<<") != std::string_view::npos || (text.find("failures: ") != std::string_view::npos &&
                                                                   text.find("failures: 0") == std::string_view::npos);
  return counts && !some;
}

bool says_failure(std::string_view text) {
  if (counts_nothing_wrong(text)) return false;
  return std::ranges::any_of(kErrorWords, [&](std::string_view word) { return holds_word(text, word); }) ||
         holds_any(text, kErrorPhrases);
}

}  // namespace

std::string clean_log_line(std::string_view line, std::size_t chars_max) {
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
  if (const auto overwritten = line.rfind('\r'); overwritten != std::string_view::npos)
    line.remove_prefix(overwritten + 1);
  // A character has at most four bytes, and escapes are few: twice that of each end is more than enough to look at.
  const std::size_t end_bytes = 8 * chars_max;
  const bool huge = line.size() > 2 * end_bytes;
  const std::string_view parts[] = {huge ? line.substr(0, end_bytes) : line,
                                    huge ? line.substr(line.size() - end_bytes) : std::string_view()};
  std::string cleaned;
  for (const std::string_view part : parts) {
    for (std::size_t i = 0; i < part.size();) {
      if (part[i] == '\x1b') {
        i = end_of_escape(part, i);
      } else {
        const auto byte = static_cast<unsigned char>(part[i++]);
        constexpr unsigned char delete_byte = 0x7f;
        if (byte == '\t') cleaned += ' ';
        if (byte >= ' ' && byte != delete_byte) cleaned += static_cast<char>(byte);
      }
    }
  }
  while (const auto bad = first_invalid_utf8(cleaned)) {
    std::size_t at = *bad;
    // Replacing byte by byte from here on in one go keeps this linear: what follows is looked at once more only.
    std::string rest;
    std::string_view left = std::string_view(cleaned).substr(at);
    while (!left.empty()) {
      const auto next = first_invalid_utf8(left);
      rest += left.substr(0, next.value_or(left.size()));
      if (!next) break;
      rest += '?';
      left.remove_prefix(*next + 1);
    }
    cleaned.replace(at, std::string::npos, rest);
  }
  if (const std::size_t chars = count_code_points(cleaned); huge || chars > chars_max) {
    constexpr std::string_view gap = " ... ";
    const std::size_t kept = chars_max - gap.size();
    const std::size_t behind = kept / 3;
    cleaned = std::string(first_code_points(cleaned, kept - behind)) + std::string(gap) +
              std::string(last_code_points(cleaned, behind));
  }
  return cleaned;
}

LogLine kind_of_log_line(std::string_view cleaned) {
  std::string text(without_prefix(cleaned).substr(0, kLookedAt));
  std::ranges::transform(text, text.begin(), lower);
  const bool error_level = starts_with_any(text, kErrorLevels);
  const bool quiet_level = starts_with_any(text, kQuietLevels);
  std::string_view said = text;
  if (const auto bracket = said.find("] ");
      (error_level || quiet_level) && said.starts_with('[') && bracket != std::string_view::npos)
    said.remove_prefix(bracket + 2);
  if (said.ends_with(']') && said.starts_with('[') && said.size() <= 9) said = {};  // a level and nothing else
  said = trim(said);
  const bool reactor =
      said.find(".. skipped") != std::string_view::npos || said.find(".. success [") != std::string_view::npos;
  if (reactor || (quiet_level && said.starts_with("* "))) return LogLine::Progress;  // Maven's lists of what went well
  if (is_rule(said) || starts_with_any(said, kProgressBeginnings) || starts_with_any(said, kAdvice))
    return LogLine::Progress;
  if (error_level) return LogLine::Error;
  if (quiet_level && said.find("build failure") == std::string_view::npos) return LogLine::Plain;
  return says_failure(said) ? LogLine::Failure : LogLine::Plain;
}

std::uint64_t error_signature(std::string_view cleaned) {
  // FNV-1a (64 bit) over the line with every run of digits as one zero.
  constexpr std::uint64_t basis = 14695981039346656037ULL;
  constexpr std::uint64_t prime = 1099511628211ULL;
  std::uint64_t hash = basis;
  bool in_digits = false;
  for (const char c : without_prefix(cleaned)) {
    if (is_digit(c) && in_digits) continue;
    in_digits = is_digit(c);
    hash = (hash ^ static_cast<unsigned char>(in_digits ? '0' : c)) * prime;
  }
  return hash;
}

}  // namespace suffice::prompts
