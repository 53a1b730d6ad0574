// Requests of ollama_chat.hpp, read.

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "wire/inbound_tools.hpp"
#include "wire/json_fields.hpp"
#include "wire/json_writer.hpp"
#include "wire/ollama_chat.hpp"
#include "wire/openai_parts.hpp"

namespace suffice::wire {
namespace {

namespace bj = boost::json;
using Kind = ContentPart::Kind;

constexpr std::size_t kMessagesMax = 4096;
constexpr std::size_t kStopsMax = 64;
constexpr std::int64_t kTokensMax = 1LL << 40;

/// Top-level fields that are decoded; everything else goes to `extra` unless kRefused names it.
constexpr auto kKnown = std::to_array<std::string_view>({"model", "messages", "prompt", "system", "images", "tools",
                                                         "format", "options", "stream", "logprobs", "top_logprobs"});

struct RefusedField {
  std::string_view name;
  std::string_view why;
};
constexpr auto kRefused = std::to_array<RefusedField>({
    {"suffix", "filling in the middle is not supported"},
    {"template", "templates belong to the model, which the policy chooses"},
    {"context", "send the conversation to /api/chat instead"},
    {"raw", "prompts are always rendered by the model's template"},
    {"truncate", "input is never cut here: too long is an error"},
    {"shift", "input is never cut here: too long is an error"},
    {"width", "images are not made here"},
    {"height", "images are not made here"},
    {"steps", "images are not made here"},
});

/// Options that are decoded. num_ctx is a wish for a window: windows come from the policy, and nothing is ever cut to one.
constexpr auto kKnownOptions = std::to_array<std::string_view>(
    {"temperature", "top_p", "presence_penalty", "frequency_penalty", "num_predict", "seed", "stop", "num_ctx"});

std::string_view media_type_of(std::string_view base64) {
  // The first bytes of the four formats, in base64.
  if (base64.starts_with("/9j/")) return "image/jpeg";
  if (base64.starts_with("iVBORw0K")) return "image/png";
  if (base64.starts_with("R0lGOD")) return "image/gif";
  if (base64.starts_with("UklGR")) return "image/webp";
  return {};
}

Result<void> decode_images(const bj::object& holder, const JsonPath& path, Message& message) {
  SUFFICE_TRY(const bj::array* images, read_array(holder, "images", path));
  const JsonPath here = path.member("images");
  for (std::size_t i = 0; images != nullptr && i < images->size(); ++i) {
    const bj::string* data = (*images)[i].if_string();
    if (data == nullptr) return malformed(here.element(i), "expected base64 text");
    const std::string_view media = media_type_of(*data);
    if (media.empty()) return unsupported(here.element(i), "is no base64 of a JPEG, PNG, GIF or WebP image");
    std::string url = "data:" + std::string(media) + ";base64,";
    url += std::string_view(*data);
    ContentPart part{.kind = Kind::Image, .text = {}, .raw = {}};
    JsonWriter json(part.raw.text);
    json.begin_object().field("type", "image_url").key("image_url").begin_object().field("url", url);
    json.end_object().end_object();
    message.content.push_back(std::move(part));
  }
  return {};
}

Result<ToolCall> decode_tool_call(const bj::value& value, const JsonPath& path, std::size_t number) {
  const bj::object* object = value.if_object();
  if (object == nullptr) return malformed(path, "expected an object");
  SUFFICE_TRY(const bj::object* function, read_object(*object, "function", path));
  const JsonPath here = path.member("function");
  if (function == nullptr) return malformed(here, "is required");
  ToolCall call;
  SUFFICE_TRY_VOID(read_member(*object, "id", path, call.id));
  SUFFICE_TRY_VOID(read_member(*function, "name", here, call.name));
  if (call.name.empty()) return malformed(here.member("name"), "is required");
  if (call.id.empty()) call.id = made_up_call_id("ollama", number);
  SUFFICE_TRY(const bj::object* arguments, read_object(*function, "arguments", here));
  call.arguments = arguments == nullptr ? "{}" : to_json_text(*function->if_contains("arguments")).text;
  return call;
}

/// Reads messages and remembers which calls still wait for their results.
class MessageReader {
 public:
  Result<Message> read(const bj::value& value, const JsonPath& path) {
    const bj::object* object = value.if_object();
    if (object == nullptr) return malformed(path, "expected an object");
    std::string role;
    SUFFICE_TRY_VOID(read_member(*object, "role", path, role));
    const std::optional<Role> known = role_from_name(role);
    if (!known || *known == Role::Developer)
      return malformed(path.member("role"), "must be system, user, assistant or tool");
    std::string text;
    SUFFICE_TRY_VOID(read_member(*object, "content", path, text));
    Message message;
    message.role = *known;
    SUFFICE_TRY_VOID(read_calls(*object, path, message));
    if (!text.empty() || message.tool_calls.empty()) message.content = Message::of(*known, std::move(text)).content;
    SUFFICE_TRY_VOID(decode_images(*object, path, message));
    if (message.role == Role::Tool) SUFFICE_TRY_VOID(find_call(*object, path, message));
    // A model's earlier thoughts: Ollama's templates leave them out too, except for the turn that is being thought about.
    return message;
  }

