// Requests of anthropic_messages.hpp, read.

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "wire/anthropic_messages.hpp"
#include "wire/inbound_tools.hpp"
#include "wire/json_fields.hpp"
#include "wire/json_writer.hpp"

namespace suffice::wire {
namespace {

namespace bj = boost::json;
using Kind = ContentPart::Kind;

constexpr std::size_t kMessagesMax = 4096;
constexpr std::size_t kStopsMax = 64;
constexpr std::int64_t kTokensMax = 1LL << 40;

/// Top-level fields that are decoded; everything else goes to `extra` unless kRefused names it.
constexpr auto kKnown =
    std::to_array<std::string_view>({"model", "max_tokens", "messages", "system", "metadata", "stop_sequences",
                                     "stream", "temperature", "top_p", "tool_choice", "tools", "output_format"});

struct RefusedField {
  std::string_view name;
  std::string_view why;
};
constexpr auto kRefused = std::to_array<RefusedField>({
    {"container", "code execution containers are not kept here"},
    {"mcp_servers", "the gateway calls no servers that a request names"},
    {"user_profile_id", "names something of an Anthropic account; the gateway uses its own"},
    {"workspace_id", "names something of an Anthropic account; the gateway uses its own"},
    {"diagnostics", "is not supported"},
    {"api_base", "upstreams come from the policy only"},
    {"base_url", "upstreams come from the policy only"},
    {"api_key", "keys come from the policy only"},
    {"extra_headers", "headers to the provider come from the policy only"},
    {"fallbacks", "the policy chooses among models"},
});

/// {"type":"base64",...} or {"type":"url",...} as OpenAI's image part.
Result<ContentPart> decode_image(const bj::object& block, const JsonPath& path) {
  SUFFICE_TRY(const bj::object* source, read_object(block, "source", path));
  const JsonPath here = path.member("source");
  if (source == nullptr) return malformed(here, "is required");
  const std::string_view type = string_or_empty(*source, "type");
  std::string url;
  if (type == "base64") {
    std::string media;
    std::string data;
    SUFFICE_TRY_VOID(read_member(*source, "media_type", here, media));
    SUFFICE_TRY_VOID(read_member(*source, "data", here, data));
    if (media.empty() || data.empty()) return malformed(here, "needs media_type and data");
    url = "data:" + media + ";base64," + data;
  } else if (type == "url") {
    SUFFICE_TRY_VOID(read_member(*source, "url", here, url));
    if (url.empty()) return malformed(here.member("url"), "is required");
  } else {
    return unsupported(here.member("type"), "only base64 and url images are supported");
  }
  if (find_member(block, "transformations") != nullptr)
    return unsupported(path.member("transformations"), "is not supported");
  ContentPart part{.kind = Kind::Image, .text = {}, .raw = {}};
  JsonWriter json(part.raw.text);
  json.begin_object().field("type", "image_url").key("image_url").begin_object().field("url", url);
  json.end_object().end_object();
  return part;
}

Result<ContentPart> decode_block(const bj::value& value, const JsonPath& path) {
  const bj::object* block = value.if_object();
  if (block == nullptr) return malformed(path, "expected an object");
  std::string type;
  SUFFICE_TRY_VOID(read_member(*block, "type", path, type));
  if (type.empty()) return malformed(path.member("type"), "is required");
  if (type == "image") return decode_image(*block, path);
  ContentPart part{.kind = type == "text"       ? Kind::Text
                           : type == "document" ? Kind::File
                                                : Kind::Other,
                   .text = {},
                   .raw = {}};
  if (part.kind == Kind::Text) {
    if (find_member(*block, "text") == nullptr) return malformed(path.member("text"), "is required");
    SUFFICE_TRY_VOID(read_member(*block, "text", path, part.text));
    if (block->size() <= 2) return part;
  }
  part.raw = to_json_text(value);  // cache_control, citations, and blocks that only Anthropic knows
  return part;
}

/// A string, or blocks; `take` gets every block.
template <typename Take>
Result<void> for_each_block(const bj::value& content, const JsonPath& path, Take take) {
  const bj::array* blocks = content.if_array();
  if (blocks == nullptr) return malformed(path, "expected a string or an array of blocks");
  for (std::size_t i = 0; i < blocks->size(); ++i) SUFFICE_TRY_VOID(take((*blocks)[i], path.element(i)));
  return {};
}

Result<std::vector<ContentPart>> decode_content(const bj::value* content, const JsonPath& path) {
  std::vector<ContentPart> parts;
  if (content == nullptr) return parts;
  if (const bj::string* text = content->if_string()) {
    parts.push_back(ContentPart{.kind = Kind::Text, .text = std::string(*text), .raw = {}});
    return parts;
  }
  SUFFICE_TRY_VOID(for_each_block(*content, path, [&](const bj::value& block, const JsonPath& here) -> Result<void> {
    SUFFICE_TRY(ContentPart part, decode_block(block, here));
    parts.push_back(std::move(part));
    return {};
  }));
  return parts;
}

Result<Message> decode_tool_result(const bj::object& block, const JsonPath& path) {
  Message message;
  message.role = Role::Tool;
  SUFFICE_TRY_VOID(read_member(block, "tool_use_id", path, message.tool_call_id));
  if (message.tool_call_id.empty()) return malformed(path.member("tool_use_id"), "is required");
  SUFFICE_TRY_VOID(read_member(block, "is_error", path, message.tool_failed));
  if (find_member(block, "toolset_name") != nullptr)
    return unsupported(path.member("toolset_name"), "is not supported");
  SUFFICE_TRY(message.content, decode_content(find_member(block, "content"), path.member("content")));
  if (message.content.empty())
    message.content.push_back(ContentPart{.kind = Kind::Text, .text = {}, .raw = {}});  // a tool that returns nothing
  return message;
}

Result<ToolCall> decode_tool_use(const bj::object& block, const JsonPath& path) {
  ToolCall call;
  SUFFICE_TRY_VOID(read_member(block, "id", path, call.id));
  SUFFICE_TRY_VOID(read_member(block, "name", path, call.name));
  if (call.id.empty()) return malformed(path.member("id"), "is required");
  if (call.name.empty()) return malformed(path.member("name"), "is required");
  if (find_member(block, "toolset_name") != nullptr)
    return unsupported(path.member("toolset_name"), "is not supported");
  SUFFICE_TRY(const bj::object* input, read_object(block, "input", path));
  if (input == nullptr) return malformed(path.member("input"), "is required");
  call.arguments = to_json_text(*block.if_contains("input")).text;
  return call;
}

/// One message of theirs is one or several of ours: every tool result is a message of its own, in its place.
class MessageReader {
 public:
  explicit MessageReader(std::vector<Message>& out) : out_(out) {}

