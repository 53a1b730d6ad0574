#pragma once
// Turns token pieces into text that may be shown: whole UTF-8 characters only, and nothing of a stop string.

#include <string>
#include <string_view>
#include <vector>

namespace suffice::engine {

/// One thread. Empty stop strings are ignored. Bytes that are not UTF-8 become U+FFFD.
class TextStream {
 public:
  explicit TextStream(std::vector<std::string> stops);

  /// The text that is certain after `piece`: what could still become a stop string or a character is held back.
  std::string push(std::string_view piece);
  /// What was held back, when the model has ended.
  std::string finish();
  /// Whether a stop string came; everything from it on is dropped.
  [[nodiscard]] bool stopped() const { return stopped_; }

 private:
  std::vector<std::string> stops_;
  std::string pending_;
  bool stopped_ = false;
};

}  // namespace suffice::engine
