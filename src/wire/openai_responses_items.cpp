#include "wire/openai_responses_items.hpp"

#include <utility>

#include "wire/openai_parts.hpp"

namespace suffice::wire {
namespace {

/// Unique within an answer by the item's place, elsewhere by the seed.
std::string item_id(std::string_view prefix, std::string_view seed, std::size_t output_index) {
  std::string id(prefix);
  id += seed;
  if (output_index != 0) id += "_" + std::to_string(output_index);
  return id;
}

}  // namespace

std::string_view name(ItemStatus status) noexcept {
  switch (status) {
    case ItemStatus::InProgress:
      return "in_progress";
    case ItemStatus::Completed:
      return "completed";
    case ItemStatus::Incomplete:
      return "incomplete";
  }
  return "incomplete";
}

OutputItem new_message(std::string_view seed, std::size_t output_index) {
  OutputItem item;
  item.id = item_id("msg_", seed, output_index);
  return item;
}

OutputItem new_call(std::string_view seed, std::size_t output_index, ToolCall call, std::size_t call_index) {
  OutputItem item;
  item.id = item_id("fc_", seed, output_index);
  item.kind = OutputItem::Kind::FunctionCall;
  item.call = std::move(call);
  item.call_index = call_index;
  if (item.call.id.empty()) item.call.id = made_up_call_id(seed, call_index);
  return item;
}

void write_part(JsonWriter& json, const OutputPart& part) {
  json.begin_object();
  if (part.kind == OutputPart::Kind::Refusal) {
    json.field("type", "refusal").field("refusal", part.text);
  } else {
    json.field("type", "output_text").field("text", part.text).key("annotations").begin_array().end_array();
    json.key("logprobs");
    write_token_logprobs(json, part.logprobs);
  }
  json.end_object();
}

void write_item(JsonWriter& json, const OutputItem& item) {
  json.begin_object().field("id", item.id);
  if (item.kind == OutputItem::Kind::FunctionCall) {
    json.field("type", "function_call").field("status", name(item.status)).field("call_id", item.call.id);
    json.field("name", item.call.name).field("arguments", item.call.arguments);
  } else {
    json.field("type", "message").field("status", name(item.status)).field("role", "assistant");
    json.key("content").begin_array();
    for (const OutputPart& part : item.parts) write_part(json, part);
    json.end_array();
  }
  json.end_object();
}

}  // namespace suffice::wire
