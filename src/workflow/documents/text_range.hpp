#pragma once
// TextRange: a piece of a text as byte offsets, so that it can always be traced back to where it stood.

#include <cstddef>
#include <string_view>

namespace suffice::workflow {

/// Bytes [begin, end) of some text.
struct TextRange {
  std::size_t begin = 0;
  std::size_t end = 0;

  [[nodiscard]] std::size_t size() const { return end - begin; }
  /// The bytes themselves; `text` is the text the range was made of.
  [[nodiscard]] std::string_view of(std::string_view text) const { return text.substr(begin, end - begin); }
  bool operator==(const TextRange&) const = default;
};

}  // namespace suffice::workflow
