// Answers of ollama_chat.hpp, written.

#include <cmath>
#include <span>
#include <utility>

#include "core/text.hpp"
#include "wire/json_writer.hpp"
#include "wire/ollama_chat.hpp"

namespace suffice::wire {
namespace {

/// What JSON can hold of a probability of zero; OpenAI writes the same.
constexpr double kLogprobMin = -9999.0;

std::string_view done_reason(FinishReason finish) {
  switch (finish) {
    case FinishReason::Length:
    case FinishReason::LowConfidence:  // incomplete too
      return "length";
    case FinishReason::ContentFilter:
      return "content_filter";
    case FinishReason::Stop:
    case FinishReason::ToolCalls:  // Ollama's own word for it
    case FinishReason::Unknown:
      break;
  }
  return "stop";
}

void write_token(JsonWriter& json, std::string_view token, double logprob) {
  json.field("token", token).field("logprob", std::isfinite(logprob) ? logprob : kLogprobMin);
  json.key("bytes").begin_array();
  for (const char c : token) json.integer(static_cast<unsigned char>(c));
  json.end_array();
}

void write_logprobs(JsonWriter& json, std::span<const TokenLogprob> tokens) {
  json.key("logprobs").begin_array();
  for (const TokenLogprob& token : tokens) {
    json.begin_object();
    write_token(json, token.token, token.logprob);
    json.key("top_logprobs").begin_array();
    for (const TokenLogprob::Alternative& rival : token.top) {
      json.begin_object();
      write_token(json, rival.token, rival.logprob);
      json.end_object();
    }
    json.end_array().end_object();
  }
  json.end_array();
}

/// Arguments are an object here; text that is none is kept under a name that says so.
void write_arguments(JsonWriter& json, std::string_view arguments) {
  json.key("arguments");
  const auto value = parse_json(trim(arguments).empty() ? std::string_view("{}") : arguments);
  if (value && value->is_object()) {
    json.raw(to_json_text(*value).text);  // on one line, whatever the model wrote: lines end objects here
  } else {
    json.begin_object().field("invalid_json", arguments).end_object();
  }
}

void write_calls(JsonWriter& json, std::span<const ToolCall> calls) {
  if (calls.empty()) return;
  json.key("tool_calls").begin_array();
  for (std::size_t i = 0; i < calls.size(); ++i) {
    json.begin_object();
    if (!calls[i].id.empty()) json.field("id", calls[i].id);
    json.key("function").begin_object().field("index", i).field("name", calls[i].name);
    write_arguments(json, calls[i].arguments);
    json.end_object().end_object();
  }
  json.end_array();
}

void write_head(JsonWriter& json, const OllamaAnswerMeta& meta) {
  json.begin_object().field("model", meta.model).field("created_at", meta.created_at);
}

/// `message` of a chat, `response` of a generation.
void write_content(JsonWriter& json, OllamaEndpoint endpoint, std::string_view text, std::string_view thinking,
                   std::span<const ToolCall> calls) {
  if (endpoint == OllamaEndpoint::Generate) {
    json.field("response", text);
    if (!thinking.empty()) json.field("thinking", thinking);
    return;
  }
  json.key("message").begin_object().field("role", "assistant").field("content", text);
  if (!thinking.empty()) json.field("thinking", thinking);
  write_calls(json, calls);
  json.end_object();
}

void write_end(JsonWriter& json, const Completion& completion, OllamaEndpoint endpoint, std::int64_t total_ns) {
  json.field("done", true).field("done_reason", done_reason(completion.finish));
  if (endpoint == OllamaEndpoint::Generate) json.key("context").begin_array().end_array();
  json.field("total_duration", total_ns).field("load_duration", 0);
  if (completion.usage) json.field("prompt_eval_count", completion.usage->input_tokens);
  json.field("prompt_eval_duration", 0);
  if (completion.usage) json.field("eval_count", completion.usage->output_tokens);
  json.field("eval_duration", 0).end_object();
}

std::string joined_thinking(const Completion& completion) {
  std::string joined;
  for (const Thinking& thinking : completion.thinking) joined += thinking.text;
  return joined;
}

}  // namespace

std::string encode_ollama_response(const Completion& completion, const OllamaAnswerMeta& meta, std::int64_t total_ns) {
  std::string out;
  out.reserve(512 + completion.text.size());
  JsonWriter json(out);
  write_head(json, meta);
  write_content(json, meta.endpoint, completion.text + completion.refusal, joined_thinking(completion),
                completion.tool_calls);
  if (meta.include_logprobs && completion.logprobs) write_logprobs(json, *completion.logprobs);
  write_end(json, completion, meta.endpoint, total_ns);
  return out;
}

OllamaStreamWriter::OllamaStreamWriter(OllamaAnswerMeta meta) : meta_(std::move(meta)) {}

void OllamaStreamWriter::delta(const Delta& delta, std::string& out) {
  const bool has_logprobs = meta_.include_logprobs && !delta.logprobs.empty();
  if (delta.text.empty() && delta.refusal.empty() && delta.thinking.text.empty() && !has_logprobs) return;
  JsonWriter json(out);
  write_head(json, meta_);
  write_content(json, meta_.endpoint, delta.text + delta.refusal, delta.thinking.text, {});
  if (has_logprobs) write_logprobs(json, delta.logprobs);
  json.field("done", false).end_object();
  out += '\n';
}

void OllamaStreamWriter::end(const Completion& completion, std::int64_t total_ns, std::string& out) {
  if (!completion.tool_calls.empty() && meta_.endpoint == OllamaEndpoint::Chat) {
    JsonWriter calls(out);
    write_head(calls, meta_);
    write_content(calls, meta_.endpoint, {}, {}, completion.tool_calls);
    calls.field("done", false).end_object();
    out += '\n';
  }
  JsonWriter json(out);
  write_head(json, meta_);
  write_content(json, meta_.endpoint, {}, {}, {});
  write_end(json, completion, meta_.endpoint, total_ns);
  out += '\n';
}

std::string OllamaStreamWriter::empty_line() const {
  std::string out;
  JsonWriter json(out);
  write_head(json, meta_);
  write_content(json, meta_.endpoint, {}, {}, {});
  json.field("done", false).end_object();
  out += '\n';
  return out;
}

std::string encode_ollama_error(const Error& error) {
  std::string out;
  JsonWriter(out).begin_object().field("error", describe(error)).end_object();
  return out;
}

std::string encode_ollama_models(const std::vector<std::string>& names, std::string_view modified_at) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("models").begin_array();
  for (const std::string& name : names) {
    json.begin_object().field("name", name).field("model", name).field("modified_at", modified_at).field("size", 0);
    json.field("digest", "").key("details").begin_object().field("parent_model", "").field("format", "suffice");
    json.field("family", "suffice").key("families").begin_array().string("suffice").end_array();
    json.field("parameter_size", "").field("quantization_level", "").end_object().end_object();
  }
  json.end_array().end_object();
  return out;
}

}  // namespace suffice::wire
