#include "workflow/patterns/chain_of_agents/carried_state.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace suffice::workflow::chain {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::int64_t bytes(std::string_view text) { return static_cast<std::int64_t>(text.size()); }

LedgerFact fact(std::string quote, std::size_t begin, std::string text = {}) {
  return {.text = text.empty() ? quote : std::move(text), .quote = quote, .chunk = begin / 100, .begin = begin};
}

TEST(CarriedState, OnlyEverGrows) {
  CarriedState state;
  EXPECT_TRUE(state.add(fact("a", 0)));
  const CarriedState before = state;
  EXPECT_TRUE(state.add(fact("b", 100)));

  EXPECT_TRUE(state.keeps(before));
  EXPECT_FALSE(before.keeps(state));
}

TEST(CarriedState, HoldsAFactOnce) {
  CarriedState state;
  EXPECT_TRUE(state.add(fact("the key", 0, "who has the key")));
  EXPECT_FALSE(state.add(fact("the key", 0, "in other words"))) << "the same place";
  EXPECT_FALSE(state.add(fact("the key", 500, "who has the key"))) << "said twice in the text";
  EXPECT_TRUE(state.add(fact("the key", 500, "another meaning")));
}

TEST(CarriedState, IsTheSameAfterJson) {
  CarriedState state;
  state.add(fact("caf\xC3\xA9 \"quoted\"\n", 17, "words"));
  state.set_summary("so far");
  const auto read = CarriedState::from_json(state.to_json().text);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, state);

  for (const char* wrong : {"", "[]", "{}", R"({"facts":[],"summary":1})", R"({"facts":[1],"summary":""})",
                            R"({"facts":[{"text":"","quote":"","chunk":-1,"begin":0}],"summary":""})",
                            R"({"facts":[{"text":"","chunk":1,"begin":0}],"summary":""})"})
    EXPECT_FALSE(CarriedState::from_json(wrong)) << wrong;
}

TEST(CarriedState, MergedStatesAreInTheOrderOfTheDocument) {
  CarriedState forward;
  forward.add(fact("a", 0));
  forward.add(fact("b", 100));
  forward.set_summary("one");
  CarriedState backward;
  backward.add(fact("c", 200));
  backward.add(fact("a", 0));
  backward.set_summary("two");

  const CarriedState all = merged({forward, backward});
  ASSERT_EQ(all.facts().size(), 3U);
  EXPECT_EQ(all.facts()[0].quote, "a");
  EXPECT_EQ(all.facts()[1].quote, "b");
  EXPECT_EQ(all.facts()[2].quote, "c");
  EXPECT_EQ(all.summary(), "one two");
}

TEST(StateView, ShowsEverythingThatFits) {
  CarriedState state;
  state.add(fact("Zed holds\nthe key", 300, "the holder"));
  state.set_summary("a search");
  const StateView view = view_of(state, Shown::Everything, "", 1000, bytes);

  EXPECT_EQ(view.text, "Summary: a search\n[1] part 4: \"Zed holds the key\" = the holder\n");
  EXPECT_EQ(view.hidden, 0U);
  EXPECT_EQ(view_of(CarriedState{}, Shown::Everything, "", 1000, bytes).text, "");
}

TEST(StateView, QuotesAloneHoldNoWordOfAWorker) {
  CarriedState state;
  state.add(fact("Zed holds the key", 300, "CANARY"));
  state.set_summary("CANARY");
  EXPECT_EQ(view_of(state, Shown::Quotes, "", 1000, bytes).text, "[1] part 4: \"Zed holds the key\"\n");
}

TEST(StateView, WithoutRoomShowsWhatSharesWordsAndCountsTheRest) {
  CarriedState state;
  for (std::size_t i = 0; i < 40; ++i) state.add(fact("filler number " + std::to_string(i), i));
  state.add(fact("the treasure is buried in Lisbon", 900));
  for (std::size_t i = 0; i < 40; ++i) state.add(fact("padding number " + std::to_string(i), 1000 + i));

  const StateView view = view_of(state, Shown::Everything, "where is the treasure?", 200, bytes);
  EXPECT_LE(bytes(view.text), 200);
  EXPECT_THAT(view.text, HasSubstr("Lisbon"));
  EXPECT_GT(view.hidden, 70U);
  EXPECT_THAT(view.text, HasSubstr("(" + std::to_string(view.hidden) + " further facts are kept and not shown)"));
}

TEST(StateView, NeverOverrunsItsRoom) {
  CarriedState state;
  for (std::size_t i = 0; i < 30; ++i) state.add(fact(std::string(1 + i * 7, 'x'), i * 300, std::string(i, 'y')));
  state.set_summary(std::string(150, 's'));
  for (std::int64_t room = 0; room < 1500; room += 7) {
    const StateView view = view_of(state, Shown::Everything, "x", room, bytes);
    EXPECT_LE(bytes(view.text), room);
  }
}

}  // namespace
}  // namespace suffice::workflow::chain
