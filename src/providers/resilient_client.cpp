#include "providers/resilient_client.hpp"

#include <optional>
#include <string>
#include <utility>

#include "providers/quota_meter.hpp"
#include "providers/retry.hpp"

namespace suffice::providers {
namespace {

/// Passes deltas on and remembers that there were any.
class WatchedSink final : public TokenSink {
 public:
  explicit WatchedSink(TokenSink& next) : next_(next) {}
  Task<SinkAction> on_delta(const Delta& delta) override {
    delivered_ = RetryFsm::Delivered::Something;
    const SinkAction action = co_await next_.on_delta(delta);
    co_return action;
  }
  [[nodiscard]] RetryFsm::Delivered delivered() const { return delivered_; }

 private:
  TokenSink& next_;
  RetryFsm::Delivered delivered_ = RetryFsm::Delivered::Nothing;
};

/// One call let through the breaker. A call that ends by an exception (cancellation) has told nothing.
class Pass {
 public:
  explicit Pass(CircuitBreaker& breaker) : breaker_(breaker) {}
  ~Pass() {
    if (open_) breaker_.gave_up();
  }
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;

  template <class T>
  void report(const Result<T>& result, SteadyTime now) {
    open_ = false;
    if (result) {
      breaker_.succeeded();
    } else if (is_health_failure(result.error().code)) {
      breaker_.failed(now);
    } else {
      breaker_.gave_up();
    }
  }

 private:
  CircuitBreaker& breaker_;
  bool open_ = true;
};

/// Bytes of one token of English, about (OpenAI's rule of thumb).
constexpr std::int64_t kBytesPerToken = 4;
/// Reserved for an answer whose length nobody limits.
constexpr std::int64_t kUsualOutputTokens = 1024;

/// Tokens a call may use: every byte of its texts and tools, and its longest answer.
std::int64_t tokens_at_most(const ChatRequest& request) {
  std::size_t bytes = 0;
  for (const Message& message : request.messages) {
    for (const ContentPart& part : message.content) bytes += part.text.size();
    for (const ToolCall& call : message.tool_calls) bytes += call.name.size() + call.arguments.size();
  }
  for (const ToolDefinition& tool : request.tools) {
    bytes += tool.name.size() + tool.description.size() + tool.parameters.text.size();
  }
  return static_cast<std::int64_t>(bytes) / kBytesPerToken + 1 +
         request.sampling.max_tokens.value_or(kUsualOutputTokens);
}

std::int64_t tokens_at_most(const EmbeddingRequest& request) {
  std::size_t bytes = 0;
  for (const std::string& text : request.texts) bytes += text.size();
  return static_cast<std::int64_t>(bytes) / kBytesPerToken + static_cast<std::int64_t>(request.texts.size());
}

class ResilientClient final : public ModelClient {
 public:
  ResilientClient(std::unique_ptr<ModelClient> inner, const ResilientRules& rules, const Clock& clock, Random& random,
                  Sleeper* sleeper)
      : inner_(std::move(inner)),
        rules_(rules),
        clock_(clock),
        random_(random),
        sleeper_(sleeper == nullptr ? timer_ : *sleeper),
        breaker_(rules.breaker),
        quota_(rules.quota) {}

  Task<Result<Completion>> complete(const ModelCall& call, TokenSink* sink, Deadline deadline) override {
    const Deadline limit = deadline.shortened_to(rules_.total, clock_.steady_now());
    RetryFsm retry(rules_.retries, limit, random_, budget_);
    budget_.earn();
    std::optional<WatchedSink> watched;
    if (sink != nullptr) watched.emplace(*sink);
    while (true) {
      Result<Completion> result = co_await attempt(call, watched ? &*watched : nullptr, limit);
      const SteadyTime now = clock_.steady_now();
      if (result) co_return result;

      const auto delivered = watched ? watched->delivered() : RetryFsm::Delivered::Nothing;
      const auto wait = retry.after_failure(result.error(), delivered, now);
      if (!wait) co_return result;
      const Sleeper::Woken woken = co_await sleeper_.sleep(*wait);
      if (woken == Sleeper::Woken::Cancelled) co_return fail(ErrorCode::Cancelled, "the call was cancelled");
    }
  }

