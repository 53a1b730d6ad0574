#include "workflow/patterns/maker/demo.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "net/run_sync.hpp"

namespace suffice::workflow::maker {
namespace {

TEST(MakerDemo, TheSampleCalculationEndsAtSixteenWithAWorkerThatErrs) {
  const DemoOptions options;

  const Result<DemoReport> report = net::run_sync(run_demo(options));

  ASSERT_TRUE(report) << describe(report.error());
  ASSERT_EQ(report->calculation.size(), 5U);
  for (const DemoStep& step : report->calculation) EXPECT_EQ(step.state, step.truth) << step.instruction;
  EXPECT_EQ(report->calculation_end.state, "16");
}

TEST(MakerDemo, VotedChainsReachTheTargetAndSingleAnswersDoWhatTheFormulaSays) {
  const DemoOptions options;

  const Result<DemoReport> report = net::run_sync(run_demo(options));

  ASSERT_TRUE(report);
  const auto chains = static_cast<double>(options.chains);
  const auto three_errors = [chains](double share) { return 3 * std::sqrt(share * (1 - share) / chains); };
  const double voted = static_cast<double>(report->voted.right) / chains;
  const double alone = static_cast<double>(report->alone.right) / chains;
  EXPECT_GE(report->forecast.success, options.target);
  EXPECT_GE(voted, report->voted.expected - three_errors(report->voted.expected)) << "escalated steps only help";
  // An error of +1 may be undone by a later one or by a division: single answers are a little better than the formula.
  EXPECT_GE(alone, report->alone.expected - three_errors(report->alone.expected));
  EXPECT_LT(alone, voted / 2);
  EXPECT_EQ(report->voted.steps, options.chains * options.length);
  EXPECT_NEAR(static_cast<double>(report->voted.calls), report->voted.expected_calls,
              report->voted.expected_calls * .05);
}

TEST(MakerDemo, RefusesAWorkerThatNoVoteCanHelpAndACalculationThatIsNone) {
  DemoOptions hopeless;
  hopeless.right = .5;
  EXPECT_FALSE(net::run_sync(run_demo(hopeless)));
  DemoOptions words;
  words.calculation = "five plus three";
  EXPECT_FALSE(net::run_sync(run_demo(words)));
}

}  // namespace
}  // namespace suffice::workflow::maker
