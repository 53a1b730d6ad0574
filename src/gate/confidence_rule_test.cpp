// What the gate believes of a certificate: only one about this task, model, adapter, prompt, signal, calibrator and data, and not for ever.
#include "gate/confidence_rule.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gate/judge.hpp"
#include "learned/certificate.hpp"

namespace suffice::gate {
namespace {

using learned::Calibrator;
using learned::CalibratorKind;
using learned::Certificate;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const WallTime kToday = std::chrono::sys_days(std::chrono::year(2026) / 11 / 22);

/// One local classifier, a hosted model, one label task, and the two files that prove its threshold.
class CertifiedTask : public ::testing::Test {
 protected:
  CertifiedTask() {
    const ::testing::TestInfo& test = *::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(::testing::TempDir()) / ("suffice_certified_" + std::string(test.name()));
    std::filesystem::create_directories(folder_);
    policy::Model& small = policy_.models["small"];
    small.name = "small";
    small.provider = policy::ProviderKind::Classifier;
    small.model = "small.lin";
    small.sha256 = std::string(64, 'a');
    small.local = true;
    policy_.models["big"].name = "big";
    policy_.models["big"].model = "gpt";
    task_.name = "triage";
    task_.labels = {"build", "test"};
    task_.tiers = {{.model = "small", .prompt = "triage_mini@1"}, {.model = "big", .prompt = {}}};
    task_.prompt = "triage@1";
    task_.confidence = policy::ConfidenceSignal::LabelProbability;
  }
  ~CertifiedTask() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& bytes) const {
    const std::string file = (folder_ / name).string();
    std::ofstream(file, std::ios::binary) << bytes;
    return file;
  }

  /// Says a tenth less than the classifier does, roughly: rows whose share of right ones is the probability minus 0.1.
  static Calibrator calibrator(CalibratorKind kind = CalibratorKind::Isotonic, std::string data = std::string(64, 'd'),
                               double share = 0.5) {
    std::vector<learned::SignalRow> rows;
    for (int tenth = 1; tenth <= 10; ++tenth) {
      for (int i = 0; i < 10; ++i) rows.push_back({.signals = {tenth / 10.0}, .correct = i < tenth - 1});
    }
    return *Calibrator::fit(kind, {"label_probability"}, rows,
                            {.data_sha256 = std::move(data), .share = share, .seed = 1, .note = {}});
  }

  Certificate certificate() {
    const std::vector<std::string> none;
    return {.scope = scope_of(policy_, task_, 0, nullptr),
            .terms = {},
            .derivation = {.data_sha256 = std::string(64, 'd'),
                           .signals = {"label_probability"},
                           .correct = "correct",
                           .where = none,
                           .key = {},
                           .seed = 1,
                           .share = 0.5},
            .grid = {0.9, 0.75},
            .threshold = 0.75,
            .rows = 500,
            .accepted = 300,
            .failures = 5,
            .made = "2026-11-01",
            .expires = "2027-01-31",
            .note = {},
            .id = {}};
  }

  void certify_with(const Certificate& certificate) {
    task_.proof.certificate = write("t.cert", certificate.to_bytes());
  }

  Verdict judged(double probability, WallTime now = kToday, std::size_t tier = 0) {
    const Result<GateRules> rules = compile_rules(policy_, task_);
    EXPECT_TRUE(rules) << (rules ? "" : describe(rules.error()));
    Completion completion;
    completion.text = "build";
    completion.finish = FinishReason::Stop;
    completion.labels = LabelDistribution{.entries = {{"build", probability}, {"test", 1 - probability}}};
    const ChatRequest request;
    return judge(*rules,
                 Candidate{.completion = completion, .input = "a log", .request = request, .tier = tier, .now = now});
  }

