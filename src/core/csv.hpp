#pragma once
// CSV as RFC 4180 has it: quotes doubled, commas and line breaks within quotes.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace suffice {

/// Cuts CSV into records. A byte order mark and empty lines are skipped. Borrows the content.
class CsvReader {
 public:
  explicit CsvReader(std::string_view content);

  /// Line of the record that next() gave last, from 1.
  [[nodiscard]] std::size_t line() const { return line_; }

  /// The next record's fields; nothing at the end. MalformedRequest with the line in `where` for a quote that is never closed and for
  /// text behind a closing quote.
  Result<std::optional<std::vector<std::string>>> next();

 private:
  Result<std::string> take_field();
  void skip_line_end();

  std::string_view rest_;
  std::size_t line_ = 0;
  std::size_t next_line_ = 1;
};

}  // namespace suffice
