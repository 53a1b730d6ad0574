#include "engine/abort_rule.hpp"

#include <algorithm>
#include <cmath>

namespace suffice::engine {

AbortRule::AbortRule(const wire::EngineAbort& limits, std::int64_t tokens_max)
    : token_floor_(limits.min_token_probability.value_or(0)),
      mean_floor_(limits.min_mean_probability.value_or(0)),
      text_bytes_max_(limits.text_bytes_max),
      sum_min_(mean_floor_ > 0 ? static_cast<double>(std::max<std::int64_t>(tokens_max, 1)) * std::log(mean_floor_)
                               : 0) {}

bool AbortRule::hopeless_after(double logprob) {
  sum_ += logprob;
  if (token_floor_ > 0 && std::exp(logprob) < token_floor_) return true;
  // The best that can follow are certain tokens (0 each) up to the limit: their mean is sum / tokens_max.
  return mean_floor_ > 0 && sum_ < sum_min_;
}

}  // namespace suffice::engine
