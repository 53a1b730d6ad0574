#include "gate/judge.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/text.hpp"
#include "gate/checks.hpp"
#include "gate/confidence.hpp"
#include "gate/confidence_rule.hpp"
#include "gate/self_report.hpp"

namespace suffice::gate {
namespace {

/// Hard stops outrank everything, in this order; every other reason keeps the order of the checks.
void order(std::vector<Reason>& reasons) {
  using enum Reason;
  for (const Reason hard : {HardStopNovel, HardStopProduction, HardStopAccess, HardStopSecurity}) {
    const auto found = std::ranges::find(reasons, hard);
    if (found != reasons.end()) std::rotate(reasons.begin(), found, found + 1);
  }
}

void add_reason(std::vector<Reason>& reasons, Reason reason) {
  if (std::ranges::find(reasons, reason) == reasons.end()) reasons.push_back(reason);
}

std::optional<SelfReport> self_report_of(const policy::Task& task, const Candidate& candidate) {
  if (!task.confidence_marker && task.confidence != policy::ConfidenceSignal::SelfReported) return std::nullopt;
  return read_self_report(candidate.completion.text, candidate.input);
}

/// The order is the contract of judge(): the first check that fails is the primary reason unless a hard stop fired.
void check_mechanically(const Judged& judged, LabelEscalation escalation, Scorecard& card) {
  check_finish(judged, card);
  check_refusal(judged, card);
  check_length(judged, card);
  check_labels(judged, escalation, card);
  check_schema(judged, card);
  check_regex(judged, card);
  check_tool_calls(judged, card);
  check_evidence(judged, card);
}

}  // namespace

bool Judged::only_tool_calls() const { return !candidate.completion.tool_calls.empty() && trim(text).empty(); }

void Scorecard::pass(std::string check, std::string detail) {
  verdict.checks.push_back(CheckResult{.check = std::move(check), .passed = true, .detail = std::move(detail)});
}

void Scorecard::fail(std::string check, Reason reason, std::string detail) {
  verdict.checks.push_back(CheckResult{.check = std::move(check), .passed = false, .detail = std::move(detail)});
  add_reason(verdict.reasons, reason);
}

namespace {

Result<std::shared_ptr<const HardStops>> compile_hard_stops(const policy::Policy& policy, const policy::Task& task,
                                                            ClassifierCache& classifiers) {
  std::vector<policy::HardStopGroup> groups;
  for (const std::string& name : task.hard_stops) {
    const auto group = policy.hard_stops.find(name);
    if (group == policy.hard_stops.end()) {
      return fail(ErrorCode::PolicyInvalid,
                  fmt::format("task '{}' names hard stop '{}', which the policy does not have", task.name, name),
                  fmt::format("tasks.{}.hard_stops", task.name));
    }
    groups.push_back(group->second);
  }
  return HardStops::compile(groups, classifiers);
}

}  // namespace

Result<GateRules> compile_rules(const policy::Policy& policy, const policy::Task& task, HardStopCache& compiled) {
  GateRules rules{.task = task, .hard_stops = nullptr, .schema = nullptr};
  if (!task.hard_stops.empty()) {
    std::shared_ptr<const HardStops>& shared = compiled.by_groups[task.hard_stops];
    if (shared == nullptr) {
      SUFFICE_TRY(shared, compile_hard_stops(policy, task, compiled.classifiers));
    }
    rules.hard_stops = shared;
  }
  if (!task.schema.empty()) {
    auto schema = JsonSchema::compile(task.schema.text, Strictness::ModelOutput);
    if (!schema) {
      return fail(ErrorCode::PolicyInvalid, fmt::format("schema of task '{}': {}", task.name, describe(schema.error())),
                  fmt::format("tasks.{}.schema", task.name));
    }
    rules.schema = *std::move(schema);
  }
  if (!task.regex.empty()) {
    auto regex = AnswerPattern::compile(task.regex);
    if (!regex) {
      return fail(ErrorCode::PolicyInvalid, fmt::format("regex of task '{}': {}", task.name, regex.error().message),
                  fmt::format("tasks.{}.regex", task.name));
    }
    rules.regex = *std::move(regex);
  }
  for (std::size_t tier = 0; tier < task.tiers.size(); ++tier) {
    auto confidence = compile_confidence(policy, task, tier);
    if (!confidence) {
      Error error = std::move(confidence).error();
      error.where = fmt::format("tasks.{}.{}", task.name, error.where);
      return fail(std::move(error));
    }
    rules.confidence.push_back(*std::move(confidence));
  }
  return rules;
}

Result<GateRules> compile_rules(const policy::Policy& policy, const policy::Task& task) {
  HardStopCache compiled;
  return compile_rules(policy, task, compiled);
}

Admission check_input(const GateRules& rules, std::string_view input) {
  Admission admission;
  const auto chars = static_cast<std::int64_t>(count_code_points(input));
  const bool reduced = chars > rules.task.max_input_chars && rules.task.reduce != policy::InputReduction::None;
  const bool fits = reduced || chars <= rules.task.max_input_chars;
  admission.checks.push_back(CheckResult{
      .check = "input_size",
      .passed = fits,
      .detail = fmt::format("{} characters, {} {}", chars, reduced ? "for local models reduced to" : "at most",
                            rules.task.max_input_chars)});
  if (!fits) add_reason(admission.reasons, Reason::InputTooLarge);
  if (!rules.hard_stops) return admission;

  const std::vector<HardStops::Match> matches = rules.hard_stops->match(input, Side::Input);
  if (matches.empty()) admission.checks.push_back(CheckResult{.check = "hard_stops", .passed = true, .detail = {}});
  for (const HardStops::Match& match : matches) {
    admission.checks.push_back(CheckResult{.check = "hard_stop:" + match.group, .passed = false, .detail = match.rule});
    add_reason(admission.reasons, match.reason);
  }
  order(admission.reasons);
  return admission;
}

Verdict judge(const GateRules& rules, const Candidate& candidate) {
  Verdict verdict;
  const std::optional<SelfReport> self_report = self_report_of(rules.task, candidate);
  verdict.served_text = self_report ? std::string(self_report->text) : candidate.completion.text;
  Scorecard card{verdict};
  const Judged judged{.rules = rules, .candidate = candidate, .text = verdict.served_text};
  check_mechanically(judged, LabelEscalation::Yes, card);
  check_hard_stops(judged, card);
  check_confidence(judged, self_report, card);
  order(verdict.reasons);
  return verdict;
}

Verdict judge_mechanically(const GateRules& rules, const Candidate& candidate) {
  Verdict verdict;
  const std::optional<SelfReport> self_report = self_report_of(rules.task, candidate);
  verdict.served_text = self_report ? std::string(self_report->text) : candidate.completion.text;
  Scorecard card{verdict};
  const Judged judged{.rules = rules, .candidate = candidate, .text = verdict.served_text};
  check_mechanically(judged, LabelEscalation::No, card);
  return verdict;
}

}  // namespace suffice::gate
