#include "gate/confidence.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include <fmt/format.h>

namespace suffice::gate {
namespace {

using policy::ConfidenceSignal;

// Rounding of a provider that computes in single precision may leave a certain token a hair above 0.
constexpr double kLogprobMax = 1e-4;

bool is_probability(double value) { return value >= 0 && value <= 1; }

void add_label_signals(const LabelDistribution& labels, std::string_view answer, std::vector<Signal>& out) {
  const auto sane = [](const LabelDistribution::Entry& entry) { return is_probability(entry.probability); };
  const auto answered = std::ranges::find(labels.entries, answer, &LabelDistribution::Entry::label);
  if (answered == labels.entries.end() || !std::ranges::all_of(labels.entries, sane)) return;
  double rival = 0;
  for (auto entry = labels.entries.begin(); entry != labels.entries.end(); ++entry) {
    if (entry != answered) rival = std::max(rival, entry->probability);
  }
  out.push_back({.name = "label_probability", .value = answered->probability});
  out.push_back({.name = "label_margin", .value = answered->probability - rival});
  out.push_back({.name = "label_entropy", .value = labels.entropy()});
  if (is_probability(labels.outside_mass)) out.push_back({.name = "outside_mass", .value = labels.outside_mass});
}

void add_token_signals(const std::vector<TokenLogprob>& tokens, std::vector<Signal>& out) {
  double sum = 0;
  double least = 0;
  for (const TokenLogprob& token : tokens) {
    if (std::isnan(token.logprob) || token.logprob > kLogprobMax) return;
    sum += std::min(0.0, token.logprob);
    least = std::min(least, token.logprob);
  }
  if (tokens.empty()) return;
  out.push_back({.name = "mean_logprob", .value = std::exp(sum / static_cast<double>(tokens.size()))});
  out.push_back({.name = "min_token_probability", .value = std::exp(least)});
}

std::optional<double> value_of(const std::vector<Signal>& signals, std::string_view name) {
  const auto found = std::ranges::find(signals, name, &Signal::name);
  if (found == signals.end()) return std::nullopt;
  return found->value;
}

bool came(const Completion& completion) {
  return completion.labels.has_value() || (completion.logprobs && !completion.logprobs->empty());
}

}  // namespace

std::string_view signal_name(ConfidenceSignal signal) noexcept {
  return signal == ConfidenceSignal::None ? std::string_view() : policy::name(signal);
}

std::vector<Signal> signals_of(const Completion& completion, std::string_view answer,
                               const std::optional<SelfReport>& self_report) {
  std::vector<Signal> signals;
  if (completion.labels) add_label_signals(*completion.labels, answer, signals);
  if (completion.logprobs) add_token_signals(*completion.logprobs, signals);
  if (completion.agreement && is_probability(*completion.agreement)) {
    signals.push_back({.name = "agreement", .value = *completion.agreement});
  }
  if (self_report) signals.push_back({.name = "self_reported", .value = self_report->rating / 10.0});
  return signals;
}

void check_confidence(const Judged& judged, const std::optional<SelfReport>& self_report, Scorecard& card) {
  const policy::Task& task = judged.rules.task;
  Verdict& verdict = card.verdict;
  verdict.signals = signals_of(judged.candidate.completion, judged.text, self_report);
  const std::string_view name = signal_name(task.confidence);
  const std::optional<double> value = value_of(verdict.signals, name);
  if (value) {
    verdict.confidence = Probability::clamp(*value);
    verdict.confidence_source = name;
  }
  if (judged.candidate.logprobs_requested && !came(judged.candidate.completion)) {
    card.fail("logprobs", Reason::LogprobsMissing, "log-probabilities were asked for and did not come");
  } else if (!value && task.confidence != ConfidenceSignal::None && task.confidence != ConfidenceSignal::SelfReported) {
    const bool agreement = task.confidence == ConfidenceSignal::Agreement;
    card.fail(agreement ? "agreement" : "logprobs", agreement ? Reason::Disagreement : Reason::LogprobsMissing,
              fmt::format("the answer carries no {}", name));
  }

  // Without a threshold nothing is good enough. Mechanical checks alone suffice only where the policy says so with both words:
  // confidence none, min_confidence 0.
  const bool certified = task.min_confidence && is_probability(*task.min_confidence);
  if (!certified || (task.confidence == ConfidenceSignal::None && *task.min_confidence != 0)) {
    return card.fail("confidence", Reason::ThresholdUncertified, "the task has no threshold for its confidence");
  }
  verdict.threshold = Probability::clamp(*task.min_confidence);
  if (task.confidence == ConfidenceSignal::None) return card.pass("confidence", "mechanical checks only, by policy");
  if (!value)
    return card.fail("confidence", Reason::ConfidenceLow,
                     fmt::format("no {} to compare with {:.3f}", name, verdict.threshold.value));
  const std::string detail =
      fmt::format("{} {:.3f}, threshold {:.3f}", name, verdict.confidence.value, verdict.threshold.value);
  if (verdict.confidence < verdict.threshold) {
    const bool disagree = task.confidence == ConfidenceSignal::Agreement;
    return card.fail("confidence", disagree ? Reason::Disagreement : Reason::ConfidenceLow, detail);
  }
  card.pass("confidence", detail);
}

}  // namespace suffice::gate
