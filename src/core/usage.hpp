#pragma once
// What a call used and what it cost.

#include <cstdint>
#include <optional>

#include "core/units.hpp"

namespace suffice {

/// Tokens as the provider (or our own tokenizer) counted them.
struct Usage {
  std::int64_t input_tokens = 0;         ///< whole prompt, cached part included
  std::int64_t cached_input_tokens = 0;  ///< part of input_tokens served from a prefix cache
  std::int64_t output_tokens = 0;
  std::int64_t reasoning_tokens = 0;  ///< part of output_tokens

  Usage& operator+=(const Usage& other) {
    input_tokens += other.input_tokens;
    cached_input_tokens += other.cached_input_tokens;
    output_tokens += other.output_tokens;
    reasoning_tokens += other.reasoning_tokens;
    return *this;
  }
  bool operator==(const Usage&) const = default;
};

/// Price of a model. Hosted: dollars per million tokens. Local: hourly hardware cost, charged by the seconds a call held the model.
struct Price {
  double input_per_million = 0;
  double cached_per_million = 0;
  double output_per_million = 0;
  double hardware_per_hour = 0;

  bool operator==(const Price&) const = default;
};

/// Cost of `usage` at `price`, plus `busy_seconds` of hardware. Pure.
[[nodiscard]] Usd cost_of(const Price& price, const Usage& usage, double busy_seconds);

/// A provider that sends no usage counts as worst case: every prompt byte and every allowed output token billed.
[[nodiscard]] Usage worst_case_usage(std::int64_t prompt_bytes, std::int64_t max_output_tokens);

}  // namespace suffice