 private:
  Result<void> read_calls(const bj::object& object, const JsonPath& path, Message& message) {
    SUFFICE_TRY(const bj::array* calls, read_array(object, "tool_calls", path));
    if (calls == nullptr) return {};
    const JsonPath here = path.member("tool_calls");
    if (message.role != Role::Assistant && !calls->empty()) return malformed(here, "belong to the assistant");
    for (std::size_t i = 0; i < calls->size(); ++i) {
      SUFFICE_TRY(ToolCall call, decode_tool_call((*calls)[i], here.element(i), made_++));
      waiting_.push_back(call);
      message.tool_calls.push_back(std::move(call));
    }
    return {};
  }

  Result<void> find_call(const bj::object& object, const JsonPath& path, Message& message) {
    std::string name;
    SUFFICE_TRY_VOID(read_member(object, "tool_call_id", path, message.tool_call_id));
    SUFFICE_TRY_VOID(read_member(object, "tool_name", path, name));
    if (name.empty()) SUFFICE_TRY_VOID(read_member(object, "name", path, name));
    auto call = waiting_.begin();
    if (!message.tool_call_id.empty()) {
      call = std::ranges::find(waiting_, message.tool_call_id, &ToolCall::id);
    } else if (!name.empty()) {
      call = std::ranges::find(waiting_, name, &ToolCall::name);
    }
    if (call == waiting_.end()) return malformed(path, "is the result of no tool call before it");
    message.tool_call_id = call->id;
    waiting_.erase(call);
    return {};
  }

