#include "lab/operate/policy_replay.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/hash.hpp"
#include "gate/confidence.hpp"
#include "gate/confidence_rule.hpp"

namespace suffice::lab {
namespace {

/// The number of characters that the gate counted: "812 characters, at most 8000".
std::optional<std::int64_t> recorded_chars(const audit::Event& event) {
  const auto check = std::ranges::find(event.input_checks, "input_size", &CheckResult::check);
  if (check == event.input_checks.end()) return std::nullopt;
  std::int64_t chars = 0;
  const std::string& detail = check->detail;
  const auto [end, error] = std::from_chars(detail.data(), detail.data() + detail.size(), chars);
  if (error != std::errc()) return std::nullopt;
  return chars;
}

bool is_confidence_reason(Reason reason) {
  return reason == Reason::ConfidenceLow || reason == Reason::ThresholdUncertified || reason == Reason::Disagreement ||
         reason == Reason::LogprobsMissing;
}

bool is_label_reason(Reason reason) { return reason == Reason::LabelEscalates || reason == Reason::LabelUnknown; }

bool is_hard_stop(Reason reason) {
  return reason == Reason::HardStopSecurity || reason == Reason::HardStopAccess ||
         reason == Reason::HardStopProduction || reason == Reason::HardStopNovel;
}

/// Of the last answer of this model with this prompt: a retry replaces what came before it.
const audit::Attempt* attempt_of(const audit::Event& event, const policy::Task& task, const policy::Tier& tier) {
  const std::string& prompt = tier.prompt.empty() ? task.prompt : tier.prompt;
  const audit::Attempt* found = nullptr;
  for (const audit::Attempt& attempt : event.attempts) {
    if (attempt.model == tier.model && attempt.prompt == prompt) found = &attempt;
  }
  return found;
}

/// Cost of the recorded attempts with the models that the draft would have asked, in order up to and with `last`.
Usd cost_until(const audit::Event& event, const audit::Attempt* last) {
  Usd sum;
  for (const audit::Attempt& attempt : event.attempts) {
    if (attempt.local) sum += attempt.cost;
    if (&attempt == last) break;
  }
  return sum;
}

/// What a frontier answer cost, or would have.
std::optional<Usd> frontier_cost(const audit::Event& event) {
  Usd sum;
  bool asked = false;
  for (const audit::Attempt& attempt : event.attempts) {
    if (attempt.local) continue;
    sum += attempt.cost;
    asked = true;
  }
  if (asked) return sum;
  return event.counterfactual_cost;
}

}  // namespace

std::string_view name(Destination destination) noexcept {
  switch (destination) {
    case Destination::Local:
      return "local";
    case Destination::Frontier:
      return "frontier";
    case Destination::Unknown:
      return "unknown";
  }
  return "unknown";
}

Result<DraftPolicy> DraftPolicy::create(std::shared_ptr<const policy::Policy> draft,
                                        std::shared_ptr<const policy::Policy> current, WallTime now) {
  DraftPolicy made;
  made.draft_ = std::move(draft);
  made.current_ = std::move(current);
  made.now_ = now;
  for (const auto& [task_name, task] : made.draft_->tasks) {
    std::vector<Rung>& rungs = made.rungs_[task_name];
    for (std::size_t i = 0; i < task.tiers.size(); ++i) {
      const auto model = made.draft_->models.find(task.tiers[i].model);
      if (model == made.draft_->models.end() || !model->second.local) break;
      auto rule = gate::compile_confidence(*made.draft_, task, i);
      if (!rule) {
        Error error = std::move(rule).error();
        error.where = fmt::format("tasks.{}.{}", task_name, error.where);
        return fail(std::move(error));
      }
      Rung rung{.tier = task.tiers[i], .rule = *std::move(rule), .labels_by_digest = {}};
      for (const std::string& label : task.labels) rung.labels_by_digest[sha256_hex(label)] = label;
      for (const std::string& label : task.escalate_labels) rung.labels_by_digest[sha256_hex(label)] = label;
      rungs.push_back(std::move(rung));
    }
  }
  return made;
}

/// The task of the policy in force when its mechanical checks are the draft's; null when they differ or are not at hand.
const policy::Task* DraftPolicy::unchanged_checks(const policy::Task& task) const {
  if (current_ == nullptr) return &task;
  const auto now = current_->tasks.find(task.name);
  if (now == current_->tasks.end()) return nullptr;
  const policy::Task& old = now->second;
  const bool same = old.validators == task.validators && old.schema == task.schema && old.regex == task.regex &&
                    old.labels == task.labels && old.confidence_marker == task.confidence_marker &&
                    old.samples == task.samples && old.sampling == task.sampling && old.reduce == task.reduce;
  return same ? &old : nullptr;
}

/// Whether groups that the draft names would have stopped the input. Nothing: none of them did.
std::optional<DraftPolicy::Judged> DraftPolicy::by_hard_stops(const policy::Task& task,
                                                              const audit::Event& event) const {
  constexpr std::string_view kPrefix = "hard_stop:";
  for (const CheckResult& check : event.input_checks) {
    if (check.passed || !check.check.starts_with(kPrefix)) continue;
    const std::string group = check.check.substr(kPrefix.size());
    if (std::ranges::find(task.hard_stops, group) == task.hard_stops.end()) continue;
    const auto drafted = draft_->hard_stops.find(group);
    if (drafted == draft_->hard_stops.end()) continue;
    if (current_ != nullptr) {
      const auto now = current_->hard_stops.find(group);
      if (now == current_->hard_stops.end() || now->second != drafted->second)
        return Judged{Destination::Unknown, "hard stop " + group + " is drafted anew: its texts are not kept"};
    }
    return Judged{Destination::Frontier, std::string(name(drafted->second.reason))};
  }
  if (current_ == nullptr) return std::nullopt;
  const auto old_task = current_->tasks.find(task.name);
  for (const std::string& group : task.hard_stops) {
    const auto drafted = draft_->hard_stops.find(group);
    const auto now = current_->hard_stops.find(group);
    const bool was_asked = old_task != current_->tasks.end() &&
                           std::ranges::find(old_task->second.hard_stops, group) != old_task->second.hard_stops.end();
    if (drafted != draft_->hard_stops.end() && now != current_->hard_stops.end() && was_asked &&
        drafted->second == now->second) {
      continue;
    }
    return Judged{Destination::Unknown, "hard stop " + group + " is new or changed: its texts are not kept"};
  }
  return std::nullopt;
}

/// What follows before a model is asked. Nothing: the ladder begins locally.
std::optional<DraftPolicy::Judged> DraftPolicy::before_any_model(const policy::Task& task,
                                                                 const Recorded& recorded) const {
  const audit::Event& event = recorded.event;
  const auto frontier = [](Reason reason) { return Judged{Destination::Frontier, std::string(name(reason))}; };
  const auto rungs = rungs_.find(task.name);
  if (!task.local || rungs->second.empty()) return frontier(Reason::PolicyRequiresFrontier);
  if (task.rollout == policy::RolloutStage::Off || task.rollout == policy::RolloutStage::Shadow)
    return frontier(Reason::PolicyRequiresFrontier);
  if (const auto stopped = by_hard_stops(task, event)) return stopped;
  if (task.reduce == policy::InputReduction::None) {
    const std::optional<std::int64_t> chars = recorded_chars(event);
    if (!chars && recorded.input.bytes > task.max_input_chars)
      return Judged{Destination::Unknown, "the number of characters is not recorded"};
    if (chars && *chars > task.max_input_chars) return frontier(Reason::InputTooLarge);
  }
  if (task.rollout == policy::RolloutStage::Canary && task.rollout_percent < 100) {
    const bool in_group = std::ranges::find(task.rollout_groups, event.caller_group) != task.rollout_groups.end();
    if (!in_group && task.rollout_percent == 0) return frontier(Reason::PolicyRequiresFrontier);
    if (!in_group) return Judged{Destination::Unknown, "which callers are in the canary is not recorded"};
  }
  if (std::ranges::find(event.reasons, Reason::PredictedHard) != event.reasons.end() && task.router)
    return frontier(Reason::PredictedHard);
  if (task.router) {
    const auto now = current_ == nullptr ? nullptr : unchanged_checks(task);
    if (now == nullptr || now->router != task.router)
      return Judged{Destination::Unknown, "the draft's router was not asked: texts are not kept"};
  }
  return std::nullopt;
}

DraftPolicy::Judged DraftPolicy::judge(const policy::Task& task, const Rung& rung,
                                       const audit::Attempt& attempt) const {
  const auto stays = [](Reason reason) { return Judged{Destination::Frontier, std::string(name(reason))}; };
  if (!attempt.error.empty())
    return attempt.reasons.empty() ? Judged{Destination::Frontier, attempt.error} : stays(attempt.reasons.front());
  const auto label = rung.labels_by_digest.find(attempt.output_sha256);
  for (const Reason reason : attempt.reasons) {
    if (is_confidence_reason(reason)) continue;
    if (is_hard_stop(reason) && task.hard_stops.empty()) continue;
    if (is_label_reason(reason) && label != rung.labels_by_digest.end()) continue;
    return stays(reason);
  }
  if (label != rung.labels_by_digest.end()) {
    if (task.unknown_label == label->second) return stays(Reason::LabelUnknown);
    if (std::ranges::find(task.escalate_labels, label->second) != task.escalate_labels.end())
      return stays(Reason::LabelEscalates);
  } else if (!task.escalate_labels.empty() && unchanged_checks(task) != nullptr && current_ != nullptr &&
             current_->tasks.at(task.name).escalate_labels != task.escalate_labels) {
    return {Destination::Unknown, "which label was answered is not recorded"};
  }
  const auto uncertified = [&] { return stays(Reason::ThresholdUncertified); };
  std::optional<double> threshold = task.min_confidence;
  std::optional<double> confidence;
  const bool calibrated = rung.rule != nullptr && rung.rule->calibrator != nullptr;
  const std::string_view signal = gate::signal_name(task.confidence);
  if (rung.rule != nullptr && rung.rule->certificate != nullptr) {
    if (!gate::doubts(*rung.rule, now_).empty()) return uncertified();
    threshold = rung.rule->certificate->threshold;
  }
  if (!threshold) return uncertified();
  if (!calibrated && signal.empty()) {
    return *threshold == 0 ? Judged{Destination::Local, ""} : uncertified();
  }
  if (calibrated) {
    confidence = rung.rule->calibrator->apply(attempt.signals);
  } else {
    const auto found = std::ranges::find(attempt.signals, signal, &Signal::name);
    if (found != attempt.signals.end()) confidence = found->value;
  }
  if (!confidence) return {Destination::Unknown, "a signal that the draft compares was not recorded"};
  if (*confidence >= *threshold) return {Destination::Local, ""};
  return stays(!calibrated && task.confidence == policy::ConfidenceSignal::Agreement ? Reason::Disagreement
                                                                                     : Reason::ConfidenceLow);
}

Redecided DraftPolicy::decide(const Recorded& recorded) const {
  const audit::Event& event = recorded.event;
  Redecided redecided{.recorded = event.route == Route::Local ? Destination::Local : Destination::Frontier,
                      .drafted = Destination::Frontier,
                      .cost_before = event.cost};
  const auto decide_as = [&](Destination destination, std::string why, std::optional<Usd> cost) {
    redecided.drafted = destination;
    redecided.why = std::move(why);
    redecided.cost_after = cost;
    return redecided;
  };
  for (const Reason reason : {Reason::KillSwitch, Reason::ManualOverride}) {
    if (std::ranges::find(event.reasons, reason) != event.reasons.end())
      return decide_as(Destination::Frontier, std::string(name(reason)), event.cost);
  }
  if (event.outcome != "ok") return decide_as(Destination::Unknown, "it had no answer", std::nullopt);
  if (draft_->kill_switch == policy::KillSwitch::FrontierOnly)
    return decide_as(Destination::Frontier, std::string(name(Reason::KillSwitch)), frontier_cost(event));
  const auto task = draft_->tasks.find(event.task);
  if (task == draft_->tasks.end())
    return decide_as(Destination::Frontier, std::string(name(Reason::UnknownTask)), frontier_cost(event));
  if (const std::optional<Judged> early = before_any_model(task->second, recorded)) {
    return decide_as(early->destination, early->why,
                     early->destination == Destination::Frontier ? frontier_cost(event) : std::nullopt);
  }
  if (unchanged_checks(task->second) == nullptr)
    return decide_as(Destination::Unknown, "labels, schema, validators or sampling of the task are drafted anew",
                     std::nullopt);
  Judged last{Destination::Frontier, std::string(name(Reason::PolicyRequiresFrontier))};
  const audit::Attempt* asked = nullptr;
  for (const Rung& rung : rungs_.at(task->first)) {
    const audit::Attempt* attempt = attempt_of(event, task->second, rung.tier);
    if (attempt == nullptr) {
      return decide_as(Destination::Unknown, fmt::format("{} was not asked", rung.tier.model), std::nullopt);
    }
    asked = attempt;
    last = judge(task->second, rung, *attempt);
    if (last.destination != Destination::Frontier) break;
  }
  if (last.destination == Destination::Unknown) return decide_as(Destination::Unknown, last.why, std::nullopt);
  if (last.destination == Destination::Local) return decide_as(Destination::Local, "", cost_until(event, asked));
  std::optional<Usd> cost = frontier_cost(event);
  if (cost) *cost += cost_until(event, asked);
  return decide_as(Destination::Frontier, last.why, cost);
}

void PolicyReplay::add(const Recorded& recorded) {
  const audit::Event& event = recorded.event;
  if (!is_decision(event) || event.time < options_.from || event.time >= options_.to) return;
  const Redecided redecided = draft_.decide(recorded);
  for (Sums* sums : {&total_, &tasks_[event.task]}) {
    ++sums->requests;
    sums->local_before += redecided.recorded == Destination::Local ? 1 : 0;
    sums->local_after += redecided.drafted == Destination::Local ? 1 : 0;
    sums->unknown += redecided.drafted == Destination::Unknown ? 1 : 0;
    sums->newly_local += redecided.recorded == Destination::Frontier && redecided.drafted == Destination::Local ? 1 : 0;
    sums->newly_frontier +=
        redecided.recorded == Destination::Local && redecided.drafted == Destination::Frontier ? 1 : 0;
    if (redecided.cost_before && redecided.cost_after) sums->money.add(*redecided.cost_after, *redecided.cost_before);
  }
  if (redecided.drafted == Destination::Frontier) ++reasons_[redecided.why];
  if (redecided.drafted == Destination::Unknown) ++unknown_[redecided.why];
}

ReplayShares PolicyReplay::shares_of(const std::string& task, const Sums& sums) const {
  const auto share = [&](std::int64_t k, std::int64_t n) { return share_of(k, n, options_.confidence); };
  const auto of_all = [&](std::int64_t k) {
    return sums.requests > 0 ? static_cast<double>(k) / static_cast<double>(sums.requests) : 0;
  };
  return {.task = task,
          .requests = sums.requests,
          .local_before = share(sums.local_before, sums.requests),
          .local_after = share(sums.local_after, sums.requests - sums.unknown),
          .newly_local = share(sums.newly_local, sums.requests),
          .newly_frontier = share(sums.newly_frontier, sums.requests),
          .unknown = share(sums.unknown, sums.requests),
          .local_after_low = of_all(sums.local_after),
          .local_after_high = of_all(sums.local_after + sums.unknown),
          .cost = sums.money.savings(options_)};
}

PolicyReplayReport PolicyReplay::build() const {
  PolicyReplayReport report{.draft_version = draft_.draft().version,
                            .total = shares_of("", total_),
                            .tasks = {},
                            .reasons = reasons_,
                            .unknown = unknown_,
                            .cannot_be_known = {}};
  for (const auto& [task, sums] : tasks_) report.tasks.push_back(shares_of(task, sums));
  std::ranges::sort(report.tasks, {},
                    [](const ReplayShares& one) { return std::pair(-one.requests, std::string_view(one.task)); });
  std::vector<std::string>& limits = report.cannot_be_known;
  if (draft_.current() == nullptr) {
    limits.emplace_back(
        "The policy of the record was not given (--against FILE): hard stops, labels, schemas and validators of the same name are taken as unchanged.");
  }
  limits.emplace_back(
      "Whether an answer that only the draft accepts is right: it was not served and nobody has labelled it.");
  limits.emplace_back("What other models, prompts or adapters would have answered: they were not asked.");
  if (!draft_.draft().default_task.empty() || draft_.draft().task_classifier)
    limits.emplace_back("Which task the draft would name for a request: the recorded task is kept.");
  limits.emplace_back(
      "How callers would have gone on: an escalated answer instead of a local one may lead to other requests afterwards.");
  limits.emplace_back(
      "The frontier's price of requests that were answered locally is estimated from bytes; latency, quotas and breakers are not replayed.");
  return report;
}

}  // namespace suffice::lab
