#pragma once
// The call of one rung: the messages, sampling, constraint and adapters that its model is asked with.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/adapter_use.hpp"
#include "core/clock.hpp"
#include "core/result.hpp"
#include "core/verdict.hpp"
#include "net/task.hpp"
#include "providers/model_client.hpp"
#include "workflow/patterns/cascade.hpp"
#include "workflow/patterns/tier_prompt.hpp"

namespace suffice::workflow {

/// The call of rung `index` as the run stands: after a rejection by another rung with the escalation packet, the second time at a
/// temperature. What the prompt leaves out replaces `notes`. ContextOverflow when it cannot be made to fit. Pure.
[[nodiscard]] Result<providers::ModelCall> call_for(const CascadePlan& plan, std::size_t index, const CascadeRun& run,
                                                    TierPrompt& prompt, std::vector<CheckResult>& notes);

/// The tier's own adapters, else the task's where the tier's model has it, else the model's.
[[nodiscard]] std::vector<AdapterUse> adapters_of(const CascadeTier& tier, const policy::Task& task);

/// Tokens of the prompt that rung `index` would be sent first, by its model's own tokenizer. UnsupportedField where its client cannot
/// know; the client's errors otherwise. `plan` and `run` outlive the await.
[[nodiscard]] Task<Result<std::int64_t>> count_prompt(const CascadePlan& plan, std::size_t index,
                                                      const CascadeRun& run);

}  // namespace suffice::workflow
