// The file of a calibrator: docs/formats.md, "Calibrator".

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include <boost/json.hpp>

#include "core/hash.hpp"
#include "learned/calibrator.hpp"
#include "learned/sealed_file.hpp"

namespace suffice::learned {
namespace {

namespace json = boost::json;

constexpr std::string_view kKind = "calibrator";
constexpr std::size_t kSignalsMax = 64;

json::array to_json(const std::vector<double>& numbers) { return json::array(numbers.begin(), numbers.end()); }

std::unexpected<Error> senseless(std::string_view what) {
  return fail(ErrorCode::ModelInvalid, "not a calibrator file: " + std::string(what));
}

bool all_probabilities(const std::vector<double>& values) {
  return std::ranges::all_of(values, [](double value) { return value >= 0 && value <= 1; });
}

Result<RisingCurve> read_curve(const json::object& object) {
  RisingCurve curve;
  SUFFICE_TRY(curve.x, numbers_of(object, "x"));
  SUFFICE_TRY(curve.y, numbers_of(object, "y"));
  const bool rising = std::ranges::adjacent_find(curve.x, std::greater_equal<>()) == curve.x.end();
  if (curve.x.empty() || curve.x.size() != curve.y.size() || !rising || !std::ranges::is_sorted(curve.y) ||
      !all_probabilities(curve.y)) {
    return senseless("its curve does not rise within [0, 1]");
  }
  return curve;
}

Result<Logistic> read_logistic(const json::object& object, std::size_t inputs) {
  Logistic model;
  SUFFICE_TRY(model.mean, numbers_of(object, "mean"));
  SUFFICE_TRY(model.scale, numbers_of(object, "scale"));
  SUFFICE_TRY(model.weight, numbers_of(object, "weight"));
  SUFFICE_TRY(model.bias, number_of(object, "bias"));
  const bool fits = model.mean.size() == inputs && model.scale.size() == inputs && model.weight.size() == inputs;
  if (!fits || !std::ranges::all_of(model.scale, [](double scale) { return scale > 0; })) {
    return senseless("its correctness model has other inputs than its signals give");
  }
  return model;
}

}  // namespace

std::string Calibrator::to_bytes() const {
  json::object object{{"kind", name(kind_)},
                      {"signals", json::array(signals_.begin(), signals_.end())},
                      {"data_sha256", provenance_.data_sha256},
                      {"rows", provenance_.rows},
                      {"share", provenance_.share},
                      {"seed", static_cast<std::int64_t>(provenance_.seed)},
                      {"note", provenance_.note}};
  if (kind_ == CalibratorKind::Isotonic) {
    object["x"] = to_json(curve_.x);
    object["y"] = to_json(curve_.y);
  } else if (kind_ == CalibratorKind::Logistic) {
    json::array inputs;
    for (const Input& input : inputs_) {
      inputs.push_back(
          json::object{{"logit", input.has_logit}, {"may_miss", input.may_miss}, {"stand_in", input.stand_in}});
    }
    object["inputs"] = std::move(inputs);
    object["mean"] = to_json(logistic_.mean);
    object["scale"] = to_json(logistic_.scale);
    object["weight"] = to_json(logistic_.weight);
    object["bias"] = logistic_.bias;
  } else {
    object["slope"] = slope_;
    object["offset"] = offset_;
  }
  object["quantiles"] = to_json(quantiles_);
  return seal(kKind, object);
}

Result<Calibrator> Calibrator::from_bytes(std::string_view bytes) {
  Calibrator made;
  SUFFICE_TRY_VOID(made.read(bytes));
  return made;
}

Result<Calibrator> Calibrator::load(const std::string& file) {
  SUFFICE_TRY(const std::string bytes, read_sealed_file(file, "suffice fit calibrator"));
  Result<Calibrator> made = from_bytes(bytes);
  if (made) return made;
  Error error = std::move(made).error();
  error.where = file;
  return fail(std::move(error));
}

Result<void> Calibrator::read(std::string_view bytes) {
  SUFFICE_TRY(const json::object object, unseal(kKind, bytes));
  SUFFICE_TRY(const std::string kind, text_of(object, "kind"));
  const std::optional<CalibratorKind> known = calibrator_kind(kind);
  if (!known) return senseless("its kind is unknown to this program");
  kind_ = *known;
  SUFFICE_TRY(signals_, texts_of(object, "signals"));
  if (signals_.empty() || signals_.size() > kSignalsMax || (kind_ != CalibratorKind::Logistic && signals_.size() != 1))
    return senseless("its signals do not fit its kind");
  SUFFICE_TRY(provenance_.data_sha256, text_of(object, "data_sha256"));
  SUFFICE_TRY(provenance_.rows, integer_of(object, "rows"));
  SUFFICE_TRY(provenance_.share, number_of(object, "share"));
  SUFFICE_TRY(const std::int64_t seed, integer_of(object, "seed"));
  provenance_.seed = static_cast<std::uint64_t>(seed);
  SUFFICE_TRY(provenance_.note, text_of(object, "note"));
  SUFFICE_TRY(quantiles_, numbers_of(object, "quantiles"));
  if (!std::ranges::is_sorted(quantiles_) || !all_probabilities(quantiles_)) {
    return senseless("its quantiles do not rise within [0, 1]");
  }
  sha256_ = sha256_hex(bytes);
  if (kind_ == CalibratorKind::Isotonic) {
    SUFFICE_TRY(curve_, read_curve(object));
    return {};
  }
  if (kind_ != CalibratorKind::Logistic) {
    SUFFICE_TRY(slope_, number_of(object, "slope"));
    SUFFICE_TRY(offset_, number_of(object, "offset"));
    if (slope_ < 0) return senseless("its slope falls");
    return {};
  }
  const json::value* inputs = object.if_contains("inputs");
  if (inputs == nullptr || !inputs->is_array() || inputs->as_array().size() != signals_.size())
    return senseless("its inputs do not fit its signals");
  std::size_t width = 0;
  for (const json::value& entry : inputs->as_array()) {
    const json::object* fields = entry.if_object();
    const json::value* logit = fields != nullptr ? fields->if_contains("logit") : nullptr;
    const json::value* may_miss = fields != nullptr ? fields->if_contains("may_miss") : nullptr;
    if (logit == nullptr || may_miss == nullptr || !logit->is_bool() || !may_miss->is_bool())
      return senseless("an input is none");
    SUFFICE_TRY(const double stand_in, number_of(*fields, "stand_in"));
    inputs_.push_back({.has_logit = logit->as_bool(), .may_miss = may_miss->as_bool(), .stand_in = stand_in});
    width += 1 + (inputs_.back().has_logit ? 1 : 0) + (inputs_.back().may_miss ? 1 : 0);
  }
  SUFFICE_TRY(logistic_, read_logistic(object, width));
  return {};
}

}  // namespace suffice::learned
