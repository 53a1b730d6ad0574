#include "policy/secrets.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace suffice::policy {

namespace {

constexpr std::array<std::string_view, 16> kPrefixes{"sk-",         "sk_",    "rk_",     "ghp_",  "gho_", "ghs_",
                                                     "github_pat_", "glpat-", "xoxb-",   "xoxp-", "AKIA", "ASIA",
                                                     "AIza",        "eyJ",    "Bearer ", "hf_"};
constexpr std::size_t kPrefixedMin = 16;
constexpr std::size_t kRandomRunMin = 32;

bool has_random_run(std::string_view text) {
  std::size_t run = 0;
  bool digit = false;
  bool letter = false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) == 0) {
      run = 0;
      digit = letter = false;
      continue;
    }
    ++run;
    digit = digit || std::isdigit(byte) != 0;
    letter = letter || std::isalpha(byte) != 0;
    if (run >= kRandomRunMin && digit && letter) return true;
  }
  return false;
}

}  // namespace

bool looks_like_secret(std::string_view text) {
  const bool prefixed =
      std::ranges::any_of(kPrefixes, [&](std::string_view prefix) { return text.starts_with(prefix); });
  return (prefixed && text.size() >= kPrefixedMin) || has_random_run(text);
}

}  // namespace suffice::policy
