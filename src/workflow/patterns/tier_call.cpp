#include "workflow/patterns/tier_call.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "gate/confidence_rule.hpp"
#include "policy/adapters.hpp"
#include "prompts/span_schema.hpp"

namespace suffice::workflow {
namespace {

/// A second try at temperature 0 would be the first one again.
constexpr double kRetryTemperature = 0.7;

Sampling merged_sampling(const Sampling& caller, const policy::Task& task, const Sampling& model, std::int64_t cap) {
  const auto first = [](const auto& a, const auto& b, const auto& c) { return a ? a : (b ? b : c); };
  Sampling merged;
  merged.temperature = first(caller.temperature, task.sampling.temperature, model.temperature);
  merged.top_p = first(caller.top_p, task.sampling.top_p, model.top_p);
  merged.presence_penalty = first(caller.presence_penalty, task.sampling.presence_penalty, model.presence_penalty);
  merged.frequency_penalty = first(caller.frequency_penalty, task.sampling.frequency_penalty, model.frequency_penalty);
  merged.seed = first(caller.seed, task.sampling.seed, model.seed);
  merged.max_tokens = first(caller.max_tokens, task.sampling.max_tokens, model.max_tokens);
  if (cap > 0) merged.max_tokens = std::min(merged.max_tokens.value_or(cap), cap);
  merged.stop = !caller.stop.empty() ? caller.stop : (!task.sampling.stop.empty() ? task.sampling.stop : model.stop);
  return merged;
}

providers::OutputConstraint constraint_of(const policy::Task& task, const ChatRequest& request) {
  using Kind = providers::OutputConstraint::Kind;
  if (!task.labels.empty()) return {.kind = Kind::Labels, .labels = task.labels, .schema = {}};
  if (!task.schema.empty()) return {.kind = Kind::JsonSchema, .labels = {}, .schema = task.schema};
  if (!task.regex.empty()) return {.kind = Kind::Regex, .labels = {}, .schema = {}, .regex = task.regex};
  if (request.response_format.kind == ResponseFormat::Kind::JsonSchema) {
    return {.kind = Kind::JsonSchema, .labels = {}, .schema = request.response_format.schema};
  }
  return {};
}

/// A local answer that the gate must refuse need not be finished, unless it may be served for want of a better one.
void set_floors(const gate::GateRules& rules, std::size_t tier, providers::ModelCall& call) {
  const policy::Task& task = rules.task;
  constexpr std::size_t kCharacterBytesMax = 4;
  if (task.on_frontier_unavailable != policy::OnFrontierUnavailable::Error) return;
  using enum policy::ConfidenceSignal;
  if (task.confidence == MinTokenProbability) call.token_probability_min = gate::raw_floor(rules, tier);
  if (task.confidence == MeanLogprob) call.mean_probability_min = gate::raw_floor(rules, tier);
  if (task.validators.chars_max > 0) {
    call.text_bytes_max = kCharacterBytesMax * static_cast<std::size_t>(task.validators.chars_max);
  }
}

/// What a tier is sent.
Result<std::vector<Message>> messages_for(std::size_t index, const CascadeRun& run, TierPrompt& prompt,
                                          std::vector<CheckResult>& notes) {
  SUFFICE_TRY(std::vector<Message> messages, prompt.messages(notes));
  // A retry asks the same question again; only another tier is told what was wrong.
  if (run.rejected && run.rejected->tier != index && !run.reasons.empty()) {
    messages = escalation_packet(std::move(messages), run.rejected->completion.text, run.reasons.back());
  }
  return messages;
}

/// Fields that are copied from the input become a choice among its parts: a small model chooses better than it copies
/// (decisions/0013).
Result<void> choose_among_spans(providers::ModelCall& call, std::string_view input) {
  using Kind = providers::OutputConstraint::Kind;
  if (call.constraint.kind != Kind::JsonSchema || !prompts::has_span_fields(call.constraint.schema)) return {};
  SUFFICE_TRY(call.constraint.schema, prompts::schema_with_spans(call.constraint.schema, input));
  if (call.request.response_format.kind == ResponseFormat::Kind::JsonSchema)
    call.request.response_format.schema = call.constraint.schema;
  return {};
}

}  // namespace

/// The tier's own adapters, else the task's where the tier's model has it, else the model's.
std::vector<AdapterUse> adapters_of(const CascadeTier& tier, const policy::Task& task) {
  return policy::adapters_in_force(tier.model, task, tier.adapters);
}

Result<providers::ModelCall> call_for(const CascadePlan& plan, std::size_t index, const CascadeRun& run,
                                      TierPrompt& prompt, std::vector<CheckResult>& notes) {
  const CascadeTier& tier = plan.tiers[index];
  const policy::Task& task = plan.rules.task;
  SUFFICE_TRY(std::vector<Message> messages, messages_for(index, run, prompt, notes));
  providers::ModelCall call;
  call.request = run.request;
  call.request.messages = std::move(messages);
  call.request.model = tier.model.model;
  call.request.sampling =
      merged_sampling(run.request.sampling, task, tier.model.sampling, output_cap(task, tier.prompt.get()));
  const bool again = std::ranges::count(run.attempts, static_cast<int>(index), &audit::Attempt::tier) > 0;
  if (again)
    call.request.sampling.temperature = std::max(call.request.sampling.temperature.value_or(0), kRetryTemperature);
  call.constraint = constraint_of(task, run.request);
  if (!task.schema.empty() && call.request.response_format.kind == ResponseFormat::Kind::Text) {
    call.request.response_format = ResponseFormat{
        .kind = ResponseFormat::Kind::JsonSchema, .name = task.name, .schema = task.schema, .strict = std::nullopt};
  }
  if (tier.model.local) SUFFICE_TRY_VOID(choose_among_spans(call, prompt.input()));
  call.want_logprobs = run.request.logprobs || gate::needs_logprobs(plan.rules, index);
  call.adapters = adapters_of(tier, task);
  call.samples = tier.client->capabilities().samples && task.labels.empty() ? task.samples : 1;
  set_floors(plan.rules, index, call);
  call.request_id = run.request_id;
  call.task = task.name;
  call.input = last_user_text(run.request.messages);
  return call;
}

Task<Result<std::int64_t>> count_prompt(const CascadePlan& plan, std::size_t index, const CascadeRun& run) {
  const CascadeTier& tier = plan.tiers[index];
  TierPrompt prompt(tier, plan.rules.task, run.request);
  std::vector<CheckResult> notes;
  const Result<providers::ModelCall> call = call_for(plan, index, run, prompt, notes);
  if (!call) co_return fail(call.error());
  const Deadline deadline = run.deadline.shortened_to(tier.model.timeouts.total);
  co_return co_await tier.client->count_tokens(*call, deadline);
}

}  // namespace suffice::workflow
