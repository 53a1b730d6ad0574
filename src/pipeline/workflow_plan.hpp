#pragma once
// A workflow of the policy, ready to answer requests: its flow, and the rules of its input.

#include <memory>
#include <string>
#include <vector>

#include "core/reasons.hpp"
#include "core/result.hpp"
#include "core/verdict.hpp"
#include "gate/judge.hpp"
#include "policy/policy.hpp"
#include "prompts/prompt.hpp"
#include "providers/model_client.hpp"
#include "workflow/run_ledger.hpp"
#include "workflow/workflow_file.hpp"

namespace suffice::pipeline {

/// Immutable; shared by requests.
struct WorkflowPlan {
  policy::WorkflowEntry entry;
  std::shared_ptr<const workflow::Workflow> workflow;
  gate::GateRules rules;  ///< the hard stops alone
};

/// Loads `entry`'s file. PolicyInvalid with every problem of it.
[[nodiscard]] Result<WorkflowPlan> make_workflow_plan(const policy::Policy& policy, const policy::WorkflowEntry& entry,
                                                      const workflow::WorkflowParts& parts,
                                                      gate::HardStopCache& hard_stops);

/// Where models of workflow files come from: the policy's, by name or alias.
[[nodiscard]] workflow::ModelSource models_of(
    const policy::Policy& policy,
    const std::function<Result<std::shared_ptr<providers::ModelClient>>(const policy::Model&)>& clients);

}  // namespace suffice::pipeline
