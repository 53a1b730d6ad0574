// The `input` of a Responses request: items to messages.

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "wire/json_writer.hpp"
#include "wire/openai_responses_parts.hpp"

namespace suffice::wire {
namespace {

namespace bj = boost::json;

constexpr std::size_t kItemsMax = 4096;
constexpr std::size_t kFieldNameBytesMax = 64;

/// Items and parts of tools that run at OpenAI; the name is ours to print, the caller's is not.
constexpr auto kBuiltInItems = std::to_array<std::string_view>({"file_search_call",
                                                                "web_search_call",
                                                                "computer_call",
                                                                "computer_call_output",
                                                                "image_generation_call",
                                                                "code_interpreter_call",
                                                                "local_shell_call",
                                                                "local_shell_call_output",
                                                                "shell_call",
                                                                "shell_call_output",
                                                                "apply_patch_call",
                                                                "apply_patch_call_output",
                                                                "mcp_call",
                                                                "mcp_list_tools",
                                                                "mcp_approval_request",
                                                                "mcp_approval_response",
                                                                "custom_tool_call",
                                                                "custom_tool_call_output",
                                                                "tool_search_call",
                                                                "tool_search_output",
                                                                "compaction",
                                                                "configuration_update"});

constexpr auto kMessageMembers = std::to_array<std::string_view>({"type", "role", "content", "id", "status", "phase"});
constexpr auto kCallMembers = std::to_array<std::string_view>({"type", "call_id", "name", "arguments", "id", "status"});
constexpr auto kOutputMembers = std::to_array<std::string_view>({"type", "call_id", "output", "id", "status"});
constexpr auto kTextMembers = std::to_array<std::string_view>({"type", "text", "annotations", "logprobs"});
constexpr auto kRefusalMembers = std::to_array<std::string_view>({"type", "refusal"});
constexpr auto kImageMembers = std::to_array<std::string_view>({"type", "image_url", "detail"});
constexpr auto kFileMembers = std::to_array<std::string_view>({"type", "file_data", "filename"});

/// One decoding of one input: what it found so far.
struct Conversation {
  const ItemLookup& lookup;
  std::vector<Message>& messages;
  std::set<std::string, std::less<>> call_ids = {};
};

Result<ContentPart> decode_text(const bj::object& object, const JsonPath& path) {
  SUFFICE_TRY_VOID(refuse_unknown_members(object, path, kTextMembers));
  if (find_member(object, "text") == nullptr) return malformed(path.member("text"), "is required");
  ContentPart part;
  SUFFICE_TRY_VOID(read_member(object, "text", path, part.text));
  return part;
}

Result<ContentPart> decode_refusal(const bj::object& object, const JsonPath& path) {
  SUFFICE_TRY_VOID(refuse_unknown_members(object, path, kRefusalMembers));
  std::string refusal;
  SUFFICE_TRY_VOID(read_member(object, "refusal", path, refusal));
  ContentPart part{.kind = ContentPart::Kind::Refusal, .text = {}, .raw = {}};
  JsonWriter(part.raw.text).begin_object().field("type", "refusal").field("refusal", refusal).end_object();
  return part;
}

Result<ContentPart> decode_image(const bj::object& object, const JsonPath& path) {
  if (find_member(object, "file_id") != nullptr)
    return unsupported(path.member("file_id"), "no files are kept here: send image_url");
  SUFFICE_TRY_VOID(refuse_unknown_members(object, path, kImageMembers));
  std::string url;
  std::string detail;
  SUFFICE_TRY_VOID(read_member(object, "image_url", path, url));
  SUFFICE_TRY_VOID(read_member(object, "detail", path, detail));
  if (url.empty()) return malformed(path.member("image_url"), "is required");
  if (detail == "original") return unsupported(path.member("detail"), "only auto, low and high can be passed on");
  if (!detail.empty() && detail != "auto" && detail != "low" && detail != "high")
    return malformed(path.member("detail"), "must be auto, low or high");
  ContentPart part{.kind = ContentPart::Kind::Image, .text = {}, .raw = {}};
  JsonWriter json(part.raw.text);
  json.begin_object().field("type", "image_url").key("image_url").begin_object().field("url", url);
  if (!detail.empty()) json.field("detail", detail);
  json.end_object().end_object();
  return part;
}

Result<ContentPart> decode_file(const bj::object& object, const JsonPath& path) {
  for (const std::string_view elsewhere : {"file_id", "file_url"}) {
    if (find_member(object, elsewhere) != nullptr)
      return unsupported(path.member(elsewhere), "no files are kept or fetched here: send file_data");
  }
  SUFFICE_TRY_VOID(refuse_unknown_members(object, path, kFileMembers));
  std::string data;
  std::string filename;
  SUFFICE_TRY_VOID(read_member(object, "file_data", path, data));
  SUFFICE_TRY_VOID(read_member(object, "filename", path, filename));
  if (data.empty()) return malformed(path.member("file_data"), "is required");
  ContentPart part{.kind = ContentPart::Kind::File, .text = {}, .raw = {}};
  JsonWriter json(part.raw.text);
  json.begin_object().field("type", "file").key("file").begin_object();
  if (!filename.empty()) json.field("filename", filename);
  json.field("file_data", data).end_object().end_object();
  return part;
}

Result<ContentPart> decode_part(const bj::value& value, const JsonPath& path) {
  const bj::object* object = value.if_object();
  if (object == nullptr) return malformed(path, "expected an object");
  std::string type;
  SUFFICE_TRY_VOID(read_member(*object, "type", path, type));
  if (type == "input_text" || type == "output_text") return decode_text(*object, path);
  if (type == "refusal") return decode_refusal(*object, path);
  if (type == "input_image") return decode_image(*object, path);
  if (type == "input_file") return decode_file(*object, path);
  if (type.empty()) return malformed(path.member("type"), "is required");
  return unsupported(path.member("type"),
                     "only input_text, output_text, refusal, input_image and input_file are served");
}

Result<std::vector<ContentPart>> decode_content(const bj::object& object, std::string_view name, const JsonPath& path) {
  const bj::value* value = find_member(object, name);
  const JsonPath here = path.member(name);
  if (value == nullptr) return malformed(here, "is required");
  std::vector<ContentPart> parts;
  if (const bj::string* text = value->if_string()) {
    parts.push_back(ContentPart{.kind = ContentPart::Kind::Text, .text = std::string(*text), .raw = {}});
    return parts;
  }
  const bj::array* array = value->if_array();
  if (array == nullptr) return malformed(here, "expected a string or an array of parts");
  if (array->empty()) return malformed(here, "must hold at least one part");
  for (std::size_t i = 0; i < array->size(); ++i) {
    SUFFICE_TRY(ContentPart part, decode_part((*array)[i], here.element(i)));
    parts.push_back(std::move(part));
  }
  return parts;
}

/// The assistant message that a call or a text after calls belongs to; chat models want results right after the message of their calls.
Message* open_turn(std::vector<Message>& messages, bool with_calls_only) {
  if (messages.empty() || messages.back().role != Role::Assistant) return nullptr;
  if (with_calls_only && messages.back().tool_calls.empty()) return nullptr;
  return &messages.back();
}

Result<void> take_message(const bj::object& object, const JsonPath& path, Conversation& conversation) {
  SUFFICE_TRY_VOID(refuse_unknown_members(object, path, kMessageMembers));
  std::string role;
  SUFFICE_TRY_VOID(read_member(object, "role", path, role));
  const std::optional<Role> known = role_from_name(role);
  if (!known || *known == Role::Tool)
    return malformed(path.member("role"), "must be user, assistant, system or developer");
  SUFFICE_TRY(std::vector<ContentPart> content, decode_content(object, "content", path));
  Message* turn = *known == Role::Assistant ? open_turn(conversation.messages, true) : nullptr;
  if (turn == nullptr) {
    turn = &conversation.messages.emplace_back();
    turn->role = *known;
  }
  for (ContentPart& part : content) turn->content.push_back(std::move(part));
  return {};
}

Result<void> take_call(const bj::object& object, const JsonPath& path, Conversation& conversation) {
  SUFFICE_TRY_VOID(refuse_unknown_members(object, path, kCallMembers));
  ToolCall call;
  SUFFICE_TRY_VOID(read_member(object, "call_id", path, call.id));
  SUFFICE_TRY_VOID(read_member(object, "name", path, call.name));
  SUFFICE_TRY_VOID(read_member(object, "arguments", path, call.arguments));
  if (call.id.empty()) return malformed(path.member("call_id"), "is required");
  if (call.name.empty()) return malformed(path.member("name"), "is required");
  conversation.call_ids.insert(call.id);
  Message* turn = open_turn(conversation.messages, false);
  if (turn == nullptr) {
    turn = &conversation.messages.emplace_back();
    turn->role = Role::Assistant;
  }
  turn->tool_calls.push_back(std::move(call));
  return {};
}

Result<void> take_call_output(const bj::object& object, const JsonPath& path, Conversation& conversation) {
  SUFFICE_TRY_VOID(refuse_unknown_members(object, path, kOutputMembers));
  Message message;
  message.role = Role::Tool;
  SUFFICE_TRY_VOID(read_member(object, "call_id", path, message.tool_call_id));
  if (!conversation.call_ids.contains(message.tool_call_id))
    return malformed(path.member("call_id"), "names no function_call before it in input");
  SUFFICE_TRY(message.content, decode_content(object, "output", path));
  for (std::size_t i = 0; i < message.content.size(); ++i) {
    if (message.content[i].kind != ContentPart::Kind::Text)
      return unsupported(path.member("output").element(i), "only text can be the output of a tool");
  }
  conversation.messages.push_back(std::move(message));
  return {};
}

Result<void> take_item(const bj::value& value, const JsonPath& path, Conversation& conversation);

Result<void> take_reference(const bj::object& object, const JsonPath& path, Conversation& conversation) {
  std::string id;
  SUFFICE_TRY_VOID(read_member(object, "id", path, id));
  if (id.empty()) return malformed(path.member("id"), "is required");
  const std::optional<std::string> held = conversation.lookup ? conversation.lookup(id) : std::nullopt;
  if (!held) {
    return unsupported(
        path.member("id"),
        "names no item that is still held here; send the item itself, as clients do that are set to store: false");
  }
  SUFFICE_TRY(const bj::value item, parse_json(*held));
  if (item.is_object() && string_or_empty(item.get_object(), "type") == "item_reference")
    return malformed(path, "a reference to a reference");
  return take_item(item, path, conversation);
}

Result<void> take_item(const bj::value& value, const JsonPath& path, Conversation& conversation) {
  const bj::object* object = value.if_object();
  if (object == nullptr) return malformed(path, "expected an object");
  std::string type;
  SUFFICE_TRY_VOID(read_member(*object, "type", path, type));
  if (type.empty()) type = find_member(*object, "role") != nullptr ? "message" : "item_reference";
  if (type == "message") return take_message(*object, path, conversation);
  if (type == "function_call") return take_call(*object, path, conversation);
  if (type == "function_call_output") return take_call_output(*object, path, conversation);
  if (type == "item_reference") return take_reference(*object, path, conversation);
  // What a model thought in an earlier turn is no part of the conversation: OpenAI leaves it out too, and no other model can read it.
  if (type == "reasoning") return {};
  const auto* built_in = std::ranges::find(kBuiltInItems, type);
  if (built_in != kBuiltInItems.end())
    return unsupported(path.member("type"), std::string(*built_in) + " belongs to a tool that is not served here");
  return unsupported(path.member("type"),
                     "only message, function_call, function_call_output, item_reference and reasoning are served");
}

/// A name that a person or a program chose, not text that happens to be a key.
bool is_field_name(std::string_view name) {
  return !name.empty() && name.size() <= kFieldNameBytesMax && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  });
}

}  // namespace

