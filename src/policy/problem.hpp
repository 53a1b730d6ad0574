#pragma once
// Problem: one thing wrong with a file that a person wrote, with its place.

#include <string>
#include <string_view>
#include <vector>

namespace suffice::policy {

/// One thing wrong with a policy or prompt file. Line and column count from 1; 0 when the place is unknown.
struct Problem {
  std::string file;
  int line = 0;
  int column = 0;
  std::string path;     ///< tasks.classify_issue.min_confidence
  std::string message;  ///< what is wrong and what to do; never quotes a value that may be a secret
  [[nodiscard]] std::string to_string() const;  ///< "file:line:column: path: message"
  bool operator==(const Problem&) const = default;
};

/// One problem a line, in the order of the file.
[[nodiscard]] std::string to_lines(const std::vector<Problem>& problems);

/// Sorts by file, line and column, then by path and message.
void sort_by_place(std::vector<Problem>& problems);

/// The member of `known` that `word` was probably meant to be (Damerau-Levenshtein distance of at most a third of the
/// longer word, case ignored), as ` (did you mean "x"?)`; empty when none is near.
[[nodiscard]] std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);

}  // namespace suffice::policy
