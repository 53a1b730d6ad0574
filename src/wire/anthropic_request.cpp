// The request half of anthropic_messages.hpp.

#include <algorithm>
#include <optional>
#include <utility>

#include "core/text.hpp"
#include "wire/anthropic_messages.hpp"
#include "wire/foreign_fields.hpp"
#include "wire/json.hpp"
#include "wire/json_fields.hpp"
#include "wire/json_writer.hpp"

namespace suffice::wire {
namespace {

namespace bj = boost::json;

std::unexpected<Error> cannot(std::string field, std::string_view why = "cannot be sent to an Anthropic model") {
  return fail(ErrorCode::UnsupportedField, std::string(why), std::move(field));
}

bool own(const ChatRequest& request) { return speaks(request, ApiDialect::Anthropic); }

Result<void> check_expressible(const ChatRequest& request, const AnthropicRequestOptions& options) {
  SUFFICE_TRY_VOID(refuse_foreign(request, ApiDialect::Anthropic));
  if (request.n != 1) return cannot("n");
  if (request.logprobs) return cannot("logprobs");
  if (request.sampling.presence_penalty.value_or(0) != 0) return cannot("presence_penalty");
  if (request.sampling.frequency_penalty.value_or(0) != 0) return cannot("frequency_penalty");
  const bool has_format = request.response_format.kind != ResponseFormat::Kind::Text;
  const bool sendable = options.structured_outputs && request.response_format.kind == ResponseFormat::Kind::JsonSchema;
  if (has_format && !sendable && !options.schema_enforced_elsewhere) return cannot("response_format");
  return {};
}

/// "data:image/png;base64,AAAA" or an https URL.
Result<void> write_image(JsonWriter& json, const ContentPart& part, const std::string& where) {
  const auto raw = parse_json(part.raw.text);
  const bj::object* image = raw && raw->is_object() ? object_or_null(raw->get_object(), "image_url") : nullptr;
  const std::string_view url = image == nullptr ? std::string_view{} : string_or_empty(*image, "url");
  if (url.empty()) return fail(ErrorCode::MalformedRequest, "image_url.url is required", where);
  json.begin_object().field("type", "image").key("source").begin_object();
  constexpr std::string_view scheme = "data:";
  constexpr std::string_view separator = ";base64,";
  const std::size_t mark = url.find(separator);
  if (url.starts_with(scheme) && mark != std::string_view::npos) {
    json.field("type", "base64").field("media_type", url.substr(scheme.size(), mark - scheme.size()));
    json.field("data", url.substr(mark + separator.size()));
  } else {
    json.field("type", "url").field("url", url);
  }
  json.end_object().end_object();
  return {};
}

/// What a caller of this dialect said of a text beside the text (cache_control, citations); empty when nothing.
std::string_view text_block_of(const ContentPart& part, bool own_dialect) {
  return own_dialect ? std::string_view(part.raw.text) : std::string_view{};
}

void write_text_block(JsonWriter& json, std::string_view text) {
  if (text.empty()) return;  // the API refuses empty text blocks
  json.begin_object().field("type", "text").field("text", text).end_object();
}

Result<void> write_parts(JsonWriter& json, const Message& message, bool own_dialect, const std::string& where) {
  for (const ContentPart& part : message.content) {
    switch (part.kind) {
      case ContentPart::Kind::Text:
        if (const std::string_view block = text_block_of(part, own_dialect); !block.empty()) {
          json.raw(block);
        } else {
          write_text_block(json, part.text);
        }
        break;
      case ContentPart::Kind::Image:
        SUFFICE_TRY_VOID(write_image(json, part, where));
        break;
      case ContentPart::Kind::Refusal: {
        const auto raw = parse_json(part.raw.text);
        if (raw && raw->is_object()) write_text_block(json, string_or_empty(raw->get_object(), "refusal"));
        break;
      }
      default:
        if (!own_dialect || part.raw.empty())
          return cannot(where + ".content", "holds a part that cannot be sent to an Anthropic model");
        json.raw(part.raw.text);
    }
  }
  return {};
}

Result<void> write_tool_uses(JsonWriter& json, const Message& message, const std::string& where) {
  for (const ToolCall& call : message.tool_calls) {
    std::string input = "{}";
    if (!trim(call.arguments).empty()) {
      const auto arguments = parse_json(call.arguments);
      if (!arguments || !arguments->is_object()) {
        return fail(ErrorCode::MalformedRequest, "the arguments of a tool call are no JSON object",
                    where + ".tool_calls");
      }
      input = to_json_text(*arguments).text;
    }
    json.begin_object().field("type", "tool_use").field("id", call.id).field("name", call.name);
    json.key("input").raw(input).end_object();
  }
  return {};
}

std::string_view role_of(const Message& message) { return message.role == Role::Assistant ? "assistant" : "user"; }

bool is_system(const Message& message) { return message.role == Role::System || message.role == Role::Developer; }

Result<void> write_blocks(JsonWriter& json, const Message& message, bool own_dialect, const std::string& where) {
  if (message.role == Role::Tool) {
    json.begin_object().field("type", "tool_result").field("tool_use_id", message.tool_call_id);
    json.key("content").begin_array();
    SUFFICE_TRY_VOID(write_parts(json, message, own_dialect, where));
    json.end_array();
    if (message.tool_failed) json.field("is_error", true);
    json.end_object();
    return {};
  }
  SUFFICE_TRY_VOID(write_parts(json, message, own_dialect, where));
  return write_tool_uses(json, message, where);
}

Result<void> write_messages(JsonWriter& json, const ChatRequest& request) {
  const std::vector<Message>& messages = request.messages;
  json.key("messages").begin_array();
  std::string_view open_role;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const Message& message = messages[i];
    if (is_system(message)) continue;
    const std::string_view role = role_of(message);
    if (role != open_role) {
      if (!open_role.empty()) json.end_array().end_object();
      json.begin_object().field("role", role).key("content").begin_array();
      open_role = role;
    }
    SUFFICE_TRY_VOID(write_blocks(json, message, own(request), "messages[" + std::to_string(i) + "]"));
  }
  if (open_role.empty())
    return fail(ErrorCode::MalformedRequest, "an Anthropic model needs a user message", "messages");
  json.end_array().end_object().end_array();
  return {};
}

/// Blocks where the caller marked one of them, else one text.
void write_system(JsonWriter& json, const ChatRequest& request) {
  const std::vector<Message>& messages = request.messages;
  const bool marked = own(request) && std::ranges::any_of(messages, [](const Message& message) {
                        return is_system(message) && std::ranges::any_of(message.content, [](const ContentPart& part) {
                                 return !part.raw.empty();
                               });
                      });
  if (marked) {
    json.key("system").begin_array();
    for (const Message& message : messages) {
      if (!is_system(message)) continue;
      for (const ContentPart& part : message.content) {
        part.raw.empty() ? write_text_block(json, part.text) : static_cast<void>(json.raw(part.raw.text));
      }
    }
    json.end_array();
    return;
  }
  std::string system;
  for (const Message& message : messages) {
    if (!is_system(message)) continue;
    if (!system.empty()) system += "\n\n";
    system += message.text();
  }
  if (!system.empty()) json.field("system", system);
}

void write_tools(JsonWriter& json, const ChatRequest& request) {
  if (request.tools.empty()) return;
  json.key("tools").begin_array();
  for (const ToolDefinition& tool : request.tools) {
    json.begin_object().field("name", tool.name);
    if (!tool.description.empty()) json.field("description", tool.description);
    json.key("input_schema")
        .raw(tool.parameters.empty() ? R"({"type":"object"})" : std::string_view(tool.parameters.text));
    if (tool.strict && own(request)) json.field("strict", *tool.strict);
    json.end_object();
  }
  json.end_array();

  using Kind = ToolChoice::Kind;
  const Kind kind = request.tool_choice.kind;
  const bool serial = request.parallel_tool_calls == false && kind != Kind::None;
  if (kind == Kind::Unset && !serial) return;
  json.key("tool_choice").begin_object();
  json.field("type", kind == Kind::None       ? "none"
                     : kind == Kind::Required ? "any"
                     : kind == Kind::Named    ? "tool"
                                              : "auto");
  if (kind == Kind::Named) json.field("name", request.tool_choice.name);
  if (serial) json.field("disable_parallel_tool_use", true);
  json.end_object();
}

void write_sampling(JsonWriter& json, const Sampling& sampling, bool both) {
  if (sampling.temperature) json.field("temperature", std::min(1.0, *sampling.temperature));
  if (sampling.top_p && (both || !sampling.temperature)) {
    json.field("top_p", *sampling.top_p);
  }
  if (sampling.stop.empty()) return;
  json.key("stop_sequences").begin_array();
  for (const std::string& stop : sampling.stop) json.string(stop);
  json.end_array();
}

}  // namespace

