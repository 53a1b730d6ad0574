// Figures of hand-made runs, by hand; the release gate in each of its states.
#include "lab/suites/score.hpp"

#include <functional>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lab/report/report.hpp"
#include "lab/suites/eval_report.hpp"

namespace suffice::lab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

SuiteCase case_of(std::string id, std::string expected, bool must_escalate = false) {
  SuiteCase one;
  one.id = std::move(id);
  one.expected.text = std::move(expected);
  one.must_escalate = must_escalate;
  one.messages = {Message::of(Role::User, "text of " + one.id)};
  return one;
}

struct RunSpec {
  std::string id = {};
  Pass pass = Pass::Gated;
  bool local = false;
  std::string answered = {};
  bool right = false;
  double confidence = 0;
  double cost = 0;
  std::string reason = {};
};

CaseRun run_of(const RunSpec& spec) {
  CaseRun run;
  run.id = spec.id;
  run.pass = spec.pass;
  run.local = spec.local;
  run.answered = spec.answered;
  run.preview = spec.answered;
  run.right = spec.right;
  if (spec.local) run.confidence = spec.confidence;
  run.cost_usd = spec.cost;
  if (!spec.reason.empty()) run.reasons = {spec.reason};
  return run;
}

/// Four cases: accepted and right, accepted and wrong, rejected though right, one that must escalate.
struct Example {
  Suite suite;
  TaskFacts task{.labels = {"a", "b", "stop"}, .escalate_labels = {"stop"}};
  std::vector<CaseRun> runs;

  Example() {
    suite.name = "example";
    suite.cases = {case_of("good", "a"), case_of("bad", "a"), case_of("shy", "b"), case_of("hard", "stop", true)};
    add({.id = "good", .local = true, .answered = "a", .right = true, .confidence = 0.9, .cost = 0.1});
    add({.id = "bad", .local = true, .answered = "b", .confidence = 0.8, .cost = 0.1});
    add({.id = "shy", .answered = "b", .right = true, .cost = 1.1, .reason = "confidence_low"});
    add({.id = "shy",
         .pass = Pass::Ungated,
         .local = true,
         .answered = "b",
         .right = true,
         .confidence = 0.4,
         .cost = 0.1});
    add({.id = "hard", .answered = "stop", .right = true, .cost = 1, .reason = "hard_stop_access"});
    add({.id = "hard", .pass = Pass::Ungated, .local = true, .answered = "a", .confidence = 0.7, .cost = 0.1});
    for (const char* id : {"good", "bad", "shy", "hard"}) {
      add({.id = id, .pass = Pass::Frontier, .right = std::string(id) != "shy", .cost = 1});
      add({.id = id, .pass = Pass::KillSwitch, .right = true, .reason = "kill_switch"});
    }
  }
  void add(const RunSpec& spec) { runs.push_back(run_of(spec)); }
  [[nodiscard]] SuiteScore score() const { return score_suite(suite, task, runs); }
  [[nodiscard]] std::vector<GateLine> gate() const { return release_gate(suite, task, score()); }
};

std::string state_of(const std::vector<GateLine>& gates, std::string_view gate) {
  for (const GateLine& line : gates) {
    if (line.name == gate) return std::string(name(line.state));
  }
  return "absent";
}

TEST(Score, CountsWhatWasServedAndWhatWasKeptBack) {
  const SuiteScore score = Example().score();

  EXPECT_EQ(score.cases, 4U);
  EXPECT_EQ(score.accepted.k, 2);
  EXPECT_EQ(score.accepted.n, 4);
  EXPECT_EQ(score.right_of_accepted.k, 1);
  EXPECT_EQ(score.right_of_accepted.n, 2);
  EXPECT_EQ(score.false_accepts.k, 1);
  EXPECT_EQ(score.false_accepts.n, 4);
  EXPECT_EQ(score.false_accepts_accepted.n, 2);
  EXPECT_EQ(score.hard_stop_accepts.k, 0);
  EXPECT_EQ(score.hard_stop_accepts.n, 1);
  EXPECT_EQ(score.false_rejects.k, 1);
  EXPECT_EQ(score.false_rejects.n, 3);
  EXPECT_EQ(score.right.k, 3);
  EXPECT_EQ(score.kill_switch.n, 4);
  EXPECT_EQ(score.kill_switch.k, 0);
  EXPECT_EQ(score.reasons.at("confidence_low"), 1U);
  EXPECT_EQ(score.reasons.at("hard_stop_access"), 1U);
  EXPECT_EQ(score.confusion.at("stop").at("a"), 1U);
  EXPECT_EQ(score.confusion.at("a").at("b"), 1U);
}

