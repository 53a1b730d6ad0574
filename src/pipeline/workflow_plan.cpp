#include "pipeline/workflow_plan.hpp"

#include <limits>
#include <utility>

#include <fmt/format.h>

namespace suffice::pipeline {
namespace {

/// A task that is nothing but the workflow's hard stops.
policy::Task stops_of(const policy::WorkflowEntry& entry) {
  policy::Task task;
  task.name = entry.name;
  task.hard_stops = entry.hard_stops;
  task.max_input_chars = std::numeric_limits<std::int64_t>::max();
  task.validators.refusal = false;
  task.validators.chars_min = 0;
  return task;
}

}  // namespace

Result<WorkflowPlan> make_workflow_plan(const policy::Policy& policy, const policy::WorkflowEntry& entry,
                                        const workflow::WorkflowParts& parts, gate::HardStopCache& hard_stops) {
  workflow::LoadedWorkflow loaded = workflow::load_workflow(entry.file, parts);
  if (loaded.workflow == nullptr) {
    return fail(ErrorCode::PolicyInvalid, policy::to_lines(loaded.problems), "workflows." + entry.name);
  }
  WorkflowPlan plan{.entry = entry, .workflow = std::move(loaded.workflow), .rules = {}};
  SUFFICE_TRY(plan.rules, gate::compile_rules(policy, stops_of(entry), hard_stops));
  return plan;
}

workflow::ModelSource models_of(
    const policy::Policy& policy,
    const std::function<Result<std::shared_ptr<providers::ModelClient>>(const policy::Model&)>& clients) {
  return [&policy, &clients](const std::string& name) -> Result<std::shared_ptr<const workflow::PortModel>> {
    const auto alias = policy.aliases.find(name);
    const auto model = policy.models.find(alias == policy.aliases.end() ? name : alias->second);
    if (model == policy.models.end()) return fail(ErrorCode::NotFound, "the policy has no such model", name);
    auto made = std::make_shared<workflow::PortModel>();
    made->model = model->second;
    SUFFICE_TRY(made->client, clients(model->second));
    return std::shared_ptr<const workflow::PortModel>(std::move(made));
  };
}

}  // namespace suffice::pipeline
