#pragma once
// Waiting as a parameter: a timer in production, nothing at all in tests.

#include <chrono>
#include <cstdint>

#include "net/task.hpp"

namespace suffice::providers {

class Sleeper {
 public:
  virtual ~Sleeper() = default;
  enum class Woken : std::uint8_t { InTime, Cancelled };
  /// Cancelled when the awaiting coroutine was.
  virtual Task<Woken> sleep(std::chrono::milliseconds span) = 0;
};

/// asio::steady_timer on the awaiting coroutine's executor. Any thread.
class TimerSleeper final : public Sleeper {
 public:
  Task<Woken> sleep(std::chrono::milliseconds span) override;
};

}  // namespace suffice::providers
