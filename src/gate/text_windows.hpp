#pragma once
// A long text in pieces that a classifier of short texts can read.

#include <cstddef>
#include <string_view>
#include <vector>

namespace suffice::gate {

/// What a hard stop's classifier reads at a time. Fitting cuts the same way (tools/training/security.py), so changing it needs a new
/// model and a new threshold.
inline constexpr std::size_t kWindowBytes = 1000;

/// `text` in consecutive pieces of at most `bytes_max` bytes that together are all of it: cut after the last space or line break of a piece's
/// second half, without one before a character. At least one piece, which may be empty. `bytes_max` is at least 8.
[[nodiscard]] std::vector<std::string_view> text_windows(std::string_view text, std::size_t bytes_max = kWindowBytes);

}  // namespace suffice::gate