TEST(Score, ListsForbiddenAnswersBeforeWrongOnesAndTheSurestFirst) {
  Example example;
  example.runs[4] = run_of({.id = "hard", .local = true, .answered = "stop", .right = true, .confidence = 0.3});
  example.suite.cases.push_back(case_of("worse", "a"));
  example.add({.id = "worse", .local = true, .answered = "b", .confidence = 0.95});

  const SuiteScore score = example.score();

  ASSERT_THAT(score.wrong, SizeIs(3));
  EXPECT_EQ(score.wrong[0].id, "hard");
  EXPECT_TRUE(score.wrong[0].hard_stop);
  EXPECT_EQ(score.wrong[1].id, "worse");
  EXPECT_EQ(score.wrong[2].id, "bad");
}

TEST(Score, RiskAndReliabilityAreTheLocalModelsOwnAnswers) {
  const SuiteScore score = Example().score();

  // By confidence: good .9 right, bad .8 wrong, hard .7 wrong, shy .4 right.
  ASSERT_THAT(score.risk_coverage, SizeIs(4));
  EXPECT_DOUBLE_EQ(score.risk_coverage[0].risk, 0);
  EXPECT_DOUBLE_EQ(score.risk_coverage[1].risk, 0.5);
  EXPECT_DOUBLE_EQ(score.risk_coverage[2].risk, 2.0 / 3);
  EXPECT_DOUBLE_EQ(score.risk_coverage[3].coverage, 1);
  EXPECT_NEAR(score.ece.value(), (0.1 + 0.8 + 0.7 + 0.6) / 4, 1e-12);
  EXPECT_NEAR(score.brier.value(), (0.01 + 0.64 + 0.49 + 0.36) / 4, 1e-12);
}

TEST(Score, PutsBaselinesBesideWhatWasServed) {
  const SuiteScore score = Example().score();

  ASSERT_THAT(score.baselines, SizeIs(5));
  const auto& served = score.baselines[0];
  EXPECT_DOUBLE_EQ(served.quality.value(), 0.75);
  EXPECT_DOUBLE_EQ(served.cost_usd.value(), (0.1 + 0.1 + 1.1 + 1) / 4);
  EXPECT_DOUBLE_EQ(served.strong_calls.value(), 0.5);
  EXPECT_DOUBLE_EQ(score.baselines[1].quality.value(), 0.5);   // good and shy
  EXPECT_DOUBLE_EQ(score.baselines[2].quality.value(), 0.75);  // the frontier is wrong on shy
  EXPECT_DOUBLE_EQ(score.baselines[3].quality.value(), 0.625);
  EXPECT_DOUBLE_EQ(score.baselines[4].quality.value(), 1);
  EXPECT_DOUBLE_EQ(score.baselines[4].strong_calls.value(), 0.5);
}

TEST(Score, LeavesOutCasesThatDidNotRun) {
  Example example;
  example.suite.cases.push_back(case_of("later", "a"));
  EXPECT_EQ(example.score().cases, 4U);
}

TEST(ReleaseGate, IsMetWhenEverythingAskedForIsShown) {
  Example example;
  example.runs[1] = run_of({.id = "bad", .local = true, .answered = "a", .right = true, .confidence = 0.8});
  const std::vector<GateLine> gates = example.gate();
  EXPECT_TRUE(all_met(gates));
  EXPECT_EQ(state_of(gates, "label_accuracy"), "met");
  EXPECT_EQ(state_of(gates, "false_accepts_on_hard_stops"), "met");
  EXPECT_EQ(state_of(gates, "kill_switch"), "met");
  EXPECT_EQ(state_of(gates, "json_validity"), "absent");
}

TEST(ReleaseGate, IsNotMetBy) {
  struct Case {
    const char* name;
    std::function<void(Example&)> change;
    const char* gate;
  };
  const Case cases[] = {
      {"a wrong answer", [](Example&) {}, "label_accuracy"},
      {"an accepted case that must escalate",
       [](Example& e) { e.runs[4] = run_of({.id = "hard", .local = true, .answered = "stop", .right = true}); },
       "false_accepts_on_hard_stops"},
      {"a local answer under the kill switch",
       [](Example& e) {
         for (CaseRun& run : e.runs) run.local = run.local || run.pass == Pass::KillSwitch;
       },
       "kill_switch"},
      {"no case that must escalate", [](Example& e) { e.suite.cases[3].must_escalate = false; },
       "false_accepts_on_hard_stops"},
      {"no run under the kill switch",
       [](Example& e) { std::erase_if(e.runs, [](const CaseRun& run) { return run.pass == Pass::KillSwitch; }); },
       "kill_switch"},
      {"nothing accepted",
       [](Example& e) {
         for (CaseRun& run : e.runs) run.local = run.local && run.pass != Pass::Gated;
       },
       "label_accuracy"},
      {"too few accepted", [](Example& e) { e.suite.gates.accepted = 0.6; }, "accepted"},
      {"answers that break the schema",
       [](Example& e) {
         e.task.has_schema = true;
         e.runs[3] = run_of({.id = "shy", .pass = Pass::Ungated, .reason = "schema_invalid"});
       },
       "json_validity"},
  };
  for (const Case& one : cases) {
    Example example;
    one.change(example);
    EXPECT_EQ(state_of(example.gate(), one.gate), "not met") << one.name;
    EXPECT_FALSE(all_met(example.gate())) << one.name;
  }
}

