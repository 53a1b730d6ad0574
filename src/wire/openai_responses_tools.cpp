// The tools of a Responses request.

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "wire/inbound_tools.hpp"
#include "wire/openai_responses_parts.hpp"

namespace suffice::wire {
namespace {

namespace bj = boost::json;

/// Tools that run at OpenAI. Versions of a tool ("web_search_preview_2025_03_11") begin with its name.
constexpr auto kBuiltInTools = std::to_array<std::string_view>(
    {"web_search", "file_search", "computer", "code_interpreter", "image_generation", "local_shell", "mcp", "custom",
     "shell", "apply_patch", "namespace", "tool_search"});

Result<void> refuse_tool_type(std::string_view type, const JsonPath& path) {
  const auto* built_in =
      std::ranges::find_if(kBuiltInTools, [&](std::string_view name) { return type.starts_with(name); });
  if (built_in == kBuiltInTools.end()) return unsupported(path, "only function tools are served");
  return unsupported(path, std::string(*built_in) + " is not served here: only function tools are");
}

Result<ToolDefinition> decode_tool(const bj::value& value, const JsonPath& path) {
  constexpr auto known =
      std::to_array<std::string_view>({"type", "name", "description", "parameters", "strict", "defer_loading"});
  const bj::object* object = value.if_object();
  if (object == nullptr) return malformed(path, "expected an object");
  std::string type;
  SUFFICE_TRY_VOID(read_member(*object, "type", path, type));
  if (type.empty()) return malformed(path.member("type"), "is required");
  if (type != "function") {
    SUFFICE_TRY_VOID(refuse_tool_type(type, path.member("type")));
  }
  SUFFICE_TRY_VOID(refuse_unknown_members(*object, path, known));
  bool deferred = false;
  SUFFICE_TRY_VOID(read_member(*object, "defer_loading", path, deferred));
  if (deferred) return unsupported(path.member("defer_loading"), "needs tool_search, which is not served here");
  ToolDefinition tool;
  SUFFICE_TRY_VOID(read_member(*object, "name", path, tool.name));
  if (tool.name.empty()) return malformed(path.member("name"), "is required");
  SUFFICE_TRY_VOID(read_member(*object, "description", path, tool.description));
  SUFFICE_TRY_VOID(read_member(*object, "strict", path, tool.strict));
  SUFFICE_TRY(const bj::object* parameters, read_object(*object, "parameters", path));
  if (parameters != nullptr) tool.parameters = to_json_text(*find_member(*object, "parameters"));
  return tool;
}

bool has_tool(const ChatRequest& request, std::string_view name) {
  return std::ranges::any_of(request.tools, [&](const ToolDefinition& tool) { return tool.name == name; });
}

Result<void> decode_choice_word(std::string_view word, const JsonPath& path, ToolChoice& choice) {
  using Kind = ToolChoice::Kind;
  if (word == "auto") {
    choice.kind = Kind::Auto;
  } else if (word == "none") {
    choice.kind = Kind::None;
  } else if (word == "required") {
    choice.kind = Kind::Required;
  } else {
    return malformed(path, "must be auto, none or required");
  }
  return {};
}

/// Only the tools that are named stay: that is what the choice means.
Result<void> decode_allowed_tools(const bj::object& object, const JsonPath& path, ChatRequest& request) {
  SUFFICE_TRY_VOID(decode_choice_word(string_or_empty(object, "mode"), path.member("mode"), request.tool_choice));
  SUFFICE_TRY(const bj::array* tools, read_array(object, "tools", path));
  const JsonPath here = path.member("tools");
  if (tools == nullptr || tools->empty()) return malformed(here, "must name at least one tool");
  std::vector<ToolDefinition> allowed;
  for (std::size_t i = 0; i < tools->size(); ++i) {
    const bj::object* tool = (*tools)[i].if_object();
    if (tool == nullptr || string_or_empty(*tool, "type") != "function")
      return unsupported(here.element(i), "only function tools are served");
    const std::string_view name = string_or_empty(*tool, "name");
    const auto found = std::ranges::find(request.tools, name, &ToolDefinition::name);
    if (found == request.tools.end()) return malformed(here.element(i), "names no function of tools");
    allowed.push_back(*found);
  }
  request.tools = std::move(allowed);
  return {};
}

Result<void> decode_tool_choice(const bj::object& body, const JsonPath& path, ChatRequest& request) {
  const bj::value* choice = find_member(body, "tool_choice");
  if (choice == nullptr) return {};
  const JsonPath here = path.member("tool_choice");
  if (const bj::string* word = choice->if_string()) {
    SUFFICE_TRY_VOID(decode_choice_word(*word, here, request.tool_choice));
  } else if (const bj::object* object = choice->if_object()) {
    const std::string_view type = string_or_empty(*object, "type");
    if (type == "allowed_tools") return decode_allowed_tools(*object, here, request);
    if (type != "function") return refuse_tool_type(type, here.member("type"));
    request.tool_choice.kind = ToolChoice::Kind::Named;
    SUFFICE_TRY_VOID(read_member(*object, "name", here, request.tool_choice.name));
    if (!has_tool(request, request.tool_choice.name))
      return malformed(here.member("name"), "names no function of tools");
  } else {
    return malformed(here, "expected a string or an object");
  }
  if (request.tools.empty() && request.tool_choice.kind == ToolChoice::Kind::Required)
    return malformed(here, "needs tools");
  return {};
}

}  // namespace

Result<void> decode_responses_tools(const bj::object& body, const JsonPath& path, ChatRequest& request) {
  SUFFICE_TRY_VOID(read_tools(body, path, request, decode_tool));
  SUFFICE_TRY_VOID(decode_tool_choice(body, path, request));
  return read_member(body, "parallel_tool_calls", path, request.parallel_tool_calls);
}

}  // namespace suffice::wire
