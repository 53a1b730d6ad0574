#include "wire/tool_text.hpp"

#include <optional>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "core/text.hpp"
#include "wire/json.hpp"
#include "wire/json_writer.hpp"

namespace suffice::wire {
namespace {

constexpr std::string_view kEmptyParameters = R"({"type": "object", "properties": {}})";

void append_definition(std::string& text, const ToolDefinition& tool) {
  text += R"({"type": "function", "function": {"name": )";
  append_json_string(text, tool.name);
  if (!tool.description.empty()) {
    text += R"(, "description": )";
    append_json_string(text, tool.description);
  }
  text += R"(, "parameters": )";
  text += tool.parameters.empty() ? kEmptyParameters : std::string_view(tool.parameters.text);
  text += "}}\n";
}

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

std::string call_text(const ToolCall& call) {
  std::string text(kToolCallBegin);
  text += kToolCallName;
  append_json_string(text, call.name);
  text += kToolCallArguments;
  text += trim(call.arguments).empty() ? std::string_view("{}") : trim(call.arguments);
  return text += kToolCallEnd;
}

/// The call between its marks; nothing when it is none.
std::optional<ToolCall> read_call(std::string_view body) {
  const Result<boost::json::value> value = parse_json(body);
  const boost::json::object* object = value ? value->if_object() : nullptr;
  if (object == nullptr || object->size() != 2) return std::nullopt;
  const boost::json::value* name = object->if_contains("name");
  const boost::json::value* arguments = object->if_contains("arguments");
  if (name == nullptr || !name->is_string() || arguments == nullptr || !arguments->is_object()) return std::nullopt;
  ToolCall call;
  call.name = std::string(name->get_string());
  std::string before(kToolCallName);
  append_json_string(before, call.name);
  before += kToolCallArguments;
  // As it was written where it stands where a held model writes it: 1.0 stays 1.0.
  if (body.starts_with(before)) {
    call.arguments = std::string(trim(body.substr(before.size(), body.size() - before.size() - 1)));
  } else {
    call.arguments = boost::json::serialize(*arguments);
  }
  return call;
}

}  // namespace

std::string tool_definitions_text(std::span<const ToolDefinition> tools, const ToolChoice& choice) {
  std::string text =
      "# Tools\n\nYou can call functions to help with the request. These are their signatures:\n<tools>\n";
  for (const ToolDefinition& tool : tools) append_definition(text, tool);
  text +=
      "</tools>\n\nA call is a JSON object with the function's name and its arguments, between tool_call tags:\n"
      "<tool_call>\n{\"name\": <function-name>, \"arguments\": <arguments-object>}\n</tool_call>";
  if (choice.kind == ToolChoice::Kind::Required) text += "\n\nAnswer with a call.";
  if (choice.kind == ToolChoice::Kind::Named) text += "\n\nAnswer with a call of " + choice.name + ".";
  return text;
}

std::string tool_calls_text(std::string_view text, std::span<const ToolCall> calls) {
  std::string whole(text);
  for (const ToolCall& call : calls) {
    if (!whole.empty()) whole += '\n';
    whole += call_text(call);
  }
  return whole;
}

std::string tool_result_text(std::string_view result) {
  return "<tool_response>\n" + std::string(result) + "\n</tool_response>";
}

ToolAnswer read_tool_answer(std::string_view answer) {
  const std::size_t first = answer.find(kToolCallBegin);
  if (first == std::string_view::npos) return {.text = std::string(answer), .calls = {}, .whole = true};
  ToolAnswer read;
  std::string_view text = answer.substr(0, first);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  read.text = std::string(text);
  std::string_view rest = answer.substr(first);
  while (!rest.empty()) {
    // A raw line break within a JSON string is none, so the first one before the end mark is the end.
    const std::size_t end = rest.find(kToolCallEnd);
    read.whole = rest.starts_with(kToolCallBegin) && end != std::string_view::npos && end >= kToolCallBegin.size();
    if (!read.whole) return read;
    std::optional<ToolCall> call = read_call(rest.substr(kToolCallBegin.size(), end + 1 - kToolCallBegin.size()));
    if (!call) {
      read.whole = false;
      return read;
    }
    read.calls.push_back(*std::move(call));
    rest.remove_prefix(end + kToolCallEnd.size());
    while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
  }
  return read;
}

}  // namespace suffice::wire