TEST(ReleaseGate, ByBoundAsksMoreOfASmallSuite) {
  Example example;
  example.runs[1] = run_of({.id = "bad", .local = true, .answered = "a", .right = true, .confidence = 0.8});
  EXPECT_EQ(state_of(example.gate(), "label_accuracy"), "met");
  example.suite.gates.by = GateBy::Bound;
  EXPECT_EQ(state_of(example.gate(), "label_accuracy"), "not met");
}

TEST(ReleaseGate, AsksNothingOfATaskWithoutALocalTier) {
  Example example;
  example.task.has_local_tier = false;
  for (CaseRun& run : example.runs) run.local = false;
  EXPECT_TRUE(all_met(example.gate()));
  EXPECT_EQ(state_of(example.gate(), "label_accuracy"), "not applicable");
}

TEST(CaseRuns, ComeBackFromTheirLines) {
  CaseRun run = run_of({.id = "a \"b\"",
                        .pass = Pass::Ungated,
                        .local = true,
                        .answered = "x",
                        .right = true,
                        .confidence = 0.1,
                        .cost = 1e-7});
  run.reasons = {"one", "two"};
  run.error = "timeout";
  run.latency_us = 12;
  run.stand_in = true;
  CaseRun other = run_of({.id = "b"});
  other.right.reset();
  const std::string lines =
      to_line(run, "key") + "\n" + to_line(other, "key") + "\n" + to_line(run, "other key") + "\n";

  EXPECT_EQ(read_runs(lines, "key").value(), (std::vector<CaseRun>{run, other}));
  EXPECT_EQ(read_runs(lines, "other key").value(), (std::vector<CaseRun>{run}));
}

TEST(CaseRuns, ALineThatAnInterruptionCutIsRunAgainAnyOtherIsAnError) {
  const std::string line = to_line(run_of({.id = "a"}), "k");
  EXPECT_THAT(read_runs(line + "\n" + line.substr(0, 20), "k").value(), SizeIs(1));
  EXPECT_THAT(read_runs(line + "\n" + line + "\n", "k").value(), SizeIs(1));
  const auto broken = read_runs(line + "\n{}\n", "k");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().where, "line 2");
}

SuiteReport report_of(const Example& example) {
  SuiteReport report;
  report.suite = example.suite;
  report.task = example.task;
  report.score = example.score();
  report.gates = example.gate();
  report.runs = example.runs;
  report.policy_version = "v1";
  return report;
}

TEST(EvalReport, ComparesWithAnEarlierOne) {
  const Example before;
  Example after;
  after.runs[1] = run_of({.id = "bad", .answered = "a", .right = true, .reason = "confidence_low"});
  const std::string earlier =
      boost::json::serialize(boost::json::object{{"suites", boost::json::array{to_json(report_of(before))}}});

  const auto diff = diff_with(report_of(after), earlier);

  ASSERT_TRUE(diff);
  ASSERT_TRUE(diff->has_value());
  EXPECT_EQ((*diff)->earlier_policy, "v1");
  ASSERT_THAT((*diff)->changes, SizeIs(1));
  EXPECT_EQ((*diff)->changes[0].id, "bad");
  EXPECT_EQ((*diff)->changes[0].before, "local, wrong");
  EXPECT_EQ((*diff)->changes[0].now, "frontier, confidence_low");
  EXPECT_FALSE(diff_with(report_of(after), "[]"));
  EXPECT_EQ(diff_with(report_of(after), R"({"suites": []})").value(), std::nullopt);
}

TEST(EvalReport, PageSaysFalseAcceptsFirstAndEscapesWhatModelsWrote) {
  Example example;
  example.runs[1].preview = "<script>alert(1)</script>";
  Report page("t");
  add_to(page, report_of(example), std::nullopt);

  const std::string html = page.html();

  EXPECT_LT(html.find("false accepts"), html.find("release gate"));
  EXPECT_EQ(html.find("<script>alert"), std::string::npos);
  EXPECT_THAT(html, HasSubstr("label_accuracy"));
}

}  // namespace
}  // namespace suffice::lab