  Task<Result<EmbeddingAnswer>> embed(const EmbeddingRequest& request, Deadline deadline) override {
    const Deadline limit = deadline.shortened_to(rules_.total, clock_.steady_now());
    RetryFsm retry(rules_.retries, limit, random_, budget_);
    budget_.earn();
    while (true) {
      Result<EmbeddingAnswer> result = co_await attempt(request, limit);
      if (result) co_return result;
      const auto wait = retry.after_failure(result.error(), RetryFsm::Delivered::Nothing, clock_.steady_now());
      if (!wait) co_return result;
      const Sleeper::Woken woken = co_await sleeper_.sleep(*wait);
      if (woken == Sleeper::Woken::Cancelled) co_return fail(ErrorCode::Cancelled, "the call was cancelled");
    }
  }

  /// Asked once: whoever counts has an estimate to fall back on. Costs nothing of the quota.
  Task<Result<std::int64_t>> count_tokens(const ModelCall& call, Deadline deadline) override {
    if (breaker_.state(clock_.steady_now()) == CircuitBreaker::State::Open) co_return fail(breaker_open());
    const Deadline limit = deadline.shortened_to(rules_.total, clock_.steady_now());
    co_return co_await inner_->count_tokens(call, limit);
  }

  [[nodiscard]] Capabilities capabilities() const override { return inner_->capabilities(); }
  [[nodiscard]] std::string_view provider_name() const override { return inner_->provider_name(); }
  [[nodiscard]] bool available() const override {
    return inner_->available() && breaker_.state(clock_.steady_now()) != CircuitBreaker::State::Open;
  }

 private:
  /// One call, when the quota and the breaker let it through.
  Task<Result<Completion>> attempt(const ModelCall& call, TokenSink* sink, Deadline limit) {
    if (!breaker_.try_enter(clock_.steady_now())) co_return fail(breaker_open());
    Pass pass(breaker_);
    const std::int64_t reserved = quota_.quota().empty() ? 0 : tokens_at_most(call.request);
    const Result<void> granted = quota_.reserve(reserved, clock_.steady_now());
    if (!granted) co_return fail(granted.error());
    Result<Completion> result = co_await inner_->complete(call, sink, limit);
    const SteadyTime now = clock_.steady_now();
    pass.report(result, now);
    settle(reserved, result, now);
    co_return result;
  }

  Task<Result<EmbeddingAnswer>> attempt(const EmbeddingRequest& request, Deadline limit) {
    if (!breaker_.try_enter(clock_.steady_now())) co_return fail(breaker_open());
    Pass pass(breaker_);
    const std::int64_t reserved = quota_.quota().empty() ? 0 : tokens_at_most(request);
    const Result<void> granted = quota_.reserve(reserved, clock_.steady_now());
    if (!granted) co_return fail(granted.error());
    Result<EmbeddingAnswer> result = co_await inner_->embed(request, limit);
    const SteadyTime now = clock_.steady_now();
    pass.report(result, now);
    settle(reserved, result, now);
    co_return result;
  }

  /// A call that failed or does not say has used what it reserved.
  template <class T>
  void settle(std::int64_t reserved, const Result<T>& result, SteadyTime now) {
    if (!result || !result->usage) return;
    quota_.settle(reserved, result->usage->input_tokens + result->usage->output_tokens, now);
  }

  Error breaker_open() const {
    Error error{.code = ErrorCode::ModelUnavailable,
                .message = "not called: it has failed repeatedly and is being left alone",
                .where = {}};
    error.retry_after_ms = breaker_.opens_in(clock_.steady_now()).count();
    return error;
  }

  std::unique_ptr<ModelClient> inner_;
  ResilientRules rules_;
  const Clock& clock_;
  Random& random_;
  TimerSleeper timer_;
  Sleeper& sleeper_;
  RetryBudget budget_;
  CircuitBreaker breaker_;
  QuotaMeter quota_;
};

}  // namespace

std::unique_ptr<ModelClient> make_resilient_client(std::unique_ptr<ModelClient> inner, const ResilientRules& rules,
                                                   const Clock& clock, Random& random, Sleeper* sleeper) {
  return std::make_unique<ResilientClient>(std::move(inner), rules, clock, random, sleeper);
}

ResilientRules resilient_rules(const policy::Model& model) {
  ResilientRules rules;
  rules.retries = model.retries;
  rules.breaker = model.breaker;
  rules.total = model.timeouts.total;
  rules.quota = model.quota;
  return rules;
}

}  // namespace suffice::providers
