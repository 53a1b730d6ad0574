#include "pipeline/plan.hpp"

#include <algorithm>

#include "core/hash.hpp"

namespace suffice::pipeline {
namespace {

/// The same caller is in or out of a canary for as long as the percentage stands.
bool in_canary(const policy::Task& task, const TaskLever& lever, const PlanQuestion& question) {
  const bool in_group =
      lever.canary_groups ? lever.canary_groups->contains(std::string(question.caller_group))
                          : std::ranges::find(task.rollout_groups, question.caller_group) != task.rollout_groups.end();
  if (in_group) return true;
  const Sha256 digest = sha256(task.name + "\n" + std::string(question.caller));
  const int bucket = (digest[0] * 256 + digest[1]) % 100;
  const int in_policy = task.rollout == policy::RolloutStage::Canary ? task.rollout_percent : 0;
  return bucket < lever.canary_percent.value_or(in_policy);
}

bool rolled_out(const policy::Task& task, const TaskLever& lever, const PlanQuestion& question) {
  const bool narrowed = lever.canary_percent || lever.canary_groups;
  switch (task.rollout) {
    case policy::RolloutStage::On:
      return !narrowed || in_canary(task, lever, question);
    case policy::RolloutStage::Canary:
      return in_canary(task, lever, question);
    case policy::RolloutStage::Off:
    case policy::RolloutStage::Shadow:
      return false;
  }
  return false;
}

/// Reasons that follow from switches and policy alone.
std::vector<Reason> standing_reasons(const TaskPlan& plan, const LeverState& levers, policy::KillSwitch file_switch,
                                     const PlanQuestion& question) {
  const policy::Task& task = plan.plan->rules.task;
  std::vector<Reason> reasons;
  const bool switched_off = levers.kill_switch == policy::KillSwitch::FrontierOnly ||
                            file_switch == policy::KillSwitch::FrontierOnly ||
                            levers.frontier_only_tasks.contains(task.name);
  if (switched_off) reasons.push_back(Reason::KillSwitch);
  if (question.frontier_requested) reasons.push_back(Reason::ManualOverride);
  if (!task.local || plan.first_frontier_tier == 0 || !rolled_out(task, levers.of(task.name), question)) {
    reasons.push_back(Reason::PolicyRequiresFrontier);
  }
  return reasons;
}

}  // namespace

RoutePlan plan_route(const Snapshot& snapshot, const LeverState& levers, const PlanQuestion& question) {
  RoutePlan route;
  route.frontier_allowed = levers.kill_switch != policy::KillSwitch::LocalOnly &&
                           snapshot.policy->kill_switch != policy::KillSwitch::LocalOnly;
  if (const auto workflow = snapshot.workflows.find(question.task_name); workflow != snapshot.workflows.end()) {
    plan_workflow(snapshot, levers, workflow->second, question, route);
    return route;
  }
  const auto task = snapshot.tasks.find(question.task_name);
  if (task == snapshot.tasks.end()) {
    route.plan = snapshot.unknown.get();
    route.reasons.push_back(Reason::UnknownTask);
    return route;
  }
  const TaskLever& lever = levers.of(question.task_name);
  const bool promoted = lever.candidate_serves && task->second.promoted != nullptr;
  const TaskPlan& plan = promoted ? *task->second.promoted : task->second;
  route.plan = &plan;
  route.confidence_min = lever.min_confidence.value_or(0);
  route.certificate_withdrawn = lever.certificate_withdrawn;
  route.reasons = standing_reasons(plan, levers, snapshot.policy->kill_switch, question);
  gate::Admission admission = gate::check_input(plan.plan->rules, question.input);
  route.reasons.insert(route.reasons.end(), admission.reasons.begin(), admission.reasons.end());
  route.checks = std::move(admission.checks);
  // What must leave anyway is not asked about.
  if (route.reasons.empty() && plan.router != nullptr) {
    CheckResult predicted = plan.router->check(question.input);
    if (!predicted.passed) route.reasons.push_back(Reason::PredictedHard);
    route.checks.push_back(std::move(predicted));
  }
  route.first_tier = route.reasons.empty() ? 0 : plan.first_frontier_tier;
  return route;
}

}  // namespace suffice::pipeline
