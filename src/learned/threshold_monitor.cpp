#include "learned/threshold_monitor.hpp"

#include <algorithm>

#include "learned/intervals.hpp"

namespace suffice::learned {
namespace {

/// Reviews at which the k-th look (from 0) of a block is made.
std::int64_t look_at(std::int64_t first, std::int64_t look) {
  std::int64_t reviews = std::max<std::int64_t>(1, first);
  for (std::int64_t i = 0; i < look; ++i) reviews += std::max<std::int64_t>(1, reviews / 4);
  return reviews;
}

}  // namespace

MonitorState begin_monitoring(const MonitorTerms& terms) { return {.threshold = terms.threshold_certified}; }

MonitorState observe(const MonitorTerms& terms, MonitorState state, bool defect) {
  const double moved = state.threshold + terms.step * ((defect ? 1 : 0) - terms.false_accept_max);
  state.threshold = std::clamp(moved, std::min(1.0, terms.threshold_certified), 1.0);
  ++state.reviews;
  state.defects += defect ? 1 : 0;
  if (state.reviews == look_at(terms.reviews_min, state.looks)) {
    ++state.looks;
    const auto k = static_cast<double>(state.looks);
    const double error = (1 - terms.confidence) / (k * (k + 1));
    // The exact lower bound at `error` is above the bound just when so many defects are that improbable at the bound.
    const double as_many = 1 - binomial_cdf(state.defects - 1, state.reviews, terms.false_accept_max);
    if (as_many < error) state.withdrawn = true;
  }
  if (state.reviews >= terms.block) {
    state.reviews = 0;
    state.defects = 0;
    state.looks = 0;
  }
  return state;
}

}  // namespace suffice::learned
