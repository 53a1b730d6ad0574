#pragma once
// The expression that a whole answer must match.

#include <memory>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace suffice::gate {

/// Immutable; any thread. Linear time (RE2).
class AnswerPattern {
 public:
  /// PolicyInvalid with the library's reason when `expression` is none of RE2's, or takes more than a megabyte.
  static Result<std::shared_ptr<const AnswerPattern>> compile(const std::string& expression);
  [[nodiscard]] bool matches(std::string_view answer) const;

  ~AnswerPattern();
  AnswerPattern(const AnswerPattern&) = delete;
  AnswerPattern& operator=(const AnswerPattern&) = delete;

 private:
  struct Impl;
  explicit AnswerPattern(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace suffice::gate
