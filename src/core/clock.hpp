#pragma once
// Time as a parameter: production reads the system, tests move it by hand.

#include <chrono>

namespace suffice {

using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

/// Where time comes from. Any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual SteadyTime steady_now() const = 0;
  [[nodiscard]] virtual WallTime wall_now() const = 0;
};

/// The machine's clocks.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] SteadyTime steady_now() const override { return std::chrono::steady_clock::now(); }
  [[nodiscard]] WallTime wall_now() const override { return std::chrono::system_clock::now(); }
};

/// The point in time after which nobody waits for an answer any more. Passed down by value and only ever shortened.
class Deadline {
 public:
  /// No limit: for tests and background work only.
  static Deadline never() { return Deadline{SteadyTime::max()}; }
  static Deadline at(SteadyTime when) { return Deadline{when}; }
  static Deadline after(std::chrono::milliseconds span, SteadyTime now = std::chrono::steady_clock::now()) {
    return Deadline{now + span};
  }

  [[nodiscard]] SteadyTime when() const { return when_; }
  [[nodiscard]] bool is_never() const { return when_ == SteadyTime::max(); }
  [[nodiscard]] bool expired(SteadyTime now = std::chrono::steady_clock::now()) const { return now >= when_; }
  /// Time left, never negative.
  [[nodiscard]] std::chrono::milliseconds remaining(SteadyTime now = std::chrono::steady_clock::now()) const {
    if (is_never()) return std::chrono::milliseconds::max();
    return now >= when_ ? std::chrono::milliseconds{0}
                        : std::chrono::duration_cast<std::chrono::milliseconds>(when_ - now);
  }
  /// The earlier of this and `now + span`.
  [[nodiscard]] Deadline shortened_to(std::chrono::milliseconds span,
                                      SteadyTime now = std::chrono::steady_clock::now()) const {
    const SteadyTime other = now + span;
    return Deadline{other < when_ ? other : when_};
  }
  [[nodiscard]] Deadline earlier(Deadline other) const { return other.when_ < when_ ? other : *this; }

 private:
  explicit Deadline(SteadyTime when) : when_(when) {}
  SteadyTime when_;
};

}  // namespace suffice