  Result<void> read(const bj::value& value, const JsonPath& path) {
    const bj::object* object = value.if_object();
    if (object == nullptr) return malformed(path, "expected an object");
    std::string role;
    SUFFICE_TRY_VOID(read_member(*object, "role", path, role));
    if (role != "user" && role != "assistant" && role != "system")
      return malformed(path.member("role"), "must be user, assistant or system");
    open_ = Message{};
    open_.role = *role_from_name(role);
    const JsonPath here = path.member("content");
    const bj::value* content = find_member(*object, "content");
    if (content == nullptr) return malformed(here, "is required");
    const std::size_t before = out_.size();
    if (const bj::string* text = content->if_string()) {
      if (text->empty()) return malformed(here, "must not be empty");
      open_.content.push_back(ContentPart{.kind = Kind::Text, .text = std::string(*text), .raw = {}});
    } else {
      SUFFICE_TRY_VOID(
          for_each_block(*content, here, [&](const bj::value& block, const JsonPath& at) { return take(block, at); }));
    }
    flush();
    if (out_.size() == before) return malformed(here, "must hold at least one block");
    return {};
  }

 private:
  Result<void> take(const bj::value& value, const JsonPath& path) {
    const bj::object* block = value.if_object();
    const std::string_view type = block == nullptr ? std::string_view{} : string_or_empty(*block, "type");
    if (type == "tool_result" && open_.role == Role::User) {
      flush();
      SUFFICE_TRY(Message result, decode_tool_result(*block, path));
      out_.push_back(std::move(result));
      return {};
    }
    if (type == "tool_use" && open_.role == Role::Assistant) {
      SUFFICE_TRY(ToolCall call, decode_tool_use(*block, path));
      open_.tool_calls.push_back(std::move(call));
      return {};
    }
    if (type == "tool_result" || type == "tool_use")
      return malformed(path.member("type"), "a tool_use belongs to the assistant, a tool_result to the user");
    SUFFICE_TRY(ContentPart part, decode_block(value, path));
    if (part.kind == Kind::Text && part.text.empty()) return malformed(path.member("text"), "must not be empty");
    open_.content.push_back(std::move(part));
    return {};
  }

  void flush() {
    if (open_.content.empty() && open_.tool_calls.empty()) return;
    const Role role = open_.role;
    out_.push_back(std::exchange(open_, Message{}));
    open_.role = role;
  }

