#pragma once
// The answer to a label task from its scores.

#include "engine/decoder.hpp"
#include "engine/label_cache.hpp"
#include "engine/label_trie.hpp"
#include "wire/engine_frames.hpp"

namespace suffice::engine {

/// `done` with the most probable label as its text, the distribution over all of them, and log-probabilities (constrained
/// ones, whose sum is the label's) where the call wants them.
[[nodiscard]] wire::EngineDone with_labels(const Language& language, const LabelList& list, const LabelScores& scores,
                                           const wire::EngineCall& call, wire::EngineDone done);

}  // namespace suffice::engine
