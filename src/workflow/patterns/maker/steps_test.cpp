#include "workflow/patterns/maker/steps.hpp"

#include <deque>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "net/run_sync.hpp"
#include "workflow/patterns/maker/arithmetic.hpp"
#include "workflow/patterns/maker/hanoi.hpp"
#include "workflow/patterns/maker/simulated_worker.hpp"

namespace suffice::workflow::maker {
namespace {

/// Says what a test has written, in order; calls beyond it are failures of the test.
class WrittenWorker final : public StepWorker {
 public:
  explicit WrittenWorker(std::vector<Result<Sample>> lines) : lines_(lines.begin(), lines.end()) {}

  Task<Result<void>> sample(const StepQuestion& question, SampleRange range,
                            std::vector<Result<Sample>>& out) override {
    out.clear();
    asked.push_back(
        {.step = question.step, .state = std::string(question.state), .first = range.first, .count = range.count});
    for (int i = 0; i < range.count; ++i) {
      if (lines_.empty()) {
        ADD_FAILURE() << "a sample more than was written";
        co_return fail(ErrorCode::Internal, "nothing written");
      }
      out.push_back(lines_.front());
      lines_.pop_front();
    }
    co_return Result<void>{};
  }

  struct Asked {
    std::uint64_t step;
    std::string state;
    int first;
    int count;
    bool operator==(const Asked&) const = default;
  };
  std::vector<Asked> asked;
  [[nodiscard]] std::size_t left() const { return lines_.size(); }

 private:
  std::deque<Result<Sample>> lines_;
};

Result<Sample> says(std::string text) { return Sample{.text = std::move(text), .finish = FinishReason::Stop}; }

StepRules number_rules(int ahead_by, int samples_max) {
  StepRules rules;
  rules.voting = {.ahead_by = ahead_by, .samples_max = samples_max};
  rules.format.shape = AnswerFormat::Shape::Value;
  rules.format.state = CanonicalForm::Number;
  rules.format.bytes_max = 16;
  return rules;
}

Plan chain_plan(const char* text) { return *plan_of(*read_chain(text), {}); }

Progress start_of(const Plan& plan) {
  Progress at;
  at.state = plan.start();
  return at;
}

TEST(MakerSteps, CarryTheStateForwardAndAskTheFirstKAtOnce) {
  const StepRules rules = number_rules(2, 10);
  const Plan plan = chain_plan("5 +3 *10");
  WrittenWorker worker({says("8"), says("8.0"), says("80"), says("81"), says("80"), says("8e1")});
  Progress at = start_of(plan);
  const StepHooks hooks;

  const Result<void> made = net::run_sync(make_steps(rules, plan, worker, nullptr, at, hooks));

  ASSERT_TRUE(made) << describe(made.error());
  EXPECT_EQ(at.state, "80");
  EXPECT_EQ(at.votes, 6U);
  EXPECT_EQ(at.samples, 6U);
  const std::vector<WrittenWorker::Asked> asked = {{0, "5", 0, 2}, {1, "8", 0, 2}, {1, "8", 2, 2}};
  EXPECT_EQ(worker.asked, asked);
}

TEST(MakerSteps, RedFlagsAndFailedCallsAreDiscardedAndMadeUpFor) {
  const StepRules rules = number_rules(2, 10);
  const Plan plan = chain_plan("5 +3");
  WrittenWorker worker({says("the answer is 8"), says(std::string(17, '8')), fail(ErrorCode::IdleTimeout, "slow"),
                        says("8"), says("8")});
  Progress at = start_of(plan);
  const StepHooks hooks;

  ASSERT_TRUE(net::run_sync(make_steps(rules, plan, worker, nullptr, at, hooks)));

  EXPECT_EQ(at.state, "8");
  EXPECT_EQ(at.votes, 2U);
  EXPECT_EQ(at.discarded.of(RedFlag::NotCanonical), 1U);
  EXPECT_EQ(at.discarded.of(RedFlag::TooLong), 1U);
  EXPECT_EQ(at.discarded.of(RedFlag::CallFailed), 1U);
}

TEST(MakerSteps, AStepWithoutConvergenceAloneGoesToTheFrontier) {
  const StepRules rules = number_rules(2, 4);
  const Plan plan = chain_plan("5 +3 *10 /2");
  WrittenWorker worker({says("8"), says("8"), says("80"), says("81"), says("80"), says("81"), says("40"), says("40")});
  WrittenWorker frontier({says("80")});
  Progress at = start_of(plan);
  std::vector<std::uint64_t> inconclusive;
  StepHooks hooks;
  hooks.inconclusive = [&](std::uint64_t step) { inconclusive.push_back(step); };

  ASSERT_TRUE(net::run_sync(make_steps(rules, plan, worker, &frontier, at, hooks)));

  EXPECT_EQ(at.state, "40");
  EXPECT_EQ(inconclusive, std::vector<std::uint64_t>{1});
  EXPECT_EQ(at.escalated_steps, std::vector<std::uint64_t>{1});
  EXPECT_EQ(worker.left() + frontier.left(), 0U);
}

TEST(MakerSteps, AWorkerThatAlwaysSaysRubbishCostsItsBudgetAndCommitsNothing) {
  const StepRules rules = number_rules(3, 7);
  const Plan plan = chain_plan("5 +3 *10");
  std::vector<Result<Sample>> rubbish(9, says("I like numbers"));
  WrittenWorker worker(rubbish);
  Progress at = start_of(plan);
  int committed = 0;
  StepHooks hooks;
  hooks.committed = [&](const Progress&) -> Result<void> {
    ++committed;
    return {};
  };

  const Result<void> made = net::run_sync(make_steps(rules, plan, worker, nullptr, at, hooks));

  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::NoFrontier);
  EXPECT_NE(made.error().message.find("votes_inconclusive"), std::string::npos);
  EXPECT_EQ(made.error().where, "step 1");
  EXPECT_EQ(committed, 0);
  EXPECT_EQ(at.step, 0U);
  EXPECT_EQ(at.state, "5");
  EXPECT_LE(at.samples, 7U);
}

TEST(MakerSteps, AFrontierThatBreaksTheFormatIsAnErrorAndNeverALastResort) {
  const StepRules rules = number_rules(2, 2);
  const Plan plan = chain_plan("5 +3");
  WrittenWorker worker({says("8"), says("9")});
  WrittenWorker frontier({says("eight"), says("")});
  Progress at = start_of(plan);
  const StepHooks hooks;

  const Result<void> made = net::run_sync(make_steps(rules, plan, worker, &frontier, at, hooks));

  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::OutputRejected);
  EXPECT_EQ(at.state, "5");
  EXPECT_EQ(at.step, 0U);
}

