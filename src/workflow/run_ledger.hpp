#pragma once
// RunLedger: what a workflow's run may use, and what it has used.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/event.hpp"
#include "core/reasons.hpp"
#include "core/result.hpp"
#include "core/usage.hpp"

namespace suffice::workflow {

/// 0 or absent: no limit.
struct RunLimits {
  std::optional<Usd> cost_max;
  std::int64_t calls_max = 0;
  std::int64_t tokens_max = 0;  ///< input and output of all models together
};

/// What one model did for a run.
struct ModelUse {
  std::string model;  ///< policy name
  bool local = false;
  bool stand_in = false;
  std::int64_t calls = 0;
  std::int64_t failed = 0;  ///< part of `calls`
  Usage usage;
  Usd cost;
  bool operator==(const ModelUse&) const = default;
};

/// Belongs to one run and is touched only on its executor. Calls that run side by side each reserve what they may use at worst, so that
/// together they cannot overrun a limit; what was reserved is given back when the call is charged.
class RunLedger {
 public:
  /// At most so many attempts are kept one by one (the first ones); totals count all. A run may make a million calls.
  static constexpr std::size_t kAttemptsKept = 256;

  explicit RunLedger(RunLimits limits = {}) : limits_(limits) {}

  /// BudgetExhausted, naming the limit, when a call of at most `cost` and `tokens` could overrun one.
  [[nodiscard]] Result<void> reserve(Usd cost, std::int64_t tokens);
  /// The end of a call that reserved `cost` and `tokens`; its real use is the attempt's.
  void charge(Usd cost, std::int64_t tokens, audit::Attempt attempt);
  /// Continues where an earlier part of the run ended: what it used counts against the limits and in the totals.
  void carry_over(const std::vector<ModelUse>& used);

  /// Why models were left or refused, once each, in the order they came up.
  void note(Reason reason);

  [[nodiscard]] const std::vector<ModelUse>& used() const { return used_; }  ///< in the order of the first call
  [[nodiscard]] const std::vector<audit::Attempt>& attempts() const { return attempts_; }
  [[nodiscard]] const std::vector<Reason>& reasons() const { return reasons_; }
  [[nodiscard]] Usd cost() const { return cost_; }
  [[nodiscard]] std::int64_t calls() const { return calls_; }
  [[nodiscard]] std::int64_t tokens() const { return tokens_; }
  [[nodiscard]] const RunLimits& limits() const { return limits_; }

 private:
  ModelUse& of(const audit::Attempt& attempt);

  RunLimits limits_;
  std::vector<ModelUse> used_;
  std::vector<audit::Attempt> attempts_;
  std::vector<Reason> reasons_;
  Usd cost_;
  std::int64_t calls_ = 0;  ///< reserved ones included
  std::int64_t tokens_ = 0;
  Usd cost_reserved_;
  std::int64_t tokens_reserved_ = 0;
};

}  // namespace suffice::workflow
