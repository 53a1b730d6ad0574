#include "prompts/text_diff.hpp"

#include <algorithm>
#include <cstddef>

namespace suffice::prompts {

namespace {

using Kind = DiffLine::Kind;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

/// common[i][j]: lines that before[i..] and after[j..] share, row by row in one vector.
std::vector<std::uint16_t> common_lengths(const std::vector<std::string_view>& before,
                                          const std::vector<std::string_view>& after) {
  const std::size_t width = after.size() + 1;
  std::vector<std::uint16_t> common((before.size() + 1) * width, 0);
  for (std::size_t i = before.size(); i-- > 0;) {
    for (std::size_t j = after.size(); j-- > 0;) {
      common[i * width + j] = before[i] == after[j] ? static_cast<std::uint16_t>(common[(i + 1) * width + j + 1] + 1)
                                                    : std::max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  return common;
}

}  // namespace

std::vector<DiffLine> diff_lines(std::string_view before, std::string_view after) {
  const std::vector<std::string_view> old_lines = lines_of(before);
  const std::vector<std::string_view> new_lines = lines_of(after);
  std::vector<DiffLine> diff;
  const auto add = [&](Kind kind, std::string_view text) { diff.push_back({.kind = kind, .text = std::string(text)}); };
  std::size_t i = 0;
  std::size_t j = 0;
  if (old_lines.size() <= kDiffLinesMax && new_lines.size() <= kDiffLinesMax) {
    const std::vector<std::uint16_t> common = common_lengths(old_lines, new_lines);
    const std::size_t width = new_lines.size() + 1;
    while (i < old_lines.size() && j < new_lines.size()) {
      if (old_lines[i] == new_lines[j]) {
        add(Kind::Same, old_lines[i++]);
        ++j;
      } else if (common[(i + 1) * width + j] >= common[i * width + j + 1]) {
        add(Kind::Removed, old_lines[i++]);
      } else {
        add(Kind::Added, new_lines[j++]);
      }
    }
  }
  while (i < old_lines.size()) add(Kind::Removed, old_lines[i++]);
  while (j < new_lines.size()) add(Kind::Added, new_lines[j++]);
  return diff;
}

}  // namespace suffice::prompts
