#pragma once
// When is an answer not worth finishing? Once nothing that may still come can make it acceptable.

#include <cstddef>
#include <cstdint>

#include "wire/engine_frames.hpp"

namespace suffice::engine {

/// Follows one answer. The confidences are those of gate/confidence.hpp: the least token probability and
/// exp(mean natural-log probability), over the tokens of the answer without its end.
class AbortRule {
 public:
  /// `tokens_max` is how long the answer may become.
  AbortRule(const wire::EngineAbort& limits, std::int64_t tokens_max);

  /// Whether hopeless_after() has to be asked: a log-probability costs a pass over the vocabulary.
  [[nodiscard]] bool needs_logprobs() const { return token_floor_ > 0 || mean_floor_ > 0; }
  /// Counts a token. True once no continuation can be accepted: all that may follow taken as certain.
  bool hopeless_after(double logprob);
  [[nodiscard]] bool too_long(std::size_t text_bytes) const {
    return text_bytes_max_ > 0 && text_bytes > text_bytes_max_;
  }

 private:
  double token_floor_;
  double mean_floor_;
  std::uint64_t text_bytes_max_;
  double sum_min_;  ///< of log-probabilities, below which the mean floor is out of reach
  double sum_ = 0;
};

}  // namespace suffice::engine