Result<void> refuse_unknown_members(const bj::object& object, const JsonPath& path,
                                    std::span<const std::string_view> known) {
  for (const auto& member : object) {
    const std::string_view key = member.key();
    if (member.value().is_null() || std::ranges::find(known, key) != known.end()) continue;
    if (!is_field_name(key)) return unsupported(path, "holds a field that is not known here");
    return unsupported(path.member(key), "is not known here and cannot be passed on");
  }
  return {};
}

Result<void> decode_responses_input(const bj::value& input, const JsonPath& path, const ItemLookup& lookup,
                                    std::vector<Message>& messages) {
  if (const bj::string* text = input.if_string()) {
    messages.push_back(Message::of(Role::User, std::string(*text)));
    return {};
  }
  const bj::array* items = input.if_array();
  if (items == nullptr) return malformed(path, "expected a string or an array of items");
  if (items->size() > kItemsMax) return malformed(path, "holds more than " + std::to_string(kItemsMax) + " items");
  Conversation conversation{.lookup = lookup, .messages = messages};
  const std::size_t before = messages.size();
  for (std::size_t i = 0; i < items->size(); ++i) {
    SUFFICE_TRY_VOID(take_item((*items)[i], path.element(i), conversation));
  }
  if (messages.size() == before) return malformed(path, "must hold at least one message");
  return {};
}

}  // namespace suffice::wire
