#include "learned/calibrator.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace suffice::learned {
namespace {

constexpr std::array kKinds = {CalibratorKind::Isotonic, CalibratorKind::Platt, CalibratorKind::Temperature,
                               CalibratorKind::Logistic};
constexpr std::size_t kQuantiles = 257;
// A model that says 0 or 1 has rounded: 16 in log-odds is one in ten million.
constexpr double kLogOddsMax = 16;
// In place of Platt's smoothed targets: keeps separable data finite and moves nothing that a hundred rows would notice.
constexpr double kPlattPenalty = 1e-3;
constexpr double kCorrectnessPenalty = 1;
constexpr double kGolden = 0.6180339887498949;  // of the golden-section search

bool is_probability(double value) { return value >= 0 && value <= 1; }

double log_odds(double p) {
  if (p <= 0) return -kLogOddsMax;
  if (p >= 1) return kLogOddsMax;
  return std::clamp(std::log(p / (1 - p)), -kLogOddsMax, kLogOddsMax);
}

/// Where `loss` is least within [low, high], for a loss with one valley.
template <class Loss>
double least(double low, double high, const Loss& loss) {
  for (int i = 0; i < 80; ++i) {
    const double a = high - kGolden * (high - low);
    const double b = low + kGolden * (high - low);
    if (loss(a) < loss(b)) {
      high = b;
    } else {
      low = a;
    }
  }
  return (low + high) / 2;
}

/// The slope of log-odds with the least log loss: the loss is convex in it.
double best_slope(const std::vector<std::vector<double>>& odds, const std::vector<int>& correct) {
  return least(0.0, 20.0, [&](double slope) {
    double loss = 0;
    for (std::size_t i = 0; i < odds.size(); ++i) {
      const double z = (correct[i] != 0 ? -1 : 1) * slope * odds[i][0];
      loss += std::max(z, 0.0) + std::log1p(std::exp(-std::abs(z)));
    }
    return loss;
  });
}

std::vector<double> thinned(std::vector<double> values) {
  std::ranges::sort(values);
  if (values.size() <= kQuantiles) return values;
  std::vector<double> some;
  some.reserve(kQuantiles);
  for (std::size_t i = 0; i < kQuantiles; ++i) some.push_back(values[i * (values.size() - 1) / (kQuantiles - 1)]);
  return some;
}

/// Numbers of a file may be so large that their sum is none.
std::optional<double> number_or_nothing(double probability) {
  if (std::isnan(probability)) return std::nullopt;
  return probability;
}

std::unexpected<Error> unfit(std::string message) { return fail(ErrorCode::InvalidArgument, std::move(message)); }

}  // namespace

std::string_view name(CalibratorKind kind) noexcept {
  switch (kind) {
    case CalibratorKind::Isotonic:
      return "isotonic";
    case CalibratorKind::Platt:
      return "platt";
    case CalibratorKind::Temperature:
      return "temperature";
    case CalibratorKind::Logistic:
      return "logistic";
  }
  return "unknown";
}

std::optional<CalibratorKind> calibrator_kind(std::string_view word) noexcept {
  const auto found = std::ranges::find_if(kKinds, [&](CalibratorKind kind) { return name(kind) == word; });
  if (found == kKinds.end()) return std::nullopt;
  return *found;
}

Result<Calibrator> Calibrator::fit(CalibratorKind kind, std::vector<std::string> signals,
                                   std::span<const SignalRow> rows, CalibratorProvenance provenance) {
  if (rows.empty()) return unfit("no rows to fit a calibrator on");
  if (signals.empty() || (kind != CalibratorKind::Logistic && signals.size() != 1)) {
    return unfit(fmt::format("a calibrator of kind {} reads {}, not {} signals", name(kind),
                             kind == CalibratorKind::Logistic ? "one signal or more" : "one signal", signals.size()));
  }
  Calibrator made;
  made.kind_ = kind;
  made.signals_ = std::move(signals);
  made.provenance_ = std::move(provenance);
  made.provenance_.rows = static_cast<std::int64_t>(rows.size());
  if (kind == CalibratorKind::Logistic) {
    SUFFICE_TRY_VOID(made.fit_logistic_model(rows));
  } else {
    SUFFICE_TRY_VOID(made.fit_single(rows));
  }
  std::vector<double> answers;
  answers.reserve(rows.size());
  for (const SignalRow& row : rows) answers.push_back(made.apply_row(row.signals).value_or(0));
  made.quantiles_ = thinned(std::move(answers));
  return from_bytes(made.to_bytes());  // what is used now is what a file of it would give
}

