#include "pipeline/gateway.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "core/ids.hpp"
#include "pipeline/gateway_metrics.hpp"
#include "pipeline/gateway_work.hpp"
#include "pipeline/plan.hpp"
#include "pipeline/request_spans.hpp"
#include "pipeline/task_resolution.hpp"

namespace suffice::pipeline {
namespace {

namespace asio = boost::asio;

std::chrono::microseconds to_us(std::chrono::steady_clock::duration span) {
  return std::chrono::duration_cast<std::chrono::microseconds>(span);
}

/// Reasons after which a rejected local answer may still be shown with a warning, where the policy says so: nothing was found wrong
/// with the answer itself, it only was not sure enough.
bool only_unsure(const Verdict& verdict) {
  return std::ranges::all_of(verdict.reasons, [](Reason reason) {
    return reason == Reason::ConfidenceLow || reason == Reason::ThresholdUncertified ||
           reason == Reason::LogprobsMissing;
  });
}

/// Tools of the answer that business rules want approved.
std::vector<std::string> approval_required(const policy::Policy& policy, const Completion& completion) {
  std::vector<std::string> names;
  for (const ToolCall& call : completion.tool_calls) {
    if (std::ranges::find(policy.approval_tools, call.name) != policy.approval_tools.end()) names.push_back(call.name);
  }
  return names;
}

constexpr std::int64_t kMillisecondsPerHour = 3'600'000;

/// What a caller sees who got an answer, or a stream that had begun.
constexpr int kHttpOk = 200;

}  // namespace

namespace {

/// Announces the decision before the first token of a live answer, then passes tokens on.
class LiveSink final : public providers::TokenSink {
 public:
  LiveSink(AnswerSink& next, std::function<const Decision&()> decide) : next_(next), decide_(std::move(decide)) {}

  Task<providers::SinkAction> on_delta(const Delta& delta) override {
    if (!begun_) {
      begun_ = true;
      const Decision& decision = decide_();
      const providers::SinkAction begin = co_await next_.on_begin(decision);
      if (begin == providers::SinkAction::Stop) co_return begin;
    }
    const providers::SinkAction action = co_await next_.on_delta(delta);
    co_return action;
  }
  [[nodiscard]] bool begun() const { return begun_; }

 private:
  AnswerSink& next_;
  std::function<const Decision&()> decide_;
  bool begun_ = false;
};

}  // namespace

Gateway::Gateway(Parts parts, GatewayOptions options, std::shared_ptr<const Snapshot> first)
    : parts_(parts), options_(std::move(options)), callers_(parts.clock), snapshot_(std::move(first)) {}

std::shared_ptr<const Snapshot> Gateway::snapshot() const {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}

void Gateway::replace(std::shared_ptr<const Snapshot> next) {
  const std::lock_guard lock(mutex_);
  snapshot_.swap(next);
}

namespace {

/// Where the answer came from, once the run is over (or has reached its last tier).
Route route_of(const workflow::CascadeRun& run, bool local_answer) {
  if (local_answer) return Route::Local;
  const bool tried_local = std::ranges::any_of(run.attempts, &audit::Attempt::local);
  return tried_local ? Route::EscalatedAfterValidation : Route::Frontier;
}

void add_run_reasons(Decision& decision, const workflow::CascadeRun& run) {
  for (const Reason reason : run.reasons) {
    if (std::ranges::find(decision.reasons, reason) == decision.reasons.end()) decision.reasons.push_back(reason);
  }
}

/// What the frontier would have cost for this request, had it been asked first. Real where it was asked, estimated from bytes elsewhere.
void fill_counterfactual(audit::Event& event, const Snapshot& snapshot, const workflow::CascadeRun& run,
                         const std::optional<Completion>& completion, std::size_t input_bytes) {
  if (!snapshot.frontier_price_known) return;
  const auto hosted =
      std::ranges::find_if(run.attempts, [](const audit::Attempt& a) { return !a.local && a.error.empty(); });
  // A hosted model of a workflow saw a part of the input at most.
  if (hosted != run.attempts.end() && event.workflow.empty()) {
    event.counterfactual_cost = hosted->cost;
    return;
  }
  if (!completion) return;
  const Usage guess{.input_tokens = static_cast<std::int64_t>(input_bytes) / kHostedBytesPerToken + 1,
                    .output_tokens = static_cast<std::int64_t>(completion->text.size()) / kHostedBytesPerToken + 1};
  event.counterfactual_cost = cost_of(snapshot.frontier_price, guess, 0);
  event.counterfactual_estimated = true;
}

}  // namespace

Task<Answer> Gateway::answer(const Request& request, AnswerSink* sink, Deadline deadline) {
  // Cancellation comes back as an error of whatever is awaited, so that the record is written in every case.
  co_await asio::this_coro::throw_if_cancelled(false);
  std::shared_ptr<const Snapshot> snapshot_now = snapshot();
  Work work{.request = request,
            .snapshot = std::move(snapshot_now),
            .key = nullptr,
            .admitted = {},
            .planned = {},
            .run = workflow::CascadeRun(request.chat, request.request_id, deadline),
            .decision = {},
            .completion = {},
            .error = {}};
  work.decision.request_id = request.request_id;
  Result<void> let_in = admit(work);
  if (!let_in) {
    parts_.metrics.count_refused(work.key == nullptr ? std::string_view() : work.key->name, let_in.error());
    work.decision.route = Route::Refused;
    co_return Answer{
        .completion = fail(std::move(let_in).error()), .decision = std::move(work.decision), .streamed = false};
  }

  begin_trace(work);
  Result<void> ran = co_await run(work, sink, deadline);
  if (!ran) work.error = std::move(ran).error();
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());

