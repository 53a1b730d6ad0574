#include "gate/self_report.hpp"

#include <charconv>
#include <string>
#include <system_error>

#include <re2/re2.h>

#include "core/text.hpp"
#include "gate/match_text.hpp"

namespace suffice::gate {
namespace {

constexpr std::string_view kMarker = "CONFIDENCE:";

bool starts_as_marker(std::string_view line) {
  return line.size() >= kMarker.size() && fold_case(line.substr(0, kMarker.size())) == fold_case(kMarker);
}

/// The number of a well-formed marker line, 0 otherwise.
int rating_of(std::string_view line) {
  if (!line.starts_with(kMarker)) return 0;
  std::string_view digits = line.substr(kMarker.size());
  while (digits.starts_with(' ')) digits.remove_prefix(1);
  int rating = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), rating);
  const bool whole = error == std::errc{} && end == digits.data() + digits.size();
  if (!whole || digits.front() == '0' || digits.front() == '-' || rating < 1 || rating > 10) return 0;
  return rating;
}

bool holds_marker(std::string_view input) {
  static const RE2 kAnyMarker(R"(confidence[^\w\n]{0,8}(?:is|of|level|score)?[^\w\n]{0,8}\d)");
  // The word is rare, the scan for it cheap; RE2 only runs where it stands.
  const std::string text = match_text(input);
  return text.find("confidence") != std::string::npos && RE2::PartialMatch(text, kAnyMarker);
}

}  // namespace

SelfReport read_self_report(std::string_view answer, std::string_view input) {
  SelfReport report{.text = trim(answer)};
  int markers = 0;
  while (!report.text.empty()) {
    const std::size_t newline = report.text.find_last_of("\n\r");
    const std::size_t begin = newline == std::string_view::npos ? 0 : newline + 1;
    const std::string_view line = trim(report.text.substr(begin));
    if (!starts_as_marker(line)) break;
    if (++markers == 1) report.rating = rating_of(line);
    report.text = trim(report.text.substr(0, begin));
  }
  if (markers != 1) report.rating = 0;
  if (markers > 0 && holds_marker(input)) {
    report.rating = 0;
    report.echoed = true;
  }
  return report;
}

}  // namespace suffice::gate
