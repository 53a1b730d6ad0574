#pragma once
// Snapshot: one policy with everything compiled that a request needs. Taken once per request and kept.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "pipeline/learned_routing.hpp"
#include "pipeline/shadow.hpp"
#include "pipeline/workflow_plan.hpp"
#include "policy/policy.hpp"
#include "prompts/prompt.hpp"
#include "providers/model_client.hpp"
#include "workflow/patterns/cascade.hpp"

namespace suffice::pipeline {

/// One task, ready to run.
struct TaskPlan {
  std::shared_ptr<const TaskPlan> promoted =
      {};  ///< the same task with its candidate in its local rungs' place; null without one
  std::shared_ptr<const workflow::CascadePlan> plan;
  workflow::Graph<workflow::CascadeRun> graph;
  std::shared_ptr<const GainRouter> router;                ///< null when the task has none
  std::size_t first_frontier_tier = 0;                     ///< plan->tiers.size() when the ladder has none
  std::vector<std::shared_ptr<const ShadowPlan>> shadows;  ///< what runs beside it
};

/// A model that may be asked for embeddings.
struct Embedder {
  policy::Model model;
  std::shared_ptr<providers::ModelClient> client;
};

/// Immutable; any thread.
struct Snapshot {
  std::shared_ptr<const policy::Policy> policy;
  std::map<std::string, TaskPlan, std::less<>> tasks;
  std::map<std::string, WorkflowPlan, std::less<>> workflows;
  std::shared_ptr<const TaskPlan>
      unknown;  ///< what answers requests without a task: the frontier alone; null when the policy has none
  std::map<std::string, Embedder, std::less<>> embedders;  ///< by the model's name in the policy
  std::shared_ptr<const TaskNamer> task_namer;             ///< null when the policy has none
  Price frontier_price;                                    ///< for the always-frontier counterfactual
  bool frontier_price_known = false;
};

/// `task` with its candidate in its local rungs' place: what the lever candidate_serves does. `task.candidate` is there.
[[nodiscard]] policy::Task with_candidate(const policy::Policy& policy, policy::Task task);

/// Gives the client of a model; the same client for an unchanged model, so that connections, breakers and engines outlive a reload.
using ClientSource = std::function<Result<std::shared_ptr<providers::ModelClient>>(const policy::Model&)>;

/// Compiles `policy`. The Error names the task or model that cannot be made ready.
[[nodiscard]] Result<std::shared_ptr<const Snapshot>> make_snapshot(std::shared_ptr<const policy::Policy> policy,
                                                                    const prompts::PromptLibrary& prompts,
                                                                    const ClientSource& clients);

}  // namespace suffice::pipeline