  settle(work);
  const std::shared_ptr<const ShadowQuestion> beside = shadow_question(work);
  audit::Event event = to_event(work);
  parts_.metrics.count(event);
  if (options_.export_spans && work.run.trace && work.run.trace->sampled) {
    options_.export_spans(spans_of(event, *work.run.trace, request.trace ? request.trace->span_id : std::string()));
  }
  Result<void> durable = co_await make_durable(std::move(event));
  if (!durable && options_.on_record_failure == OnRecordFailure::Refuse && !work.begun) {
    work.error = std::move(durable).error();
  } else if (!durable) {
    work.decision.warning += "the audit event of this answer is not durable yet; ";
  }
  if (!work.error && sink != nullptr && !work.begun) co_await show(work, *sink);
  work.decision.overhead = to_us(parts_.clock.steady_now() - request.received - work.run.waited);
  parts_.metrics.overhead(work.decision.overhead);
  if (beside != nullptr) {
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    begin_shadows(work.snapshot, *work.planned.route.plan, beside, executor);
  }
  if (work.error) {
    co_return Answer{
        .completion = fail(*std::move(work.error)), .decision = std::move(work.decision), .streamed = work.begun};
  }
  co_return Answer{
      .completion = *std::move(work.completion), .decision = std::move(work.decision), .streamed = work.begun};
}

/// The caller's trace goes on; one of our own begins only where somebody collects it.
void Gateway::begin_trace(Work& work) {
  if (work.request.trace) {
    work.run.trace = child_of(*work.request.trace, parts_.random);
  } else if (options_.export_spans) {
    work.run.trace = new_trace(parts_.random);
  }
  work.run.random = &parts_.random;
  work.run.begun = work.request.received;
  work.run.now = parts_.clock.wall_now();
}

Result<void> Gateway::admit(Work& work) {
  const policy::Policy& policy = *work.snapshot->policy;
  SUFFICE_TRY(work.key, callers_.identify(policy, work.request.credential));
  work.decision.policy_version = policy.version;
  work.planned = plan_for(*work.snapshot, work.request, caller_group(work));
  if (work.key != nullptr) {
    SUFFICE_TRY(work.admitted,
                callers_.admit(*work.key, work.planned.task_name, demand_of(work.request, work.planned)));
    work.planned.route.frontier_allowed = work.planned.route.frontier_allowed && work.admitted.may_escalate();
  }
  work.decision.event_id = new_uuid7(parts_.clock, parts_.random);
  const bool known = work.snapshot->tasks.contains(work.planned.task_name) ||
                     work.snapshot->workflows.contains(work.planned.task_name);
  work.decision.task = known ? work.planned.task_name : std::string();
  work.decision.reasons = work.planned.route.reasons;
  return {};
}

const std::string& Gateway::caller_group(const Work& work) {
  return work.key == nullptr ? work.request.caller_group : work.key->group;
}

void Gateway::settle(Work& work) {
  if (work.key == nullptr) return;
  std::int64_t tokens = 0;
  bool escalated = false;
  for (const audit::Attempt& attempt : work.run.attempts) {
    tokens += attempt.usage.input_tokens + attempt.usage.output_tokens;
    escalated = escalated || !attempt.local;
  }
  tokens = work.tokens_used.value_or(tokens);
  const bool kept_back = !work.admitted.may_escalate();
  work.admitted.settle(tokens, work.run.cost, escalated, parts_.clock);
  if (kept_back) parts_.metrics.count_withheld(work.key->name);
  if (!kept_back || !work.error) return;
  work.decision.reasons.push_back(Reason::BudgetExhausted);
  work.error =
      Error{.code = ErrorCode::RateLimited,
            .message = fmt::format("no local answer was accepted and key {} has used its {} escalations an hour",
                                   work.key->name, work.key->escalations_per_hour),
            .where = {}};
  work.error->retry_after_ms = kMillisecondsPerHour / work.key->escalations_per_hour;
}

