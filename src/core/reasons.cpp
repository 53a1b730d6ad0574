#include "core/reasons.hpp"

#include <algorithm>
#include <array>

namespace suffice {
namespace {

struct ReasonRow {
  Reason reason;
  std::string_view name;
  std::string_view meaning;
};

using enum Reason;
constexpr std::array kRows = {
    ReasonRow{UnknownTask, "unknown_task", "the request names no task of the policy"},
    ReasonRow{PolicyRequiresFrontier, "policy_requires_frontier", "the policy keeps this task off local models"},
    ReasonRow{InputTooLarge, "input_too_large", "the input is over the task's max_input_chars"},
    ReasonRow{SchemaInvalid, "schema_invalid", "the output does not satisfy the task's JSON Schema"},
    ReasonRow{ConfidenceLow, "confidence_low", "the confidence is under the task's threshold"},
    ReasonRow{HardStopSecurity, "hard_stop_security", "a security pattern is in the input or the output"},
    ReasonRow{HardStopAccess, "hard_stop_access", "an access pattern is in the input or the output"},
    ReasonRow{HardStopProduction, "hard_stop_production", "a production pattern is in the input or the output"},
    ReasonRow{ManualOverride, "manual_override", "the caller or an operator asked for the frontier"},
    ReasonRow{HardStopNovel, "hard_stop_novel", "a pattern of unknown or conflicting evidence is present"},
    ReasonRow{LabelEscalates, "label_escalates", "the predicted label is one that always escalates"},
    ReasonRow{LabelUnknown, "label_unknown", "the output is not one of the allowed labels"},
    ReasonRow{Refusal, "refusal", "the model refused to answer"},
    ReasonRow{EvidenceMissing, "evidence_missing", "the output cites nothing that exists in the input"},
    ReasonRow{Disagreement, "disagreement", "samples or models disagree"},
    ReasonRow{CheckFailed, "check_failed", "a mechanical check of the task failed"},
    ReasonRow{PredictedHard, "predicted_hard", "the router predicts that a local model would fail"},
    ReasonRow{ThresholdUncertified, "threshold_uncertified", "no threshold is set or certified for this task"},
    ReasonRow{LogprobsMissing, "logprobs_missing", "log-probabilities were asked for and did not come"},
    ReasonRow{LocalTimeout, "local_timeout", "the local model did not answer in time"},
    ReasonRow{LocalUnavailable, "local_unavailable", "the local model is not running or failed"},
    ReasonRow{ContextOverflow, "context_overflow", "the prompt does not fit the local model's window"},
    ReasonRow{BudgetExhausted, "budget_exhausted", "a budget of money, tokens or steps is used up"},
    ReasonRow{VotesInconclusive, "votes_inconclusive", "the votes did not converge within their budget"},
    ReasonRow{KillSwitch, "kill_switch", "an operator switched local answers off"},
};

constexpr auto kAll = [] {
  std::array<Reason, kRows.size()> all{};
  std::ranges::transform(kRows, all.begin(), &ReasonRow::reason);
  return all;
}();

struct RouteRow {
  Route route;
  std::string_view name;
};
constexpr std::array kRoutes = {
    RouteRow{Route::Local, "local"},
    RouteRow{Route::Frontier, "frontier"},
    RouteRow{Route::EscalatedAfterValidation, "escalated"},
    RouteRow{Route::HumanApproved, "human_approved"},
    RouteRow{Route::Refused, "refused"},
};

}  // namespace

std::string_view name(Reason reason) noexcept {
  const auto* row = std::ranges::find(kRows, reason, &ReasonRow::reason);
  return row == kRows.end() ? "unknown" : row->name;
}

std::optional<Reason> reason_from_name(std::string_view name) noexcept {
  const auto* row = std::ranges::find(kRows, name, &ReasonRow::name);
  if (row == kRows.end()) return std::nullopt;
  return row->reason;
}

std::span<const Reason> all_reasons() noexcept { return kAll; }

std::string_view meaning(Reason reason) noexcept {
  const auto* row = std::ranges::find(kRows, reason, &ReasonRow::reason);
  return row == kRows.end() ? "" : row->meaning;
}

std::string_view name(Route route) noexcept {
  const auto* row = std::ranges::find(kRoutes, route, &RouteRow::route);
  return row == kRoutes.end() ? "unknown" : row->name;
}

std::optional<Route> route_from_name(std::string_view name) noexcept {
  const auto* row = std::ranges::find(kRoutes, name, &RouteRow::name);
  if (row == kRoutes.end()) return std::nullopt;
  return row->route;
}

}  // namespace suffice
