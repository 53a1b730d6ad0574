#include "providers/quota_meter.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace suffice::providers {
namespace {

constexpr double kMillisecondsPerMinute = 60'000;
constexpr double kRoundingMs = 1e-6;

/// Milliseconds until `level` has risen to `needed` at `per_minute`; 0 when it is there.
double wait_ms(double needed, double level, std::int64_t per_minute) {
  if (per_minute == 0 || level >= needed) return 0;
  return (needed - level) / static_cast<double>(per_minute) * kMillisecondsPerMinute;
}

}  // namespace

void QuotaMeter::refill(SteadyTime now) {
  const auto requests_max = static_cast<double>(quota_.requests_per_minute);
  const auto tokens_max = static_cast<double>(quota_.tokens_per_minute);
  if (!std::exchange(begun_, true)) {
    requests_ = requests_max;
    tokens_ = tokens_max;
    filled_at_ = now;
    return;
  }
  if (now <= filled_at_) return;
  const double minutes = std::chrono::duration<double, std::milli>(now - filled_at_).count() / kMillisecondsPerMinute;
  requests_ = std::min(requests_max, requests_ + requests_max * minutes);
  tokens_ = std::min(tokens_max, tokens_ + tokens_max * minutes);
  filled_at_ = now;
}

Result<void> QuotaMeter::reserve(std::int64_t tokens, SteadyTime now) {
  if (quota_.empty()) return {};
  const std::lock_guard lock(mutex_);
  refill(now);
  if (quota_.tokens_per_minute != 0 && tokens > quota_.tokens_per_minute) {
    return fail(ErrorCode::RateLimited,
                fmt::format("the request needs about {} tokens, the quota is {} a minute: shorten it or "
                            "lower its max_tokens",
                            tokens, quota_.tokens_per_minute));
  }
  const double wait = std::max(wait_ms(1, requests_, quota_.requests_per_minute),
                               wait_ms(static_cast<double>(tokens), tokens_, quota_.tokens_per_minute));
  if (wait > 0) {
    std::unexpected<Error> refused =
        fail(ErrorCode::RateLimited,
             quota_.requests_per_minute != 0 && requests_ < 1
                 ? fmt::format("the quota of {} requests a minute is used up", quota_.requests_per_minute)
                 : fmt::format("the quota of {} tokens a minute is used up", quota_.tokens_per_minute));
    refused.error().retry_after_ms = static_cast<std::int64_t>(std::ceil(wait - kRoundingMs));
    return refused;
  }
  if (quota_.requests_per_minute != 0) requests_ -= 1;
  if (quota_.tokens_per_minute != 0) tokens_ -= static_cast<double>(tokens);
  return {};
}

void QuotaMeter::settle(std::int64_t reserved, std::int64_t used, SteadyTime now) {
  if (quota_.tokens_per_minute == 0) return;
  const std::lock_guard lock(mutex_);
  refill(now);
  const double back = static_cast<double>(reserved) - static_cast<double>(used);
  tokens_ = std::min(static_cast<double>(quota_.tokens_per_minute), tokens_ + back);
}

void QuotaMeter::give_back(std::int64_t reserved, SteadyTime now) {
  settle(reserved, 0, now);
  if (quota_.requests_per_minute == 0) return;
  const std::lock_guard lock(mutex_);
  requests_ = std::min(static_cast<double>(quota_.requests_per_minute), requests_ + 1);
}

}  // namespace suffice::providers
