#include "workflow/patterns/maker/hanoi.hpp"

#include <gtest/gtest.h>

#include "wire/json.hpp"

namespace suffice::workflow::maker {
namespace {

TEST(Hanoi, TheRuleOfAPersonAndTheClosedFormAgreeAndSolveEverySize) {
  for (int disks = 1; disks <= 13; ++disks) {
    Hanoi towers = *Hanoi::create(disks);
    for (std::uint64_t step = 0; step < hanoi_steps(disks); ++step) {
      ASSERT_FALSE(towers.solved());
      const HanoiMove move = towers.next_move();
      ASSERT_EQ(move, hanoi_optimal_move(disks, step)) << disks << " disks, step " << step;
      ASSERT_TRUE(towers.move(move));
    }
    EXPECT_TRUE(towers.solved()) << disks;
  }
}

TEST(Hanoi, TheOtherMoveIsLegalAndAnother) {
  Hanoi towers = *Hanoi::create(6);
  for (std::uint64_t step = 0; step < hanoi_steps(6); ++step) {
    const HanoiMove other = towers.other_move();
    EXPECT_NE(other, towers.next_move());
    Hanoi copy = towers;
    EXPECT_TRUE(copy.move(other)) << step;
    ASSERT_TRUE(towers.move(towers.next_move()));
  }
}

TEST(Hanoi, RefusesMovesAgainstTheRulesAndStaysAsItWas) {
  Hanoi towers = *Hanoi::create(3);
  const std::string before = towers.json();
  for (const HanoiMove& move :
       {HanoiMove{2, 0, 1}, HanoiMove{1, 0, 0}, HanoiMove{1, 0, 3}, HanoiMove{1, -1, 2}, HanoiMove{1, 1, 2}}) {
    EXPECT_FALSE(towers.move(move));
    EXPECT_EQ(towers.json(), before);
  }
  ASSERT_TRUE(towers.move({1, 0, 2}));
  EXPECT_FALSE(towers.move({2, 0, 2})) << "onto a smaller disk";
}

TEST(Hanoi, ItsTextIsCanonicalJsonAndReadsBack) {
  Hanoi towers = *Hanoi::create(3);
  ASSERT_TRUE(towers.move({1, 0, 2}));
  EXPECT_EQ(towers.json(), R"({"last":1,"pegs":[[3,2],[],[1]]})");
  EXPECT_EQ(wire::canonical_json(*wire::parse_json(towers.json())), towers.json());
  EXPECT_EQ(Hanoi::parse(towers.json())->json(), towers.json());
  EXPECT_EQ(hanoi_action_json({1, 0, 2}), R"({"disk":1,"from":0,"to":2})");
}

TEST(Hanoi, RefusesStatesThatCannotBe) {
  for (const char* text : {"", "[]", R"({"last":0,"pegs":[[1],[]]})", R"({"last":0,"pegs":[[1],[1],[]]})",
                           R"({"last":0,"pegs":[[1,2],[],[]]})", R"({"last":0,"pegs":[[3,1],[],[]]})",
                           R"({"last":4,"pegs":[[1],[],[]]})", R"({"last":0,"pegs":[[],[],[]]})",
                           R"({"last":0,"pegs":[[99],[],[]]})", R"({"last":0,"pegs":[[1],[],[]],"x":1})"}) {
    EXPECT_FALSE(Hanoi::parse(text)) << text;
  }
  EXPECT_FALSE(Hanoi::create(0));
  EXPECT_FALSE(Hanoi::create(kHanoiDisksMax + 1));
}

}  // namespace
}  // namespace suffice::workflow::maker