Result<std::string> encode_anthropic_request(const ChatRequest& request, const AnthropicRequestOptions& options) {
  SUFFICE_TRY_VOID(check_expressible(request, options));
  std::string out;
  out.reserve(1024);
  JsonWriter json(out);
  json.begin_object().field("model", request.model);
  const bool message = options.body == AnthropicBody::Message;
  if (message) json.field("max_tokens", request.sampling.max_tokens.value_or(options.default_max_tokens));
  write_system(json, request);
  SUFFICE_TRY_VOID(write_messages(json, request));
  write_tools(json, request);
  if (message) write_sampling(json, request.sampling, own(request));
  if (own(request)) json.members_of(request.extra.text);
  // A caller of this dialect has said output_config itself.
  const bool said = own(request) && request.extra.text.find("\"output_config\"") != std::string::npos;
  if (!said && options.structured_outputs && request.response_format.kind == ResponseFormat::Kind::JsonSchema) {
    json.key("output_config").begin_object().key("format").begin_object().field("type", "json_schema");
    json.field("schema", request.response_format.schema).end_object().end_object();
  }
  if (message && !request.user.empty()) json.key("metadata").begin_object().field("user_id", request.user).end_object();
  if (message && options.stream) json.field("stream", true);
  json.end_object();
  return out;
}

}  // namespace suffice::wire
