#include "workflow/model_port.hpp"

#include <chrono>
#include <utility>

#include "core/hash.hpp"

namespace suffice::workflow {
namespace {

using std::chrono::steady_clock;

/// Bytes a token of a hosted model has at least, on the average of any language (docs/evidence.md counts 4 for English).
constexpr std::int64_t kBytesPerTokenLeast = 3;
/// What an answer may have where nobody says: policy::Task's usual.
constexpr std::int64_t kOutputTokensUsual = 512;

std::int64_t bytes_of(const ChatRequest& request) {
  std::size_t bytes = 0;
  for (const Message& message : request.messages) {
    for (const ContentPart& part : message.content) bytes += part.text.size() + part.raw.text.size();
  }
  return static_cast<std::int64_t>(bytes);
}

std::int64_t microseconds(steady_clock::duration span) {
  return std::chrono::duration_cast<std::chrono::microseconds>(span).count();
}

/// Fields of `own` that say something outrank the model's.
Sampling over(const Sampling& usual, const Sampling& own) {
  Sampling sampling = usual;
  if (own.temperature) sampling.temperature = own.temperature;
  if (own.top_p) sampling.top_p = own.top_p;
  if (own.presence_penalty) sampling.presence_penalty = own.presence_penalty;
  if (own.frequency_penalty) sampling.frequency_penalty = own.frequency_penalty;
  if (own.max_tokens) sampling.max_tokens = own.max_tokens;
  if (own.seed) sampling.seed = own.seed;
  if (!own.stop.empty()) sampling.stop = own.stop;
  return sampling;
}

}  // namespace

Task<Result<Completion>> ModelPort::ask(const providers::ModelCall& call, Deadline deadline) {
  if (Result<void> may = allowed(); !may) co_return fail(std::move(may).error());
  const providers::ModelCall whole = completed(call);
  const Usage worst = worst_case_usage(bytes_of(whole.request) / kBytesPerTokenLeast,
                                       whole.request.sampling.max_tokens.value_or(kOutputTokensUsual));
  const Usd cost = cost_of(model_.model.price, worst, 0);
  const std::int64_t tokens = worst.input_tokens + worst.output_tokens;
  if (Result<void> reserved = ledger_.reserve(cost, tokens); !reserved) {
    ledger_.note(Reason::BudgetExhausted);
    co_return fail(std::move(reserved).error());
  }
  const auto started = steady_clock::now();
  const Deadline until = deadline.shortened_to(model_.model.timeouts.total);
  Result<Completion> completion = co_await model_.client->complete(whole, nullptr, until);
  ledger_.charge(cost, tokens, attempt_of(whole, completion, steady_clock::now() - started));
  co_return completion;
}

Task<std::int64_t> ModelPort::count_tokens(const providers::ModelCall& call, Deadline deadline) {
  const providers::ModelCall whole = completed(call);
  const std::int64_t guess = bytes_of(whole.request) / kBytesPerTokenLeast + 1;
  if (!model_.model.local) co_return guess;
  Result<std::int64_t> counted = co_await model_.client->count_tokens(whole, deadline);
  co_return counted ? *counted : guess;
}

std::int64_t ModelPort::context_window() const {
  const std::int64_t known = model_.client->capabilities().context_window;
  return known > 0 ? known : model_.model.context_window;
}

Result<void> ModelPort::allowed() const {
  if (!refused_) return {};
  ledger_.note(*refused_);
  if (model_.model.local) {
    return fail(ErrorCode::ModelUnavailable, "local models may not be asked for this request", model_.model.name);
  }
  return fail(ErrorCode::NoFrontier, "hosted models may not be asked for this request", model_.model.name);
}

providers::ModelCall ModelPort::completed(const providers::ModelCall& call) const {
  providers::ModelCall whole = call;
  whole.request.model = model_.model.model;
  whole.request.sampling = over(model_.model.sampling, call.request.sampling);
  return whole;
}

audit::Attempt ModelPort::attempt_of(const providers::ModelCall& call, const Result<Completion>& completion,
                                     steady_clock::duration spent) const {
  audit::Attempt attempt;
  attempt.model = model_.model.name;
  attempt.provider = model_.client->provider_name();
  attempt.quantisation = model_.client->quantisation();
  attempt.local = model_.model.local;
  attempt.stand_in = model_.model.stand_in;
  attempt.latency_us = microseconds(spent);
  if (completion) {
    attempt.response_model = completion->model;
    attempt.output_sha256 = sha256_hex(completion->text);
    attempt.usage_known = completion->usage.has_value();
    attempt.usage = completion->usage.value_or(
        worst_case_usage(bytes_of(call.request), call.request.sampling.max_tokens.value_or(kOutputTokensUsual)));
  } else {
    attempt.error = name(completion.error().code);
  }
  const double seconds = std::chrono::duration<double>(spent).count();
  attempt.cost = cost_of(model_.model.price, attempt.usage, model_.model.local ? seconds : 0.0);
  return attempt;
}

}  // namespace suffice::workflow
