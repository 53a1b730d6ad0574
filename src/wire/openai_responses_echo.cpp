// What a response object repeats of its request.

#include <string>
#include <string_view>

#include "wire/json_writer.hpp"
#include "wire/openai_responses_parts.hpp"

namespace suffice::wire {
namespace {

namespace bj = boost::json;

/// The member as the caller sent it, or `otherwise`.
void repeat(JsonWriter& json, const bj::object& body, std::string_view name, std::string_view otherwise) {
  const bj::value* value = find_member(body, name);
  json.key(name).raw(value == nullptr ? otherwise : std::string_view(to_json_text(*value).text));
}

void repeat_tools(JsonWriter& json, const bj::object& body) {
  json.key("tools").begin_array();
  const bj::array* tools = array_or_null(body, "tools");
  for (std::size_t i = 0; tools != nullptr && i < tools->size(); ++i) {
    const bj::object& tool = (*tools)[i].get_object();  // decode_tool has seen it
    json.begin_object().field("type", "function").field("name", string_or_empty(tool, "name"));
    repeat(json, tool, "description", "null");
    repeat(json, tool, "parameters", "null");
    repeat(json, tool, "strict", "null");
    json.end_object();
  }
  json.end_array();
}

void repeat_text(JsonWriter& json, const bj::object& body) {
  const bj::object* text = object_or_null(body, "text");
  json.key("text").begin_object();
  const bj::value* format = text == nullptr ? nullptr : find_member(*text, "format");
  json.key("format").raw(format == nullptr ? std::string(R"({"type":"text"})") : to_json_text(*format).text);
  if (text != nullptr && find_member(*text, "verbosity") != nullptr) repeat(json, *text, "verbosity", "null");
  json.end_object();
}

void repeat_reasoning(JsonWriter& json, const bj::object& body) {
  const bj::object* reasoning = object_or_null(body, "reasoning");
  json.key("reasoning").begin_object();
  const bj::object none;
  repeat(json, reasoning == nullptr ? none : *reasoning, "effort", "null");
  json.null_field("summary").end_object();
}

}  // namespace

JsonText responses_echo(const bj::object& body) {
  JsonText echo;
  JsonWriter json(echo.text);
  json.begin_object().field("background", false);
  repeat(json, body, "instructions", "null");
  repeat(json, body, "max_output_tokens", "null");
  repeat(json, body, "max_tool_calls", "null");
  repeat(json, body, "metadata", "{}");
  repeat(json, body, "parallel_tool_calls", "true");
  json.null_field("previous_response_id");
  repeat_reasoning(json, body);
  json.null_field("service_tier").field("store", false);  // which tier a provider used is not known
  repeat(json, body, "temperature", "null");
  repeat_text(json, body);
  repeat(json, body, "tool_choice", R"("auto")");
  repeat_tools(json, body);
  repeat(json, body, "top_logprobs", "0");
  repeat(json, body, "top_p", "null");
  json.field("truncation", "disabled");
  for (const std::string_view name : {"user", "prompt_cache_key", "prompt_cache_retention", "safety_identifier"}) {
    if (find_member(body, name) != nullptr) repeat(json, body, name, "null");
  }
  json.end_object();
  return echo;
}

}  // namespace suffice::wire
