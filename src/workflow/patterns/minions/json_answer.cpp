#include "workflow/patterns/minions/json_answer.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "core/text.hpp"
#include "wire/json.hpp"

namespace suffice::workflow::minions {

namespace {

using namespace std::string_view_literals;

constexpr wire::JsonLimits kAnswerLimits{.depth_max = 16, .bytes_max = 1UL << 20};
constexpr std::string_view kFence = "```";
/// Case-folded, without white space and punctuation.
constexpr std::array kNothing = {""sv,         "none"sv,     "null"sv,          "nil"sv,      "na"sv,
                                 "notfound"sv, "noanswer"sv, "notapplicable"sv, "undefined"sv};

}  // namespace

std::string_view unfenced(std::string_view answer) {
  std::string_view text = trim(answer);
  if (text.size() < 2 * kFence.size() || !text.starts_with(kFence) || !text.ends_with(kFence)) return text;
  text.remove_suffix(kFence.size());
  text.remove_prefix(kFence.size());
  // The language behind the fence: a word alone on its line.
  const std::size_t line = text.find('\n');
  if (line == std::string_view::npos) return trim(text);
  const std::string_view language = trim(text.substr(0, line));
  const bool is_word =
      std::ranges::all_of(language, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
  return trim(is_word && language != "null" ? text.substr(line) : text);
}

Result<boost::json::value> json_answer(std::string_view answer) {
  return wire::parse_json(unfenced(answer), kAnswerLimits);
}

bool says_nothing(std::string_view text) {
  std::string bare;
  for (const char c : fold_case(text)) {
    const bool kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80U;
    if (kept) bare += c;
  }
  // Dashes and other marks beyond ASCII that people write for "nothing".
  for (const std::string_view mark : {"\u2013"sv, "\u2014"sv, "\u2205"sv, "\u2026"sv}) {
    for (std::size_t at = bare.find(mark); at != std::string::npos; at = bare.find(mark)) bare.erase(at, mark.size());
  }
  return std::ranges::find(kNothing, bare) != kNothing.end();
}

}  // namespace suffice::workflow::minions
