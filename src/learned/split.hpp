#pragma once
// Which texts are held out: decided by the text itself.

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "learned/fit_classifier.hpp"

namespace suffice::learned {

/// Uniform in [0, 1) by SHA-256 of `seed` and the case-folded text: the same on every machine, and the same for a text and its copies,
/// so that no text is fitted on and measured on.
[[nodiscard]] double place_of(std::string_view text, std::uint64_t seed);

/// {fitted on, held out}: about `share` of the texts are held out.
[[nodiscard]] std::pair<std::vector<LabelledText>, std::vector<LabelledText>> split(std::vector<LabelledText> rows,
                                                                                    double share, std::uint64_t seed);

}  // namespace suffice::learned
