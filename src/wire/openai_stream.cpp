// The streamed half of openai_chat.hpp.

#include <algorithm>
#include <utility>

#include "wire/json_fields.hpp"
#include "wire/json_writer.hpp"
#include "wire/openai_chat.hpp"
#include "wire/openai_parts.hpp"
#include "wire/tool_call_assembler.hpp"

namespace suffice::wire {
namespace {

namespace bj = boost::json;

class OpenAiChatStream final : public StreamDecoder {
 public:
  Result<void> feed(std::string_view bytes, std::vector<Delta>& deltas) override {
    if (failed_) return fail(*failed_);
    std::vector<SseEvent> events;
    Result<void> result = reader_.feed(bytes, events);
    for (const SseEvent& event : events) {
      if (done_) break;
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
    if (!done_ && !finished_)
      return fail(ErrorCode::ConnectionClosed, "the stream ended before the answer was complete");
    completion_.tool_calls = calls_.take();
    return std::move(completion_);
  }

 private:
  Result<void> take(const SseEvent& event, std::vector<Delta>& deltas) {
    if (event.data == "[DONE]") {
      done_ = true;
      return {};
    }
    JsonArena arena;
    const auto value = parse_json(event.data, {}, arena.storage());
    if (!value || !value->is_object())
      return fail(ErrorCode::ProtocolError, "the provider sent a malformed stream event");
    const bj::object& chunk = value->get_object();
    if (find_member(chunk, "error") != nullptr) return fail(read_openai_error(0, chunk));
    if (event.event == "error") return fail(read_openai_error(0, chunk));

    if (completion_.model.empty()) completion_.model = string_or_empty(chunk, "model");
    if (completion_.provider_request_id.empty()) completion_.provider_request_id = string_or_empty(chunk, "id");
    if (auto usage = read_usage(chunk)) completion_.usage = usage;
    const bj::array* choices = array_or_null(chunk, "choices");
    for (std::size_t i = 0; choices != nullptr && i < choices->size(); ++i) {
      const bj::object* choice = (*choices)[i].if_object();
      if (choice == nullptr) return fail(ErrorCode::ProtocolError, "the provider sent a malformed stream event");
      if (integer_or(*choice, "index", 0) == 0) take_choice(*choice, deltas);
    }
    return {};
  }

  void take_choice(const bj::object& choice, std::vector<Delta>& deltas) {
    Delta delta;
    if (const bj::object* body = object_or_null(choice, "delta")) {
      delta.text = string_or_empty(*body, "content");
      delta.refusal = string_or_empty(*body, "refusal");
      take_tool_calls(*body, delta);
    }
    if (auto tokens = read_logprobs(choice)) {
      if (!completion_.logprobs) completion_.logprobs.emplace();
      completion_.logprobs->insert(completion_.logprobs->end(), tokens->begin(), tokens->end());
      delta.logprobs = *std::move(tokens);
    }
    completion_.text += delta.text;
    completion_.refusal += delta.refusal;
    if (const std::string_view word = string_or_empty(choice, "finish_reason"); !word.empty()) {
      completion_.finish = read_finish_reason(word);
      finished_ = true;
    }
    if (delta != Delta{}) deltas.push_back(std::move(delta));
  }

  void take_tool_calls(const bj::object& body, Delta& delta) {
    const bj::array* array = array_or_null(body, "tool_calls");
    for (std::size_t i = 0; array != nullptr && i < array->size(); ++i) {
      const bj::object* object = (*array)[i].if_object();
      if (object == nullptr) continue;
      RawToolCallPart part;
      if (const std::int64_t index = integer_or(*object, "index", -1); index >= 0)
        part.index = static_cast<std::size_t>(index);
      part.id = string_or_empty(*object, "id");
      if (const bj::object* function = object_or_null(*object, "function")) {
        part.name = string_or_empty(*function, "name");
        part.arguments = string_or_empty(*function, "arguments");
      }
      delta.tool_calls.push_back(calls_.add(part, completion_.provider_request_id));
    }
  }

  SseReader reader_;
  ToolCallAssembler calls_;
  Completion completion_;
  std::optional<Error> failed_;
  bool finished_ = false;  ///< a finish_reason came
  bool done_ = false;      ///< [DONE] came
};

void write_tool_call_part(JsonWriter& json, const Delta::ToolCallPart& part, const std::string& id, bool first) {
  json.begin_object().field("index", part.index);
  if (first) json.field("id", id).field("type", "function");
  json.key("function").begin_object();
  if (first || !part.name.empty()) json.field("name", part.name);
  json.field("arguments", part.arguments).end_object().end_object();
}

}  // namespace

OpenAiChatStreamWriter::OpenAiChatStreamWriter(OpenAiAnswerMeta meta) : meta_(std::move(meta)) {
  head_ = "data: ";
  JsonWriter json(head_);
  json.begin_object().field("id", meta_.id).field("object", "chat.completion.chunk").field("created", meta_.created);
  json.field("model", meta_.model);
}

std::string OpenAiChatStreamWriter::begin() {
  std::string out =
      head_ +
      R"(,"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}])";
  out += meta_.include_usage ? ",\"usage\":null}\n\n" : "}\n\n";
  return out;
}

std::string OpenAiChatStreamWriter::delta(const Delta& delta) {
  std::string out;
  out.reserve(head_.size() + delta.text.size() + 160);
  out = head_;
  out += R"(,"choices":[)";
  JsonWriter json(out);
  json.begin_object().field("index", 0).key("delta").begin_object();
  if (!delta.text.empty()) json.field("content", delta.text);
  if (!delta.refusal.empty()) json.field("refusal", delta.refusal);
  if (!delta.tool_calls.empty()) {
    json.key("tool_calls").begin_array();
    for (const Delta::ToolCallPart& part : delta.tool_calls) {
      const bool first = std::ranges::find(begun_, part.index) == begun_.end();
      if (first) begun_.push_back(part.index);
      write_tool_call_part(json, part, part.id.empty() ? made_up_call_id(meta_.id, part.index) : part.id, first);
    }
    json.end_array();
  }
  json.end_object();
  if (meta_.include_logprobs && !delta.logprobs.empty()) {
    write_logprobs(json, delta.logprobs);
  } else {
    json.null_field("logprobs");
  }
  json.null_field("finish_reason").end_object();
  out += meta_.include_usage ? "],\"usage\":null}\n\n" : "]}\n\n";
  return out;
}

std::string OpenAiChatStreamWriter::end(FinishReason finish, const std::optional<Usage>& usage,
                                        const DecisionExtension& decision) {
  std::string out = head_ + R"(,"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":")";
  out += openai_finish_reason(finish, !begun_.empty());
  out += "\"}],";
  if (meta_.include_usage) out += "\"usage\":null,";
  JsonWriter json(out);
  write_decision(json, decision);
  out += "}\n\n";
  if (meta_.include_usage) {
    out += head_ + R"(,"choices":[],)";
    JsonWriter last(out);
    write_usage(last, usage);
    out += "}\n\n";
  }
  out += "data: [DONE]\n\n";
  return out;
}

std::string OpenAiChatStreamWriter::error(const Error& error, std::string_view type) {
  return sse_event({}, encode_openai_error(error, type));
}

std::unique_ptr<StreamDecoder> make_openai_chat_stream_decoder() { return std::make_unique<OpenAiChatStream>(); }

}  // namespace suffice::wire
