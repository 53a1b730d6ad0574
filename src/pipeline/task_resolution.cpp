#include "pipeline/task_resolution.hpp"

#include <algorithm>
#include <ranges>

#include "core/text.hpp"

namespace suffice::pipeline {
namespace {

constexpr std::string_view kAliasPrefix = "suffice/";

std::string system_text(const ChatRequest& request) {
  std::string text;
  for (const Message& message : request.messages) {
    if (message.role == Role::System || message.role == Role::Developer) text += message.text() + "\n";
  }
  return text;
}

std::size_t user_code_points(const ChatRequest& request) {
  std::size_t count = 0;
  for (const Message& message : request.messages) {
    if (message.role == Role::User) count += count_code_points(message.text());
  }
  return count;
}

bool offers(const ChatRequest& request, const std::string& tool) {
  return std::ranges::any_of(request.tools, [&](const ToolDefinition& offered) { return offered.name == tool; });
}

bool holds(const policy::MatchRule& rule, const ChatRequest& request, const std::string& folded_system) {
  if (!rule.system_contains.empty() && folded_system.find(fold_case(rule.system_contains)) == std::string::npos)
    return false;
  if (!std::ranges::all_of(rule.tool_names, [&](const std::string& tool) { return offers(request, tool); }))
    return false;
  return rule.input_chars_max == 0 || user_code_points(request) <= static_cast<std::size_t>(rule.input_chars_max);
}

std::optional<std::string> by_rule(const policy::Policy& policy, const ChatRequest& request) {
  const bool any_rule =
      std::ranges::any_of(policy.tasks, [](const auto& entry) { return !entry.second.match.empty(); });
  if (!any_rule) return std::nullopt;
  const std::string folded = fold_case(system_text(request));
  for (const auto& [name, task] : policy.tasks) {
    for (const policy::MatchRule& rule : task.match) {
      if (holds(rule, request, folded)) return name;
    }
  }
  return std::nullopt;
}

}  // namespace

TaskName resolve_task(const policy::Policy& policy, const ChatRequest& request, std::string_view hint,
                      const TaskNamer* namer) {
  if (!hint.empty()) return {.name = std::string(hint), .by = NamedBy::Header};
  if (const auto field = request.metadata.find("task"); field != request.metadata.end() && !field->second.empty()) {
    return {.name = field->second, .by = NamedBy::Metadata};
  }
  if (request.model.starts_with(kAliasPrefix)) {
    const std::string_view task = std::string_view(request.model).substr(kAliasPrefix.size());
    const bool any_task = task == "auto" || (task == "cascade" && !policy.tasks.contains(std::string(task)) &&
                                             !policy.workflows.contains(std::string(task)));
    if (!any_task) return {.name = std::string(task), .by = NamedBy::ModelAlias};
  }
  if (std::optional<std::string> ruled = by_rule(policy, request))
    return {.name = *std::move(ruled), .by = NamedBy::Rule};
  if (namer != nullptr) {
    const auto last = std::ranges::find(request.messages | std::views::reverse, Role::User, &Message::role);
    std::optional<std::string> learned;
    if (last != request.messages.rend()) learned = namer->name(last->text());
    if (learned) return {.name = *std::move(learned), .by = NamedBy::Classifier};
  }
  if (!policy.default_task.empty()) return {.name = policy.default_task, .by = NamedBy::Default};
  return {};
}

std::string gate_input(const ChatRequest& request) {
  std::string input;
  const auto add = [&](std::string_view piece) {
    if (piece.empty()) return;
    if (!input.empty()) input += '\n';
    input += piece;
  };
  for (const Message& message : request.messages) {
    for (const ContentPart& part : message.content) add(part.text);
    for (const ToolCall& call : message.tool_calls) add(call.arguments);
  }
  return input;
}

}  // namespace suffice::pipeline
