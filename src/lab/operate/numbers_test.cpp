#include "lab/operate/numbers.hpp"

#include <chrono>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.hpp"
#include "lab/operate/sample_decisions.hpp"

namespace suffice::lab {
namespace {

using testing::decision;
using testing::event_of;
using testing::Made;
using testing::monday;
using testing::quick_decision;
using testing::recorded;

NumbersOptions week() { return {.from = monday(), .to = monday() + std::chrono::hours(168)}; }

Numbers numbers_of(const std::vector<Recorded>& decisions, const NumbersOptions& options = week(),
                   const std::map<std::string, double>& defect_rates = {}) {
  NumbersBuilder builder(options);
  for (const Recorded& one : decisions) builder.add(one);
  return builder.build(defect_rates);
}

/// `n` requests of which every second one escalates, with a local attempt at `local_usd` and a frontier call at one dollar.
std::vector<Recorded> half_escalate(std::int64_t n, double local_usd) {
  std::vector<Recorded> decisions;
  for (std::int64_t i = 0; i < n; ++i)
    decisions.push_back(decision({.number = i, .accepted = i % 2 == 0, .local_usd = local_usd}));
  return decisions;
}

TEST(Numbers, ShowACascadeThatLosesMoneyLosing) {
  // A local attempt costs 0.8 of a frontier call and half of the requests escalate: 0.8 + 0.5 * 1 = 1.3 frontier calls a request.
  const Numbers numbers = numbers_of(half_escalate(200, 0.8));

  EXPECT_DOUBLE_EQ(numbers.total.paid_usd, 260);
  EXPECT_DOUBLE_EQ(numbers.total.savings.frontier_usd, 200);
  EXPECT_DOUBLE_EQ(numbers.total.savings.saved.usd, -60);
  ASSERT_TRUE(numbers.total.savings.share);
  EXPECT_NEAR(*numbers.total.savings.share, -0.3, 1e-12);
  ASSERT_TRUE(numbers.total.savings.share_interval);
  EXPECT_TRUE(numbers.total.savings.share_interval->contains(-0.3));
  EXPECT_LT(numbers.total.savings.share_interval->high, 0) << "the loss is beyond doubt";
  EXPECT_DOUBLE_EQ(*numbers.total.usd_per_success, 1.3);
}

TEST(Numbers, ShowACascadeThatSavesSaving) {
  // 0.1 + 0.5 = 0.6 frontier calls a request.
  const Numbers numbers = numbers_of(half_escalate(200, 0.1));

  EXPECT_NEAR(numbers.total.savings.saved.usd, 80, 1e-9);
  EXPECT_NEAR(*numbers.total.savings.share, 0.4, 1e-12);
  EXPECT_GT(numbers.total.savings.share_interval->low, 0);
  EXPECT_NEAR(numbers.total.wasted_local_usd, 10, 1e-9) << "the attempts of the hundred that escalated";
}

TEST(Numbers, CountRoutesByTaskWithExactIntervals) {
  const Numbers numbers =
      numbers_of({decision({.number = 1}), decision({.number = 2}), decision({.number = 3}),
                  decision({.number = 4, .accepted = false}), decision({.number = 5, .task = "chat", .tried = false})});

  EXPECT_EQ(numbers.total.requests, 5);
  EXPECT_EQ(numbers.total.local.k, 3);
  EXPECT_EQ(numbers.total.escalated.k, 1);
  EXPECT_EQ(numbers.total.straight.k, 1);
  ASSERT_EQ(numbers.tasks.size(), 2U);
  EXPECT_EQ(numbers.tasks[0].task, "classify_issue");
  EXPECT_EQ(numbers.tasks[0].local.k, 3);
  EXPECT_EQ(numbers.tasks[0].local.n, 4);
  EXPECT_EQ(numbers.tasks[0].local.interval, learned::clopper_pearson(3, 4));
  EXPECT_EQ(numbers.tasks[0].accepted_of_tried.n, 4);
  EXPECT_EQ(numbers.tasks[1].straight.k, 1);
  EXPECT_EQ(numbers.tasks[1].accepted_of_tried.n, 0);
}

TEST(Numbers, SayWhatEachReasonCost) {
  const Numbers numbers = numbers_of(half_escalate(40, 0.8));

  ASSERT_EQ(numbers.reasons.size(), 2U);
  for (const ReasonNumbers& reason : numbers.reasons) {
    EXPECT_EQ(reason.requests, 20);
    // Accepted: 0.2 saved each. Escalated: the attempt's 0.8 lost each.
    EXPECT_NEAR(reason.savings.saved.usd, reason.reason.empty() ? 4 : -16, 1e-9) << reason.reason;
    EXPECT_NEAR(reason.wasted_local_usd, reason.reason.empty() ? 0 : 16, 1e-9);
  }
  EXPECT_EQ(numbers.local_reasons.at("confidence_low"), 20);
}

TEST(Numbers, RentedHardwareIsPaidWhileItIsIdle) {
  NumbersOptions options = week();
  options.hardware_per_hour = {{"small", 0.5}};
  options.engineering = Usd::from_dollars(16);
  // The first event comes at minute 0, so that all 168 hours are rented: $84, of which the calls were charged $4.
  const Numbers numbers = numbers_of(half_escalate(40, 0.1), options);

  EXPECT_NEAR(numbers.hours, 168, 1e-9);
  EXPECT_NEAR(*numbers.idle_hardware_usd, 80, 1e-9);
  EXPECT_NEAR(numbers.all_usd, 4 + 20 + 80 + 16, 1e-9);
  EXPECT_NEAR(numbers.total.savings.saved.usd, 16, 1e-9);
  EXPECT_NEAR(numbers.net_saved.usd, 16 - 96, 1e-9) << "forty requests do not pay a machine for a week";
  EXPECT_NEAR(*numbers.total.usd_per_success, 120.0 / 40, 1e-9);
}

TEST(Numbers, DefectsThatReviewsFoundAreNoSuccesses) {
  const Numbers numbers = numbers_of(half_escalate(40, 0.1), week(), {{"classify_issue", 0.25}});

  EXPECT_DOUBLE_EQ(numbers.total.successes, 40 - 0.25 * 20);
  EXPECT_NEAR(*numbers.tasks[0].usd_per_success, 24.0 / 35, 1e-9);
}

TEST(Numbers, RequestsWithoutACounterfactualAreInNoSaving) {
  audit::Event unknown = event_of({.number = 1, .local_usd = 5});
  unknown.counterfactual_cost.reset();

  const Numbers numbers = numbers_of({recorded(unknown), decision({.number = 2, .local_usd = 0.25})});

  EXPECT_EQ(numbers.total.savings.requests, 1);
  EXPECT_EQ(numbers.total.savings.estimated, 1);
  EXPECT_NEAR(numbers.total.savings.saved.usd, 0.75, 1e-12);
  EXPECT_NEAR(numbers.total.paid_usd, 5.25, 1e-12);
  EXPECT_FALSE(numbers.total.savings.saved.interval) << "two requests have no interval";
}

TEST(Numbers, LatencyOfAFallbackIsTheWholeRequest) {
  const Numbers numbers = numbers_of(half_escalate(10, 0));

  EXPECT_EQ(numbers.fallback_latency.n, 5);
  EXPECT_DOUBLE_EQ(numbers.fallback_latency.p50_ms, 840);
  EXPECT_DOUBLE_EQ(numbers.fallback_waste.p95_ms, 40);
  EXPECT_DOUBLE_EQ(numbers.local_latency.p99_ms, 40);
}

TEST(Numbers, TokensAreCountedByTheMinute) {
  std::vector<Recorded> decisions;
  for (int i = 0; i < 3; ++i) {
    audit::Event event = event_of({.number = 7, .tried = false});
    event.time += std::chrono::seconds(20 * i);
    decisions.push_back(recorded(event));
  }
  decisions.push_back(decision({.number = 9, .tried = false}));
  NumbersOptions options = week();
  options.tokens_per_minute = {{"frontier", 1'000}};

  const Numbers numbers = numbers_of(decisions, options);

  ASSERT_EQ(numbers.loads.size(), 1U);
  EXPECT_EQ(numbers.loads[0].tokens_per_minute_max, 3 * 320);
  EXPECT_EQ(numbers.loads[0].quota, 1'000);
}

TEST(Numbers, LeaveOutWhatIsNotOfThePeriod) {
  NumbersOptions options = week();
  options.from = monday() + std::chrono::minutes(2);
  options.to = monday() + std::chrono::minutes(4);

  const Numbers numbers = numbers_of(half_escalate(10, 0), options);

  EXPECT_EQ(numbers.total.requests, 2);
}

TEST(Numbers, AWorkflowWithoutATaskIsCountedUnderItsName) {
  audit::Event event = event_of({.number = 1, .task = ""});
  event.workflow = "minutes";

  EXPECT_EQ(numbers_of({recorded(event)}).tasks.at(0).task, "workflow minutes");
}

TEST(Numbers, NothingRecordedIsNoFault) {
  const Numbers numbers = numbers_of({});

  EXPECT_EQ(numbers.total.requests, 0);
  EXPECT_FALSE(numbers.total.usd_per_success);
  EXPECT_FALSE(numbers.total.savings.share);
  EXPECT_EQ(numbers.hours, 0);
}

TEST(Numbers, BootstrapCoversTheTruthAsOftenAsItSays) {
  // Truth: a request escalates with probability 0.3 and costs 0.2 + 0.3 frontier calls on average, so that half is saved.
  SeededRandom random(7);
  int covered = 0;
  constexpr int kWorlds = 60;
  for (int world = 0; world < kWorlds; ++world) {
    NumbersOptions options = week();
    options.repetitions = 200;
    NumbersBuilder builder(options);
    for (int i = 0; i < 150; ++i)
      builder.add(quick_decision({.number = i, .accepted = random.uniform() >= 0.3, .local_usd = 0.2}));
    covered += builder.build().total.savings.share_interval->contains(0.5) ? 1 : 0;
  }
  EXPECT_GE(covered, 51) << "fewer than 51 of 60 at 95 % happen once in four thousand runs; the seed is fixed";
}

TEST(Numbers, ManyRequestsAreJoinedWithoutLosingACent) {
  NumbersOptions options = week();
  options.repetitions = 20;
  NumbersBuilder builder(options);
  const Recorded kept = decision({.number = 1, .local_usd = 0.25});
  for (int i = 0; i < 9'001; ++i) builder.add(kept);

  const Numbers numbers = builder.build();

  EXPECT_EQ(numbers.total.savings.requests, 9'001);
  EXPECT_DOUBLE_EQ(numbers.total.savings.saved.usd, 9'001 * 0.75);
}

}  // namespace
}  // namespace suffice::lab
