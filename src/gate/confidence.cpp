#include "gate/confidence.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>

#include <fmt/format.h>

#include "core/text.hpp"
#include "gate/confidence_rule.hpp"

namespace suffice::gate {
namespace {

using policy::ConfidenceSignal;

// Rounding of a provider that computes in single precision may leave a certain token a hair above 0.
constexpr double kLogprobMax = 1e-4;
constexpr std::size_t kCalibratorDigits = 12;  // of its SHA-256: what the record calls it

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

/// Facts of input and answer that a correctness model may read; recorded only where one does.
void add_features(const Judged& judged, const learned::Calibrator& calibrator, std::vector<Signal>& out) {
  for (const std::string& wanted : calibrator.signals()) {
    if (wanted == "input_chars") {
      out.push_back({.name = wanted, .value = static_cast<double>(count_code_points(judged.candidate.input))});
    } else if (wanted == "answer_chars") {
      out.push_back({.name = wanted, .value = static_cast<double>(count_code_points(judged.text))});
    }
  }
}

/// The one number, and what it is.
struct Weighed {
  std::optional<double> value;
  std::string source;
};

Weighed weigh(const std::vector<Signal>& signals, const policy::Task& task, const ConfidenceRule* rule) {
  if (rule == nullptr || rule->calibrator == nullptr) {
    const std::string_view name = signal_name(task.confidence);
    return {.value = value_of(signals, name), .source = std::string(name)};
  }
  const learned::Calibrator& calibrator = *rule->calibrator;
  return {.value = calibrator.apply(signals),
          .source = fmt::format("{}:{}", name(calibrator.kind()), calibrator.sha256().substr(0, kCalibratorDigits))};
}

/// The number that the task needs did not come with the answer.
void report_missing(const Judged& judged, const ConfidenceRule* rule, const std::string& source, Scorecard& card) {
  const ConfidenceSignal signal = judged.rules.task.confidence;
  const bool calibrated = rule != nullptr && rule->calibrator != nullptr;
  if (!calibrated && (signal == ConfidenceSignal::None || signal == ConfidenceSignal::SelfReported)) return;
  const bool agreement =
      calibrated ? std::ranges::find(rule->calibrator->signals(), "agreement") != rule->calibrator->signals().end() &&
                       !judged.candidate.completion.agreement
                 : signal == ConfidenceSignal::Agreement;
  card.fail(agreement ? "agreement" : "logprobs", agreement ? Reason::Disagreement : Reason::LogprobsMissing,
            calibrated ? fmt::format("the answer lacks a signal that {} reads", source)
                       : fmt::format("the answer carries no {}", source));
}

/// The threshold in force, or why there is none.
std::optional<double> threshold_of(const Judged& judged, const ConfidenceRule* rule, Scorecard& card) {
  const policy::Task& task = judged.rules.task;
  if (rule != nullptr && rule->certificate != nullptr) {
    std::vector<std::string> why_not = doubts(*rule, judged.candidate.now);
    if (judged.candidate.certificate_withdrawn) why_not.insert(why_not.begin(), "it was withdrawn");
    if (why_not.empty()) {
      card.verdict.certificate = rule->certificate->id;
      return rule->certificate->threshold;
    }
    card.fail("certificate", Reason::ThresholdUncertified,
              fmt::format("certificate {} is not believed: {}", rule->certificate->id, why_not.front()));
    return std::nullopt;
  }
  // Without a threshold nothing is good enough. Mechanical checks alone suffice only where the policy says so with both words:
  // confidence none, min_confidence 0.
  const bool unnamed = task.confidence == ConfidenceSignal::None && (rule == nullptr || rule->calibrator == nullptr);
  const bool given = task.min_confidence && is_probability(*task.min_confidence);
  if (given && (!unnamed || *task.min_confidence == 0)) return task.min_confidence;
  card.fail("confidence", Reason::ThresholdUncertified, "the task has no threshold for its confidence");
  return std::nullopt;
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
  const ConfidenceRule* rule = rule_of(judged.rules, judged.candidate.tier);
  Verdict& verdict = card.verdict;
  verdict.signals = signals_of(judged.candidate.completion, judged.text, self_report);
  if (rule != nullptr && rule->calibrator != nullptr) add_features(judged, *rule->calibrator, verdict.signals);
  const auto [value, source] = weigh(verdict.signals, task, rule);
  if (value) {
    verdict.confidence = Probability::clamp(*value);
    verdict.confidence_source = source;
  }
  if (judged.candidate.logprobs_requested && !came(judged.candidate.completion)) {
    card.fail("logprobs", Reason::LogprobsMissing, "log-probabilities were asked for and did not come");
  } else if (!value) {
    report_missing(judged, rule, source, card);
  }

  const std::optional<double> threshold = threshold_of(judged, rule, card);
  if (!threshold) return;
  verdict.threshold = Probability::clamp(std::max(*threshold, judged.candidate.confidence_min));
  if (source.empty()) return card.pass("confidence", "mechanical checks only, by policy");
  if (!value)
    return card.fail("confidence", Reason::ConfidenceLow,
                     fmt::format("no {} to compare with {:.3f}", source, verdict.threshold.value));
  const std::string detail =
      fmt::format("{} {:.3f}, threshold {:.3f}", source, verdict.confidence.value, verdict.threshold.value);
  if (verdict.confidence < verdict.threshold) {
    const bool disagree = source == signal_name(ConfidenceSignal::Agreement);
    return card.fail("confidence", disagree ? Reason::Disagreement : Reason::ConfidenceLow, detail);
  }
  card.pass("confidence", detail);
}

}  // namespace suffice::gate
