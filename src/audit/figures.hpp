#pragma once
// Figures: the numbers of one event that roll-ups add up.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "audit/event.hpp"

namespace suffice::audit {

/// Of one request. Attempts count as `local` or hosted by what the policy says of their model.
struct EventFigures {
  std::string model;       ///< that served; empty when none did
  std::string caller_key;  ///< the key's name in the policy, empty when none was asked for
  bool succeeded = false;  ///< the caller got an answer: outcome "ok"
  bool stand_in = false;
  std::int64_t cost_nanodollars = 0;
  std::int64_t local_cost_nanodollars = 0;                      ///< part of it: hardware of local attempts
  std::optional<std::int64_t> counterfactual_nanodollars = {};  ///< always-frontier, when a frontier price is known
  std::int64_t local_attempts = 0;
  std::int64_t local_accepted = 0;
  std::int64_t hosted_attempts = 0;
  std::int64_t hosted_latency_us = 0;
  std::int64_t input_tokens = 0;  ///< of all attempts
  std::int64_t output_tokens = 0;
  std::int64_t hosted_tokens = 0;  ///< in and out, of hosted attempts: what counts against a quota
  std::int64_t latency_us = 0;
  std::int64_t overhead_us = 0;

  bool operator==(const EventFigures&) const = default;
};

/// Nothing for a change of state. Pure.
[[nodiscard]] std::optional<EventFigures> figures_of(const Event& event);
/// The same from the canonical JSON; nothing for a change of state and for text that is no event. Pure.
[[nodiscard]] std::optional<EventFigures> figures_of_json(std::string_view json);

}  // namespace suffice::audit
