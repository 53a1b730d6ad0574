#include "audit/sensitive_checks.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstdint>
#include <netinet/in.h>
#include <ranges>
#include <string>

namespace suffice::audit {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
constexpr char upper(char c) { return is_lower(c) ? static_cast<char>(c - 'a' + 'A') : c; }
constexpr char lower(char c) { return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c; }

std::string digits_of(std::string_view text) {
  std::string digits;
  std::ranges::copy_if(text, std::back_inserter(digits), is_digit);
  return digits;
}

int number(std::string_view digits) {
  int value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  return value;
}

bool luhn(std::string_view digits) {
  int sum = 0;
  bool doubled = false;
  for (const char digit : std::views::reverse(digits)) {
    int value = digit - '0';
    if (doubled) value = value > 4 ? 2 * value - 9 : 2 * value;
    sum += value;
    doubled = !doubled;
  }
  return sum % 10 == 0;
}

bool is_issued(std::string_view digits) {
  const std::size_t size = digits.size();
  const int first2 = number(digits.substr(0, 2));
  const int first4 = number(digits.substr(0, 4));
  if (digits[0] == '4') return size == 13 || size == 16 || size == 19;                          // Visa
  if ((first2 >= 51 && first2 <= 55) || (first4 >= 2221 && first4 <= 2720)) return size == 16;  // Mastercard
  if (first2 == 34 || first2 == 37) return size == 15;                                          // American Express
  if (first4 == 6011 || first2 == 64 || first2 == 65 || first2 == 62)
    return size >= 16 && size <= 19;                                                    // Discover, UnionPay
  if (first4 >= 3528 && first4 <= 3589) return size >= 16 && size <= 19;                // JCB
  return (first2 == 30 || first2 == 36 || first2 == 38 || first2 == 39) && size == 14;  // Diners
}

struct IbanCountry {
  std::string_view code;
  std::size_t length;
};
/// SWIFT IBAN registry.
constexpr std::array kIbanCountries = {
    IbanCountry{"AD", 24}, IbanCountry{"AE", 23}, IbanCountry{"AL", 28}, IbanCountry{"AT", 20}, IbanCountry{"AZ", 28},
    IbanCountry{"BA", 20}, IbanCountry{"BE", 16}, IbanCountry{"BG", 22}, IbanCountry{"BH", 22}, IbanCountry{"BR", 29},
    IbanCountry{"BY", 28}, IbanCountry{"CH", 21}, IbanCountry{"CR", 22}, IbanCountry{"CY", 28}, IbanCountry{"CZ", 24},
    IbanCountry{"DE", 22}, IbanCountry{"DK", 18}, IbanCountry{"DO", 28}, IbanCountry{"EE", 20}, IbanCountry{"EG", 29},
    IbanCountry{"ES", 24}, IbanCountry{"FI", 18}, IbanCountry{"FO", 18}, IbanCountry{"FR", 27}, IbanCountry{"GB", 22},
    IbanCountry{"GE", 22}, IbanCountry{"GI", 23}, IbanCountry{"GL", 18}, IbanCountry{"GR", 27}, IbanCountry{"GT", 28},
    IbanCountry{"HR", 21}, IbanCountry{"HU", 28}, IbanCountry{"IE", 22}, IbanCountry{"IL", 23}, IbanCountry{"IQ", 23},
    IbanCountry{"IS", 26}, IbanCountry{"IT", 27}, IbanCountry{"JO", 30}, IbanCountry{"KW", 30}, IbanCountry{"KZ", 20},
    IbanCountry{"LB", 28}, IbanCountry{"LC", 32}, IbanCountry{"LI", 21}, IbanCountry{"LT", 20}, IbanCountry{"LU", 20},
    IbanCountry{"LV", 21}, IbanCountry{"LY", 25}, IbanCountry{"MC", 27}, IbanCountry{"MD", 24}, IbanCountry{"ME", 22},
    IbanCountry{"MK", 19}, IbanCountry{"MR", 27}, IbanCountry{"MT", 31}, IbanCountry{"MU", 30}, IbanCountry{"NL", 18},
    IbanCountry{"NO", 15}, IbanCountry{"PK", 24}, IbanCountry{"PL", 28}, IbanCountry{"PS", 29}, IbanCountry{"PT", 25},
    IbanCountry{"QA", 29}, IbanCountry{"RO", 24}, IbanCountry{"RS", 22}, IbanCountry{"SA", 24}, IbanCountry{"SC", 31},
    IbanCountry{"SE", 24}, IbanCountry{"SI", 19}, IbanCountry{"SK", 24}, IbanCountry{"SM", 27}, IbanCountry{"ST", 25},
    IbanCountry{"SV", 28}, IbanCountry{"TL", 23}, IbanCountry{"TN", 24}, IbanCountry{"TR", 26}, IbanCountry{"UA", 29},
    IbanCountry{"VA", 22}, IbanCountry{"VG", 24}, IbanCountry{"XK", 20}};

/// ISO 7064 mod 97-10 over the IBAN with its first four characters moved to the end.
bool iban_remainder_is_one(std::string_view iban) {
  std::uint32_t remainder = 0;
  const auto feed = [&](char c) {
    if (is_digit(c)) {
      remainder = (remainder * 10 + static_cast<std::uint32_t>(c - '0')) % 97;
    } else {
      remainder = (remainder * 100 + static_cast<std::uint32_t>(c - 'A') + 10) % 97;
    }
  };
  std::ranges::for_each(iban.substr(4), feed);
  std::ranges::for_each(iban.substr(0, 4), feed);
  return remainder == 1;
}

}  // namespace

