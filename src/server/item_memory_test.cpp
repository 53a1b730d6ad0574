#include "server/item_memory.hpp"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "testing/manual_clock.hpp"

namespace suffice::server {
namespace {

using namespace std::chrono_literals;

TEST(ItemMemory, FindsWhatItKeeps) {
  testing::ManualClock clock;
  ItemMemory memory(clock);
  memory.keep("msg_1", "one");
  memory.keep("msg_2", "two");

  EXPECT_EQ(memory.find("msg_1"), "one");
  EXPECT_EQ(memory.find("msg_2"), "two");
  EXPECT_EQ(memory.find("msg_3"), std::nullopt);
}

TEST(ItemMemory, ForgetsByAge) {
  testing::ManualClock clock;
  ItemMemory memory(clock, {.bytes_max = 1'000, .age_max = 30min});
  memory.keep("old", "1");
  clock.advance(20min);
  memory.keep("new", "2");
  clock.advance(11min);

  EXPECT_EQ(memory.find("old"), std::nullopt);
  EXPECT_EQ(memory.find("new"), "2");
}

TEST(ItemMemory, ForgetsTheOldestWhenItIsFull) {
  testing::ManualClock clock;
  ItemMemory memory(clock, {.bytes_max = 30, .age_max = 30min});
  memory.keep("a", std::string(13, 'x'));
  memory.keep("b", std::string(13, 'x'));
  memory.keep("c", std::string(13, 'x'));
  EXPECT_EQ(memory.find("a"), std::nullopt);
  EXPECT_TRUE(memory.find("b").has_value());
  EXPECT_TRUE(memory.find("c").has_value());

  memory.keep("d", std::string(40, 'x'));
  EXPECT_EQ(memory.find("d"), std::nullopt) << "more than the whole memory";
}

TEST(ItemMemory, KeepsTheLastOfTwoWithOneId) {
  testing::ManualClock clock;
  ItemMemory memory(clock);
  memory.keep("a", "1");
  memory.keep("a", "2");

  EXPECT_EQ(memory.find("a"), "2");
}

}  // namespace
}  // namespace suffice::server
