// Requests of openai_chat.hpp, written.

#include <string>
#include <utility>

#include "wire/foreign_fields.hpp"
#include "wire/json_writer.hpp"
#include "wire/openai_chat.hpp"

namespace suffice::wire {
namespace {

namespace bj = boost::json;

/// What a failed tool's result begins with: this dialect has no field for it, and the model must know.
constexpr std::string_view kToolFailed = "[the tool call failed]\n";

bool is_plain_text(const std::vector<ContentPart>& content, bool own_dialect) {
  return content.size() == 1 && content[0].kind == ContentPart::Kind::Text && (content[0].raw.empty() || !own_dialect);
}

void write_part(JsonWriter& json, const ContentPart& part, bool own_dialect) {
  if (part.kind != ContentPart::Kind::Text) {
    json.raw(part.raw.text);
    return;
  }
  json.begin_object().field("type", "text").field("text", part.text);
  if (own_dialect && !part.raw.empty()) {
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

void write_message(JsonWriter& json, const Message& message, bool own_dialect) {
  json.begin_object().field("role", name(message.role));
  json.key("content");
  if (message.tool_failed) {
    json.string(std::string(kToolFailed) + message.text());
  } else if (message.content.empty()) {
    json.null();
  } else if (is_plain_text(message.content, own_dialect)) {
    json.string(message.content[0].text);
  } else {
    json.begin_array();
    for (const ContentPart& part : message.content) write_part(json, part, own_dialect);
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

Result<void> check_openai_expressible(const ChatRequest& request) {
  return refuse_foreign(request, ApiDialect::OpenAi);
}

std::string encode_openai_chat_request(const ChatRequest& request, const OpenAiRequestOptions& options) {
  std::string out;
  out.reserve(1024);
  JsonWriter json(out);
  json.begin_object().field("model", request.model).key("messages").begin_array();
  const bool own_dialect = request.dialect == ApiDialect::OpenAi;
  for (const Message& message : request.messages) write_message(json, message, own_dialect);
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
  if (own_dialect) write_extra(json, request.extra, !options.guided_labels.empty());
  json.end_object();
  return out;
}

}  // namespace suffice::wire
