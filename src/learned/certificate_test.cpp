#include "learned/certificate.hpp"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace suffice::learned {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Certificate sample() {
  return {.scope = {.task = "intent",
                    .model_sha256 = std::string(64, 'a'),
                    .model = "",
                    .adapter = "",
                    .prompt = "intent@1",
                    .signal = "",
                    .calibrator_sha256 = std::string(64, 'c')},
          .terms = {.false_accept_max = 0.05, .confidence = 0.95, .unit = RiskUnit::Accepted},
          .derivation = {.data_sha256 = std::string(64, 'd'),
                         .signals = {"label_probability"},
                         .correct = "correct",
                         .where = {"model=m"},
                         .key = "text",
                         .seed = 1,
                         .share = 0.5},
          .grid = {0.99, 0.875, 0.5},
          .threshold = 0.875,
          .rows = 1'000,
          .accepted = 400,
          .failures = 8,
          .made = "2026-11-22",
          .expires = "2027-02-20",
          .note = "made up",
          .id = ""};
}

WallTime at(int year, unsigned month, unsigned day) {
  return std::chrono::sys_days(std::chrono::year(year) / month / day) + std::chrono::hours(23);
}

TEST(Certificate, IsReadAsItWasWritten) {
  Certificate written = sample();
  const Result<Certificate> read = Certificate::from_bytes(written.to_bytes());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->id.size(), 16U);
  written.id = read->id;
  EXPECT_EQ(*read, written);
}

TEST(Certificate, IsRefusedWhenCutOrAlteredAnywhere) {
  const std::string bytes = sample().to_bytes();
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_FALSE(Certificate::from_bytes(bytes.substr(0, length))) << length;
  for (std::size_t place = 0; place < bytes.size(); ++place) {
    std::string altered = bytes;
    altered[place] = static_cast<char>(altered[place] ^ 1);
    EXPECT_FALSE(Certificate::from_bytes(altered)) << place;
  }
}

TEST(Certificate, IsRefusedWhenItsNumbersDoNotCertifyItsThreshold) {
  const auto refused = [](auto change) {
    Certificate altered = sample();
    change(altered);
    return !Certificate::from_bytes(altered.to_bytes());
  };
  EXPECT_FALSE(refused([](Certificate&) {}));
  EXPECT_TRUE(refused([](Certificate& c) { c.failures = 20; }));  // P(Bin(400, 0.05) <= 20) is above 0.05
  EXPECT_TRUE(refused([](Certificate& c) { c.failures = -1; }));
  EXPECT_TRUE(refused([](Certificate& c) { c.accepted = 2'000; }));
  EXPECT_TRUE(refused([](Certificate& c) { c.threshold = 0.6; }));  // not on the grid
  EXPECT_TRUE(refused([](Certificate& c) { c.grid = {0.875, 0.99}; }));
  EXPECT_TRUE(refused([](Certificate& c) { c.terms.false_accept_max = 0; }));
  EXPECT_TRUE(refused([](Certificate& c) { c.expires = "soon"; }));
  EXPECT_TRUE(refused([](Certificate& c) { c.expires = "2027-13-01"; }));
}

TEST(Certificate, IsBelievedToTheEndOfItsLastDay) {
  const Certificate certificate = sample();
  EXPECT_FALSE(certificate.expired(at(2026, 11, 22)));
  EXPECT_FALSE(certificate.expired(at(2027, 2, 20)));
  EXPECT_TRUE(certificate.expired(at(2027, 2, 21)));
  EXPECT_TRUE(certificate.expired(WallTime::max()));
}

TEST(Certificate, NamesEveryPartThatIsAnother) {
  const CertificateScope certified = sample().scope;
  EXPECT_THAT(differences(certified, certified), IsEmpty());
  CertificateScope here = certified;
  here.prompt = "intent@2";
  here.calibrator_sha256 = "";
  EXPECT_THAT(differences(certified, here), ElementsAre("prompt: certified for intent@1, here it is intent@2",
                                                        HasSubstr("calibrator: certified for cccc")));
  for (std::string CertificateScope::* part :
       {&CertificateScope::task, &CertificateScope::model_sha256, &CertificateScope::model, &CertificateScope::adapter,
        &CertificateScope::prompt, &CertificateScope::signal, &CertificateScope::calibrator_sha256}) {
    CertificateScope other = certified;
    other.*part += "x";
    EXPECT_EQ(differences(certified, other).size(), 1U);
  }
}

TEST(Certificate, IsConfirmedOnlyByTheSameCounts) {
  const Certificate certificate = sample();
  Certification again{.tests = {}, .rows = 1'000, .threshold = {}, .refusal = {}, .more_rows = {}};
  again.threshold =
      ThresholdTest{.threshold = 0.875, .accepted = 400, .failures = 8, .p_value = 0.001, .certified = true};
  EXPECT_EQ(unconfirmed(certificate, again), "");
  again.threshold->failures = 9;
  EXPECT_THAT(unconfirmed(certificate, again), HasSubstr("9 wrong of 400"));
  again.threshold->threshold = 0.5;
  EXPECT_THAT(unconfirmed(certificate, again), HasSubstr("threshold 0.5"));
  again.threshold.reset();
  EXPECT_THAT(unconfirmed(certificate, again), HasSubstr("no threshold"));
}

}  // namespace
}  // namespace suffice::learned