TEST(MakerSteps, AFrontierThatFailsIsTheErrorOfTheRun) {
  const StepRules rules = number_rules(2, 2);
  const Plan plan = chain_plan("5 +3");
  WrittenWorker worker({says("8"), says("9")});
  WrittenWorker frontier({fail(ErrorCode::RateLimited, "slow down"), fail(ErrorCode::UpstreamFailed, "gone")});
  Progress at = start_of(plan);
  const StepHooks hooks;

  const Result<void> made = net::run_sync(make_steps(rules, plan, worker, &frontier, at, hooks));

  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::UpstreamFailed);
}

TEST(MakerSteps, AnErrorOfTheWorkerItselfEndsTheRunWithItsCountsKept) {
  class Broke final : public StepWorker {
   public:
    Task<Result<void>> sample(const StepQuestion&, SampleRange, std::vector<Result<Sample>>&) override {
      co_return fail(ErrorCode::BudgetExhausted, "no money left");
    }
  } worker;
  const StepRules rules = number_rules(2, 4);
  const Plan plan = chain_plan("5 +3");
  Progress at = start_of(plan);
  const StepHooks hooks;

  const Result<void> made = net::run_sync(make_steps(rules, plan, worker, nullptr, at, hooks));

  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::BudgetExhausted);
  EXPECT_EQ(at.step, 0U);
}

TEST(MakerSteps, StopBetweenTwoSteps) {
  const StepRules rules = number_rules(1, 4);
  const Plan plan = chain_plan("5 +3 *10 /2");
  WrittenWorker worker({says("8"), says("80")});
  Progress at = start_of(plan);
  StepHooks hooks;
  hooks.stopping = [&] { return at.step == 2; };

  const Result<void> made = net::run_sync(make_steps(rules, plan, worker, nullptr, at, hooks));

  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::Cancelled);
  EXPECT_EQ(at.state, "80");
}

