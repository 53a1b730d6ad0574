// Requests of openai_chat.hpp, read. Written: openai_request_writer.cpp.

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "wire/inbound_tools.hpp"
#include "wire/json_fields.hpp"
#include "wire/json_writer.hpp"
#include "wire/openai_chat.hpp"
#include "wire/openai_parts.hpp"

namespace suffice::wire {
namespace {

namespace bj = boost::json;

constexpr std::int64_t kChoicesMax = 128;
constexpr std::size_t kMessagesMax = 4096;
constexpr std::size_t kStopsMax = 16;  // OpenAI takes 4, other servers of the dialect more
constexpr std::size_t kMetadataPairsMax = 16;
constexpr std::size_t kMetadataKeyBytesMax = 64;
constexpr std::size_t kMetadataValueBytesMax = 512;
constexpr std::int64_t kTokensMax = 1LL << 40;

/// Top-level fields that are decoded; everything else goes to `extra` unless kRefused names it.
constexpr auto kKnown = std::to_array<std::string_view>({"model",
                                                         "messages",
                                                         "tools",
                                                         "tool_choice",
                                                         "parallel_tool_calls",
                                                         "response_format",
                                                         "temperature",
                                                         "top_p",
                                                         "presence_penalty",
                                                         "frequency_penalty",
                                                         "max_tokens",
                                                         "max_completion_tokens",
                                                         "seed",
                                                         "stop",
                                                         "n",
                                                         "logprobs",
                                                         "top_logprobs",
                                                         "stream",
                                                         "stream_options",
                                                         "metadata",
                                                         "user"});

struct RefusedField {
  std::string_view name;
  std::string_view why;
};
constexpr auto kRefused = std::to_array<RefusedField>({
    {"functions", "was replaced by tools"},
    {"function_call", "was replaced by tool_choice"},
    {"audio", "audio output is not supported"},
    {"api_base", "upstreams come from the policy only"},
    {"base_url", "upstreams come from the policy only"},
    {"api_key", "keys come from the policy only"},
    {"extra_headers", "headers to the provider come from the policy only"},
    {"extra_body", "send its members as top-level fields"},
    {"models", "the policy chooses among models"},
    {"fallbacks", "the policy chooses among models"},
    {"provider", "the policy chooses among providers"},
    {"custom_llm_provider", "the policy chooses among providers"},
    {"route", "the policy chooses the route"},
    {"n_predict", "use max_tokens"},
});

Result<ContentPart> decode_part(const bj::value& value, const JsonPath& path) {
  const bj::object* object = value.if_object();
  if (object == nullptr) return malformed(path, "expected an object");
  std::string type;
  SUFFICE_TRY_VOID(read_member(*object, "type", path, type));
  if (type.empty()) return malformed(path.member("type"), "is required");

  ContentPart part;
  if (type == "text") {
    if (find_member(*object, "text") == nullptr) return malformed(path.member("text"), "is required");
    SUFFICE_TRY_VOID(read_member(*object, "text", path, part.text));
    if (object->size() > 2) part.raw = to_json_text(value);  // keeps what else the caller said of it
    return part;
  }
  using Kind = ContentPart::Kind;
  part.kind = type == "image_url"     ? Kind::Image
              : type == "input_audio" ? Kind::Audio
              : type == "file"        ? Kind::File
              : type == "refusal"     ? Kind::Refusal
                                      : Kind::Other;
  part.raw = to_json_text(value);
  return part;
}

Result<std::vector<ContentPart>> decode_content(const bj::value& value, const JsonPath& path) {
  std::vector<ContentPart> parts;
  if (const bj::string* text = value.if_string()) {
    parts.push_back(ContentPart{.kind = ContentPart::Kind::Text, .text = std::string(*text), .raw = {}});
    return parts;
  }
  const bj::array* array = value.if_array();
  if (array == nullptr) return malformed(path, "expected a string or an array of parts");
  if (array->empty()) return malformed(path, "must hold at least one part");
  parts.reserve(array->size());
  for (std::size_t i = 0; i < array->size(); ++i) {
    SUFFICE_TRY(ContentPart part, decode_part((*array)[i], path.element(i)));
    parts.push_back(std::move(part));
  }
  return parts;
}

Result<ToolCall> decode_tool_call(const bj::value& value, const JsonPath& path) {
  const bj::object* object = value.if_object();
  if (object == nullptr) return malformed(path, "expected an object");
  std::string type = "function";
  ToolCall call;
  SUFFICE_TRY_VOID(read_member(*object, "type", path, type));
  if (type != "function") return unsupported(path.member("type"), "only function tools are supported");
  SUFFICE_TRY_VOID(read_member(*object, "id", path, call.id));
  if (call.id.empty()) return malformed(path.member("id"), "is required");
  SUFFICE_TRY(const bj::object* function, read_object(*object, "function", path));
  const JsonPath inner = path.member("function");
  if (function == nullptr) return malformed(inner, "is required");
  SUFFICE_TRY_VOID(read_member(*function, "name", inner, call.name));
  SUFFICE_TRY_VOID(read_member(*function, "arguments", inner, call.arguments));
  if (call.name.empty()) return malformed(inner.member("name"), "is required");
  return call;
}

Result<void> decode_assistant_fields(const bj::object& object, const JsonPath& path, Message& message) {
  for (const std::string_view legacy : {"function_call", "audio"}) {
    if (find_member(object, legacy) != nullptr) return unsupported(path.member(legacy), "is not supported");
  }
  SUFFICE_TRY(const bj::array* calls, read_array(object, "tool_calls", path));
  const JsonPath calls_path = path.member("tool_calls");
  for (std::size_t i = 0; calls != nullptr && i < calls->size(); ++i) {
    SUFFICE_TRY(ToolCall call, decode_tool_call((*calls)[i], calls_path.element(i)));
    message.tool_calls.push_back(std::move(call));
  }
  std::string refusal;
  SUFFICE_TRY_VOID(read_member(object, "refusal", path, refusal));
  if (!refusal.empty()) {
    ContentPart part{.kind = ContentPart::Kind::Refusal, .text = {}, .raw = {}};
    JsonWriter(part.raw.text).begin_object().field("type", "refusal").field("refusal", refusal).end_object();
    message.content.push_back(std::move(part));
  }
  return {};
}

Result<Message> decode_message(const bj::value& value, const JsonPath& path) {
  const bj::object* object = value.if_object();
  if (object == nullptr) return malformed(path, "expected an object");
  std::string role;
  SUFFICE_TRY_VOID(read_member(*object, "role", path, role));
  if (role.empty()) return malformed(path.member("role"), "is required");
  if (role == "function") return unsupported(path.member("role"), "function messages were replaced by tool messages");
  const std::optional<Role> known = role_from_name(role);
  if (!known) return malformed(path.member("role"), "must be system, developer, user, assistant or tool");

  Message message;
  message.role = *known;
  SUFFICE_TRY_VOID(read_member(*object, "name", path, message.name));
  if (const bj::value* content = find_member(*object, "content")) {
    SUFFICE_TRY(message.content, decode_content(*content, path.member("content")));
  }
  if (message.role == Role::Assistant) SUFFICE_TRY_VOID(decode_assistant_fields(*object, path, message));
  if (message.role == Role::Tool) {
    SUFFICE_TRY_VOID(read_member(*object, "tool_call_id", path, message.tool_call_id));
    if (message.tool_call_id.empty()) return malformed(path.member("tool_call_id"), "is required in a tool message");
  }
  if (message.content.empty() && message.tool_calls.empty()) return malformed(path.member("content"), "is required");
  return message;
}

Result<void> decode_messages(const bj::object& body, const JsonPath& path, ChatRequest& request) {
  SUFFICE_TRY(const bj::array* messages, read_array(body, "messages", path));
  const JsonPath here = path.member("messages");
  if (messages == nullptr) return malformed(here, "is required");
  if (messages->empty()) return malformed(here, "must hold at least one message");
  if (messages->size() > kMessagesMax)
    return malformed(here, "holds more than " + std::to_string(kMessagesMax) + " messages");
  request.messages.reserve(messages->size());
  for (std::size_t i = 0; i < messages->size(); ++i) {
    SUFFICE_TRY(Message message, decode_message((*messages)[i], here.element(i)));
    request.messages.push_back(std::move(message));
  }
  return {};
}

Result<ToolDefinition> decode_tool(const bj::value& value, const JsonPath& path) {
  const bj::object* object = value.if_object();
  if (object == nullptr) return malformed(path, "expected an object");
  std::string type;
  SUFFICE_TRY_VOID(read_member(*object, "type", path, type));
  if (type != "function") return unsupported(path.member("type"), "only function tools are supported");
  SUFFICE_TRY(const bj::object* function, read_object(*object, "function", path));
  const JsonPath inner = path.member("function");
  if (function == nullptr) return malformed(inner, "is required");
  ToolDefinition tool;
  SUFFICE_TRY_VOID(read_member(*function, "name", inner, tool.name));
  if (tool.name.empty()) return malformed(inner.member("name"), "is required");
  SUFFICE_TRY_VOID(read_member(*function, "description", inner, tool.description));
  SUFFICE_TRY_VOID(read_member(*function, "strict", inner, tool.strict));
  SUFFICE_TRY(const bj::object* parameters, read_object(*function, "parameters", inner));
  if (parameters != nullptr) tool.parameters = to_json_text(*find_member(*function, "parameters"));
  return tool;
}

Result<void> decode_tool_choice(const bj::object& body, const JsonPath& path, ChatRequest& request) {
  const bj::value* choice = find_member(body, "tool_choice");
  if (choice == nullptr) return {};
  const JsonPath here = path.member("tool_choice");
  using Kind = ToolChoice::Kind;
  if (const bj::string* word = choice->if_string()) {
    const std::string_view text = *word;
    if (text != "auto" && text != "none" && text != "required")
      return malformed(here, "must be auto, none, required or a function");
    request.tool_choice.kind = text == "auto" ? Kind::Auto : text == "none" ? Kind::None : Kind::Required;
  } else if (const bj::object* object = choice->if_object()) {
    if (string_or_empty(*object, "type") != "function")
      return unsupported(here.member("type"), "only function is supported");
    SUFFICE_TRY(const bj::object* function, read_object(*object, "function", here));
    if (function == nullptr) return malformed(here.member("function"), "is required");
    request.tool_choice.kind = Kind::Named;
    SUFFICE_TRY_VOID(read_member(*function, "name", here, request.tool_choice.name));
    const auto& wanted = request.tool_choice.name;
    if (std::ranges::none_of(request.tools, [&](const ToolDefinition& tool) { return tool.name == wanted; })) {
      return malformed(here.member("function"), "names no function of tools");
    }
  } else {
    return malformed(here, "expected a string or an object");
  }
  if (request.tools.empty() && request.tool_choice.kind == Kind::Required) return malformed(here, "needs tools");
  return {};
}

Result<void> decode_tools(const bj::object& body, const JsonPath& path, ChatRequest& request) {
  SUFFICE_TRY_VOID(read_tools(body, path, request, decode_tool));
  SUFFICE_TRY_VOID(decode_tool_choice(body, path, request));
  return read_member(body, "parallel_tool_calls", path, request.parallel_tool_calls);
}

Result<void> decode_response_format(const bj::object& body, const JsonPath& path, ResponseFormat& format) {
  SUFFICE_TRY(const bj::object* object, read_object(body, "response_format", path));
  if (object == nullptr) return {};
  const JsonPath here = path.member("response_format");
  const std::string_view type = string_or_empty(*object, "type");
  if (type == "text") return {};
  if (type == "json_object") {
    format.kind = ResponseFormat::Kind::JsonObject;
    return {};
  }
  if (type != "json_schema") return malformed(here.member("type"), "must be text, json_object or json_schema");
  format.kind = ResponseFormat::Kind::JsonSchema;
  const JsonPath inner = here.member("json_schema");
  SUFFICE_TRY(const bj::object* schema, read_object(*object, "json_schema", here));
  if (schema == nullptr) return malformed(inner, "is required");
  SUFFICE_TRY_VOID(read_member(*schema, "name", inner, format.name));
  if (format.name.empty()) return malformed(inner.member("name"), "is required");
  SUFFICE_TRY_VOID(read_member(*schema, "strict", inner, format.strict));
  SUFFICE_TRY(const bj::object* rules, read_object(*schema, "schema", inner));
  if (rules == nullptr) return malformed(inner.member("schema"), "is required");
  format.schema = to_json_text(*find_member(*schema, "schema"));
  return {};
}

Result<void> decode_stop(const bj::object& body, const JsonPath& path, std::vector<std::string>& stop) {
  const bj::value* value = find_member(body, "stop");
  if (value == nullptr) return {};
  const JsonPath here = path.member("stop");
  const bj::array* array = value->if_array();
  if (array == nullptr && !value->is_string()) return malformed(here, "expected a string or an array of strings");
  if (array != nullptr && array->size() > kStopsMax)
    return malformed(here, "holds more than " + std::to_string(kStopsMax) + " sequences");
  const std::span<const bj::value> values =
      array == nullptr ? std::span(value, 1) : std::span(array->data(), array->size());
  for (const bj::value& one : values) {
    const bj::string* text = one.if_string();
    if (text == nullptr || text->empty()) return malformed(here, "every stop sequence must be a non-empty string");
    stop.emplace_back(*text);
  }
  return {};
}

Result<void> decode_sampling(const bj::object& body, const JsonPath& path, Sampling& sampling) {
  SUFFICE_TRY_VOID(read_number(body, "temperature", path, NumberRange{0, 2}, sampling.temperature));
  SUFFICE_TRY_VOID(read_number(body, "top_p", path, NumberRange{0, 1}, sampling.top_p));
  SUFFICE_TRY_VOID(read_number(body, "presence_penalty", path, NumberRange{-2, 2}, sampling.presence_penalty));
  SUFFICE_TRY_VOID(read_number(body, "frequency_penalty", path, NumberRange{-2, 2}, sampling.frequency_penalty));
  constexpr IntegerRange any{INT64_MIN, INT64_MAX};
  SUFFICE_TRY_VOID(read_integer(body, "seed", path, any, sampling.seed));
  std::optional<std::int64_t> newer;
  SUFFICE_TRY_VOID(read_integer(body, "max_tokens", path, IntegerRange{1, kTokensMax}, sampling.max_tokens));
  SUFFICE_TRY_VOID(read_integer(body, "max_completion_tokens", path, IntegerRange{1, kTokensMax}, newer));
  if (newer && sampling.max_tokens && *newer != *sampling.max_tokens) {
    return malformed(path.member("max_tokens"), "differs from max_completion_tokens: send one of them");
  }
  if (newer) sampling.max_tokens = newer;
  return decode_stop(body, path, sampling.stop);
}

Result<void> decode_output_fields(const bj::object& body, const JsonPath& path, ChatRequest& request) {
  std::optional<std::int64_t> n;
  std::optional<std::int64_t> top;
  SUFFICE_TRY_VOID(read_integer(body, "n", path, IntegerRange{1, kChoicesMax}, n));
  request.n = n.value_or(1);
  SUFFICE_TRY_VOID(read_member(body, "logprobs", path, request.logprobs));
  SUFFICE_TRY_VOID(read_integer(body, "top_logprobs", path, IntegerRange{0, 20}, top));
  if (top && !request.logprobs) return malformed(path.member("top_logprobs"), "needs logprobs: true");
  request.top_logprobs = top.value_or(0);
  SUFFICE_TRY_VOID(read_member(body, "stream", path, request.stream));
  SUFFICE_TRY(const bj::object* stream_options, read_object(body, "stream_options", path));
  if (stream_options != nullptr) {
    if (!request.stream) return malformed(path.member("stream_options"), "needs stream: true");
    SUFFICE_TRY_VOID(
        read_member(*stream_options, "include_usage", path.member("stream_options"), request.stream_usage));
  }
  return {};
}

/// Gathers unknown fields as text and refuses those that would let a caller choose upstreams or mean something else here.
Result<void> keep_unknown_fields(const bj::object& body, const JsonPath& path, ChatRequest& request) {
  std::string members;
  for (const auto& member : body) {
    const std::string_view key = member.key();
    if (std::ranges::find(kKnown, key) != kKnown.end() || member.value().is_null()) continue;
    const auto refused = std::ranges::find(kRefused, key, &RefusedField::name);
    if (refused != kRefused.end()) return unsupported(path.member(refused->name), std::string(refused->why));
    if (key == "modalities") {
      const bj::array* kinds = member.value().if_array();
      if (kinds == nullptr || kinds->size() != 1 || (*kinds)[0] != "text") {
        return unsupported(path.member("modalities"), "only text output is supported");
      }
      continue;
    }
    if (!members.empty()) members += ',';
    append_json_string(members, key);
    members += ':';
    append_json(members, member.value());
  }
  if (!members.empty()) request.extra.text = "{" + members + "}";
  return {};
}

}  // namespace

Result<void> read_openai_metadata(const bj::object& body, const JsonPath& path,
                                  std::map<std::string, std::string>& metadata) {
  SUFFICE_TRY(const bj::object* object, read_object(body, "metadata", path));
  if (object == nullptr) return {};
  const JsonPath here = path.member("metadata");
  if (object->size() > kMetadataPairsMax) return malformed(here, "holds more than 16 pairs");
  for (const auto& member : *object) {
    const bj::string* text = member.value().if_string();
    if (text == nullptr) return malformed(here, "every value must be a string");
    if (member.key().size() > kMetadataKeyBytesMax || text->size() > kMetadataValueBytesMax) {
      return malformed(here, "a key is over 64 bytes or a value over 512");
    }
    metadata.emplace(member.key(), *text);
  }
  return {};
}

Result<ChatRequest> decode_openai_chat_request(std::string_view body, const JsonLimits& limits) {
  JsonArena arena;
  SUFFICE_TRY(const bj::value value, parse_json(body, limits, arena.storage()));
  const JsonPath root;
  const bj::object* object = value.if_object();
  if (object == nullptr) return malformed(root, "the body must be a JSON object");

  ChatRequest request;
  SUFFICE_TRY_VOID(read_member(*object, "model", root, request.model));
  if (request.model.empty()) return malformed(root.member("model"), "is required");
  SUFFICE_TRY_VOID(decode_messages(*object, root, request));
  SUFFICE_TRY_VOID(decode_tools(*object, root, request));
  SUFFICE_TRY_VOID(decode_response_format(*object, root, request.response_format));
  SUFFICE_TRY_VOID(decode_sampling(*object, root, request.sampling));
  SUFFICE_TRY_VOID(decode_output_fields(*object, root, request));
  SUFFICE_TRY_VOID(read_openai_metadata(*object, root, request.metadata));
  SUFFICE_TRY_VOID(read_member(*object, "user", root, request.user));
  SUFFICE_TRY_VOID(keep_unknown_fields(*object, root, request));
  return request;
}

}  // namespace suffice::wire