Result<void> Calibrator::fit_single(std::span<const SignalRow> rows) {
  std::vector<double> x;
  std::vector<int> correct;
  for (const SignalRow& row : rows) {
    const double value = row.signals.front();
    if (!std::isfinite(value)) return unfit(fmt::format("a row has no {}", signals_.front()));
    if (kind_ != CalibratorKind::Isotonic && !is_probability(value)) {
      return unfit(fmt::format("{} is not a probability in every row, which {} scaling needs; use isotonic",
                               signals_.front(), name(kind_)));
    }
    x.push_back(value);
    correct.push_back(row.correct ? 1 : 0);
  }
  if (kind_ == CalibratorKind::Isotonic) {
    curve_ = fit_isotonic(x, correct);
    return {};
  }
  std::vector<std::vector<double>> odds;
  odds.reserve(x.size());
  for (const double value : x) odds.push_back({log_odds(value)});
  if (kind_ == CalibratorKind::Temperature) {
    slope_ = best_slope(odds, correct);
    return {};
  }
  const Logistic line = fit_logistic(odds, correct, kPlattPenalty);
  const double slope = line.weight[0] / line.scale[0];
  if (slope >= 0) {
    slope_ = slope;
    offset_ = line.bias - slope * line.mean[0];
    return {};
  }
  // More confidence, more errors: nothing that may accept more for less sureness. The base rate is all that is left.
  slope_ = 0;
  offset_ = fit_logistic(std::vector<std::vector<double>>(odds.size()), correct, kPlattPenalty).bias;
  return {};
}

Result<void> Calibrator::fit_logistic_model(std::span<const SignalRow> rows) {
  inputs_.assign(signals_.size(), {});
  for (std::size_t i = 0; i < signals_.size(); ++i) {
    double sum = 0;
    double present = 0;
    inputs_[i].has_logit = true;
    for (const SignalRow& row : rows) {
      const double value = row.signals[i];
      if (!std::isfinite(value)) {
        inputs_[i].may_miss = true;
        continue;
      }
      if (!is_probability(value)) inputs_[i].has_logit = false;
      sum += value;
      present += 1;
    }
    if (present == 0) return unfit(fmt::format("no row has {}", signals_[i]));
    inputs_[i].stand_in = sum / present;
  }
  std::vector<std::vector<double>> x;
  std::vector<int> correct;
  for (const SignalRow& row : rows) {
    x.push_back(inputs_of(row.signals));
    correct.push_back(row.correct ? 1 : 0);
  }
  logistic_ = fit_logistic(x, correct, kCorrectnessPenalty);
  return {};
}

std::vector<double> Calibrator::inputs_of(std::span<const double> values) const {
  std::vector<double> inputs;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const bool missing = !std::isfinite(values[i]);
    const double value = missing ? inputs_[i].stand_in : values[i];
    inputs.push_back(value);
    if (inputs_[i].has_logit) inputs.push_back(log_odds(value));
    if (inputs_[i].may_miss) inputs.push_back(missing ? 1 : 0);
  }
  return inputs;
}

std::optional<double> Calibrator::apply_row(std::span<const double> values) const {
  if (values.size() != signals_.size()) return std::nullopt;
  if (kind_ == CalibratorKind::Logistic) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!std::isfinite(values[i]) && !inputs_[i].may_miss) return std::nullopt;
    }
    return number_or_nothing(logistic_.probability(inputs_of(values)));
  }
  const double value = values.front();
  if (!std::isfinite(value)) return std::nullopt;
  if (kind_ == CalibratorKind::Isotonic) return number_or_nothing(curve_.at(value));
  return number_or_nothing(sigmoid(slope_ * log_odds(value) + offset_));
}

std::optional<double> Calibrator::apply(std::span<const Signal> signals) const {
  std::vector<double> values;
  for (const std::string& wanted : signals_) {
    const auto found = std::ranges::find(signals, wanted, &Signal::name);
    values.push_back(found != signals.end() ? found->value : std::numeric_limits<double>::quiet_NaN());
  }
  return apply_row(values);
}

}  // namespace suffice::learned