TEST(MakerSteps, GoOnFromWhereTheyStoodAsIfNeverInterrupted) {
  const StepRules rules = number_rules(2, 30);
  SeededRandom random(4);
  const Chain chain = random_chain(40, random);
  const Plan plan = *plan_of(chain, {});
  const Noise noise{.right = .8, .valid = .9, .seed = 6};
  Progress whole = start_of(plan);
  SimulatedWorker one(arithmetic_oracle(), noise);
  std::vector<std::string> checkpoints;
  StepHooks hooks;
  hooks.committed = [&](const Progress& at) -> Result<void> {
    at.append_json(checkpoints.emplace_back());
    return {};
  };
  ASSERT_TRUE(net::run_sync(make_steps(rules, plan, one, nullptr, whole, hooks)));

  for (const std::string& checkpoint : checkpoints) {
    Result<Progress> at = Progress::read(checkpoint);
    ASSERT_TRUE(at) << describe(at.error());
    SimulatedWorker other(arithmetic_oracle(), noise);
    const std::uint64_t before = at->samples;
    const StepHooks silent;
    ASSERT_TRUE(net::run_sync(make_steps(rules, plan, other, nullptr, *at, silent)));
    EXPECT_EQ(*at, whole);
    EXPECT_EQ(other.samples(), whole.samples - before) << "a committed step was asked for again";
  }
}

TEST(MakerSteps, SixteenThousandNoisyStepsOfHanoiAreAllRight) {
  const int disks = 14;
  StepRules rules;
  rules.voting = {.ahead_by = 3, .samples_max = 60};
  const Plan plan =
      *Plan::create(Hanoi::create(disks)->json(), {{.instruction = "Make the next move.", .times = hanoi_steps(disks)}},
                    {.steps_max = 1 << disks});
  SimulatedWorker worker(hanoi_oracle(), {.right = .9978, .valid = .95, .seed = 2});
  Progress at = start_of(plan);
  Hanoi referee = *Hanoi::create(disks);
  std::uint64_t wrong = 0;
  StepHooks hooks;
  hooks.committed = [&](const Progress& now) -> Result<void> {
    const HanoiMove truth = hanoi_optimal_move(disks, now.step - 1);
    if (!referee.move(truth) || now.action != hanoi_action_json(truth) || now.state != referee.json()) ++wrong;
    return {};
  };

  const Result<void> made = net::run_sync(make_steps(rules, plan, worker, nullptr, at, hooks));

  ASSERT_TRUE(made) << describe(made.error());
  EXPECT_EQ(wrong, 0U);
  EXPECT_TRUE(referee.solved());
  EXPECT_GT(at.discarded.total(), 0U);
  EXPECT_EQ(at.discarded.total() + at.votes, at.samples);
}

TEST(MakerSteps, WithoutVotingTheSameNoiseSpoilsTheRun) {
  const int disks = 10;
  StepRules rules;
  rules.voting = {.ahead_by = 1, .samples_max = 1};
  const Plan plan =
      *Plan::create(Hanoi::create(disks)->json(), {{.instruction = "Make the next move.", .times = hanoi_steps(disks)}},
                    {.steps_max = 1 << disks});
  SimulatedWorker worker(hanoi_oracle(), {.right = .9978, .valid = 1, .seed = 2});
  Progress at = start_of(plan);
  std::uint64_t wrong = 0;
  StepHooks hooks;
  hooks.committed = [&](const Progress& now) -> Result<void> {
    if (now.action != hanoi_action_json(hanoi_optimal_move(disks, now.step - 1))) ++wrong;
    return {};
  };

  ASSERT_TRUE(net::run_sync(make_steps(rules, plan, worker, nullptr, at, hooks)));

  EXPECT_GT(wrong, 0U);
}

TEST(MakerProgress, ReadsBackAndRefusesWhatIsNone) {
  Progress at;
  at.step = 12;
  at.state = R"({"n":123456789012345678901234567890})";
  at.action = R"("a\"b")";
  at.votes = 40;
  at.samples = 44;
  at.discarded.add(RedFlag::NotJson, 4);
  at.escalated = 1;
  at.escalated_steps = {3};
  std::string text;
  at.append_json(text);

  EXPECT_EQ(*Progress::read(text), at);
  for (
      const char* other :
      {"", "{}", "[]",
       R"({"step":-1,"state":"","action":"","votes":0,"samples":0,"discarded":{},"escalated":0,"escalated_steps":[]})",
       R"({"step":1,"state":"","action":"","votes":0,"samples":0,"discarded":{"odd":1},"escalated":0,"escalated_steps":[]})",
       R"({"step":1,"state":7,"action":"","votes":0,"samples":0,"discarded":{},"escalated":0,"escalated_steps":[]})"}) {
    EXPECT_FALSE(Progress::read(other)) << other;
  }
}

}  // namespace
}  // namespace suffice::workflow::maker
