// The request half of openai_chat.hpp.

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "wire/json_fields.hpp"
#include "wire/json_writer.hpp"
#include "wire/openai_chat.hpp"

namespace suffice::wire {
namespace {

namespace bj = boost::json;

constexpr std::int64_t kChoicesMax = 128;
constexpr std::size_t kMessagesMax = 4096;
constexpr std::size_t kToolsMax = 512;
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
  SUFFICE_TRY(const bj::array* tools, read_array(body, "tools", path));
  const JsonPath here = path.member("tools");
  if (tools != nullptr && tools->size() > kToolsMax)
    return malformed(here, "holds more than " + std::to_string(kToolsMax) + " tools");
  for (std::size_t i = 0; tools != nullptr && i < tools->size(); ++i) {
    SUFFICE_TRY(ToolDefinition tool, decode_tool((*tools)[i], here.element(i)));
    request.tools.push_back(std::move(tool));
  }
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

Result<void> decode_metadata(const bj::object& body, const JsonPath& path,
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
  SUFFICE_TRY_VOID(decode_metadata(*object, root, request.metadata));
  SUFFICE_TRY_VOID(read_member(*object, "user", root, request.user));
  SUFFICE_TRY_VOID(keep_unknown_fields(*object, root, request));
  return request;
}

namespace {

bool is_plain_text(const std::vector<ContentPart>& content) {
  return content.size() == 1 && content[0].kind == ContentPart::Kind::Text && content[0].raw.empty();
}

void write_part(JsonWriter& json, const ContentPart& part) {
  if (part.kind != ContentPart::Kind::Text) {
    json.raw(part.raw.text);
    return;
  }
  json.begin_object().field("type", "text").field("text", part.text);
  if (!part.raw.empty()) {
    if (const auto raw = parse_json(part.raw.text); raw && raw->is_object()) {
      for (const auto& member : raw->get_object()) {
        if (member.key() == "type" || member.key() == "text") continue;
        std::string text;
        append_json_string(text, member.key());
        text += ':';
        append_json(text, member.value());
        json.raw(text);
      }
    }
  }
  json.end_object();
}

void write_tool_calls(JsonWriter& json, const std::vector<ToolCall>& calls) {
  json.key("tool_calls").begin_array();
  for (const ToolCall& call : calls) {
    json.begin_object().field("id", call.id).field("type", "function").key("function").begin_object();
    json.field("name", call.name).field("arguments", call.arguments).end_object().end_object();
  }
  json.end_array();
}

void write_message(JsonWriter& json, const Message& message) {
  json.begin_object().field("role", name(message.role));
  json.key("content");
  if (message.content.empty()) {
    json.null();
  } else if (is_plain_text(message.content)) {
    json.string(message.content[0].text);
  } else {
    json.begin_array();
    for (const ContentPart& part : message.content) write_part(json, part);
    json.end_array();
  }
  if (!message.name.empty()) json.field("name", message.name);
  if (!message.tool_calls.empty()) write_tool_calls(json, message.tool_calls);
  if (!message.tool_call_id.empty()) json.field("tool_call_id", message.tool_call_id);
  json.end_object();
}

void write_tools(JsonWriter& json, const ChatRequest& request) {
  if (!request.tools.empty()) {
    json.key("tools").begin_array();
    for (const ToolDefinition& tool : request.tools) {
      json.begin_object().field("type", "function").key("function").begin_object().field("name", tool.name);
      if (!tool.description.empty()) json.field("description", tool.description);
      if (!tool.parameters.empty()) json.field("parameters", tool.parameters);
      if (tool.strict) json.field("strict", *tool.strict);
      json.end_object().end_object();
    }
    json.end_array();
  }
  switch (request.tool_choice.kind) {
    case ToolChoice::Kind::Unset:
      break;
    case ToolChoice::Kind::Auto:
      json.field("tool_choice", "auto");
      break;
    case ToolChoice::Kind::None:
      json.field("tool_choice", "none");
      break;
    case ToolChoice::Kind::Required:
      json.field("tool_choice", "required");
      break;
    case ToolChoice::Kind::Named:
      json.key("tool_choice").begin_object().field("type", "function").key("function").begin_object();
      json.field("name", request.tool_choice.name).end_object().end_object();
      break;
  }
  if (request.parallel_tool_calls && !request.tools.empty())
    json.field("parallel_tool_calls", *request.parallel_tool_calls);
}

void write_response_format(JsonWriter& json, const ResponseFormat& format) {
  if (format.kind == ResponseFormat::Kind::Text) return;
  json.key("response_format").begin_object();
  if (format.kind == ResponseFormat::Kind::JsonObject) {
    json.field("type", "json_object");
  } else {
    json.field("type", "json_schema").key("json_schema").begin_object().field("name", format.name);
    if (!format.schema.empty()) json.field("schema", format.schema);
    if (format.strict) json.field("strict", *format.strict);
    json.end_object();
  }
  json.end_object();
}

void write_sampling(JsonWriter& json, const Sampling& sampling, bool newer_name) {
  if (sampling.temperature) json.field("temperature", *sampling.temperature);
  if (sampling.top_p) json.field("top_p", *sampling.top_p);
  if (sampling.presence_penalty) json.field("presence_penalty", *sampling.presence_penalty);
  if (sampling.frequency_penalty) json.field("frequency_penalty", *sampling.frequency_penalty);
  if (sampling.max_tokens) json.field(newer_name ? "max_completion_tokens" : "max_tokens", *sampling.max_tokens);
  if (sampling.seed) json.field("seed", *sampling.seed);
  if (sampling.stop.empty()) return;
  json.key("stop").begin_array();
  for (const std::string& stop : sampling.stop) json.string(stop);
  json.end_array();
}

/// A GBNF grammar (llama.cpp, grammars/README.md) that allows exactly these strings.
std::string label_grammar(const std::vector<std::string>& labels) {
  std::string grammar = "root ::= ";
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (i != 0) grammar += " | ";
    grammar += '"';
    for (const char c : labels[i]) {
      if (c == '"' || c == '\\') grammar += '\\';
      if (c == '\n') {
        grammar += "\\n";
      } else if (c == '\r') {
        grammar += "\\r";
      } else {
        grammar += c;
      }
    }
    grammar += '"';
  }
  return grammar;
}

/// Unknown fields as they came, without those that the options write themselves.
void write_extra(JsonWriter& json, const JsonText& extra, bool grammar_written) {
  if (extra.empty()) return;
  if (!grammar_written) {
    json.members_of(extra.text);
    return;
  }
  const auto parsed = parse_json(extra.text);
  if (!parsed || !parsed->is_object()) return;
  bj::object rest = parsed->get_object();
  rest.erase("grammar");
  std::string text;
  append_json(text, rest);
  json.members_of(text);
}

}  // namespace

std::string encode_openai_chat_request(const ChatRequest& request, const OpenAiRequestOptions& options) {
  std::string out;
  out.reserve(1024);
  JsonWriter json(out);
  json.begin_object().field("model", request.model).key("messages").begin_array();
  for (const Message& message : request.messages) write_message(json, message);
  json.end_array();
  write_tools(json, request);
  write_response_format(json, request.response_format);
  write_sampling(json, request.sampling, options.max_completion_tokens);
  if (request.n != 1) json.field("n", request.n);
  if (options.logprobs) {
    json.field("logprobs", true);
    if (request.top_logprobs > 0) json.field("top_logprobs", request.top_logprobs);
  }
  if (options.stream)
    json.field("stream", true).key("stream_options").begin_object().field("include_usage", true).end_object();
  // OpenAI refuses metadata without store: true; here it names the task and stays with the gateway.
  if (!request.metadata.empty() && request.extra.text.find("\"store\":true") != std::string::npos) {
    json.key("metadata").begin_object();
    std::string member;
    for (const auto& [key, value] : request.metadata) {
      member.clear();
      append_json_string(member, key);
      member += ':';
      append_json_string(member, value);
      json.raw(member);
    }
    json.end_object();
  }
  if (!request.user.empty()) json.field("user", request.user);
  if (!options.guided_labels.empty()) json.field("grammar", label_grammar(options.guided_labels));
  write_extra(json, request.extra, !options.guided_labels.empty());
  json.end_object();
  return out;
}

}  // namespace suffice::wire