  std::filesystem::path folder_;
  policy::Policy policy_;
  policy::Task task_;
};

TEST_F(CertifiedTask, AcceptsAboveTheCertifiedThresholdAndNamesTheCertificate) {
  certify_with(certificate());
  const Verdict accepted = judged(0.8);
  EXPECT_THAT(accepted.reasons, IsEmpty());
  EXPECT_EQ(accepted.threshold.value, 0.75);
  EXPECT_EQ(accepted.certificate, Certificate::load(task_.proof.certificate)->id);
  EXPECT_THAT(judged(0.7).reasons, ElementsAre(Reason::ConfidenceLow));
}

TEST_F(CertifiedTask, ComparesTheCalibratedProbabilityWhereThereIsACalibrator) {
  const Calibrator isotonic = calibrator();
  task_.proof.calibrator = write("t.cal", isotonic.to_bytes());
  Certificate made = certificate();
  made.scope = scope_of(policy_, task_, 0, &isotonic);
  certify_with(made);

  const Verdict verdict = judged(0.8);

  EXPECT_NEAR(verdict.confidence.value, 0.7, 1e-12);
  EXPECT_EQ(verdict.confidence_source, "isotonic:" + isotonic.sha256().substr(0, 12));
  EXPECT_THAT(verdict.reasons, ElementsAre(Reason::ConfidenceLow)) << "0.8 is above the threshold, 0.7 is not";
  EXPECT_THAT(judged(0.9).reasons, IsEmpty());
  EXPECT_EQ(verdict.signals.front().name, "label_probability") << "the raw signal is recorded as well";
}

TEST_F(CertifiedTask, AnExpiredCertificateKeepsTheTaskOnTheFrontier) {
  certify_with(certificate());
  const WallTime later = std::chrono::sys_days(std::chrono::year(2027) / 2 / 1);
  const Verdict verdict = judged(0.99, later);
  EXPECT_THAT(verdict.reasons, ElementsAre(Reason::ThresholdUncertified));
  EXPECT_THAT(verdict.checks.back().detail, HasSubstr("expired on 2027-01-31"));
  EXPECT_EQ(verdict.certificate, "");
}

TEST_F(CertifiedTask, WithoutATimeNoCertificateIsBelieved) {
  certify_with(certificate());
  const Completion completion;
  const ChatRequest request;
  const Candidate careless{.completion = completion, .input = {}, .request = request};
  EXPECT_THAT(judged(0.99, careless.now).reasons, ElementsAre(Reason::ThresholdUncertified));
}

TEST_F(CertifiedTask, AForeignCertificateKeepsTheTaskOnTheFrontierAndSaysWhatDiffers) {
  struct Case {
    const char* name;
    std::function<void(policy::Policy&, policy::Task&)> change;
    const char* said;
  };
  const std::vector<Case> cases = {
      {"another model file", [](auto& policy, auto&) { policy.models["small"].sha256 = std::string(64, 'b'); },
       "model_sha256: certified for aaaa"},
      {"a model that is not pinned", [](auto& policy, auto&) { policy.models["small"].sha256 = ""; }, "has no sha256"},
      {"a model behind a server",
       [](auto& policy, auto&) {
         policy.models["small"].provider = policy::ProviderKind::Ollama;
         policy.models["small"].model = "phi4-mini";
       },
       "model_sha256"},
      {"another prompt version", [](auto&, auto& task) { task.tiers[0].prompt = "triage_mini@2"; },
       "prompt: certified for triage_mini@1, here it is triage_mini@2"},
      {"another task", [](auto&, auto& task) { task.name = "triage_2"; }, "task: certified for triage"},
      {"another signal", [](auto&, auto& task) { task.confidence = policy::ConfidenceSignal::LabelMargin; },
       "signal: certified for label_probability"},
      {"an adapter",
       [](auto& policy, auto& task) {
         policy.models["small"].adapters["lora"] = "lora.gguf";
         task.adapter = "lora";
       },
       "adapter: certified for none, here it is lora"},
      {"other data than the policy wants", [](auto&, auto& task) { task.proof.data_sha256 = std::string(64, 'e'); },
       "data: certified from dddd"},
  };
  certify_with(certificate());
  for (const Case& one : cases) {
    const policy::Policy policy = policy_;
    const policy::Task task = task_;
    one.change(policy_, task_);

    const Verdict verdict = judged(0.99);

    EXPECT_THAT(verdict.reasons, ElementsAre(Reason::ThresholdUncertified)) << one.name;
    EXPECT_THAT(verdict.checks.back().detail, HasSubstr(one.said)) << one.name;
    policy_ = policy;
    task_ = task;
  }
  EXPECT_THAT(judged(0.99).reasons, IsEmpty()) << "unchanged, it is believed";
}

TEST_F(CertifiedTask, ACalibratorThatWasNotCertifiedWithIsForeign) {
  certify_with(certificate());
  task_.proof.calibrator = write("t.cal", calibrator().to_bytes());
  EXPECT_THAT(judged(0.99).reasons, ElementsAre(Reason::ThresholdUncertified));
}

TEST_F(CertifiedTask, ACalibratorFittedOnTheCertifiedRowsProvesNothing) {
  const Calibrator on_all = calibrator(CalibratorKind::Isotonic, std::string(64, 'd'), 1);
  task_.proof.calibrator = write("t.cal", on_all.to_bytes());
  Certificate made = certificate();
  made.scope = scope_of(policy_, task_, 0, &on_all);
  certify_with(made);
  const Verdict verdict = judged(0.99);
  EXPECT_THAT(verdict.reasons, ElementsAre(Reason::ThresholdUncertified));
  EXPECT_THAT(verdict.checks.back().detail, HasSubstr("fitted on rows"));
}

TEST_F(CertifiedTask, ACertificateOfOneTierSaysNothingOfTheNext) {
  policy_.models["medium"] = policy_.models["small"];
  policy_.models["medium"].sha256 = std::string(64, 'c');
  task_.tiers.insert(task_.tiers.begin() + 1, policy::Tier{.model = "medium", .prompt = "triage_mini@1"});
  certify_with(certificate());
  EXPECT_THAT(judged(0.99, kToday, 0).reasons, IsEmpty());
  EXPECT_THAT(judged(0.99, kToday, 1).reasons, ElementsAre(Reason::ThresholdUncertified));
}

TEST_F(CertifiedTask, ACalibratorAloneServesOnlyAboveAnExplicitThreshold) {
  task_.proof.calibrator = write("t.cal", calibrator().to_bytes());
  EXPECT_THAT(judged(0.99).reasons, ElementsAre(Reason::ThresholdUncertified));
  task_.min_confidence = 0.75;
  EXPECT_THAT(judged(0.8).reasons, ElementsAre(Reason::ConfidenceLow));
  EXPECT_THAT(judged(0.9).reasons, IsEmpty());
}

TEST_F(CertifiedTask, AMissingSignalIsMissingAndNeverConfidence) {
  task_.proof.calibrator = write("t.cal", calibrator().to_bytes());
  task_.min_confidence = 0.1;
  const Result<GateRules> rules = compile_rules(policy_, task_);
  ASSERT_TRUE(rules);
  Completion completion;
  completion.text = "build";
  completion.finish = FinishReason::Stop;
  const ChatRequest request;
  const Verdict verdict =
      judge(*rules, Candidate{.completion = completion, .input = "a log", .request = request, .now = kToday});
  EXPECT_THAT(verdict.reasons, ElementsAre(Reason::LogprobsMissing, Reason::ConfidenceLow));
}

TEST_F(CertifiedTask, FilesThatCannotBeUsedAreProblemsOfThePolicy) {
  const auto refusal = [&] {
    const auto rule = compile_confidence(policy_, task_, 0);
    return rule ? std::string("used") : rule.error().where + ": " + rule.error().message;
  };
  task_.proof.certificate = (folder_ / "none.cert").string();
  EXPECT_THAT(refusal(), HasSubstr("certificate: "));
  EXPECT_THAT(refusal(), HasSubstr("suffice fit threshold"));
  task_.proof.certificate = write("t.cert", "no certificate");
  EXPECT_THAT(refusal(), HasSubstr("its first line"));
  task_.proof = {};
  task_.proof.calibrator = write("t.cal", calibrator().to_bytes());
  task_.confidence = policy::ConfidenceSignal::LabelMargin;
  EXPECT_THAT(refusal(), HasSubstr("fitted on label_probability"));
  const Result<GateRules> rules = compile_rules(policy_, task_);
  ASSERT_FALSE(rules);
  EXPECT_EQ(rules.error().where, "tasks.triage.calibrator");
}

TEST_F(CertifiedTask, AModelMayStopEarlyOnlyBelowARawThreshold) {
  task_.min_confidence = 0.6;
  EXPECT_EQ(raw_floor(*compile_rules(policy_, task_), 0), 0.6);
  task_.proof.calibrator = write("t.cal", calibrator().to_bytes());
  EXPECT_EQ(raw_floor(*compile_rules(policy_, task_), 0), 0) << "the threshold is of another scale";
  task_.proof = {};
  task_.min_confidence.reset();
  certify_with(certificate());
  EXPECT_EQ(raw_floor(*compile_rules(policy_, task_), 0), 0.75);
}

}  // namespace
}  // namespace suffice::gate
