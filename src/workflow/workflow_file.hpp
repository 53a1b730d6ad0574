#pragma once
// Workflow files: a workflow as people write it (YAML, api/workflow.schema.json), checked and made ready to run.

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "policy/problem.hpp"
#include "workflow/flow.hpp"
#include "workflow/flow_run.hpp"
#include "workflow/pattern.hpp"
#include "workflow/run_ledger.hpp"

namespace suffice::workflow {

/// `budget:` of a workflow file. Everything has a limit: these are the usual ones.
struct WorkflowBudget {
  RunLimits limits = {.cost_max = Usd::from_dollars(1), .calls_max = 10'000, .tokens_max = 0};
  std::size_t steps_max = 1000;
  std::chrono::milliseconds time = std::chrono::minutes(10);
};

/// A workflow, ready to run. Immutable; any thread.
struct Workflow {
  std::string name;  ///< the file's, without folder and ending
  std::string description;
  std::string pattern;  ///< "maker" ...; empty: a graph of its own
  WorkflowBudget budget;
  RoleModels models;
  std::shared_ptr<const Flow> flow;
  std::shared_ptr<const Flow> plan;  ///< the pattern's, for `--plan-only`; null: it has none
};

/// The workflow, or every problem of its file (and of the files it includes) with line and column.
struct LoadedWorkflow {
  std::shared_ptr<const Workflow> workflow;  ///< null when there are problems
  std::vector<policy::Problem> problems;
};

/// `file` names the text in problems; sub-workflows are read from its folder.
[[nodiscard]] LoadedWorkflow parse_workflow(std::string_view yaml, const std::filesystem::path& file,
                                            const WorkflowParts& parts);
[[nodiscard]] LoadedWorkflow load_workflow(const std::filesystem::path& file, const WorkflowParts& parts);

/// What a run of `workflow` may use: its steps, time (from now, and never beyond `deadline`) and at most what `ledger` allows.
[[nodiscard]] FlowOptions options_for(const Workflow& workflow, RunLedger& ledger, Deadline deadline,
                                      SteadyTime now = std::chrono::steady_clock::now());

}  // namespace suffice::workflow
