#pragma once
// Time that moves only when a test moves it.

#include <chrono>
#include <mutex>
#include <vector>

#include "core/clock.hpp"
#include "providers/sleeper.hpp"

namespace suffice::testing {

/// Starts at 2026-01-01T00:00:00Z and a steady time of one day. Any thread.
class ManualClock final : public Clock {
 public:
  [[nodiscard]] SteadyTime steady_now() const override;
  [[nodiscard]] WallTime wall_now() const override;
  /// Moves both clocks; `span` is not negative.
  void advance(std::chrono::milliseconds span);
  /// Moves the wall clock alone, as an administrator or NTP does.
  void step_wall(std::chrono::milliseconds span);

 private:
  mutable std::mutex mutex_;
  SteadyTime steady_{std::chrono::hours(24)};
  WallTime wall_{std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)};
};

/// Sleeps by moving a ManualClock, and remembers how long. Any thread.
class ManualSleeper final : public providers::Sleeper {
 public:
  explicit ManualSleeper(ManualClock& clock) : clock_(clock) {}
  Task<Woken> sleep(std::chrono::milliseconds span) override;
  [[nodiscard]] std::vector<std::chrono::milliseconds> slept() const;
  /// The sleeps after this one end as if the coroutine had been cancelled.
  void cancel_next() { cancel_ = true; }

 private:
  ManualClock& clock_;
  mutable std::mutex mutex_;
  std::vector<std::chrono::milliseconds> slept_;
  bool cancel_ = false;
};

}  // namespace suffice::testing
