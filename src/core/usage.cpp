#include "core/usage.hpp"

#include <algorithm>

namespace suffice {

Usd cost_of(const Price& price, const Usage& usage, double busy_seconds) {
  const auto fresh = static_cast<double>(std::max<std::int64_t>(0, usage.input_tokens - usage.cached_input_tokens));
  const double dollars = fresh * price.input_per_million / 1e6 +
                         static_cast<double>(usage.cached_input_tokens) * price.cached_per_million / 1e6 +
                         static_cast<double>(usage.output_tokens) * price.output_per_million / 1e6 +
                         busy_seconds * price.hardware_per_hour / 3600.0;
  return Usd::from_dollars(dollars);
}

Usage worst_case_usage(std::int64_t prompt_bytes, std::int64_t max_output_tokens) {
  // A byte-level tokenizer never makes more tokens than bytes.
  return Usage{.input_tokens = prompt_bytes, .output_tokens = max_output_tokens};
}

}  // namespace suffice
