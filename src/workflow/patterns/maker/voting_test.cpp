#include "workflow/patterns/maker/voting.hpp"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/random.hpp"

namespace suffice::workflow::maker {
namespace {

using Status = Voting::Status;

TEST(Voting, StopsWhenTheLeaderIsKAheadOfTheRunnerUp) {
  struct Case {
    const char* name;
    int k;
    std::string votes;  // one letter a vote
    Status status;
    int wanted;
  };
  const std::vector<Case> table = {
      {"nothing yet: k at once", 3, "", Status::NeedsMore, 3},
      {"one vote", 3, "a", Status::NeedsMore, 2},
      {"all agree", 3, "aaa", Status::Decided, 0},
      {"k votes but one against", 3, "aaba", Status::NeedsMore, 1},
      {"made up for", 3, "aabaa", Status::Decided, 0},
      {"a tie starts anew", 3, "ab", Status::NeedsMore, 3},
      {"three answers", 2, "abc", Status::NeedsMore, 2},
      {"only the runner-up counts", 2, "abcaa", Status::Decided, 0},
      {"the lead changes hands", 2, "abbb", Status::Decided, 0},
      {"first vote wins when k is 1", 1, "b", Status::Decided, 0},
  };
  for (const Case& row : table) {
    SCOPED_TRACE(row.name);
    Voting voting({.ahead_by = row.k, .samples_max = 30});
    for (const char vote : row.votes) voting.vote(std::string(1, vote));
    EXPECT_EQ(voting.status(), row.status);
    EXPECT_EQ(voting.samples_wanted(), row.wanted);
  }
}

TEST(Voting, LeaderIsTheEarlierOfEquals) {
  Voting voting({.ahead_by = 2, .samples_max = 30});
  EXPECT_EQ(voting.vote("x"), 0U);
  EXPECT_EQ(voting.vote("y"), 1U);
  EXPECT_EQ(voting.leader(), 0U);
  EXPECT_EQ(voting.vote("y"), 1U);
  EXPECT_EQ(voting.leader(), 1U);
  EXPECT_EQ(voting.lead(), 1);
  EXPECT_EQ(voting.votes_of(0), 1);
}

TEST(Voting, DiscardedSamplesAreCountedByKindAndAreNoVotes) {
  Voting voting({.ahead_by = 2, .samples_max = 30});
  voting.vote("a");
  voting.discard(RedFlag::TooLong);
  voting.discard(RedFlag::NotJson);
  voting.discard(RedFlag::NotJson);

  EXPECT_EQ(voting.status(), Status::NeedsMore);
  EXPECT_EQ(voting.votes(), 1);
  EXPECT_EQ(voting.samples(), 4);
  EXPECT_EQ(voting.discarded().of(RedFlag::NotJson), 2U);
  EXPECT_EQ(voting.discarded().of(RedFlag::TooLong), 1U);
  EXPECT_EQ(voting.discarded().total(), 3U);
}

TEST(Voting, IsExhaustedOnceNoDecisionFitsTheBudget) {
  Voting rubbish({.ahead_by = 3, .samples_max = 6});
  int asked = 0;
  while (rubbish.status() == Status::NeedsMore) {
    const int wanted = rubbish.samples_wanted();
    for (int i = 0; i < wanted; ++i) rubbish.discard(RedFlag::Empty);
    asked += wanted;
  }
  EXPECT_EQ(rubbish.status(), Status::Exhausted);
  EXPECT_EQ(asked, 6);

  Voting tie({.ahead_by = 3, .samples_max = 6});
  for (const char* vote : {"a", "b", "a", "b"}) tie.vote(vote);
  EXPECT_EQ(tie.status(), Status::Exhausted) << "two samples are left and three votes are lacking";
  EXPECT_EQ(tie.samples_wanted(), 0);
}

TEST(Voting, AskingForTheDeficitAtOnceDecidesTheSameWithNoSampleMore) {
  SeededRandom random(3);
  for (int round = 0; round < 2'000; ++round) {
    const VotingRules rules{.ahead_by = 1 + static_cast<int>(random.below(6)), .samples_max = 40};
    std::vector<int> samples;  // -1: a red flag
    for (int i = 0; i < rules.samples_max; ++i) samples.push_back(static_cast<int>(random.below(4)) - 1);
    const auto feed = [&samples](Voting& voting) {
      const int next = samples[static_cast<std::size_t>(voting.samples())];
      if (next < 0) {
        voting.discard(RedFlag::NotJson);
      } else {
        voting.vote(std::to_string(next));
      }
    };
    Voting single(rules);
    while (single.status() == Status::NeedsMore) feed(single);
    Voting batched(rules);
    while (batched.status() == Status::NeedsMore) {
      for (int wanted = batched.samples_wanted(); wanted > 0; --wanted) {
        ASSERT_NE(batched.status(), Status::Decided) << "a batch must not outlast the decision";
        feed(batched);
      }
    }
    ASSERT_EQ(batched.status(), single.status());
    ASSERT_LE(batched.samples(), rules.samples_max);
    if (single.status() == Status::Decided) {
      ASSERT_EQ(batched.samples(), single.samples());
      ASSERT_EQ(batched.leader(), single.leader());
    }
  }
}

TEST(RedFlag, IsFoundByItsName) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kRedFlags; ++i) {
    const auto flag = static_cast<RedFlag>(i);
    EXPECT_EQ(red_flag_from_name(name(flag)), flag);
    names.insert(name(flag));
  }
  EXPECT_EQ(names.size(), kRedFlags);
  EXPECT_EQ(red_flag_from_name("repaired"), std::nullopt);
}

}  // namespace
}  // namespace suffice::workflow::maker
