// Answers of anthropic_messages.hpp, written: whole, streamed, errors, model lists.

#include <algorithm>
#include <optional>
#include <utility>

#include "core/text.hpp"
#include "wire/anthropic_messages.hpp"
#include "wire/json_writer.hpp"
#include "wire/sse.hpp"

namespace suffice::wire {
namespace {

std::string_view stop_reason(const Completion& completion) {
  switch (completion.finish) {
    case FinishReason::Length:
    case FinishReason::LowConfidence:  // incomplete too
      return "max_tokens";
    case FinishReason::ContentFilter:
      return "refusal";
    case FinishReason::ToolCalls:
      return "tool_use";
    case FinishReason::Stop:
    case FinishReason::Unknown:
      break;
  }
  if (!completion.refusal.empty()) return "refusal";
  if (!completion.tool_calls.empty()) return "tool_use";
  return completion.stop_sequence.empty() ? "end_turn" : "stop_sequence";
}

/// Counts are required there; an unknown count is zero. The whole prompt is ours, the part that was not cached is theirs.
void write_counts(JsonWriter& json, const std::optional<Usage>& known) {
  const Usage usage = known.value_or(Usage{});
  json.field("input_tokens", std::max<std::int64_t>(0, usage.input_tokens - usage.cached_input_tokens));
  json.field("cache_creation_input_tokens", 0).field("cache_read_input_tokens", usage.cached_input_tokens);
  json.field("output_tokens", usage.output_tokens).null_field("output_tokens_details").null_field("server_tool_use");
}

void write_usage_of_message(JsonWriter& json, const std::optional<Usage>& usage) {
  json.key("usage").begin_object();
  write_counts(json, usage);
  json.null_field("cache_creation").null_field("inference_geo").null_field("service_tier").null_field("speed");
  json.end_object();
}

void write_head(JsonWriter& json, const AnthropicAnswerMeta& meta) {
  json.field("id", meta.id).field("type", "message").field("role", "assistant").field("model", meta.model);
}

void write_stop(JsonWriter& json, const Completion* completion) {
  if (completion == nullptr) {
    json.null_field("stop_reason").null_field("stop_sequence");
  } else {
    const std::string_view reason = stop_reason(*completion);
    json.field("stop_reason", reason);
    reason == "stop_sequence" ? json.field("stop_sequence", completion->stop_sequence)
                              : json.null_field("stop_sequence");
  }
  json.null_field("stop_details").null_field("container");
}

bool is_json_object(std::string_view text) {
  const auto value = parse_json(text);
  return value && value->is_object();
}

/// What `input` of a call becomes: its arguments where they are an object.
std::string input_of(std::string_view arguments) {
  if (trim(arguments).empty()) return "{}";
  if (is_json_object(arguments)) return std::string(arguments);
  std::string wrapped;
  JsonWriter(wrapped).begin_object().field("invalid_json", arguments).end_object();
  return wrapped;
}

void write_text(JsonWriter& json, std::string_view text) {
  // Like Anthropic's own servers, without the `citations` that there are none of: the AI SDK takes an array or nothing.
  json.begin_object().field("type", "text").field("text", text).end_object();
}

void write_thinking(JsonWriter& json, const Thinking& thinking) {
  json.begin_object();
  if (thinking.redacted.empty()) {
    json.field("type", "thinking").field("thinking", thinking.text).field("signature", thinking.signature);
  } else {
    json.field("type", "redacted_thinking").field("data", thinking.redacted);
  }
  json.end_object();
}

void write_call_head(JsonWriter& json, std::string_view id, std::string_view name) {
  json.field("type", "tool_use").field("id", id).field("name", name);
  json.key("caller").begin_object().field("type", "direct").end_object();
}

/// Appends one event; `fill` writes the members behind "type".
template <typename Fill>
void append_event(std::string& out, std::string_view type, Fill fill) {
  out += "event: ";
  out += type;
  out += "\ndata: ";
  JsonWriter json(out);
  json.begin_object().field("type", type);
  fill(json);
  json.end_object();
  out += "\n\n";
}

template <typename Fill>
void append_block_start(std::string& out, std::size_t index, Fill fill) {
  append_event(out, "content_block_start", [&](JsonWriter& json) {
    json.field("index", index).key("content_block").begin_object();
    fill(json);
    json.end_object();
  });
}

void append_block_delta(std::string& out, std::size_t index, std::string_view type, std::string_view member,
                        std::string_view value) {
  append_event(out, "content_block_delta", [&](JsonWriter& json) {
    json.field("index", index).key("delta").begin_object().field("type", type).field(member, value).end_object();
  });
}

std::string id_or_made_up(const std::string& id, std::string_view answer_id, std::size_t index) {
  if (!id.empty()) return id;
  std::string made = "toolu_";
  for (const char c : answer_id) {
    if (c != '-') made += c;
  }
  return made + "_" + std::to_string(index);
}

}  // namespace

std::string encode_anthropic_response(const Completion& completion, const AnthropicAnswerMeta& meta) {
  std::string out;
  out.reserve(768 + completion.text.size());
  JsonWriter json(out);
  json.begin_object();
  write_head(json, meta);
  json.key("content").begin_array();
  for (const Thinking& thinking : completion.thinking) write_thinking(json, thinking);
  if (!completion.text.empty()) write_text(json, completion.text);
  if (!completion.refusal.empty()) write_text(json, completion.refusal);
  for (std::size_t i = 0; i < completion.tool_calls.size(); ++i) {
    const ToolCall& call = completion.tool_calls[i];
    json.begin_object();
    write_call_head(json, id_or_made_up(call.id, meta.id, i), call.name);
    json.key("input").raw(input_of(call.arguments)).end_object();
  }
  json.end_array();
  write_stop(json, &completion);
  json.null_field("diagnostics");
  write_usage_of_message(json, completion.usage);
  json.end_object();
  return out;
}

AnthropicStreamWriter::AnthropicStreamWriter(AnthropicAnswerMeta meta) : meta_(std::move(meta)) {}

void AnthropicStreamWriter::begin(std::string& out) {
  append_event(out, "message_start", [&](JsonWriter& json) {
    json.key("message").begin_object();
    write_head(json, meta_);
    json.key("content").begin_array().end_array();
    write_stop(json, nullptr);
    json.null_field("diagnostics");
    write_usage_of_message(json, std::nullopt);
    json.end_object();
  });
}

void AnthropicStreamWriter::close(std::string& out) {
  if (open_ == Open::Nothing) return;
  append_event(out, "content_block_stop", [&](JsonWriter& json) { json.field("index", index_); });
  open_ = Open::Nothing;
  ++index_;
}

void AnthropicStreamWriter::text(std::string_view piece, std::string& out) {
  if (piece.empty()) return;
  if (open_ != Open::Text) {
    close(out);
    append_block_start(out, index_, [](JsonWriter& json) { json.field("type", "text").field("text", ""); });
    open_ = Open::Text;
  }
  append_block_delta(out, index_, "text_delta", "text", piece);
}

void AnthropicStreamWriter::thinking(const Thinking& piece, std::string& out) {
  if (piece.empty()) return;
  if (!piece.redacted.empty()) {
    close(out);
    append_block_start(
        out, index_, [&](JsonWriter& json) { json.field("type", "redacted_thinking").field("data", piece.redacted); });
    open_ = Open::Thinking;
    close(out);
    return;
  }
  if (open_ != Open::Thinking) {
    close(out);
    append_block_start(out, index_, [](JsonWriter& json) {
      json.field("type", "thinking").field("thinking", "").field("signature", "");
    });
    open_ = Open::Thinking;
  }
  if (!piece.text.empty()) append_block_delta(out, index_, "thinking_delta", "thinking", piece.text);
  if (piece.signature.empty()) return;
  append_block_delta(out, index_, "signature_delta", "signature", piece.signature);
  close(out);
}

void AnthropicStreamWriter::take_call_part(const Delta::ToolCallPart& part) {
  if (part.index >= calls_.size()) calls_.resize(part.index + 1);
  Call& call = calls_[part.index];
  if (call.id.empty()) call.id = part.id;
  if (call.name.empty()) call.name = part.name;
  call.arguments += part.arguments;
}

void AnthropicStreamWriter::write_calls(bool complete, std::string& out) {
  while (call_ < calls_.size()) {
    Call& call = calls_[call_];
    if (open_ != Open::Call) {
      close(out);
      append_block_start(out, index_, [&](JsonWriter& json) {
        write_call_head(json, id_or_made_up(call.id, meta_.id, call_), call.name);
        json.key("input").begin_object().end_object();
      });
      open_ = Open::Call;
    }
    const std::string_view fresh = std::string_view(call.arguments).substr(call.written);
    if (!fresh.empty()) append_block_delta(out, index_, "input_json_delta", "partial_json", fresh);
    call.written = call.arguments.size();
    const bool last = call_ + 1 == calls_.size();
    if (!complete && (last || !is_json_object(call.arguments))) return;
    close(out);
    ++call_;
  }
}

void AnthropicStreamWriter::delta(const Delta& delta, std::string& out) {
  thinking(delta.thinking, out);
  std::string& late = late_text_;
  for (const std::string_view piece : {std::string_view(delta.text), std::string_view(delta.refusal)}) {
    calls_.empty() ? text(piece, out) : static_cast<void>(late += piece);
  }
  for (const Delta::ToolCallPart& part : delta.tool_calls) take_call_part(part);
  write_calls(false, out);
}

void AnthropicStreamWriter::end(const Completion& completion, std::string& out) {
  write_calls(true, out);
  text(late_text_, out);
  close(out);
  append_event(out, "message_delta", [&](JsonWriter& json) {
    json.key("delta").begin_object();
    write_stop(json, &completion);
    json.end_object().key("usage").begin_object();
    write_counts(json, completion.usage);
    json.end_object();
  });
  append_event(out, "message_stop", [](JsonWriter&) {});
}

std::string encode_anthropic_token_count(std::int64_t tokens) {
  std::string out;
  JsonWriter(out).begin_object().field("input_tokens", tokens).end_object();
  return out;
}

std::string anthropic_ping() { return "event: ping\ndata: {\"type\":\"ping\"}\n\n"; }

std::string encode_anthropic_error(const Error& error, std::string_view type, std::string_view request_id) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("type", "error").key("error").begin_object().field("type", type);
  json.field("message", describe(error)).end_object();
  request_id.empty() ? json.null_field("request_id") : json.field("request_id", request_id);
  json.end_object();
  return out;
}

namespace {

void write_model(JsonWriter& json, const AnthropicModel& model) {
  json.begin_object().field("type", "model").field("id", model.id).field("display_name", model.display_name);
  json.field("created_at", model.created_at).field("lifecycle", "active").null_field("capabilities");
  json.null_field("line").null_field("max_input_tokens").null_field("max_tokens");
  json.null_field("deprecated_at").null_field("retires_at").end_object();
}

}  // namespace

std::string encode_anthropic_models(const std::vector<AnthropicModel>& all, AnthropicPage page) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("data").begin_array();
  for (std::size_t i = page.begin; i < page.end; ++i) write_model(json, all[i]);
  json.end_array().field("has_more", page.has_more);
  const bool empty = page.begin >= page.end;
  empty ? json.null_field("first_id") : json.field("first_id", all[page.begin].id);
  empty ? json.null_field("last_id") : json.field("last_id", all[page.end - 1].id);
  json.end_object();
  return out;
}

std::string encode_anthropic_model(const AnthropicModel& model) {
  std::string out;
  JsonWriter json(out);
  write_model(json, model);
  return out;
}

}  // namespace suffice::wire
