#pragma once
// Several answers to one question: which is the commonest, and how many say the same?

#include <cstddef>
#include <vector>

#include "wire/engine_frames.hpp"

namespace suffice::engine {

struct Agreement {
  std::size_t chosen = 0;  ///< the first of the commonest answers
  double share = 0;        ///< of all samples that say what the chosen one says; 0 when it is not complete
};

/// Answers are compared without outer white space. One that did not end by itself agrees with none, not even itself: a
/// cut answer is no vote. `samples` is not empty.
[[nodiscard]] Agreement agree(const std::vector<wire::EngineSample>& samples);

}  // namespace suffice::engine
