#pragma once
// Newline-delimited JSON, as Ollama streams it.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace suffice::wire {

/// Fed with bytes split anywhere, gives whole non-empty lines (CR before LF removed). One thread.
class NdjsonReader {
 public:
  explicit NdjsonReader(std::size_t line_bytes_max = 8UL * 1024 * 1024) : line_bytes_max_(line_bytes_max) {}
  Result<void> feed(std::string_view bytes, std::vector<std::string>& lines);
  /// True when no line is half read.
  [[nodiscard]] bool at_boundary() const { return line_.empty(); }
  /// A last line without its newline.
  [[nodiscard]] const std::string& rest() const { return line_; }

 private:
  std::size_t line_bytes_max_;
  std::string line_;
};

}  // namespace suffice::wire