  std::vector<Message>& out_;
  Message open_;
};

Result<void> decode_messages(const bj::object& body, const JsonPath& path, ChatRequest& request) {
  if (const bj::value* system = find_member(body, "system")) {
    Message message;
    message.role = Role::System;
    SUFFICE_TRY(message.content, decode_content(system, path.member("system")));
    const bool only_text =
        std::ranges::all_of(message.content, [](const auto& part) { return part.kind == Kind::Text; });
    if (!only_text) return malformed(path.member("system"), "holds text blocks only");
    if (!message.text().empty()) request.messages.push_back(std::move(message));
  }
  SUFFICE_TRY(const bj::array* messages, read_array(body, "messages", path));
  const JsonPath here = path.member("messages");
  if (messages == nullptr) return malformed(here, "is required");
  if (messages->empty()) return malformed(here, "must hold at least one message");
  if (messages->size() > kMessagesMax)
    return malformed(here, "holds more than " + std::to_string(kMessagesMax) + " messages");
  MessageReader reader(request.messages);
  for (std::size_t i = 0; i < messages->size(); ++i) SUFFICE_TRY_VOID(reader.read((*messages)[i], here.element(i)));
  return {};
}

/// Members of a tool that would change what it is, and that no other model could be told.
Result<void> refuse_special_tool(const bj::object& tool, const JsonPath& path) {
  const bj::value* type = find_member(tool, "type");
  if (type != nullptr && *type != "custom")
    return unsupported(path.member("type"), "only custom tools are supported; the gateway runs no server tools");
  const bj::value* deferred = find_member(tool, "defer_loading");
  if (deferred != nullptr && *deferred != false) return unsupported(path.member("defer_loading"), "is not supported");
  if (find_member(tool, "input_examples") != nullptr)
    return unsupported(path.member("input_examples"), "is not supported: put them into the description");
  if (const bj::array* callers = array_or_null(tool, "allowed_callers")) {
    if (callers->size() != 1 || (*callers)[0] != "direct")
      return unsupported(path.member("allowed_callers"), "only direct is supported");
  }
  return {};
}

Result<ToolDefinition> decode_tool(const bj::value& value, const JsonPath& path) {
  const bj::object* object = value.if_object();
  if (object == nullptr) return malformed(path, "expected an object");
  SUFFICE_TRY_VOID(refuse_special_tool(*object, path));
  ToolDefinition tool;
  SUFFICE_TRY_VOID(read_member(*object, "name", path, tool.name));
  if (tool.name.empty()) return malformed(path.member("name"), "is required");
  SUFFICE_TRY_VOID(read_member(*object, "description", path, tool.description));
  SUFFICE_TRY_VOID(read_member(*object, "strict", path, tool.strict));
  SUFFICE_TRY(const bj::object* schema, read_object(*object, "input_schema", path));
  if (schema == nullptr) return malformed(path.member("input_schema"), "is required");
  tool.parameters = to_json_text(*object->if_contains("input_schema"));
  return tool;
}

Result<void> decode_tool_choice(const bj::object& body, const JsonPath& path, ChatRequest& request) {
  SUFFICE_TRY(const bj::object* choice, read_object(body, "tool_choice", path));
  if (choice == nullptr) return {};
  const JsonPath here = path.member("tool_choice");
  const std::string_view type = string_or_empty(*choice, "type");
  using Choice = ToolChoice::Kind;
  if (type == "auto") {
    request.tool_choice.kind = Choice::Auto;
  } else if (type == "any") {
    request.tool_choice.kind = Choice::Required;
  } else if (type == "none") {
    request.tool_choice.kind = Choice::None;
  } else if (type == "tool") {
    request.tool_choice.kind = Choice::Named;
    SUFFICE_TRY_VOID(read_member(*choice, "name", here, request.tool_choice.name));
    if (std::ranges::find(request.tools, request.tool_choice.name, &ToolDefinition::name) == request.tools.end())
      return malformed(here.member("name"), "names no tool of tools");
  } else {
    return malformed(here.member("type"), "must be auto, any, tool or none");
  }
  if (request.tools.empty() && request.tool_choice.kind == Choice::Required) return malformed(here, "needs tools");
  bool serial = false;
  SUFFICE_TRY_VOID(read_member(*choice, "disable_parallel_tool_use", here, serial));
  if (serial) request.parallel_tool_calls = false;
  return {};
}

Result<void> decode_tools(const bj::object& body, const JsonPath& path, ChatRequest& request) {
  SUFFICE_TRY_VOID(read_tools(body, path, request, decode_tool));
  return decode_tool_choice(body, path, request);
}

Result<void> decode_format(const bj::object& holder, std::string_view name, const JsonPath& path,
                           ResponseFormat& format) {
  SUFFICE_TRY(const bj::object* object, read_object(holder, name, path));
  if (object == nullptr) return {};
  const JsonPath here = path.member(name);
  if (string_or_empty(*object, "type") != "json_schema") return malformed(here.member("type"), "must be json_schema");
  SUFFICE_TRY(const bj::object* schema, read_object(*object, "schema", here));
  if (schema == nullptr) return malformed(here.member("schema"), "is required");
  format = ResponseFormat{.kind = ResponseFormat::Kind::JsonSchema,
                          .name = "output",
                          .schema = to_json_text(*object->if_contains("schema")),
                          .strict = true};
  return {};
}

Result<void> decode_output(const bj::object& body, const JsonPath& path, ChatRequest& request) {
  SUFFICE_TRY(const bj::object* config, read_object(body, "output_config", path));
  if (config != nullptr)
    SUFFICE_TRY_VOID(decode_format(*config, "format", path.member("output_config"), request.response_format));
  // The older, beta name of output_config.format.
  if (request.response_format.kind == ResponseFormat::Kind::Text)
    SUFFICE_TRY_VOID(decode_format(body, "output_format", path, request.response_format));
  return read_member(body, "stream", path, request.stream);
}

Result<void> decode_sampling(const bj::object& body, const JsonPath& path, AnthropicBody kind, Sampling& sampling) {
  SUFFICE_TRY_VOID(read_integer(body, "max_tokens", path, IntegerRange{1, kTokensMax}, sampling.max_tokens));
  if (!sampling.max_tokens && kind == AnthropicBody::Message)
    return malformed(path.member("max_tokens"), "is required");
  SUFFICE_TRY_VOID(read_number(body, "temperature", path, NumberRange{0, 1}, sampling.temperature));
  SUFFICE_TRY_VOID(read_number(body, "top_p", path, NumberRange{0, 1}, sampling.top_p));
  SUFFICE_TRY(const bj::array* stops, read_array(body, "stop_sequences", path));
  const JsonPath here = path.member("stop_sequences");
  if (stops != nullptr && stops->size() > kStopsMax)
    return malformed(here, "holds more than " + std::to_string(kStopsMax) + " sequences");
  for (std::size_t i = 0; stops != nullptr && i < stops->size(); ++i) {
    const bj::string* text = (*stops)[i].if_string();
    if (text == nullptr || text->empty()) return malformed(here.element(i), "expected a non-empty string");
    sampling.stop.emplace_back(*text);
  }
  return {};
}

/// Anthropic knows user_id; `task` is ours, as in OpenAI's metadata.
Result<void> decode_metadata(const bj::object& body, const JsonPath& path, ChatRequest& request) {
  SUFFICE_TRY(const bj::object* metadata, read_object(body, "metadata", path));
  if (metadata == nullptr) return {};
  const JsonPath here = path.member("metadata");
  for (const auto& member : *metadata) {
    const std::string_view key = member.key();
    if (key != "user_id" && key != "task") return unsupported(here, "only user_id and task are supported");
  }
  SUFFICE_TRY_VOID(read_member(*metadata, "user_id", here, request.user));
  std::string task;
  SUFFICE_TRY_VOID(read_member(*metadata, "task", here, task));
  if (!task.empty()) request.metadata.emplace("task", std::move(task));
  return {};
}

Result<void> keep_unknown_fields(const bj::object& body, const JsonPath& path, ChatRequest& request) {
  std::string members;
  for (const auto& member : body) {
    const std::string_view key = member.key();
    if (std::ranges::find(kKnown, key) != kKnown.end() || member.value().is_null()) continue;
    const auto refused = std::ranges::find(kRefused, key, &RefusedField::name);
    if (refused != kRefused.end()) return unsupported(path.member(refused->name), std::string(refused->why));
    if (!members.empty()) members += ',';
    append_json_string(members, key);
    members += ':';
    append_json(members, member.value());
  }
  if (!members.empty()) request.extra.text = "{" + members + "}";
  return {};
}

}  // namespace

Result<ChatRequest> decode_anthropic_request(std::string_view body, AnthropicBody kind, const JsonLimits& limits) {
  JsonArena arena;
  SUFFICE_TRY(const bj::value value, parse_json(body, limits, arena.storage()));
  const JsonPath root;
  const bj::object* object = value.if_object();
  if (object == nullptr) return malformed(root, "the body must be a JSON object");

  ChatRequest request;
  request.dialect = ApiDialect::Anthropic;
  SUFFICE_TRY_VOID(read_member(*object, "model", root, request.model));
  if (request.model.empty()) return malformed(root.member("model"), "is required");
  SUFFICE_TRY_VOID(decode_messages(*object, root, request));
  SUFFICE_TRY_VOID(decode_tools(*object, root, request));
  SUFFICE_TRY_VOID(decode_output(*object, root, request));
  SUFFICE_TRY_VOID(decode_sampling(*object, root, kind, request.sampling));
  SUFFICE_TRY_VOID(decode_metadata(*object, root, request));
  SUFFICE_TRY_VOID(keep_unknown_fields(*object, root, request));
  return request;
}

}  // namespace suffice::wire
