#pragma once
// When a failed call is tried again, and after how long. Pure: no socket, no clock, no sleep.

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "core/random.hpp"
#include "policy/policy.hpp"

namespace suffice::providers {

/// True for failures that another attempt may not meet: RateLimited, UpstreamFailed, ConnectFailed, ConnectTimeout, ConnectionClosed.
/// Time-outs after the request was sent are not among them: the caller has waited long enough, and the next tier is the better hope.
[[nodiscard]] bool is_retryable(ErrorCode code) noexcept;

/// Retry-After as a wait: whole seconds, or an HTTP date (RFC 9110, 5.6.7: IMF-fixdate, RFC 850, asctime) counted from `now`.
/// Nothing for anything else; 0 for a date that is past. At most a day.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value, WallTime now);
/// The instant of an HTTP date.
[[nodiscard]] std::optional<WallTime> parse_http_date(std::string_view value);

/// Keeps retries to a share of traffic, so that a sick provider is not hit twice as hard (SRE book, "Handling Overload": 10 %).
/// A token bucket: every first attempt earns `share`, every retry spends 1. Starts full. Any thread.
class RetryBudget {
 public:
  explicit RetryBudget(double share = 0.2, double tokens_max = 20)
      : share_(share), tokens_max_(tokens_max), tokens_(tokens_max) {}
  void earn();
  [[nodiscard]] bool spend();

 private:
  const double share_;
  const double tokens_max_;
  std::mutex mutex_;
  double tokens_;
};

/// The attempts of one call. Fed with each failure, answers with the wait before the next attempt or with "give up". One thread.
class RetryFsm {
 public:
  /// `random` and `budget` must outlive this.
  RetryFsm(const policy::Retries& rules, Deadline deadline, Random& random, RetryBudget& budget)
      : rules_(rules), deadline_(deadline), random_(random), budget_(budget) {}

  enum class Delivered : std::uint8_t { Nothing, Something };

  /// To be called after each failed attempt. The wait is uniform in [0, min(backoff_max, backoff_first * 2^k)) (full jitter: Brooker,
  /// "Exponential Backoff and Jitter", 2015), or the provider's Retry-After when that is longer. Nothing: the error is final, because
  /// a retry cannot help, something already reached the caller, attempts or budget are used up, or the deadline would pass first.
  [[nodiscard]] std::optional<std::chrono::milliseconds> after_failure(const Error& error, Delivered delivered,
                                                                       SteadyTime now);

  /// Attempts that have failed so far.
  [[nodiscard]] int failures() const { return failures_; }

 private:
  [[nodiscard]] std::chrono::milliseconds backoff();

  policy::Retries rules_;
  Deadline deadline_;
  Random& random_;
  RetryBudget& budget_;
  int failures_ = 0;
};

}  // namespace suffice::providers
