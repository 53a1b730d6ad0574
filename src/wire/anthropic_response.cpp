// The answer half of anthropic_messages.hpp: whole, streamed, errors.

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "wire/anthropic_messages.hpp"
#include "wire/json.hpp"
#include "wire/json_fields.hpp"
#include "wire/provider_error.hpp"
#include "wire/sse.hpp"
#include "wire/tool_call_assembler.hpp"

namespace suffice::wire {
namespace {

namespace bj = boost::json;

FinishReason finish_of(std::string_view reason) {
  if (reason == "end_turn" || reason == "stop_sequence" || reason == "pause_turn") return FinishReason::Stop;
  if (reason == "max_tokens" || reason == "model_context_window_exceeded") return FinishReason::Length;
  if (reason == "tool_use") return FinishReason::ToolCalls;
  if (reason == "refusal") return FinishReason::ContentFilter;
  return FinishReason::Unknown;
}

/// Anthropic counts the cached parts of the prompt beside input_tokens; ours is the whole prompt. Fields that are absent keep what
/// earlier events said.
void update_usage(const bj::object& holder, std::optional<Usage>& usage) {
  const bj::object* object = object_or_null(holder, "usage");
  if (object == nullptr) return;
  if (const std::int64_t fresh = integer_or(*object, "input_tokens", -1); fresh >= 0) {
    if (!usage) usage.emplace();
    usage->cached_input_tokens = std::max<std::int64_t>(0, integer_or(*object, "cache_read_input_tokens", 0));
    const std::int64_t written = std::max<std::int64_t>(0, integer_or(*object, "cache_creation_input_tokens", 0));
    usage->input_tokens = fresh + written + usage->cached_input_tokens;
  }
  const std::int64_t output = integer_or(*object, "output_tokens", -1);
  if (usage && output >= 0) usage->output_tokens = output;
}

/// The members of a thinking block, of a redacted one, or of one of their deltas.
Thinking thinking_of(const bj::object& block) {
  return Thinking{.text = std::string(string_or_empty(block, "thinking")),
                  .signature = std::string(string_or_empty(block, "signature")),
                  .redacted = std::string(string_or_empty(block, "data"))};
}

Error read_error(int status, const bj::object& body) {
  const bj::object* error = object_or_null(body, "error");
  ProviderFault fault{.status = status, .type = {}, .code = {}, .message = {}};
  if (error != nullptr) {
    fault.type = string_or_empty(*error, "type");
    fault.message = string_or_empty(*error, "message");
  }
  return classify_provider_fault(fault);
}

class AnthropicStream final : public StreamDecoder {
 public:
  Result<void> feed(std::string_view bytes, std::vector<Delta>& deltas) override {
    if (failed_) return fail(*failed_);
    std::vector<SseEvent> events;
    Result<void> result = reader_.feed(bytes, events);
    for (const SseEvent& event : events) {
      if (stopped_) break;
      if (const Result<void> taken = take(event, deltas); !taken) {
        result = taken;
        break;
      }
    }
    if (!result) failed_ = result.error();
    return result;
  }

  Result<Completion> finish() override {
    if (failed_) return fail(*failed_);
    if (!stopped_) return fail(ErrorCode::ConnectionClosed, "the stream ended before the answer was complete");
    completion_.tool_calls = calls_.take();
    for (ToolCall& call : completion_.tool_calls) {
      if (call.arguments.empty()) call.arguments = "{}";  // a tool without parameters streams no input
    }
    return std::move(completion_);
  }

 private:
  Result<void> take(const SseEvent& event, std::vector<Delta>& deltas) {
    JsonArena arena;
    const auto value = parse_json(event.data, {}, arena.storage());
    if (!value || !value->is_object())
      return fail(ErrorCode::ProtocolError, "the provider sent a malformed stream event");
    const bj::object& object = value->get_object();
    const std::string_view type = string_or_empty(object, "type");
    if (type == "error") return fail(read_error(0, object));
    if (type == "message_start") {
      if (const bj::object* message = object_or_null(object, "message")) {
        completion_.model = string_or_empty(*message, "model");
        completion_.provider_request_id = string_or_empty(*message, "id");
        update_usage(*message, completion_.usage);
      }
    } else if (type == "content_block_start") {
      begin_block(object, deltas);
    } else if (type == "content_block_delta") {
      take_delta(object, deltas);
    } else if (type == "message_delta") {
      if (const bj::object* delta = object_or_null(object, "delta")) {
        completion_.finish = finish_of(string_or_empty(*delta, "stop_reason"));
        completion_.stop_sequence = string_or_empty(*delta, "stop_sequence");
      }
      update_usage(object, completion_.usage);
    } else if (type == "message_stop") {
      stopped_ = true;
    }
    return {};  // pings and whatever comes to be
  }

