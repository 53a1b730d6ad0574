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

TEST(RestartBackoff, DoublesUpToItsLimitAndStartsAgain) {
  EngineLimits l;
  l.restart_first = milliseconds(100);
  l.restart_max = milliseconds(350);
  RestartBackoff backoff(l);
  EXPECT_EQ(backoff.next(), milliseconds(100));
  EXPECT_EQ(backoff.next(), milliseconds(200));
  EXPECT_EQ(backoff.next(), milliseconds(350));
  EXPECT_EQ(backoff.next(), milliseconds(350));
  backoff.reset();
  EXPECT_EQ(backoff.next(), milliseconds(100));
}

}  // namespace
}  // namespace suffice::providers
