// Gateway::embed: the embeddings half of gateway.hpp.

#include <algorithm>
#include <string>
#include <utility>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include "core/hash.hpp"
#include "core/ids.hpp"
#include "pipeline/gateway.hpp"
#include "pipeline/gateway_metrics.hpp"
#include "pipeline/plan.hpp"

namespace suffice::pipeline {
namespace {

namespace asio = boost::asio;

constexpr int kHttpOk = 200;
constexpr std::string_view kPrefix = "suffice/";
/// The model of policies that have just one for embeddings.
constexpr std::string_view kTheOnlyOne = "embed";

std::chrono::microseconds to_us(std::chrono::steady_clock::duration span) {
  return std::chrono::duration_cast<std::chrono::microseconds>(span);
}

std::int64_t bytes_of(const EmbeddingRequest& request) {
  std::size_t bytes = 0;
  for (const std::string& text : request.texts) bytes += text.size();
  return static_cast<std::int64_t>(bytes);
}

/// Vectors of two models cannot be compared, so nobody is given another model than the one that was named.
Result<const Embedder*> find_embedder(const Snapshot& snapshot, std::string_view name) {
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  const auto found = snapshot.embedders.find(name);
  if (found != snapshot.embedders.end()) return &found->second;
  if (name == kTheOnlyOne && snapshot.embedders.size() == 1) return &snapshot.embedders.begin()->second;
  if (snapshot.embedders.empty())
    return fail(ErrorCode::NotFound, "the policy has no model with embeddings: yes", "model");
  std::string names;
  for (const auto& [known, embedder] : snapshot.embedders) names.append(names.empty() ? "" : ", ").append(known);
  return fail(ErrorCode::NotFound, "no such embeddings model; there are: " + names, "model");
}

/// One digest of all texts, so that the record can prove what was sent without holding it.
std::string digest_of(const EmbeddingRequest& request) {
  std::string digests;
  for (const std::string& text : request.texts) digests += sha256_hex(text) + "\n";
  return sha256_hex(digests);
}

}  // namespace

/// One request for embeddings on its way.
struct Gateway::EmbeddingWork {
  const Request& request;
  const EmbeddingRequest& asked;
  std::shared_ptr<const Snapshot> snapshot;
  const Embedder* embedder = nullptr;
  const policy::AccessKey* key = nullptr;
  Admitted admitted = {};
  Decision decision = {};
  std::vector<CheckResult> checks = {};
  audit::Attempt attempt = {};
  bool attempted = false;
  std::chrono::steady_clock::duration waited{0};
};

Result<void> Gateway::admit(EmbeddingWork& work) {
  const policy::Policy& policy = *work.snapshot->policy;
  SUFFICE_TRY(work.key, callers_.identify(policy, work.request.credential));
  work.decision.policy_version = policy.version;
  work.decision.task = work.request.task_hint;
  if (!work.decision.task.empty() && !work.snapshot->tasks.contains(work.decision.task))
    return fail(ErrorCode::NotFound, "no such task", "x-suffice-task");
  SUFFICE_TRY(work.embedder, find_embedder(*work.snapshot, work.asked.model));
  const policy::Model& model = work.embedder->model;
  if (work.key != nullptr) {
    Demand demand;
    demand.tokens = bytes_of(work.asked) / kHostedBytesPerToken + static_cast<std::int64_t>(work.asked.texts.size());
    demand.cost = cost_of(model.price, Usage{.input_tokens = demand.tokens}, 0);
    SUFFICE_TRY(work.admitted, callers_.admit(*work.key, work.decision.task, demand));
  }
  work.decision.event_id = new_uuid7(parts_.clock, parts_.random);
  work.decision.model = model.name;
  work.decision.route = model.local ? Route::Local : Route::Frontier;
  return {};
}

/// Switches, and the hard stops of the task that was named. What may not stay local has nowhere else to go: another model's vectors
/// are of no use.
Result<void> Gateway::may_embed(EmbeddingWork& work) {
  const policy::Model& model = work.embedder->model;
  const policy::KillSwitch in_file = work.snapshot->policy->kill_switch;
  const policy::KillSwitch thrown = parts_.levers.current()->kill_switch;
  const auto is = [&](policy::KillSwitch position) { return in_file == position || thrown == position; };
  if (!model.local && is(policy::KillSwitch::LocalOnly))
    return fail(ErrorCode::NoFrontier, "the kill switch keeps every request on local models");
  if (!model.local && !work.admitted.may_escalate())
    return fail(ErrorCode::RateLimited, "the key has used its escalations of this hour");
  if (!model.local) return {};
  if (is(policy::KillSwitch::FrontierOnly)) {
    work.decision.reasons.push_back(Reason::KillSwitch);
    return fail(ErrorCode::ModelUnavailable, "the kill switch keeps local models from answering");
  }
  const auto task = work.snapshot->tasks.find(work.decision.task);
  if (task == work.snapshot->tasks.end()) return {};
  for (const std::string& text : work.asked.texts) {
    gate::Admission admission = gate::check_input(task->second.plan->rules, text);
    if (admission.local_allowed()) continue;
    work.decision.reasons = std::move(admission.reasons);
    work.checks = std::move(admission.checks);
    return fail(ErrorCode::Forbidden, fmt::format("task {} keeps this text from local models: {}", work.decision.task,
                                                  name(work.decision.reasons.front())));
  }
  return {};
}

Task<Result<EmbeddingAnswer>> Gateway::run(EmbeddingWork& work, Deadline deadline) {
  const Result<void> allowed = may_embed(work);
  if (!allowed) co_return fail(allowed.error());
  const policy::Model& model = work.embedder->model;
  EmbeddingRequest asked = work.asked;
  asked.model = model.provider == policy::ProviderKind::Embedded ? model.name : model.model;
  audit::Attempt& attempt = work.attempt;
  attempt.model = model.name;
  attempt.provider = work.embedder->client->provider_name();
  attempt.quantisation = work.embedder->client->quantisation();
  attempt.local = model.local;
  work.attempted = true;
  const SteadyTime started = parts_.clock.steady_now();
  Result<EmbeddingAnswer> answer = co_await work.embedder->client->embed(asked, deadline);
  work.waited = parts_.clock.steady_now() - started;
  attempt.latency_us = to_us(work.waited).count();
  attempt.accepted = answer.has_value();
  if (!answer) {
    attempt.error = name(answer.error().code);
    co_return answer;
  }
  attempt.response_model = answer->model;
  attempt.usage_known = answer->usage.has_value();
  attempt.usage = answer->usage.value_or(worst_case_usage(bytes_of(asked), 0));
  const double seconds = std::chrono::duration<double>(work.waited).count();
  attempt.cost = cost_of(model.price, attempt.usage, model.local ? seconds : 0.0);
  work.decision.cost = attempt.cost;
  co_return answer;
}

audit::Event Gateway::to_event(EmbeddingWork& work, const Result<EmbeddingAnswer>& answer) const {
  audit::Event event;
  event.kind = audit::Event::Kind::Request;
  event.id = work.decision.event_id;
  event.time = parts_.clock.wall_now();
  event.request_id = work.request.request_id;
  if (work.request.trace) event.trace_id = work.request.trace->trace_id;
  event.task = work.decision.task;
  event.caller_group = work.key == nullptr ? work.request.caller_group : work.key->group;
  if (work.key != nullptr) event.caller_key = work.key->name;
  event.surface = work.request.surface;
  event.route = answer ? work.decision.route : Route::Refused;
  event.reasons = work.decision.reasons;
  event.input_checks = std::move(work.checks);
  event.policy_version = work.decision.policy_version;
  if (answer) event.served_model = work.decision.model;
  event.outcome = answer ? "ok" : std::string(name(answer.error().code));
  if (work.request.http_status_of != nullptr)
    event.http_status = answer ? kHttpOk : work.request.http_status_of(answer.error());
  event.cost = work.decision.cost;
  const auto total = parts_.clock.steady_now() - work.request.received;
  event.latency_us = to_us(total).count();
  event.overhead_us = to_us(total - work.waited).count();
  if (work.attempted) event.attempts.push_back(std::move(work.attempt));
  // Texts to be embedded are whole documents: not even a preview of them is recorded.
  event.note = fmt::format("texts={} sha256={}", work.asked.texts.size(), digest_of(work.asked));
  return event;
}

Task<EmbeddingOutcome> Gateway::embed(const Request& request, const EmbeddingRequest& asked, Deadline deadline) {
  // Cancellation comes back as an error of whatever is awaited, so that the record is written in every case.
  co_await asio::this_coro::throw_if_cancelled(false);
  EmbeddingWork work{.request = request, .asked = asked, .snapshot = snapshot()};
  work.decision.request_id = request.request_id;
  Result<void> let_in = admit(work);
  if (!let_in) {
    parts_.metrics.count_refused(work.key == nullptr ? std::string_view() : work.key->name, let_in.error());
    work.decision.route = Route::Refused;
    co_return EmbeddingOutcome{.answer = fail(std::move(let_in).error()), .decision = std::move(work.decision)};
  }
  Result<EmbeddingAnswer> answer = co_await run(work, deadline);
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  if (work.key != nullptr) {
    const std::int64_t tokens = work.attempt.usage.input_tokens;
    work.admitted.settle(tokens, work.decision.cost, work.attempted && !work.attempt.local, parts_.clock);
  }
  if (!answer) work.decision.route = Route::Refused;
  audit::Event event = to_event(work, answer);
  parts_.metrics.count(event);
  Result<void> durable = co_await make_durable(std::move(event));
  if (!durable && options_.on_record_failure == OnRecordFailure::Refuse) answer = fail(std::move(durable).error());
  work.decision.overhead = to_us(parts_.clock.steady_now() - request.received - work.waited);
  parts_.metrics.overhead(work.decision.overhead);
  co_return EmbeddingOutcome{.answer = std::move(answer), .decision = std::move(work.decision)};
}

}  // namespace suffice::pipeline
