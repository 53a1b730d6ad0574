#pragma once
// A calibrator: from what an answer's signals say to the probability that the answer is right. Fitted on labelled outcomes, kept in one
// small file.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "core/verdict.hpp"
#include "learned/logistic.hpp"

namespace suffice::learned {

/// Stored by name: never rename.
///   isotonic     any rising curve over one signal; needs some hundred rows, and then fits best
///   platt        1 / (1 + exp(-(a * logit(p) + b))) over one probability, a >= 0 (Platt 1999); for few rows
///   temperature  the same with b = 0, a = 1 / T: how Guo et al. 2017 scale, for an answer that is right or wrong
///   logistic     the correctness model: logistic regression over several signals and features
enum class CalibratorKind : std::uint8_t { Isotonic, Platt, Temperature, Logistic };
[[nodiscard]] std::string_view name(CalibratorKind kind) noexcept;
[[nodiscard]] std::optional<CalibratorKind> calibrator_kind(std::string_view name) noexcept;

/// A rising curve: linear between its points, level beyond its ends.
struct RisingCurve {
  std::vector<double> x;  ///< rising strictly
  std::vector<double> y;  ///< never falling
  [[nodiscard]] double at(double place) const;
  bool operator==(const RisingCurve&) const = default;
};

/// The never-falling curve with the least squared error (pool adjacent violators; Barlow et al. 1972). Rows of one x are pooled first, so
/// that their order does not matter. Each pooled block gives its first and its last x as points of one height; between blocks the curve
/// is linear, as scikit-learn's is. No rows: no points, and at() is 0. `x` is finite.
[[nodiscard]] RisingCurve fit_isotonic(std::span<const double> x, std::span<const int> y);

/// Signals of an answer in the order of Calibrator::signals; NaN where one is missing.
struct SignalRow {
  std::vector<double> signals;
  bool correct = false;
};

/// Where a calibrator comes from; part of its file.
struct CalibratorProvenance {
  std::string data_sha256;  ///< of the labelled file
  std::int64_t rows = 0;    ///< fitted on
  double share = 1;         ///< of the file's rows, those whose place (learned/split.hpp) is below it
  std::uint64_t seed = 0;   ///< of the places
  std::string note;         ///< source and licence of the data, for people
  bool operator==(const CalibratorProvenance&) const = default;
};

/// Immutable once made; any thread. Cost of apply(): a few hundred nanoseconds.
class Calibrator {
 public:
  /// InvalidArgument: no rows, several signals for a kind that reads one, values that are no probabilities where logits are taken, or a
  /// single signal that is missing in a row.
  static Result<Calibrator> fit(CalibratorKind kind, std::vector<std::string> signals, std::span<const SignalRow> rows,
                                CalibratorProvenance provenance);
  /// A file of docs/formats.md, "Calibrator". ModelInvalid: not one, cut, altered, or with numbers that make no sense.
  static Result<Calibrator> from_bytes(std::string_view bytes);
  /// NotFound, IoFailed, or the errors above with the file in `where`.
  static Result<Calibrator> load(const std::string& file);
  [[nodiscard]] std::string to_bytes() const;

  [[nodiscard]] CalibratorKind kind() const { return kind_; }
  /// Names of the signals it reads, as in the record.
  [[nodiscard]] const std::vector<std::string>& signals() const { return signals_; }
  [[nodiscard]] const CalibratorProvenance& provenance() const { return provenance_; }
  /// Of its file, hex: what certificates and the record name it by.
  [[nodiscard]] const std::string& sha256() const { return sha256_; }
  /// Its answers to the rows it was fitted on, thinned to 257 in rising order: grids of thresholds are chosen from these.
  [[nodiscard]] const std::vector<double>& quantiles() const { return quantiles_; }

  /// P(right) in [0, 1], never falling in a single signal. Nothing when a signal is missing that was there in every fitted row.
  [[nodiscard]] std::optional<double> apply(std::span<const Signal> signals) const;
  /// The same of values in the order of signals().
  [[nodiscard]] std::optional<double> apply_row(std::span<const double> values) const;

 private:
  struct Input {
    bool has_logit = false;  ///< a probability: its log-odds are an input too
    bool may_miss = false;   ///< was missing in a fitted row: absence is an input
    double stand_in = 0;     ///< what counts for one that is missing
    bool operator==(const Input&) const = default;
  };
  Calibrator() = default;
  Result<void> fit_single(std::span<const SignalRow> rows);
  Result<void> fit_logistic_model(std::span<const SignalRow> rows);
  [[nodiscard]] std::vector<double> inputs_of(std::span<const double> values) const;
  Result<void> read(std::string_view bytes);

  CalibratorKind kind_ = CalibratorKind::Isotonic;
  std::vector<std::string> signals_;
  CalibratorProvenance provenance_;
  RisingCurve curve_;          ///< Isotonic
  double slope_ = 1;           ///< Platt, Temperature
  double offset_ = 0;          ///< Platt
  std::vector<Input> inputs_;  ///< Logistic, by signal
  Logistic logistic_;          ///< Logistic
  std::vector<double> quantiles_;
  std::string sha256_;
};

}  // namespace suffice::learned
