// A certified task end to end: served while its certificate is believed, on the frontier and recorded as such when it is not.

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "learned/certificate.hpp"
#include "pipeline/gateway_fixture.hpp"

namespace suffice::pipeline {
namespace {

class CertifiedGateway : public GatewayFixture {
 protected:
  CertifiedGateway() {
    const ::testing::TestInfo& test = *::testing::UnitTest::GetInstance()->current_test_info();
    file_ = std::filesystem::path(::testing::TempDir()) / ("certified_gateway_" + std::string(test.name()) + ".cert");
    policy_.models["small"].provider = policy::ProviderKind::Classifier;
    policy_.models["small"].sha256 = std::string(64, 'a');
    policy_.tasks["triage"].min_confidence.reset();
    policy_.tasks["triage"].proof.certificate = file_.string();
  }
  ~CertifiedGateway() override { std::filesystem::remove(file_); }

  /// Writes a certificate for triage by the model with this digest, believed until a day after the clock's today; gives its id.
  std::string certify(const std::string& model_sha256) {
    const learned::Certificate certificate{
        .scope = {.task = "triage",
                  .model_sha256 = model_sha256,
                  .model = {},
                  .adapter = {},
                  .prompt = {},
                  .signal = "label_probability",
                  .calibrator_sha256 = {}},
        .terms = {},
        .derivation = {.data_sha256 = {}, .signals = {}, .correct = {}, .where = {}, .key = {}, .seed = 1, .share = 0},
        .grid = {0.8},
        .threshold = 0.8,
        .rows = 300,
        .accepted = 200,
        .failures = 2,
        .made = "2020-01-01",
        .expires = learned::day_of(clock_.wall_now() + std::chrono::days(1)),
        .note = {},
        .id = {}};
    const std::string bytes = certificate.to_bytes();
    std::ofstream(file_, std::ios::binary) << bytes;
    return learned::Certificate::from_bytes(bytes)->id;
  }

  std::filesystem::path file_;
};

TEST_F(CertifiedGateway, ServesLocallyAndRecordsTheCertificate) {
  const std::string id = certify(std::string(64, 'a'));
  local_->answer(labelled("build", 0.9));

  const Answer answer = ask();

  EXPECT_EQ(answer.decision.route, Route::Local);
  EXPECT_NE(events()[0].json.find("\"certificate\":\"" + id + "\""), std::string::npos) << events()[0].json;
  EXPECT_NE(events()[0].json.find("\"threshold\":0.8"), std::string::npos) << events()[0].json;
}

TEST_F(CertifiedGateway, AForeignCertificateKeepsTheTaskOnTheFrontier) {
  certify(std::string(64, 'b'));
  local_->answer(labelled("build", 0.99));
  frontier_->answer("test");

  const Answer answer = ask();

  EXPECT_EQ(answer.decision.model, "big");
  EXPECT_EQ(answer.decision.reasons, std::vector<Reason>{Reason::ThresholdUncertified});
  EXPECT_EQ(events()[0].reason, "threshold_uncertified");
  EXPECT_EQ(events()[0].json.find("\"certificate\":\""), std::string::npos);
}

TEST_F(CertifiedGateway, AWithdrawnCertificateActsOnTheNextRequest) {
  certify(std::string(64, 'a'));
  local_->answer(labelled("build", 0.99));
  EXPECT_EQ(ask().decision.route, Route::Local);

  LeverState state;
  state.tasks["triage"].certificate_withdrawn = true;
  levers_.set(state);
  local_->answer(labelled("build", 0.99));
  frontier_->answer("test");

  EXPECT_EQ(ask().decision.reasons, std::vector<Reason>{Reason::ThresholdUncertified});
  EXPECT_NE(events()[1].json.find("it was withdrawn"), std::string::npos);
}

TEST_F(CertifiedGateway, AThresholdThatAnOperatorRaisesCountsBesideTheCertified) {
  certify(std::string(64, 'a'));
  LeverState state;
  state.tasks["triage"].min_confidence = 0.95;
  levers_.set(state);
  local_->answer(labelled("build", 0.9));
  frontier_->answer("test");
  EXPECT_EQ(ask().decision.reasons, std::vector<Reason>{Reason::ConfidenceLow});

  state.tasks["triage"].min_confidence = 0.1;
  levers_.set(state);
  local_->answer(labelled("build", 0.7));
  frontier_->answer("test");
  EXPECT_EQ(ask().decision.reasons, std::vector<Reason>{Reason::ConfidenceLow}) << "a lever never lowers a threshold";
}

TEST_F(CertifiedGateway, ACertificateThatExpiresWhileTheGatewayRunsIsBelievedNoLonger) {
  certify(std::string(64, 'a'));
  local_->answer(labelled("build", 0.99));
  EXPECT_EQ(ask().decision.route, Route::Local);

  clock_.advance(std::chrono::hours(72));
  local_->answer(labelled("build", 0.99));
  frontier_->answer("test");

  EXPECT_EQ(ask().decision.reasons, std::vector<Reason>{Reason::ThresholdUncertified});
}

}  // namespace
}  // namespace suffice::pipeline
