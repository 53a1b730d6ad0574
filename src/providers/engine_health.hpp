#pragma once
// When is an engine hung, and when is it started again? Pure decisions; the supervisor carries them out.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/random.hpp"
#include "wire/engine_frames.hpp"

namespace suffice::providers {

struct EngineLimits {
  std::chrono::milliseconds start_max{120'000};  ///< program start to model loaded
  std::chrono::milliseconds ping_every{1'000};
  /// Unanswered for so long: killed. The engine answers from a thread that never computes, so only a stopped process or a
  /// machine without any free time takes seconds.
  std::chrono::milliseconds pong_max{10'000};
  /// Computing without one finished graph node for so long: killed. The longest node of a 7 B model takes well below 1 s.
  std::chrono::milliseconds stalled_max{30'000};
  std::chrono::milliseconds restart_first{100};  ///< doubled with every end, until an engine has answered a call
  std::chrono::milliseconds restart_max{10'000};
  std::chrono::milliseconds exit_max{1'000};  ///< a closed engine gets so long to end by itself
  std::size_t calls_in_flight_max = 4'096;
};

/// Counts pings instead of reading a clock: a gateway that was itself stopped for a minute does not blame its engine.
class EngineHealth {
 public:
  explicit EngineHealth(const EngineLimits& limits) : limits_(limits) {}

  /// Before each ping. What is wrong, when something is.
  std::optional<std::string> tick() {
    if (unanswered_ * limits_.ping_every >= limits_.pong_max) return "does not answer";
    if (still_ * limits_.ping_every >= limits_.stalled_max) return "computes without getting anywhere";
    ++unanswered_;
    return std::nullopt;
  }
  void on_pong(const wire::EnginePong& pong) {
    unanswered_ = 0;
    still_ = pong.busy > 0 && pong.progress == last_.progress ? still_ + 1 : 0;
    last_ = pong;
  }
  [[nodiscard]] const wire::EnginePong& last() const { return last_; }

 private:
  EngineLimits limits_;
  int unanswered_ = 0;
  int still_ = 0;
  wire::EnginePong last_;
};

/// How an engine's process came to its end.
enum class EngineEnd : std::uint8_t { NotStarted, Died, Hung, Refused, BrokeProtocol };

/// Words for metrics and logs.
[[nodiscard]] constexpr std::string_view name(EngineEnd how) {
  switch (how) {
    case EngineEnd::NotStarted:
      return "not_started";
    case EngineEnd::Died:
      return "died";
    case EngineEnd::Hung:
      return "hung";
    case EngineEnd::Refused:
      return "refused";
    case EngineEnd::BrokeProtocol:
      return "broke_protocol";
  }
  return "unknown";
}
inline constexpr std::size_t kEngineEnds = 5;

/// Waiting times between starts: doubled each time, the upper half of each left to chance, so that the engines of many gateways
/// that died of one cause (a full machine) do not come back in one moment.
class RestartBackoff {
 public:
  explicit RestartBackoff(const EngineLimits& limits) : limits_(limits), next_(limits.restart_first) {}
  std::chrono::milliseconds next(Random& random) {
    const std::chrono::milliseconds now = next_;
    next_ = std::min(2 * next_, limits_.restart_max);
    const auto half = static_cast<std::uint64_t>(now.count()) / 2;
    return now - std::chrono::milliseconds(random.below(half + 1));
  }
  /// The engine has answered a call since: the next failure is a new one.
  void reset() { next_ = limits_.restart_first; }
  /// Another start will hardly help: the longest wait.
  void give_up_for_now() { next_ = limits_.restart_max; }

 private:
  EngineLimits limits_;
  std::chrono::milliseconds next_;
};

}  // namespace suffice::providers