  std::vector<ToolCall> waiting_;
  std::size_t made_ = 0;
};

Result<void> decode_messages(const bj::object& body, const JsonPath& path, ChatRequest& request) {
  SUFFICE_TRY(const bj::array* messages, read_array(body, "messages", path));
  const JsonPath here = path.member("messages");
  if (messages == nullptr) return malformed(here, "is required");
  if (messages->empty()) return malformed(here, "must hold at least one message");
  if (messages->size() > kMessagesMax)
    return malformed(here, "holds more than " + std::to_string(kMessagesMax) + " messages");
  MessageReader reader;
  for (std::size_t i = 0; i < messages->size(); ++i) {
    SUFFICE_TRY(Message message, reader.read((*messages)[i], here.element(i)));
    request.messages.push_back(std::move(message));
  }
  return {};
}

Result<void> decode_prompt(const bj::object& body, const JsonPath& path, ChatRequest& request) {
  std::string system;
  std::string prompt;
  SUFFICE_TRY_VOID(read_member(body, "system", path, system));
  SUFFICE_TRY_VOID(read_member(body, "prompt", path, prompt));
  if (prompt.empty()) return malformed(path.member("prompt"), "is required");
  if (!system.empty()) request.messages.push_back(Message::of(Role::System, std::move(system)));
  Message message = Message::of(Role::User, std::move(prompt));
  SUFFICE_TRY_VOID(decode_images(body, path, message));
  request.messages.push_back(std::move(message));
  return {};
}

Result<ToolDefinition> decode_tool(const bj::value& value, const JsonPath& here) {
  const bj::object* object = value.if_object();
  if (object == nullptr) return malformed(here, "expected an object");
  SUFFICE_TRY(const bj::object* function, read_object(*object, "function", here));
  const JsonPath inner = here.member("function");
  if (function == nullptr) return malformed(inner, "is required");
  ToolDefinition tool;
  SUFFICE_TRY_VOID(read_member(*function, "name", inner, tool.name));
  if (tool.name.empty()) return malformed(inner.member("name"), "is required");
  SUFFICE_TRY_VOID(read_member(*function, "description", inner, tool.description));
  SUFFICE_TRY(const bj::object* parameters, read_object(*function, "parameters", inner));
  if (parameters != nullptr) tool.parameters = to_json_text(*function->if_contains("parameters"));
  return tool;
}

Result<void> decode_format(const bj::object& body, const JsonPath& path, ResponseFormat& format) {
  const bj::value* value = find_member(body, "format");
  if (value == nullptr || *value == "") return {};
  const JsonPath here = path.member("format");
  if (value->is_object()) {
    format = ResponseFormat{
        .kind = ResponseFormat::Kind::JsonSchema, .name = "output", .schema = to_json_text(*value), .strict = true};
    return {};
  }
  if (*value != "json") return malformed(here, "must be \"json\" or a JSON Schema");
  format.kind = ResponseFormat::Kind::JsonObject;
  return {};
}

Result<void> decode_stop(const bj::object& options, const JsonPath& path, std::vector<std::string>& stop) {
  const bj::value* value = find_member(options, "stop");
  if (value == nullptr) return {};
  const JsonPath here = path.member("stop");
  const bj::array* array = value->if_array();
  if (array == nullptr && !value->is_string()) return malformed(here, "expected a string or an array of strings");
  const std::span<const bj::value> values =
      array == nullptr ? std::span(value, 1) : std::span(array->data(), array->size());
  if (values.size() > kStopsMax) return malformed(here, "holds more than " + std::to_string(kStopsMax) + " sequences");
  for (const bj::value& one : values) {
    const bj::string* text = one.if_string();
    if (text == nullptr || text->empty()) return malformed(here, "every stop sequence must be a non-empty string");
    stop.emplace_back(*text);
  }
  return {};
}

/// The members of `object` that `known` does not name and that are not null, as an object's text; empty when there are none.
template <typename Names>
std::string rest_of(const bj::object& object, const Names& known) {
  std::string members;
  for (const auto& member : object) {
    const std::string_view key = member.key();
    if (std::ranges::find(known, key) != known.end() || member.value().is_null()) continue;
    if (!members.empty()) members += ',';
    append_json_string(members, key);
    members += ':';
    append_json(members, member.value());
  }
  return members;
}

Result<void> decode_options(const bj::object& options, const JsonPath& path, Sampling& sampling) {
  SUFFICE_TRY_VOID(read_number(options, "temperature", path, NumberRange{0, 2}, sampling.temperature));
  SUFFICE_TRY_VOID(read_number(options, "top_p", path, NumberRange{0, 1}, sampling.top_p));
  SUFFICE_TRY_VOID(read_number(options, "presence_penalty", path, NumberRange{-2, 2}, sampling.presence_penalty));
  SUFFICE_TRY_VOID(read_number(options, "frequency_penalty", path, NumberRange{-2, 2}, sampling.frequency_penalty));
  SUFFICE_TRY_VOID(read_integer(options, "seed", path, IntegerRange{INT64_MIN, INT64_MAX}, sampling.seed));
  std::optional<std::int64_t> window;
  SUFFICE_TRY_VOID(read_integer(options, "num_ctx", path, IntegerRange{1, kTokensMax}, window));
  std::optional<std::int64_t> tokens;
  SUFFICE_TRY_VOID(read_integer(options, "num_predict", path, IntegerRange{-2, kTokensMax}, tokens));
  if (tokens && *tokens > 0) sampling.max_tokens = tokens;  // -1 and -2 mean no limit of the caller's
  if (tokens == 0) return malformed(path.member("num_predict"), "must not be 0");
  return decode_stop(options, path, sampling.stop);
}

Result<void> decode_output(const bj::object& body, const JsonPath& path, ChatRequest& request) {
  request.stream = true;
  SUFFICE_TRY_VOID(read_member(body, "stream", path, request.stream));
  SUFFICE_TRY_VOID(read_member(body, "logprobs", path, request.logprobs));
  std::optional<std::int64_t> top;
  SUFFICE_TRY_VOID(read_integer(body, "top_logprobs", path, IntegerRange{0, 20}, top));
  request.top_logprobs = request.logprobs ? top.value_or(0) : 0;  // meaningless without logprobs, as in Ollama
  return decode_format(body, path, request.response_format);
}

Result<void> keep_unknown_fields(const bj::object& body, const bj::object* options, const JsonPath& path,
                                 ChatRequest& request) {
  for (const RefusedField& field : kRefused) {
    const bj::value* value = find_member(body, field.name);
    // Empty and false ask for nothing.
    if (value == nullptr || *value == false || *value == "") continue;
    if (value->is_array() && value->get_array().empty()) continue;
    return unsupported(path.member(field.name), std::string(field.why));
  }
  bj::object rest = body;
  for (const RefusedField& field : kRefused) rest.erase(field.name);
  std::string members = rest_of(rest, kKnown);
  const std::string own_options = options == nullptr ? std::string() : rest_of(*options, kKnownOptions);
  if (!own_options.empty()) {
    if (!members.empty()) members += ',';
    members += "\"options\":{" + own_options + "}";
  }
  if (!members.empty()) request.extra.text = "{" + members + "}";
  return {};
}

}  // namespace

Result<ChatRequest> decode_ollama_request(std::string_view body, OllamaEndpoint endpoint, const JsonLimits& limits) {
  JsonArena arena;
  SUFFICE_TRY(const bj::value value, parse_json(body, limits, arena.storage()));
  const JsonPath root;
  const bj::object* object = value.if_object();
  if (object == nullptr) return malformed(root, "the body must be a JSON object");

  ChatRequest request;
  request.dialect = ApiDialect::Ollama;
  SUFFICE_TRY_VOID(read_member(*object, "model", root, request.model));
  if (request.model.empty()) return malformed(root.member("model"), "is required");
  if (endpoint == OllamaEndpoint::Chat) {
    SUFFICE_TRY_VOID(decode_messages(*object, root, request));
    SUFFICE_TRY_VOID(read_tools(*object, root, request, decode_tool));
  } else {
    SUFFICE_TRY_VOID(decode_prompt(*object, root, request));
  }
  SUFFICE_TRY(const bj::object* options, read_object(*object, "options", root));
  if (options != nullptr) SUFFICE_TRY_VOID(decode_options(*options, root.member("options"), request.sampling));
  SUFFICE_TRY_VOID(decode_output(*object, root, request));
  SUFFICE_TRY_VOID(keep_unknown_fields(*object, options, root, request));
  return request;
}

}  // namespace suffice::wire
