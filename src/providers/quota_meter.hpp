#pragma once
// Requests and tokens per minute: reserved before a call, settled after it.

#include <chrono>
#include <cstdint>
#include <mutex>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "policy/access_key.hpp"

namespace suffice::providers {

/// Two token buckets, of one minute's requests and one minute's tokens, that start full and fill evenly. Any thread; time comes in as a
/// parameter.
class QuotaMeter {
 public:
  explicit QuotaMeter(policy::Quota quota) : quota_(quota) {}

  /// Takes one request and `tokens` tokens. RateLimited with the wait until they are there; a call that needs more than a whole minute's
  /// tokens can never be made and has no wait.
  [[nodiscard]] Result<void> reserve(std::int64_t tokens, SteadyTime now);
  /// The call is over: it used `used` of the `reserved` tokens. More than reserved becomes a debt that later calls wait for.
  void settle(std::int64_t reserved, std::int64_t used, SteadyTime now);
  /// The call was never made.
  void give_back(std::int64_t reserved, SteadyTime now);

  [[nodiscard]] const policy::Quota& quota() const { return quota_; }

 private:
  void refill(SteadyTime now);

  const policy::Quota quota_;
  std::mutex mutex_;
  bool begun_ = false;
  SteadyTime filled_at_{};
  double requests_ = 0;
  double tokens_ = 0;
};

}  // namespace suffice::providers
