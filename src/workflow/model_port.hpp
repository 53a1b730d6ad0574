#pragma once
// ModelPort: a model as a pattern asks it. Every call is allowed before and paid after, failed ones too.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/chat.hpp"
#include "core/clock.hpp"
#include "core/reasons.hpp"
#include "core/result.hpp"
#include "net/task.hpp"
#include "policy/policy.hpp"
#include "providers/model_client.hpp"
#include "workflow/run_ledger.hpp"

namespace suffice::workflow {

/// A model of the policy with its client. Immutable; shared by runs.
struct PortModel {
  policy::Model model;
  std::shared_ptr<providers::ModelClient> client;
};

/// The models that a workflow's run asks. One run's; used on its executor. Both outlive it.
class ModelPort {
 public:
  /// `refused`: why this model may not be asked at all in this run (kill switch, a hard stop), or none.
  ModelPort(const PortModel& model, RunLedger& ledger, std::optional<Reason> refused = {})
      : model_(model), ledger_(ledger), refused_(refused) {}

  /// `call.request.model` is filled in, and its sampling where it says nothing. Errors: BudgetExhausted before anything is sent;
  /// NoFrontier or ModelUnavailable when the model is refused (the ledger then holds the reason); else ModelClient::complete()'s.
  /// `call` outlives the await.
  [[nodiscard]] Task<Result<Completion>> ask(const providers::ModelCall& call, Deadline deadline);

  /// Tokens of `call`'s prompt by the model's own tokenizer, else estimated from its bytes (never fewer than a hosted model's usual).
  [[nodiscard]] Task<std::int64_t> count_tokens(const providers::ModelCall& call, Deadline deadline);

  [[nodiscard]] const policy::Model& model() const { return model_.model; }
  [[nodiscard]] bool refused() const { return refused_.has_value(); }
  /// Tokens of a prompt and its answer together; 0 when unknown.
  [[nodiscard]] std::int64_t context_window() const;
  [[nodiscard]] RunLedger& ledger() const { return ledger_; }

 private:
  [[nodiscard]] providers::ModelCall completed(const providers::ModelCall& call) const;
  [[nodiscard]] Result<void> allowed() const;
  [[nodiscard]] audit::Attempt attempt_of(const providers::ModelCall& call, const Result<Completion>& completion,
                                          std::chrono::steady_clock::duration spent) const;

  const PortModel& model_;
  RunLedger& ledger_;
  std::optional<Reason> refused_;
};

}  // namespace suffice::workflow
