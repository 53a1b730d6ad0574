#pragma once
// Stops calling a provider that keeps failing, and finds out by one call at a time whether it is back.

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string_view>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "policy/policy.hpp"

namespace suffice::providers {

/// Closed: calls go through. Open: they do not. Half-open: one probe goes through; its success closes, its failure opens again.
/// Any thread. Time comes in as a parameter.
class CircuitBreaker {
 public:
  enum class State : std::uint8_t { Closed, Open, HalfOpen };

  explicit CircuitBreaker(policy::Breaker rules) : rules_(rules) {}

  /// True: call, then report exactly once by succeeded(), failed() or gave_up(). False: do not call.
  [[nodiscard]] bool try_enter(SteadyTime now);
  void succeeded();
  /// Only failures that say something about the provider's health count (is_health_failure); others are gave_up().
  void failed(SteadyTime now);
  /// The call ended without telling anything: cancelled, or refused for its own content.
  void gave_up();

  [[nodiscard]] State state(SteadyTime now) const;
  /// Until a probe is let through; 0 unless open.
  [[nodiscard]] std::chrono::milliseconds opens_in(SteadyTime now) const;

 private:
  [[nodiscard]] State state_locked(SteadyTime now) const;

  const policy::Breaker rules_;
  mutable std::mutex mutex_;
  int failures_ = 0;
  bool open_ = false;
  bool probing_ = false;
  SteadyTime opened_at_{};
};

/// Connect errors, time-outs, cut or malformed answers and 5xx. Not 429: the provider is well and says when to come back.
[[nodiscard]] bool is_health_failure(ErrorCode code) noexcept;
[[nodiscard]] std::string_view name(CircuitBreaker::State state) noexcept;

}  // namespace suffice::providers
