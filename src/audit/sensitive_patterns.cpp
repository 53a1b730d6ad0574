#include "audit/sensitive_patterns.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <re2/re2.h>

#include "audit/sensitive_checks.hpp"

namespace suffice::audit {
namespace {

using Validator = std::optional<std::size_t> (*)(std::string_view);

/// One form. A group of the pattern is what is masked, the whole match when there is none. `validator` may shorten the masked part.
struct Row {
  Sensitive kind;
  const char* pattern;
  Validator validator = nullptr;
};

// A value behind "name=": quoted up to its quote, or bare up to white space. A backslash belongs to it unless it escapes a quote or a line end.
#define SUFFICE_VALUE R"((?:\\*"([^"\\\r\n]+)|\\*'([^'\\\r\n]+)|((?:[^\s"'\\<>]|\\[^"'nrt\s])+)))"
#define SUFFICE_ASSIGNED R"(\\*["'\]]?\s{0,3}(?:=>|:=|==|=|:)\s{0,3})"

// Order matters where two rows match at the same place: the first wins. No row begins with a counted class: in an unanchored search
// that would multiply the automaton's states.
constexpr std::array kRows = {
    Row{Sensitive::Secret,
        R"(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\z))"},
    Row{Sensitive::Secret, R"(\bsk-[A-Za-z0-9_-]{16,})"},                                        // OpenAI, Anthropic
    Row{Sensitive::Secret, R"(\b(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[A-Z0-9]{12,})"},               // AWS key id
    Row{Sensitive::Secret, R"(\b(?:gh[opsur]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}))"},  // GitHub
    Row{Sensitive::Secret, R"(\b(?:glpat-|gldt-)[A-Za-z0-9_-]{16,})"},                           // GitLab
    Row{Sensitive::Secret, R"(\b(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,})"},                      // Slack
    Row{Sensitive::Secret, R"(hooks\.slack\.com/services/([A-Za-z0-9/_-]+))"},
    Row{Sensitive::Secret,
        R"(\b(?:AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,}))"},           // Google
    Row{Sensitive::Secret, R"(\b(?:[prs]k_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{16,}))"},  // Stripe
    Row{Sensitive::Secret,
        R"(\b(?:npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{40,}|hf_[A-Za-z0-9]{30,}|dckr_pat_[A-Za-z0-9_-]{20,}))"},
    Row{Sensitive::Secret, R"(\beyJ[A-Za-z0-9_-]{12,}(?:\.[A-Za-z0-9_=-]*)*)"},      // JWT: base64url of {"
    Row{Sensitive::Secret, R"(://([^\s/"'<>:@]*:[^\s/"'<>]+|[^\s/"'<>:@]{16,})@)"},  // user:password@host
    Row{Sensitive::Secret, R"((?i:\b(?:bearer|basic|token|apikey)\s{1,3}\\*["']?([A-Za-z0-9._~+/=-]{8,})))",
        credential_length},
    Row{Sensitive::Secret,
        "(?i:(?:pass(?:word|wd|phrase|wort)|\\bpwd|secret|credentials?|senha|contrase..?a|mot de passe|api[_ -]?key|"
        "(?:access|account|private|signing|encryption|master)[_ -]?key)" SUFFICE_ASSIGNED SUFFICE_VALUE ")"},
    Row{Sensitive::Secret,
        "(?i:(?:token|auth|authorization|sig|signature|\\bkey)" SUFFICE_ASSIGNED
        R"((?:\\*["'])?([A-Za-z0-9._~+/=-]{12,})))",
        credential_length},
    Row{Sensitive::Secret,
        R"((?i:--?(?:[a-z]+-)?(?:pass(?:word|wd)?|token|secret|api-key)\s{1,3}["']?([^\s"'-][^\s"']*)))"},
    Row{Sensitive::Secret, R"((?i:\bpass(?:word|wd|phrase|code)\s{1,3}(?:is|was|to)[\s:]{1,3}["'`]?([^\s"'`]+)))",
        told_password_length},
    Row{Sensitive::Email, R"([A-Za-z0-9._%+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24}\b)"},
    Row{Sensitive::Iban, R"(\b[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]{1,4}){3,8}\b)", iban_length},
    Row{Sensitive::Card, R"(\b\d(?:[ -]?\d){12,18}\b)", card_length},
    Row{Sensitive::Ssn, R"(\b\d{3}-\d{2}-\d{4}\b)", ssn_length},
    Row{Sensitive::IpAddress, R"(\b(?:\d{1,3}\.){3}\d{1,3}\b)", ipv4_length},
    Row{Sensitive::IpAddress, R"(\b[0-9A-Fa-f]{1,4}:(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{0,4})", ipv6_length},
    Row{Sensitive::Phone, R"(\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ ./-]?\d{2,4}){1,5}\b)", phone_length},
    Row{Sensitive::Phone, R"((?:\b1[ .-])?(?:\(\d{3}\) ?|\b\d{3}[ .-])\d{3}[ .-]\d{4}\b)",
        phone_length},                                                               // North America
    Row{Sensitive::Phone, R"(\b0\d{2,4}[ /-]\d{3,4}[ -]?\d{3,5}\b)", phone_length},  // national, trunk 0
    Row{Sensitive::Phone,
        R"((?i:\b(?:phone|tel|mobile|cell|fax|call(?: me)?)\b[^\d\n+]{0,12}(\+?\d[\d .()-]{6,17}\d)\b))", phone_length},
};
#undef SUFFICE_VALUE
#undef SUFFICE_ASSIGNED

/// All rows as one automaton that finds where something is, and each alone to say which it was.
class Patterns {
 public:
  Patterns() {
    RE2::Options options;
    options.set_encoding(RE2::Options::EncodingLatin1);  // bytes: text that is not UTF-8 is searched too
    options.set_max_mem(64L << 20);
    options.set_log_errors(false);
    std::string any;
    for (const Row& row : kRows) {
      any += any.empty() ? "(?:" : "|(?:";
      any += row.pattern;
      any += ')';
      each_.push_back(std::make_unique<RE2>(row.pattern, options));
      if (!each_.back()->ok()) std::abort();  // a typing error above; every test of this module meets it
    }
    any_ = std::make_unique<RE2>(any, options);
    if (!any_->ok()) std::abort();
  }

  [[nodiscard]] const RE2& any() const { return *any_; }
  [[nodiscard]] const RE2& row(std::size_t index) const { return *each_[index]; }

 private:
  std::vector<std::unique_ptr<RE2>> each_;
  std::unique_ptr<RE2> any_;
};

const Patterns& patterns() {
  static const Patterns compiled;
  return compiled;
}

Span span_of(re2::StringPiece part, std::string_view text) {
  const auto begin = static_cast<std::size_t>(part.data() - text.data());
  return Span{.begin = begin, .end = begin + part.size()};
}

/// What matches at exactly `at`, or nothing when every candidate there is refused by its validator.
std::optional<Finding> identify(std::string_view text, std::size_t at) {
  std::array<re2::StringPiece, 4> parts;
  for (std::size_t index = 0; index < kRows.size(); ++index) {
    const RE2& row = patterns().row(index);
    const int count = row.NumberOfCapturingGroups() + 1;
    if (!row.Match(re2::StringPiece(text.data(), text.size()), at, text.size(), RE2::ANCHOR_START, parts.data(), count))
      continue;
    Finding found{.match = span_of(parts[0], text), .masked = span_of(parts[0], text), .kind = kRows[index].kind};
    const auto groups = std::span(parts).subspan(1, static_cast<std::size_t>(count - 1));
    const auto group = std::ranges::find_if(groups, [](const re2::StringPiece& part) { return !part.empty(); });
    if (group != groups.end()) found.masked = span_of(*group, text);
    if (kRows[index].validator != nullptr) {
      const auto length =
          kRows[index].validator(text.substr(found.masked.begin, found.masked.end - found.masked.begin));
      if (!length) continue;
      if (found.masked.begin + *length < found.masked.end)
        found.match.end = found.masked.end = found.masked.begin + *length;
    }
    return found;
  }
  return std::nullopt;
}

constexpr bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/// Where a search goes on after a refused candidate: behind its first word, or its first byte.
std::size_t behind_word(std::string_view text, std::size_t at) {
  if (at < text.size() && !is_word(text[at])) return at + 1;
  while (at < text.size() && is_word(text[at])) ++at;
  return at;
}

/// 0 lower, 1 upper, 2 digit, 3 other byte of a token, -1 none.
constexpr int token_class(char c) {
  if (c >= 'a' && c <= 'z') return 0;
  if (c >= 'A' && c <= 'Z') return 1;
  if (c >= '0' && c <= '9') return 2;
  return c == '+' || c == '/' || c == '_' || c == '-' ? 3 : -1;
}

constexpr auto kTokenClass = [] {
  std::array<signed char, 256> classes{};
  for (int byte = 0; byte < 256; ++byte) {
    classes[static_cast<std::size_t>(byte)] = static_cast<signed char>(token_class(static_cast<char>(byte)));
  }
  return classes;
}();

}  // namespace

std::optional<Finding> find_sensitive(std::string_view text, std::size_t from, int& refusals_left) {
  const re2::StringPiece piece(text.data(), text.size());
  re2::StringPiece match;
  while (from < text.size() && patterns().any().Match(piece, from, text.size(), RE2::UNANCHORED, &match, 1)) {
    const std::size_t at = span_of(match, text).begin;
    if (auto found = identify(text, at)) return found;
    if (--refusals_left <= 0) return std::nullopt;
    from = behind_word(text, at);
  }
  return std::nullopt;
}

std::optional<Span> find_random_token(std::string_view text, std::size_t from, std::size_t to) {
  constexpr std::size_t kLengthMin = 24;
  const auto in_token = [&](std::size_t i) { return kTokenClass[static_cast<unsigned char>(text[i])] >= 0; };
  std::size_t at = from;
  while (at < to) {
    // A token long enough that begins here or further on holds the byte kLengthMin - 1 further on, so most of a text is never looked at.
    std::size_t begin = at + kLengthMin - 1;
    if (begin >= text.size()) break;
    if (!in_token(begin)) {
      at = begin + 1;
      continue;
    }
    while (begin > at && in_token(begin - 1)) --begin;
    if (begin >= to) break;
    at = begin;
    std::array<std::size_t, 4> seen{};
    std::size_t changes = 0;
    int before = -1;
    for (; at < text.size(); ++at) {
      const int now = kTokenClass[static_cast<unsigned char>(text[at])];
      if (now < 0) break;
      changes += before >= 0 && now != before && now != 3 && before != 3 ? 1 : 0;
      ++seen[static_cast<std::size_t>(now)];
      before = now;
    }
    const std::size_t length = at - begin;
    if (length >= kLengthMin && seen[0] > 0 && seen[1] > 0 && seen[2] > 0 && changes * 10 >= length * 4)
      return Span{begin, at};
  }
  return std::nullopt;
}

}  // namespace suffice::audit
