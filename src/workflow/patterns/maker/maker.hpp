#pragma once
// MAKER as a flow: plan, then steps that are voted on. arXiv 2511.09030; docs/patterns_maker.md for users.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "workflow/flow.hpp"
#include "workflow/flow_io.hpp"
#include "workflow/flow_run.hpp"
#include "workflow/patterns/maker/model_worker.hpp"
#include "workflow/patterns/maker/plan.hpp"
#include "workflow/patterns/maker/steps.hpp"

namespace suffice::workflow::maker {

/// A task for MAKER. Immutable; shared by runs.
struct MakerTask {
  std::string name = "maker";
  std::string version = {};  ///< of prompts and models; a journal of another version is not resumed
  StepRules rules;
  PlanLimits limits;
  /// The task's own steps. None: the planner makes the plan from the request, start and all.
  std::vector<PlanEntry> entries = {};
  std::string start =
      {};  ///< JSON text; with `entries` only. Empty: the request's query is, as JSON where it is some, else as a string
  std::string answer = {};  ///< JSON pointer into the last state; empty: all of it
};

/// Who answers. Called once for each run; what they make is that run's alone and is gone when its step is.
struct MakerWorkers {
  using Make = std::function<Result<std::unique_ptr<StepWorker>>(FlowRun&)>;
  Make worker;
  Make frontier = {};  ///< none: a step without convergence ends the run
  Make planner =
      {};  ///< asked with the request as the instruction; its sample is the plan. Needed without MakerTask::entries
};

/// Executors "plan" (kRequestType to plan) and "steps" (plan to kAnswerType). "steps" checkpoints after every committed step (decisions/0026), so
/// that a run goes on from the step after it.
///
/// The answer's body: {"answer", "state", "steps", "votes", "samples", "discarded": {kind: count}, "escalated", "escalated_steps"}; steps
/// from 1 there. Errors: Plan::read's for a given plan; OutputRejected when the planner's plan has a fault (nothing of it is executed)
/// or the answer is not where MakerTask::answer says; make_steps'.
[[nodiscard]] Result<std::shared_ptr<const Flow>> build_maker(std::shared_ptr<const MakerTask> task,
                                                              MakerWorkers workers);

inline constexpr std::string_view kPlanType = "maker.plan";

}  // namespace suffice::workflow::maker
