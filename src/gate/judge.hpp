#pragma once
// The gate's door: may this answer be served?

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/chat.hpp"
#include "core/clock.hpp"
#include "core/result.hpp"
#include "core/verdict.hpp"
#include "gate/answer_pattern.hpp"
#include "gate/hard_stops.hpp"
#include "gate/json_schema.hpp"
#include "policy/policy.hpp"

namespace suffice::gate {

struct ConfidenceRule;  // gate/confidence_rule.hpp

/// The rules of one task, compiled once per policy snapshot. Immutable; any thread.
struct GateRules {
  policy::Task task;
  std::shared_ptr<const HardStops> hard_stops;           ///< null when the task names none
  std::shared_ptr<const JsonSchema> schema;              ///< null when the task has none
  std::shared_ptr<const AnswerPattern> regex = nullptr;  ///< null when the task has none
  /// By tier: its calibrator and certificate. Null, or none for a tier: the task's signal is compared with its min_confidence as it is.
  std::vector<std::shared_ptr<const ConfidenceRule>> confidence = {};
};

/// Hard stops compiled so far of one policy, by the names of their groups: most tasks name the same ones, and one set is 25 ms of
/// computing and some megabytes. One thread.
struct HardStopCache {
  std::map<std::vector<std::string>, std::shared_ptr<const HardStops>> by_groups = {};
  ClassifierCache classifiers = {};
};

/// Compiles what `task` needs, sharing through `compiled`. PolicyInvalid when a pattern or schema does not compile (policy validation
/// finds most earlier).
[[nodiscard]] Result<GateRules> compile_rules(const policy::Policy& policy, const policy::Task& task,
                                              HardStopCache& compiled);
/// For one task alone.
[[nodiscard]] Result<GateRules> compile_rules(const policy::Policy& policy, const policy::Task& task);

/// Why a request may not go local at all, before any model is asked; every reason that fired, primary first.
struct Admission {
  std::vector<Reason> reasons;
  std::vector<CheckResult> checks;
  [[nodiscard]] bool local_allowed() const { return reasons.empty(); }
};

/// Checks the input: size (of a task that reduces nothing), then hard stops, on all of it. `input` is all text the caller sent (system, user, tool results). Pure; any thread.
[[nodiscard]] Admission check_input(const GateRules& rules, std::string_view input);

/// An answer to be judged, and what the caller asked for beyond the task (its own response_format, its tools).
struct Candidate {
  const Completion& completion;
  std::string_view input;
  const ChatRequest& request;
  bool logprobs_requested = false;
  std::size_t tier = 0;  ///< whose answer it is, as an index of the task's ladder
  WallTime now =
      WallTime::max();        ///< certificates expire; nobody who forgets to say when it is gets an old one believed
  double confidence_min = 0;  ///< an operator's, beside the threshold: the higher of the two counts
  bool certificate_withdrawn = false;  ///< reviews or an operator speak against it
};

/// Order: mechanical checks that can only reject (finish, refusal, length, labels, schema, tool calls, evidence, hard stops on the
/// output), then one confidence against one threshold. A hard stop outranks every score and is the primary reason whenever it
/// fired. Details name rules and places, never text of the caller or the model. Pure; any thread. Cost: O(answer length), judge_bench.
[[nodiscard]] Verdict judge(const GateRules& rules, const Candidate& candidate);

/// The same mechanical checks without confidence, hard stops and escalating labels: what a frontier answer must pass.
[[nodiscard]] Verdict judge_mechanically(const GateRules& rules, const Candidate& candidate);

}  // namespace suffice::gate
