// Every figure of the paper's analysis (arXiv 2511.09030) that we rely on, by formula and by a seeded simulation of the vote itself.
#include "workflow/patterns/maker/planner_math.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "core/random.hpp"
#include "workflow/patterns/maker/voting.hpp"

namespace suffice::workflow::maker {
namespace {

constexpr std::uint64_t kMillionSteps = (1ULL << 20) - 1;  // Towers of Hanoi with 20 disks

TEST(SmallestLead, IsThatOfThePaperForAMillionSteps) {
  struct Case {
    double error;
    int lead;
  };
  const std::vector<Case> table = {{.3571, 29}, {.0040, 4},  {.0022, 3}, {.0018, 3}, {.1839, 12},
                                   {.0358, 6},  {.2342, 15}, {.0569, 6}, {.0393, 6}};
  for (const Case& row : table) {
    EXPECT_EQ(smallest_lead(VoteOdds::of(1 - row.error), kMillionSteps, .95), row.lead) << "1 - p = " << row.error;
  }
}

TEST(SmallestLead, IsTheSmallestThatReachesTheTarget) {
  for (const double p : {.51, .6, .75, .9, .99, .9999}) {
    for (const std::uint64_t steps : {std::uint64_t{1}, std::uint64_t{1'000}, kMillionSteps}) {
      for (const double target : {.5, .95, .999}) {
        const Result<int> k = smallest_lead(VoteOdds::of(p), steps, target);
        ASSERT_TRUE(k) << p;
        EXPECT_GE(run_success(VoteOdds::of(p), *k, steps), target) << p << ' ' << steps;
        if (*k > 1) {
          EXPECT_LT(run_success(VoteOdds::of(p), *k - 1, steps), target) << p << ' ' << steps;
        }
      }
    }
  }
}

TEST(SmallestLead, CountsAgainstTheBestAlternativeAndDoesNotRefusePBelowOneHalf) {
  const VoteOdds spread{.right = .4, .best_wrong = .1};

  const Result<int> k = smallest_lead(spread, 1'000, .95);

  ASSERT_TRUE(k) << describe(k.error());
  EXPECT_GE(run_success(spread, *k, 1'000), .95);
  EXPECT_LT(run_success(spread, *k - 1, 1'000), .95);
  EXPECT_FALSE(smallest_lead(VoteOdds::of(.4), 1'000, .95)) << "one alternative of .6 wins every long vote";
}

TEST(SmallestLead, RefusesWhatIsNoProbabilityNoTargetAndNoRun) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const VoteOdds good = VoteOdds::of(.9);
  for (const double p : {nan, -.1, 1.1, .5, .2, 0.0}) EXPECT_FALSE(smallest_lead(VoteOdds::of(p), 10, .9)) << p;
  for (const double target : {nan, 0.0, 1.0, -1.0, 2.0}) EXPECT_FALSE(smallest_lead(good, 10, target)) << target;
  EXPECT_FALSE(smallest_lead(good, 0, .9));
  const VoteOdds too_much{.right = .9, .best_wrong = .2};
  const VoteOdds too_little{.right = .9, .best_wrong = 0};
  EXPECT_FALSE(smallest_lead(too_much, 10, .9));
  EXPECT_FALSE(smallest_lead(too_little, 10, .9));
  EXPECT_EQ(smallest_lead(VoteOdds::of(1), kMillionSteps, .999), 1);
}

TEST(ExpectedVotes, AreTheKnownFigures) {
  const std::vector<double> votes = {2.439, 3.740, 4.999, 6.250, 7.500};
  for (int k = 2; k <= 6; ++k) {
    // One in the last digit: k = 4 is 4.9985 by the formula, printed as 4.999.
    EXPECT_NEAR(expected_votes(VoteOdds::of(.9), k), votes[static_cast<std::size_t>(k - 2)], .001) << k;
  }
  EXPECT_NEAR(expected_calls(VoteOdds::of(.9), 3, .8), 4.675, .0005);
}

TEST(ExpectedVotes, AreSteadyWhereTheFormulaDividesZeroByZero) {
  EXPECT_DOUBLE_EQ(expected_votes(VoteOdds::of(.5), 4), 16);
  EXPECT_NEAR(expected_votes(VoteOdds::of(.5 + 1e-9), 4), 16, 1e-6);
  EXPECT_DOUBLE_EQ(expected_votes(VoteOdds::of(1), 4), 4);
}

TEST(RunSuccess, IsTheKnownFiguresForTenDisks) {
  EXPECT_NEAR(run_success(VoteOdds::of(.9), 3, 1'023), .246, .0005);
  EXPECT_NEAR(run_success(VoteOdds::of(.9), 4, 1'023), .856, .0005);
  EXPECT_NEAR(run_success(VoteOdds::of(.9), 6, 1'023), .998, .0005);
  EXPECT_NEAR(run_success(VoteOdds::of(.8), 5, 1'023), .368, .0005);
}

TEST(RunSuccess, KeepsItsDigitsWhenAStepHardlyEverFails) {
  // q^3 / (p^3 + q^3) of q = 1e-6 is 1.000003e-18: 1 - p_step rounds to 0, the run must not.
  const double failure = 1 - run_success(VoteOdds::of(1 - 1e-6), 3, std::uint64_t{1} << 50);

  EXPECT_NEAR(failure, 1 - std::exp(-1.000003e-18 * 0x1p50), 1e-8);
  EXPECT_GT(failure, .001);
}

/// One step's vote with a noisy worker: whether the right answer won, and what it took.
struct StepTally {
  bool right = false;
  int votes = 0;
  int samples = 0;
};

/// `wrong` answers share 1 - p evenly; a sample is a red flag with probability 1 - valid.
StepTally vote_once(double p, int wrong, int k, double valid, Random& random) {
  static const std::vector<std::string> kWrong = {"w0", "w1", "w2", "w3", "w4", "w5", "w6", "w7"};
  Voting voting({.ahead_by = k, .samples_max = 100'000});
  std::size_t right = 9;
  while (voting.status() == Voting::Status::NeedsMore) {
    for (int wanted = voting.samples_wanted(); wanted > 0; --wanted) {
      if (random.uniform() >= valid) {
        voting.discard(RedFlag::NotJson);
      } else if (random.uniform() < p) {
        right = voting.vote("right");
      } else {
        const std::size_t which = random.below(static_cast<std::uint64_t>(wrong));
        if (const std::size_t at = voting.vote(kWrong[which]); at == right) right = 9;
      }
    }
  }
  return {.right = voting.leader() == right, .votes = voting.votes(), .samples = voting.samples()};
}

struct Simulated {
  double success = 0;
  double success_error = 0;  ///< standard error, of the truth under test
  double votes = 0;
  double votes_error = 0;
  double calls = 0;
  double calls_error = 0;
};

/// 400 runs of 1,023 steps; a run ends at its first wrong step, as a real one would be worthless from there.
Simulated simulate(double p, int k, double valid, std::uint64_t seed) {
  SeededRandom random(seed);
  const int runs = 400;
  const int steps = 1'023;
  int succeeded = 0;
  double n = 0;
  double votes = 0;
  double votes_squared = 0;
  double calls = 0;
  double calls_squared = 0;
  for (int run = 0; run < runs; ++run) {
    bool right = true;
    for (int step = 0; step < steps && right; ++step) {
      const StepTally tally = vote_once(p, 1, k, valid, random);
      right = tally.right;
      n += 1;
      votes += tally.votes;
      votes_squared += static_cast<double>(tally.votes) * tally.votes;
      calls += tally.samples;
      calls_squared += static_cast<double>(tally.samples) * tally.samples;
    }
    if (right) ++succeeded;
  }
  const double truth = run_success(VoteOdds::of(p), k, steps);
  const auto error = [n](double sum, double squares) { return std::sqrt((squares / n - sum * sum / n / n) / n); };
  return {.success = static_cast<double>(succeeded) / runs,
          .success_error = std::sqrt(truth * (1 - truth) / runs),
          .votes = votes / n,
          .votes_error = error(votes, votes_squared),
          .calls = calls / n,
          .calls_error = error(calls, calls_squared)};
}

TEST(SimulatedVote, AgreesWithTheKnownFiguresWithinThreeStandardErrors) {
  struct Case {
    double p;
    int k;
    double valid;
    double success;
    double votes;
    double calls;
  };
  const std::vector<Case> table = {
      {.9, 3, 1, .246, 3.740, 3.740},
      {.9, 4, 1, .856, 4.999, 4.999},
      {.9, 6, 1, .998, 7.500, 7.500},
      {.8, 5, 1, .368, expected_votes(VoteOdds::of(.8), 5), expected_votes(VoteOdds::of(.8), 5)},
      {.9, 3, .8, .246, 3.740, 4.675}};
  for (const Case& row : table) {
    SCOPED_TRACE(::testing::Message() << "p " << row.p << " k " << row.k << " v " << row.valid);
    const Simulated seen = simulate(row.p, row.k, row.valid, 20'251'109);
    EXPECT_NEAR(seen.success, row.success, 3 * seen.success_error);
    EXPECT_NEAR(seen.votes, row.votes, 3 * seen.votes_error);
    EXPECT_NEAR(seen.calls, row.calls, 3 * seen.calls_error);
  }
}

TEST(SimulatedVote, AgreesWithTheVotesOfEveryLead) {
  SeededRandom random(7);
  const std::vector<double> known = {2.439, 3.740, 4.999, 6.250, 7.500};
  for (int k = 2; k <= 6; ++k) {
    double sum = 0;
    double squares = 0;
    const int steps = 20'000;
    for (int i = 0; i < steps; ++i) {
      const double votes = vote_once(.9, 1, k, 1, random).votes;
      sum += votes;
      squares += votes * votes;
    }
    const double error = std::sqrt((squares / steps - sum * sum / steps / steps) / steps);
    EXPECT_NEAR(sum / steps, known[static_cast<std::size_t>(k - 2)], 3 * error) << "k " << k;
  }
}

TEST(SimulatedVote, OfSeveralWrongAnswersIsAtLeastAsGoodAsTheBound) {
  // p = .4 against three alternatives of .2 each.
  SeededRandom random(11);
  const VoteOdds odds{.right = .4, .best_wrong = .2};
  for (const int k : {3, 5, 8}) {
    int right = 0;
    const int steps = 4'000;
    for (int i = 0; i < steps; ++i) right += vote_once(.4, 3, k, 1, random).right ? 1 : 0;
    EXPECT_GE(static_cast<double>(right) / steps, step_success(odds, k)) << "k " << k;
  }
}

TEST(Forecast, SaysCallsAndDollarsOfTheWholeRun) {
  const WorkerFigures worker{.odds = VoteOdds::of(.9), .valid = .8, .per_call = Usd::from_dollars(.001)};

  const Result<RunForecast> run = forecast(worker, 1'023, .8);

  ASSERT_TRUE(run);
  EXPECT_EQ(run->ahead_by, 4);
  EXPECT_NEAR(run->calls_per_step, 4.999 / .8, .001);
  EXPECT_NEAR(run->dollars, run->calls * .001, 1e-9);
  EXPECT_NEAR(run->success, .856, .0005);
}

TEST(Forecast, RefusesAWorkerThatIsNeverValid) {
  for (const double valid : {0.0, -1.0, 1.5, std::numeric_limits<double>::quiet_NaN()}) {
    const WorkerFigures worker{.odds = VoteOdds::of(.9), .valid = valid, .per_call = {}};
    EXPECT_FALSE(forecast(worker, 10, .9)) << valid;
  }
}

TEST(PriceOfReliability, PrefersADearModelThatErrsLessWhenTheRunIsLong) {
  const WorkerFigures cheap{.odds = VoteOdds::of(.65), .valid = 1, .per_call = Usd::from_dollars(.001)};
  const WorkerFigures dear{.odds = VoteOdds::of(.998), .valid = 1, .per_call = Usd::from_dollars(.005)};

  EXPECT_LT(*price_of_reliability(dear, kMillionSteps, .95), *price_of_reliability(cheap, kMillionSteps, .95));
  EXPECT_GT(*price_of_reliability(dear, 1, .6), *price_of_reliability(cheap, 1, .6));
}

}  // namespace
}  // namespace suffice::workflow::maker
