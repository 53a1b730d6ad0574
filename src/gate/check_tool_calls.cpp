// Proposed tool calls: each names a tool the caller offered, with arguments of that tool's schema.

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "gate/checks.hpp"
#include "wire/json.hpp"

namespace suffice::gate {
namespace {

/// What is wrong with `call`, or nothing. Names the call by number: its name is the model's text until it is known.
std::optional<std::string> problem_of(const ToolCall& call, const std::vector<ToolDefinition>& tools) {
  const auto tool = std::ranges::find(tools, call.name, &ToolDefinition::name);
  if (tool == tools.end()) return "names no tool that was offered";
  if (tool->parameters.empty()) {
    const Result<boost::json::value> arguments = wire::parse_json(call.arguments.empty() ? "{}" : call.arguments);
    if (!arguments || !arguments->is_object()) return "its arguments are not a JSON object";
    return std::nullopt;
  }
  const auto schema = JsonSchema::compile(tool->parameters.text);
  if (!schema) return "the tool's schema cannot be enforced: " + describe(schema.error());
  const std::vector<std::string> problems = (*schema)->validate(call.arguments.empty() ? "{}" : call.arguments);
  if (problems.empty()) return std::nullopt;
  return "its arguments break the tool's schema: " + problems.front();
}

std::optional<std::string> choice_problem(const ChatRequest& request, const Completion& completion) {
  const ToolChoice& choice = request.tool_choice;
  if (choice.kind == ToolChoice::Kind::None && !completion.tool_calls.empty())
    return "the caller allowed no tool calls";
  if (choice.kind == ToolChoice::Kind::Required && completion.tool_calls.empty())
    return "the caller required a tool call";
  if (choice.kind == ToolChoice::Kind::Named) {
    const bool only_named =
        std::ranges::all_of(completion.tool_calls, [&](const ToolCall& call) { return call.name == choice.name; });
    if (completion.tool_calls.empty() || !only_named) return "the caller required another tool";
  }
  if (request.parallel_tool_calls == false && completion.tool_calls.size() > 1)
    return "the caller allowed one call at a time";
  return std::nullopt;
}

}  // namespace

void check_tool_calls(const Judged& judged, Scorecard& card) {
  if (!judged.rules.task.validators.tool_calls) return;
  const Completion& completion = judged.candidate.completion;
  const ChatRequest& request = judged.candidate.request;
  if (completion.tool_calls.empty() && request.tools.empty()) return;

  if (const auto problem = choice_problem(request, completion))
    return card.fail("tool_calls", Reason::CheckFailed, *problem);
  for (std::size_t i = 0; i < completion.tool_calls.size(); ++i) {
    if (const auto problem = problem_of(completion.tool_calls[i], request.tools)) {
      return card.fail("tool_calls", Reason::CheckFailed, fmt::format("call {}: {}", i, *problem));
    }
  }
  card.pass("tool_calls");
}

}  // namespace suffice::gate
