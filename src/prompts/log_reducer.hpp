#pragma once
// A build log of hundreds of kilobytes in a few thousand characters: its error lines and its end.

#include <cstddef>
#include <string>
#include <string_view>

namespace suffice::prompts {

/// The part of a log that is sent, and what that leaves out.
struct LogReduction {
  std::string text;
  std::size_t lines = 0;           ///< of the whole log
  std::size_t lines_kept = 0;      ///< some of them cut to kLineCharsMax
  std::size_t progress_lines = 0;  ///< left out: downloads, progress bars, rules, empty lines, advice of the build tool
  std::size_t repeated_errors = 0;  ///< left out: the same error line again, numbers aside

  /// "2,830 of 2,900 lines of the log (2,700 of progress, 12 repeated errors)": for the record; no user text.
  [[nodiscard]] std::string dropped() const;
};

/// How the room is shared. The defaults are what tools/training/measure_log_reducer found best (docs/evidence.md).
struct LogReducerOptions {
  /// Of the room, what the last lines get before the first errors; what either leaves over is the other's.
  double tail_share = 0.5;
};

/// A longer line loses its middle.
inline constexpr std::size_t kLineCharsMax = 400;

/// `log` in at most `chars_max` characters (code points; bytes that are not UTF-8 are replaced by '?').
///
/// A log that fits is returned as it is. Else, in the log's order: the first distinct error lines, each with a line before and
/// two behind it, and the last lines; without terminal colours, what a progress bar overwrote, downloads and empty
/// lines. "[... 1,234 lines ...]" stands where lines are missing. Stable: the same log gives the same text, and reducing the
/// result again to the same room changes nothing.
///
/// Pure; any thread. One pass, O(log) time, O(chars_max) memory beyond the log.
[[nodiscard]] LogReduction reduce_build_log(std::string_view log, std::size_t chars_max,
                                            const LogReducerOptions& options = {});

}  // namespace suffice::prompts
