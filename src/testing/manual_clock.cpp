#include "testing/manual_clock.hpp"

#include <cassert>

namespace suffice::testing {

SteadyTime ManualClock::steady_now() const {
  const std::scoped_lock lock(mutex_);
  return steady_;
}

WallTime ManualClock::wall_now() const {
  const std::scoped_lock lock(mutex_);
  return wall_;
}

void ManualClock::advance(std::chrono::milliseconds span) {
  assert(span.count() >= 0);
  const std::scoped_lock lock(mutex_);
  steady_ += span;
  wall_ += span;
}

void ManualClock::step_wall(std::chrono::milliseconds span) {
  const std::scoped_lock lock(mutex_);
  wall_ += span;
}

Task<providers::Sleeper::Woken> ManualSleeper::sleep(std::chrono::milliseconds span) {
  {
    const std::scoped_lock lock(mutex_);
    if (cancel_) co_return Woken::Cancelled;
    slept_.push_back(span);
  }
  clock_.advance(span);
  co_return Woken::InTime;
}

std::vector<std::chrono::milliseconds> ManualSleeper::slept() const {
  const std::scoped_lock lock(mutex_);
  return slept_;
}

}  // namespace suffice::testing
