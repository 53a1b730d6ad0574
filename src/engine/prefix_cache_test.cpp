#include "engine/prefix_cache.hpp"

#include <gtest/gtest.h>

#include "core/random.hpp"

namespace suffice::engine {
namespace {

std::vector<Token> tokens(std::string_view text) { return {text.begin(), text.end()}; }

class PrefixCacheTest : public testing::Test {
 protected:
  /// What the batcher does for one prompt; returns how much was there already.
  std::size_t call(std::string_view task, std::string_view prompt, std::size_t before_last_text = 0,
                   const std::string& adapters = "") {
    const std::vector<Token> all = tokens(prompt);
    const auto match = cache.find(adapters, all);
    const std::size_t worth = cache.learn(std::string(task), adapters, all, before_last_text);
    if (worth > 0) {
      const auto place = cache.keep(adapters, std::span(all).first(worth));
      if (place) forgotten.insert(forgotten.end(), place->forget.begin(), place->forget.end());
    }
    return match ? match->tokens : 0;
  }

  PrefixCache cache{10, 3, 40};
  std::vector<Sequence> forgotten;
};

TEST_F(PrefixCacheTest, KeepsWhatTwoPromptsOfATaskBeginWith) {
  EXPECT_EQ(call("t", "instructions: one"), 0U);
  EXPECT_EQ(call("t", "instructions: two"), 0U) << "nothing is known to be common before";
  EXPECT_EQ(call("t", "instructions: three"), std::string("instructions: ").size());
}

TEST_F(PrefixCacheTest, BelievesTheFirstPromptsMessages) {
  call("t", "instructions: one", 14);
  EXPECT_EQ(call("t", "instructions: two"), 14U);
}

TEST_F(PrefixCacheTest, FindsTheLongestWhateverTheTask) {
  call("t", "instructions: one", 14);
  EXPECT_EQ(call("other", "instructions: one more"), 14U);
}

TEST_F(PrefixCacheTest, LeavesTheLastTokenToBeRead) {
  call("t", "instructions", 12);
  EXPECT_EQ(call("t", "instructions"), 11U);
}

TEST_F(PrefixCacheTest, KeepsAdaptersApart) {
  call("t", "instructions: one", 14, "red");
  EXPECT_EQ(call("t", "instructions: two", 14, "blue"), 0U);
  EXPECT_EQ(call("t", "instructions: two", 14, "red"), 14U);
}

TEST_F(PrefixCacheTest, ReplacesABeginningByALongerOne) {
  call("t", "0123456789 question", 10);
  call("t", "0123456789 question and more");
  EXPECT_EQ(cache.size(), 1U);
  EXPECT_EQ(cache.cells(), std::string("0123456789 question").size());
  EXPECT_EQ(forgotten.size(), 1U);
}

TEST_F(PrefixCacheTest, GivesUpTheLeastRecentlyUsed) {
  call("a", "aaaaaaaaaa 1", 10);
  call("b", "bbbbbbbbbb 1", 10);
  call("c", "cccccccccc 1", 10);
  call("a", "aaaaaaaaaa 2");
  call("d", "dddddddddd 1", 10);
  EXPECT_EQ(cache.size(), 3U);
  EXPECT_EQ(call("b", "bbbbbbbbbb 3"), 0U);
  EXPECT_EQ(call("a", "aaaaaaaaaa 3"), 11U);
}

TEST_F(PrefixCacheTest, IsBoundedInTokensAndSkipsWhatIsTooShortOrTooLong) {
  call("short", "abc x", 3);
  EXPECT_EQ(cache.size(), 0U);
  call("long", std::string(50, 'l') + "x", 50);
  EXPECT_EQ(cache.size(), 0U);
  SeededRandom random(4);
  for (int i = 0; i < 2'000; ++i) {
    std::string prompt;
    for (std::uint64_t n = random.below(45); n > 0; --n) prompt += static_cast<char>('a' + random.below(2));
    call(std::to_string(random.below(5)), prompt, random.below(prompt.size() + 1));
    ASSERT_LE(cache.cells(), 40U);
    ASSERT_LE(cache.size(), 3U);
  }
}

TEST_F(PrefixCacheTest, GivesItsSequencesBack) {
  call("a", "aaaaaaaaaa 1", 10);
  call("b", "bbbbbbbbbb 1", 10);
  EXPECT_EQ(cache.give_up(), 10);
  cache.clear();
  EXPECT_EQ(cache.cells(), 0U);
  EXPECT_EQ(cache.give_up(), std::nullopt);
}

}  // namespace
}  // namespace suffice::engine
