#pragma once
// The model's own rating, "CONFIDENCE: n" on the last line: read strictly, never shown to the caller.

#include <string_view>

namespace suffice::gate {

struct SelfReport {
  std::string_view text;  ///< the answer without its marker lines; a view into the answer
  int rating = 0;         ///< 1 to 10; 0 when missing, malformed, out of range, repeated, or echoed
  bool echoed = false;    ///< the caller's text holds a marker of its own, so the model may only have copied it
};

/// Splits `answer`. The one accepted form is a last line "CONFIDENCE: n", n a whole number from 1 to 10 without leading zeros.
/// Anything else that starts as a marker is removed as well and counts 0. When `input` (all text the caller sent) holds a number in a
/// marker of any spelling, the rating counts 0 whatever it is: an instruction planted in the input writes such lines. Pure; any thread.
[[nodiscard]] SelfReport read_self_report(std::string_view answer, std::string_view input);

}  // namespace suffice::gate
