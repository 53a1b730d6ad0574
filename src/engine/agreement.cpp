#include "engine/agreement.hpp"

#include "core/text.hpp"

namespace suffice::engine {

Agreement agree(const std::vector<wire::EngineSample>& samples) {
  Agreement best;
  std::size_t votes_best = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (samples[i].finish != FinishReason::Stop) continue;
    std::size_t votes = 0;
    for (const wire::EngineSample& other : samples) {
      if (other.finish == FinishReason::Stop && trim(other.text) == trim(samples[i].text)) ++votes;
    }
    if (votes <= votes_best) continue;
    votes_best = votes;
    best.chosen = i;
  }
  best.share = static_cast<double>(votes_best) / static_cast<double>(samples.size());
  return best;
}

}  // namespace suffice::engine