Task<Result<void>> Gateway::run(Work& work, AnswerSink* sink, Deadline deadline) {
  if (work.planned.route.refused) {
    work.decision.route = Route::Refused;
    co_return fail(ErrorCode::Forbidden,
                   fmt::format("the policy lets nobody answer this request ({}) and keeps it from the frontier",
                               name(work.decision.reasons.front())),
                   "workflows." + work.planned.task_name);
  }
  if (work.planned.route.workflow != nullptr) {
    Task<Result<void>> running = run_workflow(work, sink, deadline);
    co_return co_await std::move(running);
  }
  if (work.planned.route.plan == nullptr) {
    co_return fail(ErrorCode::NoFrontier, "no task matched and the policy names no frontier model", "policy.frontier");
  }
  const workflow::CascadePlan& plan = *work.planned.route.plan->plan;
  if (work.planned.route.first_tier >= plan.tiers.size()) {
    co_return fail(ErrorCode::NoFrontier, "this request may not be answered locally and its task has no frontier tier");
  }
  workflow::CascadeRun& run = work.run;
  run.input = work.planned.input;
  run.first_tier = work.planned.route.first_tier;
  run.frontier_allowed = work.planned.route.frontier_allowed;
  run.confidence_min = work.planned.route.confidence_min;
  run.certificate_withdrawn = work.planned.route.certificate_withdrawn;
  std::optional<LiveSink> live;
  if (sink != nullptr) {
    live.emplace(*sink, [&work]() -> const Decision& {
      const std::vector<workflow::CascadeTier>& tiers = work.planned.route.plan->plan->tiers;
      add_run_reasons(work.decision, work.run);
      work.decision.route = route_of(work.run, false);
      work.decision.model = tiers.back().model.name;
      work.decision.stand_in = tiers.back().model.stand_in;
      return work.decision;
    });
    run.live = &*live;
  }
  workflow::RunContext context{.deadline = deadline};
  Result<void> done = co_await work.planned.route.plan->graph.run(run, context);
  run.live = nullptr;
  work.begun = live && live->begun();
  add_run_reasons(work.decision, run);
  if (!done) co_return done;
  co_return conclude(work);
}

Result<void> Gateway::conclude(Work& work) {
  workflow::CascadeRun& run = work.run;
  const workflow::CascadePlan& plan = *work.planned.route.plan->plan;
  const bool unsure_answer_allowed =
      plan.rules.task.on_frontier_unavailable == policy::OnFrontierUnavailable::LocalWithWarning;
  if (!run.accepted && run.rejected && unsure_answer_allowed && only_unsure(run.rejected->verdict)) {
    run.accepted = std::move(run.rejected);
    work.decision.warning = "the frontier was not available; this local answer was below its threshold; ";
  }
  work.decision.cost = run.cost;
  if (!run.accepted) {
    work.decision.route = Route::Refused;
    if (run.error) return fail(*run.error);
    return fail(ErrorCode::NoFrontier, "no local answer was accepted and there is no frontier tier to ask");
  }
  workflow::CascadeRun::Given& given = *run.accepted;
  const workflow::CascadeTier& tier = plan.tiers[given.tier];
  work.decision.route = route_of(run, tier.model.local);
  work.decision.model = tier.model.name;
  work.decision.stand_in = tier.model.stand_in;
  if (!given.verdict.confidence_source.empty()) work.decision.confidence = given.verdict.confidence.value;
  if (!given.verdict.accepted() && !tier.model.local) {
    work.decision.warning +=
        fmt::format("the frontier's answer fails the task's own checks ({}); ", name(given.verdict.reasons.front()));
  }
  if (given.completion.tool_calls.empty() && !run.live_used && given.completion.text != given.verdict.served_text) {
    given.completion.text = std::move(given.verdict.served_text);
    given.text_sha256.clear();
  }
  work.output_sha256 = std::move(given.text_sha256);
  work.decision.approval_required = approval_required(*work.snapshot->policy, given.completion);
  work.completion = std::move(given.completion);
  return {};
}

Task<void> Gateway::show(Work& work, AnswerSink& sink) {
  work.begun = true;
  const providers::SinkAction begun = co_await sink.on_begin(work.decision);
  if (begun == providers::SinkAction::Stop) co_return;
  Delta delta;
  delta.text = work.completion->text;
  delta.refusal = work.completion->refusal;
  if (work.completion->logprobs) delta.logprobs = *work.completion->logprobs;
  for (std::size_t i = 0; i < work.completion->tool_calls.size(); ++i) {
    const ToolCall& call = work.completion->tool_calls[i];
    delta.tool_calls.push_back({.index = i, .id = call.id, .name = call.name, .arguments = call.arguments});
  }
  co_await sink.on_delta(delta);
}

