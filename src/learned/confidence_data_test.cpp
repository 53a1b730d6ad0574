// Calibration and certification on recorded answers of real models: SUFFICE_DATA_DIR/mcq_softmax_confidence, every model and set there with
// at least 1,000 rows. Halves are made of questions, so that the two prompts of one stay together.

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/csv.hpp"
#include "learned/calibration_metrics.hpp"
#include "learned/calibrator.hpp"
#include "learned/certify.hpp"
#include "learned/intervals.hpp"
#include "learned/split.hpp"

namespace suffice::learned {
namespace {

constexpr std::size_t kRowsMin = 1'000;

struct Halves {
  std::vector<SignalRow> fitted;    ///< by the hash of the question
  std::vector<SignalRow> held_out;  ///< the other questions
  std::vector<SignalRow>
      certified;                 ///< of held_out, a half of the questions, one prompt each: rows that are exchangeable
  std::vector<SignalRow> fresh;  ///< of the other questions of held_out, one prompt each
};

/// zcat's output of a file; empty when it fails.
std::string unpacked(const std::string& file) {
  const std::string command = "zcat '" + file + "'";
  std::string content;
  FILE* pipe = ::popen(command.c_str(), "r");  // NOLINT(cert-env33-c): a path that the tester chose
  if (pipe == nullptr) return content;
  char piece[1 << 16];
  while (const std::size_t got = std::fread(piece, 1, sizeof(piece), pipe)) content.append(piece, got);
  ::pclose(pipe);
  return content;
}

/// By "model on set".
std::map<std::string, Halves> recorded(const std::string& folder) {
  const std::string content = unpacked(folder + "/mcq_softmax_confidence/confidence.csv.gz");
  CsvReader reader(content);
  std::map<std::string, Halves> sets;
  auto record = reader.next();  // dataset,model,prompt,q,confidence,correct
  std::map<std::string, double> places;
  while ((record = reader.next()) && *record) {
    const std::vector<std::string>& cells = **record;
    double confidence = 0;
    std::from_chars(cells[4].data(), cells[4].data() + cells[4].size(), confidence);
    const std::string question = cells[0] + " " + cells[3];
    const auto [place, is_new] = places.emplace(question, 0);
    if (is_new) place->second = place_of(question, 1);
    Halves& halves = sets[cells[1] + " on " + cells[0]];
    SignalRow row{.signals = {confidence}, .correct = cells[5] == "1"};
    if (place->second < 0.5) {
      halves.fitted.push_back(std::move(row));
      continue;
    }
    if (cells[2] == "first") (place->second < 0.75 ? halves.certified : halves.fresh).push_back(row);
    halves.held_out.push_back(std::move(row));
  }
  std::erase_if(sets, [](const auto& set) { return set.second.fitted.size() + set.second.held_out.size() < kRowsMin; });
  return sets;
}

std::vector<Outcome> calibrated(const Calibrator& calibrator, const std::vector<SignalRow>& rows) {
  std::vector<Outcome> outcomes;
  for (const SignalRow& row : rows)
    outcomes.push_back({.confidence = *calibrator.apply_row(row.signals), .correct = row.correct});
  return outcomes;
}

class RecordedConfidence : public ::testing::Test {
 protected:
  void SetUp() override {
    // NOLINTNEXTLINE(concurrency-mt-unsafe)
    const char* data = std::getenv("SUFFICE_DATA_DIR");
    if (data == nullptr) GTEST_SKIP() << "SUFFICE_DATA_DIR is not set; mcq_softmax_confidence is read from there";
    sets_ = recorded(data);
    ASSERT_GE(sets_.size(), 40U);
  }
  std::map<std::string, Halves> sets_;
};

/// Error of isotonic calibration fitted on one half, on the other.
double held_out_error(const std::vector<SignalRow>& fitted, const std::vector<SignalRow>& held_out) {
  const auto calibrator = Calibrator::fit(CalibratorKind::Isotonic, {"confidence"}, fitted, {});
  return calibrator ? expected_calibration_error(calibrated(*calibrator, held_out)) : 1;
}

double raw_error(const std::vector<SignalRow>& rows) {
  std::vector<Outcome> raw;
  for (const SignalRow& row : rows) raw.push_back({.confidence = row.signals[0], .correct = row.correct});
  return expected_calibration_error(raw);
}

// TruthfulQA has 1,634 rows a model, but of 817 questions with two prompts each, whose answers are alike. About 408 questions are a half;
// even the base rate of one half, said of every row, is more than 5 % off the other for some model. It is printed and not asserted.
TEST_F(RecordedConfidence, IsotonicOnOneHalfBringsTheErrorOfTheOtherUnderFivePercent) {
  double worst = 0;
  double worst_raw = 0;
  double worst_small = 0;
  for (const auto& [name, halves] : sets_) {
    const double error = held_out_error(halves.fitted, halves.held_out);
    if (name.ends_with(" on truthfulqa")) {
      worst_small = std::max(worst_small, error);
      continue;
    }
    EXPECT_LT(error, 0.05) << name;
    worst = std::max(worst, error);
    worst_raw = std::max(worst_raw, raw_error(halves.held_out));
  }
  std::printf("worst ECE %.4f, before calibration %.4f; on truthfulqa (817 questions) %.4f\n", worst, worst_raw,
              worst_small);
}

TEST_F(RecordedConfidence, CertifiedThresholdsHoldOnRowsThatWereNotCertifiedOn) {
  // Fitted on one half of the questions, certified on a quarter, looked at on the last quarter. A certificate may be false with
  // probability 5 %, and a quarter is a sample: what is asked is that the certificates whose last quarter shows more than the bound, at
  // exact 95 % confidence, are no more than chance explains.
  const CertificationTerms terms{.false_accept_max = 0.1, .confidence = 0.95};
  int certified = 0;
  int above = 0;
  int broken = 0;
  for (const auto& [name, halves] : sets_) {
    const auto calibrator = Calibrator::fit(CalibratorKind::Isotonic, {"confidence"}, halves.fitted, {});
    ASSERT_TRUE(calibrator) << name;
    const std::vector<Outcome> tested = calibrated(*calibrator, halves.certified);
    const std::vector<double> grid =
        threshold_grid(calibrator->quantiles(), static_cast<std::int64_t>(tested.size()), terms);
    const Certification made = certify(tested, grid, terms);
    if (!made.threshold) {
      EXPECT_FALSE(made.refusal.empty()) << name;
      continue;
    }
    ++certified;
    std::int64_t accepted = 0;
    std::int64_t failures = 0;
    for (const Outcome& outcome : calibrated(*calibrator, halves.fresh)) {
      if (outcome.confidence < made.threshold->threshold) continue;
      ++accepted;
      failures += outcome.correct ? 0 : 1;
    }
    if (static_cast<double>(failures) > terms.false_accept_max * static_cast<double>(accepted)) ++above;
    if (clopper_pearson(failures, accepted, 0.9).low > terms.false_accept_max) ++broken;
  }
  std::printf("%d of %zu pairs certified at 10 %%; on fresh rows %d above the bound, %d significantly so\n", certified,
              sets_.size(), above, broken);
  ASSERT_GT(certified, 0);
  // The chance of more is under 1 % were 5 % of the certificates false and shown to be so.
  EXPECT_GT(1 - binomial_cdf(broken - 1, certified, 0.05), 0.01);
}

}  // namespace
}  // namespace suffice::learned
