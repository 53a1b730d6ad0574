// What a request would become, and how long its prompt is: questions that leave no record.

#include <algorithm>
#include <optional>
#include <utility>

#include "pipeline/gateway.hpp"
#include "pipeline/plan.hpp"
#include "pipeline/task_resolution.hpp"
#include "workflow/patterns/tier_call.hpp"

namespace suffice::pipeline {

Gateway::Planned Gateway::plan_for(const Snapshot& snapshot, const Request& request, const std::string& group) const {
  Planned planned;
  planned.input = gate_input(request.chat);
  planned.task_name = resolve_task(*snapshot.policy, request.chat, request.task_hint, snapshot.task_namer.get()).name;
  const PlanQuestion question{.task_name = planned.task_name,
                              .input = planned.input,
                              .caller = request.chat.user.empty() ? group : request.chat.user,
                              .caller_group = group,
                              .frontier_requested = request.frontier_requested};
  planned.route = plan_route(snapshot, *parts_.levers.current(), question);
  return planned;
}

/// The dearest rung of its ladder asked once, every byte of the prompt and every allowed output token counted as providers do.
Demand Gateway::demand_of(const Request& request, const Planned& planned) {
  Demand demand;
  if (planned.route.workflow != nullptr) {
    const workflow::RunLimits& limits = planned.route.workflow->workflow->budget.limits;
    demand.cost = limits.cost_max.value_or(Usd{});
    demand.tokens = limits.tokens_max;
    return demand;
  }
  if (planned.route.plan == nullptr) return demand;
  const workflow::CascadePlan& plan = *planned.route.plan->plan;
  const std::int64_t output_max = request.chat.sampling.max_tokens.value_or(plan.rules.task.max_output_tokens);
  const Usage most{.input_tokens = static_cast<std::int64_t>(planned.input.size()) / kHostedBytesPerToken + 1,
                   .output_tokens = output_max};
  demand.tokens = most.input_tokens + most.output_tokens;
  for (const workflow::CascadeTier& tier : plan.tiers) {
    demand.cost = std::max(demand.cost, cost_of(tier.model.price, most, 0));
  }
  return demand;
}

struct Gateway::Question {
  std::shared_ptr<const Snapshot> snapshot;
  Planned planned;
  /// The rungs that would be asked are [first, end) of the ladder.
  std::size_t first = 0;
  std::size_t end = 0;
};

Result<Gateway::Question> Gateway::question(const Request& request) {
  Question asked{.snapshot = snapshot(), .planned = {}};
  const policy::AccessKey* key = nullptr;
  if (!request.trusted) {
    SUFFICE_TRY(key, callers_.identify(*asked.snapshot->policy, request.credential));
  }
  asked.planned = plan_for(*asked.snapshot, request, key == nullptr ? request.caller_group : key->group);
  bool frontier_allowed = asked.planned.route.frontier_allowed;
  if (key != nullptr) {
    // Given back at once: asking what would be costs nothing of a quota.
    SUFFICE_TRY(const Admitted admitted, callers_.admit(*key, asked.planned.task_name, Demand{}));
    frontier_allowed = frontier_allowed && admitted.may_escalate();
  }
  if (asked.planned.route.plan == nullptr) return asked;
  const TaskPlan& ladder = *asked.planned.route.plan;
  asked.first = asked.planned.route.first_tier;
  asked.end = frontier_allowed ? ladder.plan->tiers.size() : std::max(asked.first, ladder.first_frontier_tier);
  return asked;
}

Result<Intention> Gateway::decide(const Request& request) {
  SUFFICE_TRY(const Question asked, question(request));
  const Planned& planned = asked.planned;
  const bool known =
      asked.snapshot->tasks.contains(planned.task_name) || asked.snapshot->workflows.contains(planned.task_name);
  Intention intention{.task = known ? planned.task_name : std::string(),
                      .route = Route::Refused,
                      .reasons = planned.route.reasons,
                      .checks = planned.route.checks,
                      .ladder = {},
                      .policy_version = asked.snapshot->policy->version,
                      .cost_max = demand_of(request, planned).cost};
  for (std::size_t i = asked.first; i < asked.end; ++i) {
    const policy::Model& model = planned.route.plan->plan->tiers[i].model;
    intention.ladder.push_back({.model = model.name, .local = model.local});
  }
  if (planned.route.workflow != nullptr) {
    for (const bool local : {true, false}) {
      for (const auto& role : planned.route.workflow->workflow->models) {
        const policy::Model& model = role.second->model;
        if (model.local == local) intention.ladder.push_back({.model = model.name, .local = local});
      }
    }
  }
  if (!intention.ladder.empty()) intention.route = intention.ladder.front().local ? Route::Local : Route::Frontier;
  return intention;
}

Task<Result<std::int64_t>> Gateway::count_tokens(const Request& request, Deadline deadline) {
  const Result<Question> asked = question(request);
  if (!asked) co_return fail(asked.error());
  if (asked->first == asked->end) co_return fail(ErrorCode::NoFrontier, "no model may answer this request");
  workflow::CascadeRun run(request.chat, request.request_id, deadline);
  run.input = asked->planned.input;
  co_return co_await workflow::count_prompt(*asked->planned.route.plan->plan, asked->first, run);
}

}  // namespace suffice::pipeline
