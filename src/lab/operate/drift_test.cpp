#include "lab/operate/drift.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.hpp"
#include "lab/operate/sample_decisions.hpp"

namespace suffice::lab {
namespace {

using ::testing::Contains;
using testing::decision;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::Made;
using testing::monday;
using testing::quick_decision;

/// The reference are minutes 0 to 999, the period minutes 1,000 to 1,999.
DriftOptions options() {
  return {.reference = monday(),
          .from = monday() + std::chrono::minutes(1'000),
          .to = monday() + std::chrono::minutes(2'000)};
}

/// A world of requests: what they say, how sure the model is, how many are accepted.
struct World {
  std::vector<std::string> words = {"gradle", "maven", "failed", "timeout", "module", "test", "symbol", "missing"};
  int words_each = 12;
  double acceptance = 0.8;
};

Made request_of(const World& world, std::int64_t number, SeededRandom& random) {
  Made made{.number = number};
  made.input.clear();
  for (int i = 0; i < world.words_each; ++i) made.input += world.words[random.below(world.words.size())] + " ";
  made.accepted = random.uniform() < world.acceptance;
  made.confidence = made.accepted ? 0.7 + 0.3 * random.uniform() : 0.7 * random.uniform();
  return made;
}

/// `count` requests of each side.
DriftReport compare(const World& before, const World& now, std::uint64_t seed, const DriftOptions& how = options(),
                    int count = 200) {
  SeededRandom random(seed);
  DriftBuilder builder(how);
  for (int i = 0; i < count; ++i) builder.add(quick_decision(request_of(before, i, random)));
  for (int i = 0; i < count; ++i) builder.add(quick_decision(request_of(now, 1'000 + i, random)));
  return builder.build({});
}

std::vector<DriftOf> alarms_of(const DriftReport& report) {
  std::vector<DriftOf> alarms;
  for (const DriftCheck& check : report.checks) {
    if (check.alarm) alarms.push_back(check.what);
  }
  return alarms;
}

TEST(Drift, IsSilentWhenNothingHasChanged) {
  const DriftReport report = compare({}, {}, 1);

  EXPECT_FALSE(report.alarm());
  EXPECT_EQ(report.checks.size(), 5U) << "length, words, confidence, answers, acceptance";
}

TEST(Drift, HearsNewWords) {
  World now;
  now.words = {"gradle", "maven", "failed", "invoice", "customer", "refund", "module", "contract"};

  EXPECT_THAT(alarms_of(compare({}, now, 2)), ElementsAre(DriftOf::InputWords));
}

TEST(Drift, HearsLongerInputs) {
  World now;
  now.words_each = 40;

  EXPECT_THAT(alarms_of(compare({}, now, 3)), Contains(DriftOf::InputLength));
}

TEST(Drift, HearsFewerAcceptances) {
  const DriftReport report = compare({}, {.acceptance = 0.5}, 4);

  EXPECT_THAT(alarms_of(report), Contains(DriftOf::Acceptance));
  EXPECT_TRUE(report.checks.front().alarm) << "alarms come first";
}

TEST(Drift, RingsNoOftenerThanItSaysWhenNothingHasChanged) {
  // A small threshold for the index, so that the p-values decide; one report in twenty may ring, of 60 at most 8 in all but 0.3 % of seeds.
  DriftOptions how = options();
  how.false_alarms = 0.05;
  how.psi_min = 0;
  how.acceptance_min = 0;
  int rung = 0;
  for (std::uint64_t seed = 100; seed < 160; ++seed) rung += compare({}, {}, seed, how, 100).alarm() ? 1 : 0;

  EXPECT_LE(rung, 8);
}

TEST(Drift, ASwitchThatAnOperatorPulledIsNoDrift) {
  SeededRandom random(5);
  DriftBuilder builder(options());
  for (int i = 0; i < 200; ++i) builder.add(decision(request_of({}, i, random)));
  for (int i = 0; i < 200; ++i) {
    Made made = request_of({}, 1'000 + i, random);
    made.tried = i < 100;
    audit::Event event = testing::event_of(made);
    if (!made.tried) event.reasons = {Reason::KillSwitch};
    builder.add(testing::recorded(event));
  }

  EXPECT_THAT(alarms_of(builder.build({})), IsEmpty());
}

TEST(Drift, SaysWhichTasksHaveTooFewRequests) {
  DriftBuilder builder(options());
  for (int i = 0; i < 10; ++i) builder.add(decision({.number = 1'000 + i, .task = "rare"}));

  const DriftReport report = builder.build({});

  EXPECT_THAT(report.too_few, ElementsAre("rare"));
  EXPECT_THAT(report.checks, IsEmpty());
}

TEST(Drift, RingsWhenMoreAnswersAreWrongThanAllowedBeyondDoubt) {
  const DefectRate maybe{
      .task = "a", .drawn = 20, .defects = 2, .rate = 0.1, .interval = learned::clopper_pearson(2, 20)};
  const DefectRate surely{
      .task = "b", .drawn = 60, .defects = 20, .rate = 1.0 / 3, .interval = learned::clopper_pearson(20, 60)};

  const DriftReport report = DriftBuilder(options()).build({maybe, surely});

  ASSERT_EQ(report.checks.size(), 2U);
  EXPECT_EQ(report.checks[0].task, "b");
  EXPECT_TRUE(report.checks[0].alarm);
  EXPECT_FALSE(report.checks[1].alarm);
}

TEST(Fisher, GivesTheTeaTastersNumbers) {
  // Fisher's lady: 3 of 4 cups right on each side, two-sided 34/70; all right, 2/70.
  EXPECT_NEAR(fisher_exact(3, 4, 1, 4), 34.0 / 70, 1e-9);
  EXPECT_NEAR(fisher_exact(4, 4, 0, 4), 2.0 / 70, 1e-9);
  EXPECT_DOUBLE_EQ(fisher_exact(0, 0, 3, 4), 1);
}

TEST(Fisher, StaysSmallAndFastForLargeTables) {
  EXPECT_LT(fisher_exact(400'000, 1'000'000, 600'000, 1'000'000), 1e-12);
  EXPECT_NEAR(fisher_exact(500'000, 1'000'000, 500'000, 1'000'000), 1, 1e-6);
}

}  // namespace
}  // namespace suffice::lab
