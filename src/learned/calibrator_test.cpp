#include "learned/calibrator.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.hpp"
#include "learned/calibration_metrics.hpp"

namespace suffice::learned {
namespace {

using ::testing::HasSubstr;

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

/// Rows whose confidence is sigmoid(`overstated` * u) for u uniform in [-4, 4], right with probability sigmoid(u + `shift`).
std::vector<SignalRow> overconfident_rows(std::size_t count, double overstated, double shift, std::uint64_t seed) {
  SeededRandom random(seed);
  std::vector<SignalRow> rows;
  for (std::size_t i = 0; i < count; ++i) {
    const double u = 8 * random.uniform() - 4;
    rows.push_back({.signals = {sigmoid(overstated * u)}, .correct = random.uniform() < sigmoid(u + shift)});
  }
  return rows;
}

Calibrator fitted(CalibratorKind kind, const std::vector<SignalRow>& rows,
                  std::vector<std::string> signals = {"label_probability"}) {
  Result<Calibrator> made = Calibrator::fit(kind, std::move(signals), rows, {.data_sha256 = "d", .note = "made up"});
  EXPECT_TRUE(made) << made.error().message;
  return *std::move(made);
}

std::vector<Outcome> judged(const Calibrator& calibrator, const std::vector<SignalRow>& rows) {
  std::vector<Outcome> outcomes;
  for (const SignalRow& row : rows)
    outcomes.push_back({.confidence = *calibrator.apply_row(row.signals), .correct = row.correct});
  return outcomes;
}

TEST(Isotonic, PoolsNeighboursThatFall) {
  const std::vector<double> x = {1, 2, 3, 4, 5, 6};
  const std::vector<int> y = {0, 1, 0, 1, 1, 0};

  const RisingCurve curve = fit_isotonic(x, y);

  EXPECT_EQ(curve.at(0), 0);
  EXPECT_EQ(curve.at(1), 0);
  EXPECT_EQ(curve.at(1.5), 0.25);
  EXPECT_EQ(curve.at(2), 0.5);
  EXPECT_EQ(curve.at(3), 0.5);
  EXPECT_NEAR(curve.at(3.5), (0.5 + 2.0 / 3) / 2, 1e-12);
  EXPECT_NEAR(curve.at(5), 2.0 / 3, 1e-12);
  EXPECT_NEAR(curve.at(99), 2.0 / 3, 1e-12);
}

TEST(Isotonic, PoolsRowsOfOnePlaceWhateverTheirOrder) {
  const RisingCurve one = fit_isotonic(std::vector<double>{1, 1, 2}, std::vector<int>{0, 1, 1});
  const RisingCurve other = fit_isotonic(std::vector<double>{2, 1, 1}, std::vector<int>{1, 1, 0});
  EXPECT_EQ(one, other);
  EXPECT_EQ(one.at(1), 0.5);
  EXPECT_EQ(one.at(2), 1);
}

TEST(Isotonic, OfNothingSaysNothingIsRight) { EXPECT_EQ(fit_isotonic({}, {}).at(0.5), 0); }

TEST(Calibrator, TemperatureFindsTheFactorOfOverconfidence) {
  const Calibrator calibrator = fitted(CalibratorKind::Temperature, overconfident_rows(20'000, 2, 0, 1));
  for (const double u : {-2.0, 0.0, 1.0, 3.0}) {
    EXPECT_NEAR(*calibrator.apply_row(std::vector<double>{sigmoid(2 * u)}), sigmoid(u), 0.02) << u;
  }
}

TEST(Calibrator, PlattFindsFactorAndShift) {
  const Calibrator calibrator = fitted(CalibratorKind::Platt, overconfident_rows(20'000, 2, 1, 2));
  for (const double u : {-2.0, 0.0, 1.0, 3.0}) {
    EXPECT_NEAR(*calibrator.apply_row(std::vector<double>{sigmoid(2 * u)}), sigmoid(u + 1), 0.02) << u;
  }
}

TEST(Calibrator, EveryKindMakesOverconfidenceHonestOnRowsItNeverSaw) {
  const std::vector<SignalRow> known = overconfident_rows(4'000, 3, -1, 3);
  const std::vector<SignalRow> fresh = overconfident_rows(4'000, 3, -1, 4);
  std::vector<Outcome> raw;
  for (const SignalRow& row : fresh) raw.push_back({.confidence = row.signals[0], .correct = row.correct});
  ASSERT_GT(expected_calibration_error(raw), 0.1);

  for (const CalibratorKind kind : {CalibratorKind::Isotonic, CalibratorKind::Platt, CalibratorKind::Logistic}) {
    const std::vector<Outcome> outcomes = judged(fitted(kind, known), fresh);
    EXPECT_LT(expected_calibration_error(outcomes), 0.035) << name(kind);
    EXPECT_LT(brier_score(outcomes), brier_score(raw)) << name(kind);
  }
}

TEST(Calibrator, OfOneSignalNeverFallsAndStaysWithinProbabilities) {
  for (const CalibratorKind kind : {CalibratorKind::Isotonic, CalibratorKind::Platt, CalibratorKind::Temperature}) {
    const Calibrator calibrator = fitted(kind, overconfident_rows(300, 2, 0.5, 5));
    double before = 0;
    for (int i = -10; i <= 1'010; ++i) {
      const double value = *calibrator.apply_row(std::vector<double>{i / 1'000.0});
      EXPECT_GE(value, before) << name(kind) << " at " << i;
      EXPECT_LE(value, 1) << name(kind);
      before = value;
    }
  }
}

TEST(Calibrator, GivesTheBaseRateWhenMoreConfidenceMeansMoreErrors) {
  std::vector<SignalRow> rows = overconfident_rows(2'000, 2, 0, 6);
  for (SignalRow& row : rows) row.correct = !row.correct;
  double right = 0;
  for (const SignalRow& row : rows) right += row.correct ? 1 : 0;

  const Calibrator calibrator = fitted(CalibratorKind::Platt, rows);

  EXPECT_NEAR(*calibrator.apply_row(std::vector<double>{0.1}), right / 2'000, 0.01);
  EXPECT_NEAR(*calibrator.apply_row(std::vector<double>{0.9}), right / 2'000, 0.01);
}

/// Right only when both signals are high; the second one is missing in a third of the rows, and those are never right.
std::vector<SignalRow> two_signal_rows(std::size_t count, std::uint64_t seed) {
  SeededRandom random(seed);
  std::vector<SignalRow> rows;
  for (std::size_t i = 0; i < count; ++i) {
    const double a = random.uniform();
    const double b = 40 * random.uniform();
    const bool missing = random.below(3) == 0;
    const bool correct = !missing && random.uniform() < sigmoid(6 * (a - 0.5) + (b - 20) / 5);
    rows.push_back({.signals = {a, missing ? kMissing : b}, .correct = correct});
  }
  return rows;
}

TEST(Calibrator, TheCorrectnessModelReadsSeveralSignalsAndTheirAbsence) {
  const Calibrator calibrator =
      fitted(CalibratorKind::Logistic, two_signal_rows(5'000, 7), {"label_probability", "input_chars"});

  const std::vector<Outcome> outcomes = judged(calibrator, two_signal_rows(5'000, 8));
  EXPECT_GT(auroc(outcomes), 0.9);
  EXPECT_LT(expected_calibration_error(outcomes), 0.04);
  EXPECT_LT(*calibrator.apply_row(std::vector<double>{0.99, kMissing}), 0.1);
  EXPECT_GT(*calibrator.apply_row(std::vector<double>{0.99, 39}), 0.9);
}

TEST(Calibrator, SaysNothingWithoutASignalThatWasAlwaysThere) {
  const Calibrator logistic =
      fitted(CalibratorKind::Logistic, two_signal_rows(500, 9), {"label_probability", "input_chars"});
  EXPECT_FALSE(logistic.apply_row(std::vector<double>{kMissing, 3}));
  EXPECT_TRUE(logistic.apply(std::vector<Signal>{{.name = "label_probability", .value = 0.5}}));
  EXPECT_FALSE(logistic.apply(std::vector<Signal>{{.name = "input_chars", .value = 5}}));

  const Calibrator isotonic = fitted(CalibratorKind::Isotonic, overconfident_rows(50, 2, 0, 9));
  EXPECT_FALSE(isotonic.apply({}));
  EXPECT_TRUE(isotonic.apply(
      std::vector<Signal>{{.name = "label_margin", .value = 1}, {.name = "label_probability", .value = 0.5}}));
}

TEST(Calibrator, RefusesWhatItCannotBeFittedOn) {
  const auto refusal = [](CalibratorKind kind, std::vector<std::string> signals, const std::vector<SignalRow>& rows) {
    const Result<Calibrator> made = Calibrator::fit(kind, std::move(signals), rows, {});
    return made ? std::string("fitted") : made.error().message;
  };
  EXPECT_THAT(refusal(CalibratorKind::Isotonic, {"a"}, {}), HasSubstr("no rows"));
  EXPECT_THAT(refusal(CalibratorKind::Isotonic, {"a", "b"}, two_signal_rows(5, 1)), HasSubstr("one signal"));
  EXPECT_THAT(refusal(CalibratorKind::Platt, {"a"}, {{.signals = {1.5}, .correct = true}}), HasSubstr("use isotonic"));
  EXPECT_THAT(refusal(CalibratorKind::Isotonic, {"a"}, {{.signals = {kMissing}, .correct = true}}),
              HasSubstr("has no a"));
  EXPECT_THAT(refusal(CalibratorKind::Logistic, {"a"}, {{.signals = {kMissing}, .correct = true}}),
              HasSubstr("no row has a"));
}

TEST(CalibratorFile, GivesTheSameAnswersAsWhatWroteIt) {
  for (const CalibratorKind kind :
       {CalibratorKind::Isotonic, CalibratorKind::Platt, CalibratorKind::Temperature, CalibratorKind::Logistic}) {
    const Calibrator made = fitted(kind, overconfident_rows(400, 2, 0, 10));
    const Result<Calibrator> read = Calibrator::from_bytes(made.to_bytes());
    ASSERT_TRUE(read) << read.error().message;
    for (const double value : {0.0, 0.123, 0.5, 0.987, 1.0}) {
      EXPECT_EQ(read->apply_row(std::vector<double>{value}), made.apply_row(std::vector<double>{value})) << name(kind);
    }
    EXPECT_EQ(read->sha256(), made.sha256());
    EXPECT_EQ(read->sha256().size(), 64U);
    EXPECT_EQ(read->provenance(), made.provenance());
    EXPECT_EQ(read->quantiles().size(), 257U);
    EXPECT_TRUE(std::ranges::is_sorted(read->quantiles()));
  }
}

TEST(CalibratorFile, IsRefusedWhenCutOrAlteredAnywhere) {
  const std::string bytes = fitted(CalibratorKind::Platt, overconfident_rows(40, 2, 0, 11)).to_bytes();
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_FALSE(Calibrator::from_bytes(bytes.substr(0, length))) << length;
  for (std::size_t place = 0; place < bytes.size(); ++place) {
    std::string altered = bytes;
    altered[place] = static_cast<char>(altered[place] ^ 1);
    EXPECT_FALSE(Calibrator::from_bytes(altered)) << place;
  }
  EXPECT_FALSE(Calibrator::from_bytes(bytes + "\n"));
}

TEST(CalibratorFile, ThatIsMissingSaysWhatMakesOne) {
  const Result<Calibrator> none = Calibrator::load("/nowhere/x.cal");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::NotFound);
  EXPECT_THAT(none.error().message, HasSubstr("suffice fit calibrator"));
}

}  // namespace
}  // namespace suffice::learned
