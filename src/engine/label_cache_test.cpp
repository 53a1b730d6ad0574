#include "engine/label_cache.hpp"

#include <gtest/gtest.h>

#include "engine/fake_engine.hpp"

namespace suffice::engine {
namespace {

TEST(LabelCache, WorksAListOutOnce) {
  const FakeLanguage language;
  LabelCache cache(language);
  const auto first = cache.get({"yes", "no"}).value();
  const auto second = cache.get({"yes", "no"}).value();
  EXPECT_FALSE(first.known);
  EXPECT_TRUE(second.known);
  EXPECT_EQ(first.list, second.list);
  EXPECT_EQ(language.tokenised, 2);
  EXPECT_EQ(first.list->longest, 3U);
  EXPECT_EQ(first.list->labels, (std::vector<std::string>{"yes", "no"}));
}

TEST(LabelCache, TellsListsApartThatJoinToTheSameText) {
  const FakeLanguage language;
  LabelCache cache(language);
  EXPECT_NE(cache.get({"ab", "c"}).value().list, cache.get({"a", "bc"}).value().list);
  EXPECT_NE(cache.get({"a", "b"}).value().list, cache.get({"b", "a"}).value().list) << "the order is the index";
}

TEST(LabelCache, ForgetsTheLeastRecentlyUsedButNotForThoseWhoHoldIt) {
  const FakeLanguage language;
  LabelCache cache(language, 2, 100);
  const auto held = cache.get({"a"}).value().list;
  ASSERT_TRUE(cache.get({"b"}).has_value());
  ASSERT_TRUE(cache.get({"a"}).value().known);
  ASSERT_TRUE(cache.get({"c"}).has_value());
  EXPECT_TRUE(cache.get({"a"}).value().known);
  EXPECT_FALSE(cache.get({"b"}).value().known);
  EXPECT_EQ(held->labels, std::vector<std::string>{"a"});
}

TEST(LabelCache, IsBoundedInLabelsToo) {
  const FakeLanguage language;
  LabelCache cache(language, 100, 3);
  ASSERT_TRUE(cache.get({"a", "b"}).has_value());
  ASSERT_TRUE(cache.get({"c", "d"}).has_value());
  EXPECT_FALSE(cache.get({"a", "b"}).value().known);
}

TEST(LabelCache, RefusesListsItCannotScore) {
  const FakeLanguage language;
  LabelCache cache(language);
  EXPECT_EQ(cache.get({}).error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(cache.get({"same", "same"}).error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(cache.get({std::string(65, 'x')}).error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(cache.get(std::vector<std::string>(4'097, "x")).error().code, ErrorCode::InvalidArgument);
}

}  // namespace
}  // namespace suffice::engine
