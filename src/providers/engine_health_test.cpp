#include "providers/engine_health.hpp"

#include <gtest/gtest.h>

namespace suffice::providers {
namespace {

using std::chrono::milliseconds;

EngineLimits limits() {
  EngineLimits l;
  l.ping_every = milliseconds(100);
  l.pong_max = milliseconds(300);
  l.stalled_max = milliseconds(500);
  return l;
}

wire::EnginePong pong(std::uint32_t busy, std::uint64_t progress) {
  wire::EnginePong p;
  p.busy = busy;
  p.progress = progress;
  return p;
}

TEST(EngineHealth, BlamesAnEngineThatDoesNotAnswer) {
  EngineHealth health(limits());
  EXPECT_FALSE(health.tick());
  EXPECT_FALSE(health.tick());
  EXPECT_FALSE(health.tick());
  EXPECT_EQ(health.tick(), "does not answer");
}

TEST(EngineHealth, ForgivesALateAnswer) {
  EngineHealth health(limits());
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(health.tick());
  health.on_pong(pong(0, 1));
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(health.tick());
}

TEST(EngineHealth, BlamesAnEngineThatComputesWithoutProgress) {
  EngineHealth health(limits());
  health.on_pong(pong(1, 7));
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(health.tick()) << i;
    health.on_pong(pong(1, 7));
  }
  EXPECT_EQ(health.tick(), "computes without getting anywhere");
}

TEST(EngineHealth, IsContentWithAnIdleOrAMovingEngine) {
  EngineHealth health(limits());
  for (std::uint64_t i = 0; i < 20; ++i) {
    EXPECT_FALSE(health.tick());
    health.on_pong(i < 10 ? pong(0, 7) : pong(1, i));
  }
}

/// Always the same bits.
class FixedRandom final : public Random {
 public:
  explicit FixedRandom(std::uint64_t bits) : bits_(bits) {}
  std::uint64_t next() override { return bits_; }

 private:
  std::uint64_t bits_;
};

EngineLimits restarting() {
  EngineLimits l;
  l.restart_first = milliseconds(100);
  l.restart_max = milliseconds(350);
  return l;
}

TEST(RestartBackoff, DoublesUpToItsLimitAndStartsAgain) {
  FixedRandom longest(0);
  RestartBackoff backoff(restarting());
  EXPECT_EQ(backoff.next(longest), milliseconds(100));
  EXPECT_EQ(backoff.next(longest), milliseconds(200));
  EXPECT_EQ(backoff.next(longest), milliseconds(350));
  EXPECT_EQ(backoff.next(longest), milliseconds(350));
  backoff.reset();
  EXPECT_EQ(backoff.next(longest), milliseconds(100));
  backoff.give_up_for_now();
  EXPECT_EQ(backoff.next(longest), milliseconds(350));
}

TEST(RestartBackoff, LeavesTheUpperHalfToChance) {
  FixedRandom shortest(~0ULL);
  RestartBackoff backoff(restarting());
  EXPECT_EQ(backoff.next(shortest), milliseconds(50));
  EXPECT_EQ(backoff.next(shortest), milliseconds(100));
  SeededRandom random(7);
  RestartBackoff another(restarting());
  another.give_up_for_now();
  for (int i = 0; i < 1'000; ++i) {
    const milliseconds wait = another.next(random);
    EXPECT_GE(wait, milliseconds(175));
    EXPECT_LE(wait, milliseconds(350));
  }
}

}  // namespace
}  // namespace suffice::providers
