#include "pipeline/snapshot.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace suffice::pipeline {
namespace {

Error in_task(Error error, const std::string& task) {
  error.where = "tasks." + task + (error.where.empty() ? "" : ": " + error.where);
  return error;
}

Result<workflow::CascadeTier> make_tier(const policy::Policy& policy, const policy::Task& task,
                                        const policy::Tier& tier, const prompts::PromptLibrary& prompts,
                                        const ClientSource& clients) {
  const auto model = policy.models.find(tier.model);
  if (model == policy.models.end()) return fail(ErrorCode::PolicyInvalid, "unknown model " + tier.model);
  workflow::CascadeTier made;
  made.model = model->second;
  made.adapters = tier.adapters;
  SUFFICE_TRY(made.client, clients(model->second));
  const std::string& prompt = tier.prompt.empty() ? task.prompt : tier.prompt;
  if (!prompt.empty()) {
    made.prompt = prompts.find(prompt);
    if (made.prompt == nullptr) return fail(ErrorCode::PolicyInvalid, "unknown prompt " + prompt);
  }
  return made;
}

std::shared_ptr<const ShadowPlan> watched(workflow::CascadePlan plan, bool candidate) {
  auto rungs = std::make_shared<const workflow::CascadePlan>(std::move(plan));
  auto made = std::make_shared<ShadowPlan>();
  made->candidate = candidate;
  made->graph = workflow::build_cascade(rungs);
  made->plan = std::move(rungs);
  return made;
}

/// The local rungs of a task that is in shadow, and its candidate with rules (threshold, certificate) of its own.
Result<std::vector<std::shared_ptr<const ShadowPlan>>> make_shadows(
    const policy::Policy& policy, const policy::Task& task, const workflow::CascadePlan& ladder,
    const prompts::PromptLibrary& prompts, const ClientSource& clients, gate::HardStopCache& hard_stops) {
  std::vector<std::shared_ptr<const ShadowPlan>> shadows;
  if (task.rollout == policy::RolloutStage::Shadow && task.local) {
    workflow::CascadePlan local{.rules = ladder.rules, .tiers = {}};
    std::ranges::copy_if(ladder.tiers, std::back_inserter(local.tiers),
                         [](const workflow::CascadeTier& tier) { return tier.model.local; });
    if (!local.tiers.empty()) shadows.push_back(watched(std::move(local), false));
  }
  if (task.candidate) {
    policy::Task alone = task;
    alone.tiers = {*task.candidate};
    workflow::CascadePlan rung;
    SUFFICE_TRY(rung.rules, gate::compile_rules(policy, alone, hard_stops));
    SUFFICE_TRY(workflow::CascadeTier made, make_tier(policy, alone, *task.candidate, prompts, clients));
    rung.tiers.push_back(std::move(made));
    shadows.push_back(watched(std::move(rung), true));
  }
  return shadows;
}

Result<TaskPlan> make_plan(const policy::Policy& policy, const policy::Task& task,
                           const prompts::PromptLibrary& prompts, const ClientSource& clients,
                           gate::HardStopCache& hard_stops) {
  auto plan = std::make_shared<workflow::CascadePlan>();
  SUFFICE_TRY(plan->rules, gate::compile_rules(policy, task, hard_stops));
  for (const policy::Tier& tier : task.tiers) {
    SUFFICE_TRY(workflow::CascadeTier made, make_tier(policy, task, tier, prompts, clients));
    plan->tiers.push_back(std::move(made));
  }
  const auto frontier =
      std::ranges::find_if(plan->tiers, [](const workflow::CascadeTier& tier) { return !tier.model.local; });
  TaskPlan ready;
  ready.first_frontier_tier = static_cast<std::size_t>(frontier - plan->tiers.begin());
  if (task.router) {
    SUFFICE_TRY(GainRouter router, GainRouter::load(*task.router));
    ready.router = std::make_shared<const GainRouter>(std::move(router));
  }
  SUFFICE_TRY(ready.shadows, make_shadows(policy, task, *plan, prompts, clients, hard_stops));
  if (task.candidate) {
    SUFFICE_TRY(TaskPlan promoted, make_plan(policy, with_candidate(policy, task), prompts, clients, hard_stops));
    ready.promoted = std::make_shared<const TaskPlan>(std::move(promoted));
  }
  ready.plan = plan;
  ready.graph = workflow::build_cascade(std::move(plan));
  return ready;
}

/// Requests without a task: the caller's messages to the frontier as they are, no checks of content.
policy::Task task_for_the_unknown(const policy::Policy& policy) {
  policy::Task task;
  task.local = false;
  task.tiers = {policy::Tier{.model = policy.frontier, .prompt = {}}};
  task.validators.refusal = false;
  task.validators.chars_min = 0;
  task.max_output_tokens = 0;
  return task;
}

}  // namespace

policy::Task with_candidate(const policy::Policy& policy, policy::Task task) {
  std::vector<policy::Tier> tiers{*task.candidate};
  std::ranges::copy_if(task.tiers, std::back_inserter(tiers), [&](const policy::Tier& tier) {
    const auto model = policy.models.find(tier.model);
    return model != policy.models.end() && !model->second.local;
  });
  task.tiers = std::move(tiers);
  task.candidate.reset();
  return task;
}

Result<std::shared_ptr<const Snapshot>> make_snapshot(std::shared_ptr<const policy::Policy> policy,
                                                      const prompts::PromptLibrary& prompts,
                                                      const ClientSource& clients) {
  auto snapshot = std::make_shared<Snapshot>();
  gate::HardStopCache hard_stops;
  for (const auto& [name, task] : policy->tasks) {
    Result<TaskPlan> plan = make_plan(*policy, task, prompts, clients, hard_stops);
    if (!plan) return fail(in_task(std::move(plan).error(), name));
    snapshot->tasks.emplace(name, *std::move(plan));
  }
  const workflow::WorkflowParts parts{.models = models_of(*policy, clients), .prompts = &prompts};
  for (const auto& [name, entry] : policy->workflows) {
    SUFFICE_TRY(WorkflowPlan plan, make_workflow_plan(*policy, entry, parts, hard_stops));
    snapshot->workflows.emplace(name, std::move(plan));
  }
  if (policy->task_classifier) {
    SUFFICE_TRY(TaskNamer namer, TaskNamer::load(*policy->task_classifier, *policy));
    snapshot->task_namer = std::make_shared<const TaskNamer>(std::move(namer));
  }
  if (!policy->frontier.empty()) {
    Result<TaskPlan> unknown = make_plan(*policy, task_for_the_unknown(*policy), prompts, clients, hard_stops);
    if (!unknown) return fail(in_task(std::move(unknown).error(), "(unknown)"));
    snapshot->unknown = std::make_shared<const TaskPlan>(*std::move(unknown));
    const policy::Model& frontier = policy->models.at(policy->frontier);
    snapshot->frontier_price = frontier.price;
    snapshot->frontier_price_known = frontier.price_known;
  }
  for (const auto& [name, model] : policy->models) {
    if (!model.embeddings) continue;
    SUFFICE_TRY(std::shared_ptr<providers::ModelClient> client, clients(model));
    snapshot->embedders.emplace(name, Embedder{.model = model, .client = std::move(client)});
  }
  snapshot->policy = std::move(policy);
  return snapshot;
}

}  // namespace suffice::pipeline
