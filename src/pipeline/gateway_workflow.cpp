// Requests that a workflow answers: planned, run within its budget, and told as one event.

#include <algorithm>
#include <utility>

#include "pipeline/gateway.hpp"
#include "pipeline/gateway_work.hpp"
#include "workflow/flow_io.hpp"
#include "workflow/flow_run.hpp"

namespace suffice::pipeline {
namespace {

/// What the caller is told of usage: all models together.
Usage total_of(const std::vector<workflow::ModelUse>& used) {
  Usage total;
  for (const workflow::ModelUse& use : used) total += use.usage;
  return total;
}

Route route_of(const std::vector<workflow::ModelUse>& used) {
  const bool hosted = std::ranges::any_of(used, [](const workflow::ModelUse& use) { return !use.local; });
  const bool local = std::ranges::any_of(used, &workflow::ModelUse::local);
  if (!hosted) return Route::Local;
  return local ? Route::EscalatedAfterValidation : Route::Frontier;
}

/// Whose answer it is in the end: the last hosted model's that was asked, else the last local one's.
std::string model_of(const std::vector<workflow::ModelUse>& used) {
  std::string model;
  bool hosted = false;
  for (const workflow::ModelUse& use : used) {
    if (hosted && use.local) continue;
    hosted = hosted || !use.local;
    model = use.model;
  }
  return model;
}

}  // namespace

void plan_workflow(const Snapshot& snapshot, const LeverState& levers, const WorkflowPlan& workflow,
                   const PlanQuestion& question, RoutePlan& route) {
  route.frontier_allowed = levers.kill_switch != policy::KillSwitch::LocalOnly &&
                           snapshot.policy->kill_switch != policy::KillSwitch::LocalOnly;
  const bool switched_off = levers.kill_switch == policy::KillSwitch::FrontierOnly ||
                            snapshot.policy->kill_switch == policy::KillSwitch::FrontierOnly ||
                            levers.frontier_only_tasks.contains(workflow.entry.name);
  if (switched_off) route.reasons.push_back(Reason::KillSwitch);
  if (question.frontier_requested) route.reasons.push_back(Reason::ManualOverride);
  gate::Admission admission = gate::check_input(workflow.rules, question.input);
  route.reasons.insert(route.reasons.end(), admission.reasons.begin(), admission.reasons.end());
  route.checks = std::move(admission.checks);
  if (route.reasons.empty()) {
    route.workflow = &workflow;
  } else if (workflow.entry.on_hard_stop == policy::OnHardStop::Frontier) {
    route.plan = snapshot.unknown.get();
  } else {
    route.refused = true;
  }
}

namespace {

/// What a workflow cannot honour, because the forms of its models' answers are its own.
Result<void> can_be_honoured(const ChatRequest& chat) {
  const auto refuse = [](const char* field) {
    return fail(ErrorCode::UnsupportedField, "a workflow has its own; ask a task's model instead", field);
  };
  if (!chat.tools.empty()) return refuse("tools");
  if (chat.response_format.kind != ResponseFormat::Kind::Text) return refuse("response_format");
  if (chat.n != 1) return refuse("n");
  if (chat.logprobs) return refuse("logprobs");
  return {};
}

}  // namespace

Task<Result<void>> Gateway::run_workflow(Work& work, AnswerSink* sink, Deadline deadline) {
  const WorkflowPlan& plan = *work.planned.route.workflow;
  if (Result<void> can = can_be_honoured(work.request.chat); !can) co_return fail(std::move(can).error());
  Result<workflow::FlowRequest> asked = workflow::to_flow_request(work.request.chat);
  if (!asked) co_return fail(std::move(asked).error());
  const workflow::FlowMessage input = to_message(*asked);
  workflow::RunLedger ledger(plan.workflow->budget.limits);
  workflow::FlowOptions options = workflow::options_for(*plan.workflow, ledger, deadline, parts_.clock.steady_now());
  options.run_id = work.decision.event_id;
  options.clock = &parts_.clock;
  options.seed = parts_.random.next();
  const bool hosted_refused = !work.planned.route.frontier_allowed;
  options.refused = [hosted_refused](const policy::Model& model) -> std::optional<Reason> {
    if (!model.local && hosted_refused) return Reason::KillSwitch;
    return std::nullopt;
  };
  if (sink != nullptr) {
    options.on_event = [sink](const workflow::FlowEvent& event) {
      if (event.kind == workflow::FlowEvent::Kind::Progress) sink->on_progress(event.text);
    };
  }
  Task<Result<workflow::FlowOutcome>> running = workflow::run(*plan.workflow->flow, input, std::move(options));
  Result<workflow::FlowOutcome> outcome = co_await std::move(running);
  take_ledger(work, ledger);
  if (!outcome) co_return fail(std::move(outcome).error());
  Result<std::string> text = workflow::answer_text(outcome->output);
  if (!text) co_return fail(std::move(text).error());
  Completion completion;
  completion.text = *std::move(text);
  completion.finish = FinishReason::Stop;
  completion.usage = total_of(work.decision.used);
  completion.model = work.decision.model;
  work.decision.details = std::move(outcome->output.body);
  work.completion = std::move(completion);
  co_return Result<void>{};
}

void Gateway::take_ledger(Work& work, const workflow::RunLedger& ledger) {
  work.run.attempts = ledger.attempts();
  work.run.cost = ledger.cost();
  for (const audit::Attempt& attempt : work.run.attempts)
    work.run.waited += std::chrono::microseconds(attempt.latency_us);
  work.tokens_used = ledger.tokens();
  work.decision.workflow = work.planned.route.workflow->entry.name;
  work.decision.run_id = work.decision.event_id;
  work.decision.used = ledger.used();
  work.decision.route = route_of(work.decision.used);
  work.decision.model = model_of(work.decision.used);
  work.decision.cost = ledger.cost();
  work.decision.stand_in = std::ranges::any_of(work.decision.used, &workflow::ModelUse::stand_in);
  for (const Reason reason : ledger.reasons()) {
    if (std::ranges::find(work.decision.reasons, reason) == work.decision.reasons.end())
      work.decision.reasons.push_back(reason);
  }
}

}  // namespace suffice::pipeline
