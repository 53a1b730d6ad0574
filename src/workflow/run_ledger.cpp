#include "workflow/run_ledger.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace suffice::workflow {

Result<void> RunLedger::reserve(Usd cost, std::int64_t tokens) {
  if (limits_.calls_max > 0 && calls_ >= limits_.calls_max) {
    return fail(ErrorCode::BudgetExhausted, fmt::format("the run has made its {} calls", limits_.calls_max),
                "budget.calls");
  }
  if (limits_.tokens_max > 0 && tokens_ + tokens_reserved_ + tokens > limits_.tokens_max) {
    return fail(ErrorCode::BudgetExhausted,
                fmt::format("the next call could use {} tokens; the run has {} of {} left", tokens,
                            limits_.tokens_max - tokens_ - tokens_reserved_, limits_.tokens_max),
                "budget.tokens");
  }
  if (limits_.cost_max && cost_ + cost_reserved_ + cost > *limits_.cost_max) {
    return fail(ErrorCode::BudgetExhausted,
                fmt::format("the next call could cost ${:.6f}; the run has ${:.6f} of ${:.6f} left", cost.dollars(),
                            (*limits_.cost_max - cost_ - cost_reserved_).dollars(), limits_.cost_max->dollars()),
                "budget.usd");
  }
  ++calls_;
  cost_reserved_ += cost;
  tokens_reserved_ += tokens;
  return {};
}

void RunLedger::charge(Usd cost, std::int64_t tokens, audit::Attempt attempt) {
  cost_reserved_ = cost_reserved_ - cost;
  tokens_reserved_ -= tokens;
  ModelUse& use = of(attempt);
  ++use.calls;
  if (!attempt.error.empty()) ++use.failed;
  use.usage += attempt.usage;
  use.cost += attempt.cost;
  cost_ += attempt.cost;
  tokens_ += attempt.usage.input_tokens + attempt.usage.output_tokens;
  if (attempts_.size() < kAttemptsKept) attempts_.push_back(std::move(attempt));
}

void RunLedger::carry_over(const std::vector<ModelUse>& used) {
  for (const ModelUse& earlier : used) {
    audit::Attempt key;
    key.model = earlier.model;
    key.local = earlier.local;
    key.stand_in = earlier.stand_in;
    ModelUse& use = of(key);
    use.calls += earlier.calls;
    use.failed += earlier.failed;
    use.usage += earlier.usage;
    use.cost += earlier.cost;
    calls_ += earlier.calls;
    cost_ += earlier.cost;
    tokens_ += earlier.usage.input_tokens + earlier.usage.output_tokens;
  }
}

void RunLedger::note(Reason reason) {
  if (std::ranges::find(reasons_, reason) == reasons_.end()) reasons_.push_back(reason);
}

ModelUse& RunLedger::of(const audit::Attempt& attempt) {
  const auto found = std::ranges::find(used_, attempt.model, &ModelUse::model);
  if (found != used_.end()) return *found;
  used_.push_back(ModelUse{.model = attempt.model,
                           .local = attempt.local,
                           .stand_in = attempt.stand_in,
                           .calls = 0,
                           .failed = 0,
                           .usage = {},
                           .cost = {}});
  return used_.back();
}

}  // namespace suffice::workflow
