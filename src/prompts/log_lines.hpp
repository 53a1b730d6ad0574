#pragma once
// What a line of a build log is. Internal to the log reducer.

#include <cstdint>
#include <string>
#include <string_view>

namespace suffice::prompts {

enum class LogLine : std::uint8_t {
  Progress,  ///< downloads, progress bars, rules of dashes, empty lines, a build tool's standing advice
  Plain,
  Failure,  ///< its words say that something failed
  Error,    ///< the build tool marks it as an error
};

/// A line as a person sees it in a terminal: without escape sequences, what a carriage return overwrote, control characters
/// and trailing white space; a line of more than `chars_max` characters keeps its two ends. Well-formed UTF-8: other bytes
/// become '?'. O(line).
[[nodiscard]] std::string clean_log_line(std::string_view line, std::size_t chars_max);

/// The kind of a cleaned line. Knows the words of common build tools (Maven, Gradle, npm, pip, compilers, test runners).
[[nodiscard]] LogLine kind_of_log_line(std::string_view cleaned);

/// The line with digits, quoted parts' numbers and addresses made alike, so that a repeated error is known again. A hash.
[[nodiscard]] std::uint64_t error_signature(std::string_view cleaned);

}  // namespace suffice::prompts
