#pragma once
// Planning: may this request start on a local tier, and if not, why?

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/reasons.hpp"
#include "core/verdict.hpp"
#include "pipeline/levers.hpp"
#include "pipeline/snapshot.hpp"

namespace suffice::pipeline {

/// A hosted tokenizer makes about one token of four bytes of English (OpenAI's rule of thumb): good enough to say what would have been.
inline constexpr std::int64_t kHostedBytesPerToken = 4;

/// What is known of a request before any model is asked.
struct PlanQuestion {
  std::string_view task_name = {};  ///< as resolved; empty when nothing named one
  std::string_view input = {};
  std::string_view caller = {};  ///< stable identity for canary percentages
  std::string_view caller_group = {};
  bool frontier_requested = false;
};

/// Where the run starts. `plan` is null when nothing can answer (no frontier in the policy).
struct RoutePlan {
  const TaskPlan* plan = nullptr;
  std::size_t first_tier = 0;
  std::vector<Reason> reasons;  ///< why not local, primary first; empty: start local
  std::vector<CheckResult> checks;
  bool frontier_allowed = true;
  const WorkflowPlan* workflow = nullptr;  ///< what answers instead of a plan
  bool refused = false;                    ///< nobody may answer
  double confidence_min = 0;               ///< gate::Candidate's, by a lever
  bool certificate_withdrawn = false;      ///< likewise
};

/// Pure. Order of reasons: unknown_task, kill_switch, manual_override, policy_requires_frontier, the gate's input checks, then predicted_hard.
[[nodiscard]] RoutePlan plan_route(const Snapshot& snapshot, const LeverState& levers, const PlanQuestion& question);

/// The same for a request that names a workflow. Where something speaks against it the frontier answers alone, or nobody does.
void plan_workflow(const Snapshot& snapshot, const LeverState& levers, const WorkflowPlan& workflow,
                   const PlanQuestion& question, RoutePlan& route);

}  // namespace suffice::pipeline
