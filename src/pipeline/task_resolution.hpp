#pragma once
// Which task a request is: by header, by metadata, by model alias, by rule, by classifier, by default.

#include <optional>
#include <string>
#include <string_view>

#include "core/chat.hpp"
#include "pipeline/learned_routing.hpp"
#include "policy/policy.hpp"

namespace suffice::pipeline {

/// How the task was named.
enum class NamedBy : std::uint8_t { Header, Metadata, ModelAlias, Rule, Classifier, Default, Nothing };

struct TaskName {
  std::string name;  ///< empty when nothing names one; may name a task that the policy does not have
  NamedBy by = NamedBy::Nothing;
};

/// In this order: the X-Suffice-Task header (`hint`), metadata.task, the model `suffice/<task>`, the first task (by name) one of whose
/// match rules holds, `namer` (null: none) by the last message of the user, default_task. `suffice`, `suffice/auto`, `suffice/cascade` and foreign
/// model names go by rule, classifier and default. Pure.
[[nodiscard]] TaskName resolve_task(const policy::Policy& policy, const ChatRequest& request, std::string_view hint,
                                    const TaskNamer* namer = nullptr);

/// All text that the gate looks at: every message's text and tool-call arguments, in order, joined by newlines.
[[nodiscard]] std::string gate_input(const ChatRequest& request);

}  // namespace suffice::pipeline
