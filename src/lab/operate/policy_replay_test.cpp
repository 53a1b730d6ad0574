#include "lab/operate/policy_replay.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/hash.hpp"
#include "core/random.hpp"
#include "lab/operate/sample_decisions.hpp"

namespace suffice::lab {
namespace {

using ::testing::Contains;
using testing::decision;
using testing::event_of;
using ::testing::HasSubstr;
using testing::Made;
using testing::monday;
using testing::recorded;

/// The policy that made the decisions of sample_decisions.hpp.
policy::Policy policy_in_force() {
  policy::Policy made;
  made.version = "0123abcd";
  for (const char* name : {"small", "other", "frontier"}) {
    made.models[name].name = name;
    made.models[name].local = std::string_view(name) != "frontier";
  }
  policy::Task task;
  task.name = "classify_issue";
  task.tiers = {{.model = "small", .prompt = ""}, {.model = "frontier", .prompt = ""}};
  task.prompt = "classify_issue@3";
  task.labels = {"build", "test", "security"};
  task.confidence = policy::ConfidenceSignal::LabelProbability;
  task.min_confidence = 0.7;
  made.tasks["classify_issue"] = task;
  policy::HardStopGroup& access = made.hard_stops["access"];
  access.name = "access";
  access.reason = Reason::HardStopAccess;
  access.words = {"token"};
  return made;
}

policy::Policy drafted(const std::function<void(policy::Policy&, policy::Task&)>& change) {
  policy::Policy draft = policy_in_force();
  change(draft, draft.tasks["classify_issue"]);
  return draft;
}

DraftPolicy draft_of(policy::Policy draft, bool with_current = true) {
  auto current = with_current ? std::make_shared<const policy::Policy>(policy_in_force()) : nullptr;
  return DraftPolicy::create(std::make_shared<const policy::Policy>(std::move(draft)), current, monday()).value();
}

/// As the gateway records it: the signal beside the confidence, and the label's digest.
audit::Event event_with(const Made& made, const std::string& label = "build") {
  audit::Event event = event_of(made);
  for (audit::Attempt& attempt : event.attempts) {
    if (!attempt.local) continue;
    attempt.signals = {{.name = "label_probability", .value = made.confidence}};
    attempt.output_sha256 = sha256_hex(label);
  }
  return event;
}

Redecided redecide(const audit::Event& event, const std::function<void(policy::Policy&, policy::Task&)>& change,
                   bool with_current = true) {
  return draft_of(drafted(change), with_current).decide(recorded(event));
}

using Change = std::function<void(policy::Policy&, policy::Task&)>;
struct DraftCase {
  const char* name;
  Made made;
  Change change;
  Destination drafted;
  std::string why;
};

void nothing(policy::Policy&, policy::Task&) {}
void threshold(policy::Task& task, double value) { task.min_confidence = value; }

TEST(PolicyReplay, DecidesAsTheDraftWould) {
  const Made accepted{.confidence = 0.9};
  const Made escalated{.accepted = false, .confidence = 0.6};
  const Made straight{.tried = false};
  const DraftCase cases[] = {
      {"the same policy keeps an accept", accepted, nothing, Destination::Local, ""},
      {"the same policy keeps an escalation", escalated, nothing, Destination::Frontier, "confidence_low"},
      {"a higher threshold escalates", accepted, [](auto&, auto& t) { threshold(t, 0.95); }, Destination::Frontier,
       "confidence_low"},
      {"a lower threshold accepts", escalated, [](auto&, auto& t) { threshold(t, 0.5); }, Destination::Local, ""},
      {"no threshold at all", accepted, [](auto&, auto& t) { t.min_confidence.reset(); }, Destination::Frontier,
       "threshold_uncertified"},
      {"frontier only", accepted, [](auto& p, auto&) { p.kill_switch = policy::KillSwitch::FrontierOnly; },
       Destination::Frontier, "kill_switch"},
      {"a task that may not be local", accepted, [](auto&, auto& t) { t.local = false; }, Destination::Frontier,
       "policy_requires_frontier"},
      {"a shadow", accepted, [](auto&, auto& t) { t.rollout = policy::RolloutStage::Shadow; }, Destination::Frontier,
       "policy_requires_frontier"},
      {"a task that is gone", accepted, [](auto& p, auto&) { p.tasks.clear(); }, Destination::Frontier, "unknown_task"},
      {"a smaller limit", accepted, [](auto&, auto& t) { t.max_input_chars = 11; }, Destination::Frontier,
       "input_too_large"},
      {"a label that now escalates", accepted, [](auto&, auto& t) { t.escalate_labels = {"build"}; },
       Destination::Frontier, "label_escalates"},
      {"another label that escalates", accepted, [](auto&, auto& t) { t.escalate_labels = {"security"}; },
       Destination::Local, ""},
      {"another model", accepted, [](auto&, auto& t) { t.tiers[0].model = "other"; }, Destination::Unknown,
       "other was not asked"},
      {"another prompt", accepted, [](auto&, auto& t) { t.prompt = "classify_issue@4"; }, Destination::Unknown,
       "small was not asked"},
      {"another signal", accepted, [](auto&, auto& t) { t.confidence = policy::ConfidenceSignal::MeanLogprob; },
       Destination::Unknown, "a signal that the draft compares was not recorded"},
      {"other validators", accepted, [](auto&, auto& t) { t.validators.chars_max = 3; }, Destination::Unknown,
       "labels, schema, validators or sampling of the task are drafted anew"},
      {"a new hard stop", accepted, [](auto&, auto& t) { t.hard_stops = {"access"}; }, Destination::Unknown,
       "hard stop access is new or changed: its texts are not kept"},
      {"half a canary", accepted,
       [](auto&, auto& t) {
         t.rollout = policy::RolloutStage::Canary;
         t.rollout_percent = 50;
       },
       Destination::Unknown, "which callers are in the canary is not recorded"},
      {"a canary of the caller's group", accepted,
       [](auto&, auto& t) {
         t.rollout = policy::RolloutStage::Canary;
         t.rollout_percent = 0;
         t.rollout_groups = {"ci"};
       },
       Destination::Local, ""},
      {"never asked locally", straight, nothing, Destination::Unknown, "small was not asked"},
  };
  for (const DraftCase& one : cases) {
    const Redecided redecided = redecide(event_with(one.made), one.change);
    EXPECT_EQ(redecided.drafted, one.drafted) << one.name << ": " << redecided.why;
    EXPECT_EQ(redecided.why, one.why) << one.name;
  }
}

TEST(PolicyReplay, OneTierMoreThatWasNotAskedIsUnknownOnlyForWhatReachesIt) {
  const auto two_tiers = [](policy::Policy&, policy::Task& task) {
    task.tiers.insert(task.tiers.begin() + 1, {.model = "other", .prompt = ""});
  };

  EXPECT_EQ(redecide(event_with({.confidence = 0.9}), two_tiers).drafted, Destination::Local);
  EXPECT_EQ(redecide(event_with({.accepted = false, .confidence = 0.6}), two_tiers).drafted, Destination::Unknown);
}

TEST(PolicyReplay, AHardStopOfTheRecordStillStops) {
  audit::Event event = event_with({.tried = false});
  event.input_checks.push_back({.check = "hard_stop:access", .passed = false, .detail = "word token"});
  event.reasons = {Reason::HardStopAccess};
  const auto with_stop = [](policy::Policy&, policy::Task& task) { task.hard_stops = {"access"}; };

  const Redecided kept = redecide(event, with_stop);
  const Redecided removed = redecide(event, nothing);
  const Redecided reworded = redecide(event, [&](policy::Policy& draft, policy::Task& task) {
    with_stop(draft, task);
    draft.hard_stops["access"].words = {"password"};
  });

  EXPECT_EQ(kept.why, "hard_stop_access");
  EXPECT_EQ(removed.drafted, Destination::Unknown) << "without the stop a model would be asked that was not";
  EXPECT_EQ(reworded.drafted, Destination::Unknown);
}

TEST(PolicyReplay, WhatAPersonSentToTheFrontierStaysThere) {
  for (const Reason reason : {Reason::KillSwitch, Reason::ManualOverride}) {
    audit::Event event = event_with({.tried = false});
    event.reasons = {reason};
    EXPECT_EQ(redecide(event, nothing).drafted, Destination::Frontier);
  }
}

TEST(PolicyReplay, WithoutThePolicyInForceChecksOfTheSameNameAreTakenAsUnchanged) {
  const auto other_validators = [](policy::Policy&, policy::Task& task) { task.validators.chars_max = 3; };

  EXPECT_EQ(redecide(event_with({.confidence = 0.9}), other_validators, false).drafted, Destination::Local);

  PolicyReplay replay(draft_of(policy_in_force(), false), {.from = monday(), .to = monday() + std::chrono::hours(1)});
  EXPECT_THAT(replay.build().cannot_be_known, Contains(HasSubstr("--against")));
}

TEST(PolicyReplay, CountsWhatWasPaidAndWhatWouldHaveBeen) {
  const Redecided newly_local = redecide(event_with({.accepted = false, .confidence = 0.6, .local_usd = 0.1}),
                                         [](auto&, auto& t) { threshold(t, 0.5); });
  const Redecided newly_frontier =
      redecide(event_with({.confidence = 0.9, .local_usd = 0.1}), [](auto&, auto& t) { threshold(t, 0.95); });
  const Redecided never_local =
      redecide(event_with({.confidence = 0.9, .local_usd = 0.1}), [](auto&, auto& t) { t.local = false; });

  EXPECT_EQ(newly_local.cost_before, Usd::from_dollars(1.1));
  EXPECT_EQ(newly_local.cost_after, Usd::from_dollars(0.1));
  EXPECT_EQ(newly_frontier.cost_before, Usd::from_dollars(0.1));
  EXPECT_EQ(newly_frontier.cost_after, Usd::from_dollars(1.1)) << "the local attempt in vain, and the frontier";
  EXPECT_EQ(never_local.cost_after, Usd::from_dollars(1));
}

TEST(PolicyReplay, SaysExactlyWhatThePolicyThenDecides) {
  // 500 requests recorded at 0.7, replayed at 0.85, beside the same requests really decided at 0.85.
  SeededRandom random(3);
  const NumbersOptions options{.from = monday(), .to = monday() + std::chrono::hours(168), .repetitions = 100};
  PolicyReplay replay(draft_of(drafted([](auto&, auto& t) { threshold(t, 0.85); })), options);
  NumbersBuilder truth(options);
  std::int64_t between = 0;
  for (int i = 0; i < 500; ++i) {
    const double confidence = random.uniform();
    replay.add(
        recorded(event_with({.number = i, .accepted = confidence >= 0.7, .confidence = confidence, .local_usd = 0.1})));
    truth.add(recorded(
        event_with({.number = i, .accepted = confidence >= 0.85, .confidence = confidence, .local_usd = 0.1})));
    between += confidence >= 0.7 && confidence < 0.85 ? 1 : 0;
  }

  const PolicyReplayReport report = replay.build();
  const Numbers numbers = truth.build();

  EXPECT_EQ(report.total.local_after.k, numbers.total.local.k);
  EXPECT_EQ(report.total.newly_frontier.k, between);
  EXPECT_EQ(report.total.newly_local.k, 0);
  EXPECT_EQ(report.total.unknown.k, 0);
  EXPECT_NEAR(report.total.cost.paid_usd, numbers.total.paid_usd, 1e-9);
  EXPECT_TRUE(report.total.cost.saved.interval->contains(-1.0 * static_cast<double>(between)));
}

TEST(PolicyReplay, BoundsTheShareByWhatIsNotKnown) {
  const NumbersOptions options{.from = monday(), .to = monday() + std::chrono::hours(1)};
  PolicyReplay replay(draft_of(policy_in_force()), options);
  for (int i = 0; i < 10; ++i) replay.add(recorded(event_with({.number = i, .tried = i < 6, .confidence = 0.9})));

  const PolicyReplayReport report = replay.build();

  EXPECT_EQ(report.total.unknown.k, 4);
  EXPECT_DOUBLE_EQ(report.total.local_after_low, 0.6);
  EXPECT_DOUBLE_EQ(report.total.local_after_high, 1);
  EXPECT_EQ(report.unknown.at("small was not asked"), 4);
}

}  // namespace
}  // namespace suffice::lab