  void begin_block(const bj::object& object, std::vector<Delta>& deltas) {
    const bj::object* block = object_or_null(object, "content_block");
    if (block == nullptr) return;
    const std::string_view type = string_or_empty(*block, "type");
    if (type == "tool_use") {
      RawToolCallPart part{.index = index_of(object),
                           .id = string_or_empty(*block, "id"),
                           .name = string_or_empty(*block, "name"),
                           .arguments = {}};
      push_call(part, deltas);
    } else if (type == "text") {
      push_text(string_or_empty(*block, "text"), deltas);
    } else if (type == "thinking" || type == "redacted_thinking") {
      completion_.thinking.emplace_back();
      push_thinking(thinking_of(*block), deltas);
    }
  }

  void take_delta(const bj::object& object, std::vector<Delta>& deltas) {
    const bj::object* delta = object_or_null(object, "delta");
    if (delta == nullptr) return;
    const std::string_view type = string_or_empty(*delta, "type");
    if (type == "text_delta") push_text(string_or_empty(*delta, "text"), deltas);
    if (type == "thinking_delta" || type == "signature_delta") push_thinking(thinking_of(*delta), deltas);
    if (type == "input_json_delta") {
      const std::string_view piece = string_or_empty(*delta, "partial_json");
      if (!piece.empty())
        push_call(RawToolCallPart{.index = index_of(object), .id = {}, .name = {}, .arguments = piece}, deltas);
    }
  }

  static std::size_t index_of(const bj::object& object) {
    return static_cast<std::size_t>(std::max<std::int64_t>(0, integer_or(object, "index", 0)));
  }

  void push_text(std::string_view text, std::vector<Delta>& deltas) {
    if (text.empty()) return;
    completion_.text += text;
    deltas.emplace_back().text = text;
  }

  void push_thinking(const Thinking& piece, std::vector<Delta>& deltas) {
    if (piece.empty()) return;
    if (completion_.thinking.empty()) completion_.thinking.emplace_back();
    Thinking& block = completion_.thinking.back();
    block.text += piece.text;
    block.signature += piece.signature;
    block.redacted += piece.redacted;
    deltas.emplace_back().thinking = piece;
  }

  void push_call(const RawToolCallPart& part, std::vector<Delta>& deltas) {
    deltas.emplace_back().tool_calls.push_back(calls_.add(part, completion_.provider_request_id));
  }

  SseReader reader_;
  ToolCallAssembler calls_;
  Completion completion_;
  std::optional<Error> failed_;
  bool stopped_ = false;
};

}  // namespace

Result<Completion> decode_anthropic_response(std::string_view body) {
  JsonArena arena;
  const auto value = parse_json(body, {}, arena.storage());
  if (!value) return fail(ErrorCode::ProtocolError, "the provider's answer is not JSON", value.error().where);
  const bj::object* object = value->if_object();
  if (object == nullptr) return fail(ErrorCode::ProtocolError, "the provider's answer is not a JSON object");
  if (string_or_empty(*object, "type") == "error") return fail(read_error(0, *object));
  const bj::array* content = array_or_null(*object, "content");
  if (content == nullptr) return fail(ErrorCode::ProtocolError, "the provider's answer has no content", "content");

  Completion completion;
  for (const bj::value& entry : *content) {
    const bj::object* block = entry.if_object();
    if (block == nullptr) return fail(ErrorCode::ProtocolError, "a content block is no object", "content");
    const std::string_view type = string_or_empty(*block, "type");
    if (type == "text") completion.text += string_or_empty(*block, "text");
    if (type == "thinking" || type == "redacted_thinking") completion.thinking.push_back(thinking_of(*block));
    if (type != "tool_use") continue;
    const bj::object* input = object_or_null(*block, "input");
    completion.tool_calls.push_back(
        ToolCall{.id = std::string(string_or_empty(*block, "id")),
                 .name = std::string(string_or_empty(*block, "name")),
                 .arguments = input == nullptr ? "{}" : to_json_text(*block->if_contains("input")).text});
  }
  completion.finish = finish_of(string_or_empty(*object, "stop_reason"));
  completion.stop_sequence = string_or_empty(*object, "stop_sequence");
  completion.model = string_or_empty(*object, "model");
  completion.provider_request_id = string_or_empty(*object, "id");
  update_usage(*object, completion.usage);
  return completion;
}

std::unique_ptr<StreamDecoder> make_anthropic_stream_decoder() { return std::make_unique<AnthropicStream>(); }

Error decode_anthropic_error(int status, std::string_view body) {
  const auto value = parse_json(body);
  if (value && value->is_object()) return read_error(status, value->get_object());
  return classify_provider_fault(ProviderFault{.status = status, .type = {}, .code = {}, .message = {}});
}

Result<std::int64_t> decode_anthropic_token_count(std::string_view body) {
  const auto value = parse_json(body);
  const std::int64_t tokens =
      value && value->is_object() ? integer_or(value->get_object(), "input_tokens", -1) : std::int64_t{-1};
  if (tokens < 0) return fail(ErrorCode::ProtocolError, "the provider sent no count of tokens");
  return tokens;
}

}  // namespace suffice::wire
