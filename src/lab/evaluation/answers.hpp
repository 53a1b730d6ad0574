#pragma once
// The answer within an answer: what two models' outputs are compared by.

#include <optional>
#include <string>
#include <string_view>

namespace suffice::lab {

/// What can be seen of an output's form without knowing the right answer.
struct OutputForm {
  bool strict_json = false;    ///< the whole output is one JSON object
  bool fenced = false;         ///< a Markdown code fence is in it
  bool has_answer = false;     ///< a JSON object with a member "answer" is in it
  bool number_answer = false;  ///< the answer is or begins with a number
  bool negative = false;
  bool fraction = false;    ///< a number that is not whole
  std::size_t numbers = 0;  ///< in the whole output
  std::size_t code_points = 0;
  std::size_t prose_behind = 0;  ///< bytes behind the last closing brace
};

/// The member "answer" of the last JSON object in `output` (or what stands behind "answer": in a broken one), else its last number.
/// Normalised: case and Unicode folded; currency signs, per cent, thousands commas and a last full stop removed; when a number is in it,
/// the first number, written one way. Nothing when there is neither. Linear.
[[nodiscard]] std::optional<std::string> answer_in(std::string_view output);

[[nodiscard]] OutputForm form_of(std::string_view output);

}  // namespace suffice::lab
