#include "pipeline/learned_routing.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace suffice::pipeline {
namespace {

/// The labels of `suffice fit router`; a file whose data never showed one of the last two lacks it.
constexpr std::string_view kStrong = "strong";
constexpr std::string_view kWeak = "weak";
constexpr std::string_view kSame = "same";

Result<learned::LinearClassifier> load_pinned(const std::string& file, const std::string& sha256) {
  SUFFICE_TRY(learned::LinearClassifier classifier, learned::LinearClassifier::load(file));
  if (!sha256.empty() && sha256 != classifier.sha256()) {
    return fail(
        ErrorCode::ModelInvalid,
        "the file's SHA-256 is " + classifier.sha256() + ", the policy names another; check where it comes from", file);
  }
  return classifier;
}

/// The beginning of `text`, cut between characters.
std::string_view beginning(std::string_view text) {
  if (text.size() <= kRoutedBytesMax) return text;
  std::size_t end = kRoutedBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end);
}

}  // namespace

Result<TaskNamer> TaskNamer::load(const policy::TaskClassifier& rule, const policy::Policy& policy) {
  SUFFICE_TRY(learned::LinearClassifier classifier, load_pinned(rule.file, rule.sha256));
  TaskNamer namer(rule, std::move(classifier));
  for (const std::string& label : namer.classifier_.labels()) namer.is_task_.push_back(policy.tasks.contains(label));
  if (std::ranges::find(namer.is_task_, true) == namer.is_task_.end())
    return fail(ErrorCode::PolicyInvalid, "none of the classifier's labels is a task of the policy", rule.file);
  return namer;
}

std::optional<std::string> TaskNamer::name(std::string_view text) const {
  const learned::LabelScores scores = classifier_.score(beginning(text));
  const auto best = std::ranges::max_element(scores.probability);
  const auto place = static_cast<std::size_t>(best - scores.probability.begin());
  if (*best < rule_.min_probability || scores.none > rule_.none_probability || !is_task_[place]) return std::nullopt;
  return classifier_.labels()[place];
}

Result<GainRouter> GainRouter::load(const policy::Router& rule) {
  SUFFICE_TRY(learned::LinearClassifier classifier, load_pinned(rule.file, rule.sha256));
  const std::vector<std::string>& labels = classifier.labels();
  const bool known = std::ranges::all_of(
      labels, [](const std::string& label) { return label == kStrong || label == kWeak || label == kSame; });
  if (!known || std::ranges::find(labels, kStrong) == labels.end())
    return fail(ErrorCode::PolicyInvalid, "is no file of suffice fit router: its labels are not strong, weak and same",
                rule.file);
  return GainRouter(rule, std::move(classifier));
}

double GainRouter::gain(std::string_view text) const {
  const learned::LabelScores scores = classifier_.score(beginning(text));
  double gain = 0;
  for (std::size_t i = 0; i < scores.probability.size(); ++i) {
    if (classifier_.labels()[i] == kStrong) gain += scores.probability[i];
    if (classifier_.labels()[i] == kWeak) gain -= scores.probability[i];
  }
  return gain;
}

CheckResult GainRouter::check(std::string_view text) const {
  const double predicted = gain(text);
  return CheckResult{
      .check = "router",
      .passed = predicted < rule_.gain_max,
      .detail = fmt::format("predicted gain {:.3f}, the frontier is asked from {:.3f}", predicted, rule_.gain_max)};
}

}  // namespace suffice::pipeline