std::optional<std::size_t> card_length(std::string_view candidate) {
  const std::string digits = digits_of(candidate);
  if (digits.size() < 13 || digits.size() > 19 || !is_issued(digits) || !luhn(digits)) return std::nullopt;
  return candidate.size();
}

std::optional<std::size_t> iban_length(std::string_view candidate) {
  const std::string code{upper(candidate[0]), upper(candidate[1])};
  const auto* country = std::ranges::find(kIbanCountries, code, &IbanCountry::code);
  if (country == kIbanCountries.end()) return std::nullopt;
  std::string iban;
  for (std::size_t at = 0; at < candidate.size(); ++at) {
    if (candidate[at] == ' ' || candidate[at] == '-') continue;
    iban += upper(candidate[at]);
    if (iban.size() == country->length) return iban_remainder_is_one(iban) ? std::optional(at + 1) : std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::size_t> ssn_length(std::string_view candidate) {
  const std::string digits = digits_of(candidate);
  const int area = number(std::string_view(digits).substr(0, 3));
  const int group = number(std::string_view(digits).substr(3, 2));
  const int serial = number(std::string_view(digits).substr(5));
  if (area == 0 || area == 666 || area >= 900 || group == 0 || serial == 0) return std::nullopt;
  return candidate.size();
}

std::optional<std::size_t> phone_length(std::string_view candidate) {
  const auto digits = static_cast<std::size_t>(std::ranges::count_if(candidate, is_digit));
  if (digits < 8 || digits > 15) return std::nullopt;
  return candidate.size();
}

std::optional<std::size_t> ipv4_length(std::string_view candidate) {
  in_addr address{};
  if (inet_pton(AF_INET, std::string(candidate).c_str(), &address) != 1) return std::nullopt;
  const std::uint32_t value = ntohl(address.s_addr);
  if (value == 0 || value == 0xffffffffU || (value >> 24) == 127) return std::nullopt;
  return candidate.size();
}

std::optional<std::size_t> ipv6_length(std::string_view candidate) {
  in6_addr address{};
  if (inet_pton(AF_INET6, std::string(candidate).c_str(), &address) != 1) return std::nullopt;
  if (!std::ranges::any_of(candidate, is_digit)) return std::nullopt;
  // "a1::b2" is also a name in C++ and Rust; an address in the wild has three groups, or one of three digits and more.
  std::size_t groups = 0;
  std::size_t longest = 0;
  std::size_t run = 0;
  for (const char c : candidate) {
    run = c == ':' ? 0 : run + 1;
    groups += run == 1 ? 1 : 0;
    longest = std::max(longest, run);
  }
  if (groups < 3 && longest < 3) return std::nullopt;
  return candidate.size();
}

std::optional<std::size_t> credential_length(std::string_view candidate) {
  if (std::ranges::any_of(candidate, is_digit)) return candidate.size();
  const bool mixed = std::ranges::any_of(candidate.substr(1), is_upper) && std::ranges::any_of(candidate, is_lower);
  return mixed && candidate.size() >= 16 ? std::optional(candidate.size()) : std::nullopt;
}

std::optional<std::size_t> told_password_length(std::string_view candidate) {
  static constexpr std::array<std::string_view, 32> kAboutPasswords = {
      "incorrect", "wrong",    "expired", "invalid", "not",   "required", "too",     "reset",
      "changed",   "being",    "the",     "a",       "an",    "no",       "still",   "going",
      "about",     "rejected", "locked",  "correct", "blank", "empty",    "missing", "accepted",
      "set",       "stored",   "needed",  "never",   "now",   "weak",     "unknown", "also"};
  std::string word;
  for (const char c : candidate) {
    if (!is_lower(lower(c))) break;
    word += lower(c);
  }
  const std::string_view rest = candidate.substr(word.size());
  const bool whole = rest.find_first_not_of(".,;:!?)") == std::string_view::npos;
  if (whole && std::ranges::find(kAboutPasswords, word) != kAboutPasswords.end()) return std::nullopt;
  return candidate.size();
}

}  // namespace suffice::audit
