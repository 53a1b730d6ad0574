// Whole answers and streams of openai_responses.hpp.

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "wire/json_writer.hpp"
#include "wire/openai_parts.hpp"
#include "wire/openai_responses.hpp"
#include "wire/sse.hpp"

namespace suffice::wire {
namespace {

struct Ending {
  std::string_view status;  ///< of the response
  ItemStatus items = ItemStatus::Completed;
  std::string_view incomplete_reason;  ///< empty when complete
};

Ending ending_of(FinishReason finish) {
  switch (finish) {
    case FinishReason::Length:
    case FinishReason::LowConfidence:  // given up early: incomplete too, and the schema knows no other word
      return {.status = "incomplete", .items = ItemStatus::Incomplete, .incomplete_reason = "max_output_tokens"};
    case FinishReason::ContentFilter:
      return {.status = "incomplete", .items = ItemStatus::Incomplete, .incomplete_reason = "content_filter"};
    case FinishReason::Stop:
    case FinishReason::ToolCalls:
    case FinishReason::Unknown:
      break;
  }
  return {.status = "completed", .items = ItemStatus::Completed, .incomplete_reason = {}};
}

void write_responses_usage(JsonWriter& json, const Usage& usage) {
  json.key("usage").begin_object().field("input_tokens", usage.input_tokens).key("input_tokens_details");
  json.begin_object().field("cached_tokens", usage.cached_input_tokens).end_object();
  json.field("output_tokens", usage.output_tokens).key("output_tokens_details");
  json.begin_object().field("reasoning_tokens", usage.reasoning_tokens).end_object();
  json.field("total_tokens", usage.input_tokens + usage.output_tokens).end_object();
}

/// What differs between the response objects of one answer.
struct ResponseState {
  std::string_view status = "in_progress";
  std::string_view incomplete_reason = {};
  const Error* error = nullptr;
  std::string_view error_type = {};
  std::span<const OutputItem> items = {};
  std::optional<Usage> usage = {};
  std::optional<std::int64_t> completed = {};
  const DecisionExtension* decision = nullptr;  ///< null: not known yet
};

/// The schema's word for what went wrong.
std::string_view response_error_code(std::string_view error_type) {
  if (error_type == "rate_limit_error") return "rate_limit_exceeded";
  return error_type == "invalid_request_error" ? "invalid_prompt" : "server_error";
}

void write_response(JsonWriter& json, const ResponsesMeta& meta, const ResponseState& state) {
  json.begin_object().field("id", meta.id).field("object", "response").field("created_at", meta.created);
  json.field("status", state.status);
  state.completed ? json.field("completed_at", *state.completed) : json.null_field("completed_at");
  if (state.error == nullptr) {
    json.null_field("error");
  } else {
    json.key("error").begin_object().field("code", response_error_code(state.error_type));
    json.field("message", describe(*state.error)).end_object();
  }
  if (state.incomplete_reason.empty()) {
    json.null_field("incomplete_details");
  } else {
    json.key("incomplete_details").begin_object().field("reason", state.incomplete_reason).end_object();
  }
  json.field("model", meta.model).key("output").begin_array();
  for (const OutputItem& item : state.items) write_item(json, item);
  json.end_array().members_of(meta.echo.text);
  if (state.usage) write_responses_usage(json, *state.usage);
  if (state.decision != nullptr) write_decision(json, *state.decision);
  json.end_object();
}

std::vector<OutputItem> items_of(const Completion& completion, const ResponsesMeta& meta, ItemStatus status) {
  std::vector<OutputItem> items;
  const bool has_message = !completion.text.empty() || !completion.refusal.empty() || completion.tool_calls.empty();
  if (has_message) {
    OutputItem item = new_message(meta.item_seed, 0);
    item.status = status;
    if (!completion.text.empty() || completion.refusal.empty()) {
      OutputPart part{.kind = OutputPart::Kind::Text, .text = completion.text, .logprobs = {}};
      if (meta.include_logprobs && completion.logprobs) part.logprobs = *completion.logprobs;
      item.parts.push_back(std::move(part));
    }
    if (!completion.refusal.empty())
      item.parts.push_back({.kind = OutputPart::Kind::Refusal, .text = completion.refusal, .logprobs = {}});
    items.push_back(std::move(item));
  }
  for (std::size_t i = 0; i < completion.tool_calls.size(); ++i) {
    OutputItem item = new_call(meta.item_seed, items.size(), completion.tool_calls[i], i);
    item.status = status;
    items.push_back(std::move(item));
  }
  return items;
}

std::vector<ResponsesItem> as_json(std::span<const OutputItem> items) {
  std::vector<ResponsesItem> written;
  for (const OutputItem& item : items) {
    ResponsesItem one{.id = item.id, .json = {}};
    JsonWriter json(one.json);
    write_item(json, item);
    written.push_back(std::move(one));
  }
  return written;
}

/// One numbered event: `members` writes what follows type and sequence_number.
template <class Members>
void append_event(std::string& out, std::int64_t& sequence, std::string_view type, const Members& members) {
  out.append("event: ").append(type).append("\ndata: ");
  JsonWriter json(out);
  json.begin_object().field("type", type).field("sequence_number", sequence++);
  members(json);
  json.end_object();
  out += "\n\n";
}

std::size_t place_of(const std::vector<OutputItem>& items, const OutputItem& item) {
  return static_cast<std::size_t>(&item - items.data());
}

}  // namespace

ResponsesAnswer encode_openai_response(const Completion& completion, const ResponsesMeta& meta,
                                       std::int64_t completed) {
  const Ending ending = ending_of(completion.finish);
  const std::vector<OutputItem> items = items_of(completion, meta, ending.items);
  ResponsesAnswer answer;
  answer.body.reserve(1024 + meta.echo.text.size() + completion.text.size());
  JsonWriter json(answer.body);
  ResponseState state{.status = ending.status, .incomplete_reason = ending.incomplete_reason};
  state.items = items;
  state.usage = completion.usage;
  state.decision = &meta.decision;
  if (ending.incomplete_reason.empty()) state.completed = completed;
  write_response(json, meta, state);
  answer.items = as_json(items);
  return answer;
}

OpenAiResponsesStreamWriter::OpenAiResponsesStreamWriter(ResponsesMeta meta) : meta_(std::move(meta)) {}

std::string OpenAiResponsesStreamWriter::begin() {
  std::string out;
  for (const std::string_view type : {"response.created", "response.in_progress"}) {
    append_event(out, sequence_, type,
                 [this](JsonWriter& json) { write_response(json.key("response"), meta_, ResponseState{}); });
  }
  return out;
}

OutputItem& OpenAiResponsesStreamWriter::open_message(std::string& out) {
  if (!items_.empty() && items_.back().kind == OutputItem::Kind::Message &&
      items_.back().status == ItemStatus::InProgress) {
    return items_.back();
  }
  const std::size_t place = items_.size();
  OutputItem& item = items_.emplace_back(new_message(meta_.item_seed, place));
  append_event(out, sequence_, "response.output_item.added",
               [&](JsonWriter& json) { write_item(json.field("output_index", place).key("item"), item); });
  return item;
}

OutputPart& OpenAiResponsesStreamWriter::open_part(std::string& out, OutputItem& item, OutputPart::Kind kind) {
  if (!item.parts.empty() && item.parts.back().kind == kind) return item.parts.back();
  if (!item.parts.empty()) close_part(out, item);
  OutputPart& part = item.parts.emplace_back(OutputPart{.kind = kind, .text = {}, .logprobs = {}});
  append_event(out, sequence_, "response.content_part.added", [&](JsonWriter& json) {
    json.field("item_id", item.id).field("output_index", place_of(items_, item));
    write_part(json.field("content_index", item.parts.size() - 1).key("part"), part);
  });
  return part;
}

void OpenAiResponsesStreamWriter::add_text(std::string& out, OutputPart::Kind kind, const std::string& text,
                                           std::span<const TokenLogprob> tokens) {
  OutputItem& item = open_message(out);
  OutputPart& part = open_part(out, item, kind);
  part.text += text;
  part.logprobs.insert(part.logprobs.end(), tokens.begin(), tokens.end());
  const bool refusal = kind == OutputPart::Kind::Refusal;
  append_event(out, sequence_, refusal ? "response.refusal.delta" : "response.output_text.delta",
               [&](JsonWriter& json) {
                 json.field("item_id", item.id).field("output_index", place_of(items_, item));
                 json.field("content_index", item.parts.size() - 1).field("delta", text);
                 if (!refusal) write_token_logprobs(json.key("logprobs"), tokens);
               });
}

void OpenAiResponsesStreamWriter::add_call_part(std::string& out, const Delta::ToolCallPart& part) {
  auto found = std::ranges::find_if(items_, [&](const OutputItem& item) {
    return item.kind == OutputItem::Kind::FunctionCall && item.call_index == part.index;
  });
  if (found == items_.end()) {
    const std::size_t place = items_.size();
    ToolCall call{.id = part.id, .name = part.name, .arguments = {}};
    items_.push_back(new_call(meta_.item_seed, place, std::move(call), part.index));
    found = items_.end() - 1;
    append_event(out, sequence_, "response.output_item.added",
                 [&](JsonWriter& json) { write_item(json.field("output_index", place).key("item"), *found); });
  }
  if (part.arguments.empty()) return;
  found->call.arguments += part.arguments;
  append_event(out, sequence_, "response.function_call_arguments.delta", [&](JsonWriter& json) {
    json.field("item_id", found->id).field("output_index", place_of(items_, *found)).field("delta", part.arguments);
  });
}

std::string OpenAiResponsesStreamWriter::delta(const Delta& delta) {
  std::string out;
  std::span<const TokenLogprob> tokens;
  if (meta_.include_logprobs) tokens = delta.logprobs;
  if (!delta.text.empty() || !tokens.empty()) add_text(out, OutputPart::Kind::Text, delta.text, tokens);
  if (!delta.refusal.empty()) add_text(out, OutputPart::Kind::Refusal, delta.refusal, {});
  for (const Delta::ToolCallPart& part : delta.tool_calls) {
    if (!items_.empty() && items_.back().kind == OutputItem::Kind::Message)
      close(out, items_.back(), ItemStatus::Completed);
    add_call_part(out, part);
  }
  return out;
}

void OpenAiResponsesStreamWriter::close_part(std::string& out, const OutputItem& item) {
  const OutputPart& part = item.parts.back();
  const bool refusal = part.kind == OutputPart::Kind::Refusal;
  const auto where = [&](JsonWriter& json) {
    json.field("item_id", item.id).field("output_index", place_of(items_, item));
    json.field("content_index", item.parts.size() - 1);
  };
  append_event(out, sequence_, refusal ? "response.refusal.done" : "response.output_text.done", [&](JsonWriter& json) {
    where(json);
    json.field(refusal ? "refusal" : "text", part.text);
    if (!refusal) write_token_logprobs(json.key("logprobs"), part.logprobs);
  });
  append_event(out, sequence_, "response.content_part.done", [&](JsonWriter& json) {
    where(json);
    write_part(json.key("part"), part);
  });
}

void OpenAiResponsesStreamWriter::close(std::string& out, OutputItem& item, ItemStatus status) {
  if (item.status != ItemStatus::InProgress) return;
  item.status = status;
  const std::size_t place = place_of(items_, item);
  if (item.kind == OutputItem::Kind::Message) {
    if (!item.parts.empty()) close_part(out, item);
  } else {
    append_event(out, sequence_, "response.function_call_arguments.done", [&](JsonWriter& json) {
      json.field("item_id", item.id).field("output_index", place).field("name", item.call.name);
      json.field("arguments", item.call.arguments);
    });
  }
  append_event(out, sequence_, "response.output_item.done",
               [&](JsonWriter& json) { write_item(json.field("output_index", place).key("item"), item); });
}

std::string OpenAiResponsesStreamWriter::end(FinishReason finish, const std::optional<Usage>& usage,
                                             const DecisionExtension& decision, std::int64_t completed) {
  const Ending ending = ending_of(finish);
  std::string out;
  if (items_.empty()) open_part(out, open_message(out), OutputPart::Kind::Text);  // an empty answer is a message too
  for (OutputItem& item : items_) close(out, item, ending.items);
  ResponseState state{.status = ending.status, .incomplete_reason = ending.incomplete_reason};
  state.items = items_;
  state.usage = usage;
  state.decision = &decision;
  const bool complete = ending.incomplete_reason.empty();
  if (complete) state.completed = completed;
  append_event(out, sequence_, complete ? "response.completed" : "response.incomplete",
               [&](JsonWriter& json) { write_response(json.key("response"), meta_, state); });
  return out;
}

std::string OpenAiResponsesStreamWriter::error(const Error& error, std::string_view type) {
  std::string out;
  append_event(out, sequence_, "error", [&](JsonWriter& json) {
    // Published flat; OpenAI's servers nest it, and the AI SDK reads only that.
    json.field("code", name(error.code)).field("message", describe(error)).null_field("param");
    json.key("error").begin_object().field("type", type).field("code", name(error.code));
    json.field("message", describe(error)).null_field("param").end_object();
  });
  for (OutputItem& item : items_) {
    if (item.status == ItemStatus::InProgress) item.status = ItemStatus::Incomplete;
  }
  ResponseState state{.status = "failed"};
  state.error = &error;
  state.error_type = type;
  state.items = items_;
  append_event(out, sequence_, "response.failed",
               [&](JsonWriter& json) { write_response(json.key("response"), meta_, state); });
  items_.clear();  // nothing of a failed answer can be referred to
  return out;
}

std::vector<ResponsesItem> OpenAiResponsesStreamWriter::items() const {
  std::vector<OutputItem> done;
  std::ranges::copy_if(items_, std::back_inserter(done),
                       [](const OutputItem& item) { return item.status != ItemStatus::InProgress; });
  return as_json(done);
}

}  // namespace suffice::wire
