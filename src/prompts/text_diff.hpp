#pragma once
// Which lines of two texts differ.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace suffice::prompts {

struct DiffLine {
  enum class Kind : std::uint8_t { Same, Removed, Added };
  Kind kind = Kind::Same;
  std::string text;
  bool operator==(const DiffLine&) const = default;
};

/// The shortest way from `before` to `after` by whole lines (longest common subsequence), removals before additions. For
/// texts that people write: O(lines x lines), and beyond kDiffLinesMax everything counts as removed and added.
[[nodiscard]] std::vector<DiffLine> diff_lines(std::string_view before, std::string_view after);

inline constexpr std::size_t kDiffLinesMax = 4'000;

}  // namespace suffice::prompts
