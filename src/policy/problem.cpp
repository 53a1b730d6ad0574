#include "policy/problem.hpp"

#include <algorithm>
#include <cctype>
#include <tuple>

#include <fmt/format.h>

namespace suffice::policy {

namespace {

constexpr std::size_t kWordMax = 64;  // longer words are no typing mistakes of ours

std::string lower(std::string_view word) {
  std::string result(word);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

/// Damerau-Levenshtein distance without repeated transposition (optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t swap = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + swap});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string Problem::to_string() const {
  std::string place = file;
  if (line > 0) place += fmt::format(":{}:{}", line, column);
  return path.empty() ? fmt::format("{}: {}", place, message) : fmt::format("{}: {}: {}", place, path, message);
}

std::string to_lines(const std::vector<Problem>& problems) {
  std::string lines;
  for (const Problem& problem : problems) {
    if (!lines.empty()) lines += '\n';
    lines += problem.to_string();
  }
  return lines;
}

void sort_by_place(std::vector<Problem>& problems) {
  std::ranges::sort(problems, [](const Problem& a, const Problem& b) {
    return std::tie(a.file, a.line, a.column, a.path, a.message) <
           std::tie(b.file, b.line, b.column, b.path, b.message);
  });
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
  if (word.empty() || word.size() > kWordMax) return {};
  const std::string wanted = lower(word);
  std::size_t best = kWordMax;
  const std::string* nearest = nullptr;
  for (const std::string& candidate : known) {
    if (candidate.size() > kWordMax) continue;
    const std::size_t distance = edit_distance(wanted, lower(candidate));
    const std::size_t allowed = std::max<std::size_t>(1, std::max(word.size(), candidate.size()) / 3);
    if (distance <= allowed && distance < best) {
      best = distance;
      nearest = &candidate;
    }
  }
  return nearest == nullptr ? std::string() : fmt::format(" (did you mean \"{}\"?)", *nearest);
}

}  // namespace suffice::policy