std::shared_ptr<const ShadowQuestion> Gateway::shadow_question(const Work& work) {
  const TaskPlan* plan = work.planned.route.plan;
  if (work.error || !work.completion || plan == nullptr || plan->shadows.empty()) return nullptr;
  const std::vector<Reason>& planned = work.planned.route.reasons;
  const bool operator_said_so = std::ranges::any_of(
      planned, [](Reason reason) { return reason == Reason::KillSwitch || reason == Reason::ManualOverride; });
  if (operator_said_so) return nullptr;
  auto question = std::make_shared<ShadowQuestion>();
  question->chat = work.request.chat;
  question->input = work.planned.input;
  question->request_id = work.request.request_id;
  question->task = work.decision.task;
  question->caller_group = caller_group(work);
  question->policy_version = work.decision.policy_version;
  question->served_text = work.completion->text;
  question->event_id = work.decision.event_id;
  // That the task's stage keeps it on the frontier is what the shadow run is for.
  std::ranges::copy_if(planned, std::back_inserter(question->input_reasons),
                       [](Reason reason) { return reason != Reason::PolicyRequiresFrontier; });
  return question;
}

audit::Event Gateway::to_event(Work& work) const {
  audit::Event event;
  event.kind = audit::Event::Kind::Request;
  event.id = work.decision.event_id;
  event.time = parts_.clock.wall_now();
  event.request_id = work.request.request_id;
  if (work.run.trace) event.trace_id = work.run.trace->trace_id;
  event.task = work.decision.task;
  event.caller_group = caller_group(work);
  if (work.key != nullptr) event.caller_key = work.key->name;
  event.surface = work.request.surface;
  event.route = work.error ? Route::Refused : work.decision.route;
  event.reasons = work.decision.reasons;
  event.input_checks = std::move(work.planned.route.checks);
  event.policy_version = work.decision.policy_version;
  event.served_model = work.error ? std::string() : work.decision.model;
  event.outcome = work.error ? std::string(name(work.error->code)) : "ok";
  if (work.request.http_status_of != nullptr) {
    event.http_status = work.error && !work.begun ? work.request.http_status_of(*work.error) : kHttpOk;
  }
  event.workflow = work.decision.workflow;
  event.run_id = work.decision.run_id;
  event.streamed = work.begun;
  event.stand_in = work.decision.stand_in;
  event.cost = work.run.cost;
  const auto total = parts_.clock.steady_now() - work.request.received;
  event.latency_us = to_us(total).count();
  event.overhead_us = to_us(total - work.run.waited).count();
  fill_counterfactual(event, *work.snapshot, work.run, work.completion, work.planned.input.size());
  event.attempts = std::move(work.run.attempts);
  event.input = std::move(work.planned.input);
  if (work.completion) event.output = work.completion->text;
  event.output_sha256 = std::move(work.output_sha256);
  event.note = work.decision.warning;
  return event;
}

Task<Result<void>> Gateway::make_durable(audit::Event event) {
  struct Waiting {
    explicit Waiting(const asio::any_io_executor& executor) : timer(executor) {}
    asio::steady_timer timer;
    std::optional<Result<void>> result;
  };
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto waiting = std::make_shared<Waiting>(executor);
  waiting->timer.expires_after(options_.record_wait_max);
  // The timer and the result belong to this request's thread. The writer thread only posts, and gives up its share by doing so: it must
  // never be the one that destroys the timer, nor post for a request that has stopped waiting.
  const std::weak_ptr<Waiting> watched = waiting;
  auto tell = [watched, executor](Result<void> result) {
    std::shared_ptr<Waiting> held = watched.lock();
    if (held == nullptr) return;
    asio::post(executor, [held = std::move(held), result = std::move(result)]() mutable {
      held->result = std::move(result);
      held->timer.cancel();
    });
  };
  const bool taken = parts_.recorder.record_durably(std::move(event), std::move(tell), audit::Rouse::Caller);
  rouse_recorder_after_this_turn(executor);
  if (!taken) co_return fail(ErrorCode::Overloaded, "the audit queue is full; try again shortly");
  co_await waiting->timer.async_wait(asio::as_tuple(asio::use_awaitable));
  if (!waiting->result) co_return fail(ErrorCode::StoreFailed, "the audit store did not confirm the event in time");
  co_return *waiting->result;
}

/// A commit costs about as much for one event as for ten: the handlers that are ready now come first. To wait for more of them than these
/// costs more in idle time than it saves (docs/evidence.md).
void Gateway::rouse_recorder_after_this_turn(const asio::any_io_executor& executor) {
  if (rouse_posted_.exchange(true)) return;
  asio::post(executor, [this] {
    rouse_posted_ = false;
    parts_.recorder.rouse();
  });
}

}  // namespace suffice::pipeline
