#include "wire/ollama_chat.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/text.hpp"
#include "wire/foreign_fields.hpp"
#include "wire/json.hpp"
#include "wire/json_fields.hpp"
#include "wire/json_writer.hpp"
#include "wire/ndjson.hpp"
#include "wire/openai_parts.hpp"
#include "wire/provider_error.hpp"

namespace suffice::wire {
namespace {

namespace bj = boost::json;

std::unexpected<Error> cannot(std::string field, std::string_view why = "cannot be sent to Ollama") {
  return fail(ErrorCode::UnsupportedField, std::string(why), std::move(field));
}

std::string_view role_of(Role role) { return role == Role::Developer ? "system" : name(role); }

/// The base64 payload of an inline image; Ollama fetches no URLs.
Result<std::string> image_data(const ContentPart& part, const std::string& where) {
  const auto raw = parse_json(part.raw.text);
  const bj::object* image = raw && raw->is_object() ? object_or_null(raw->get_object(), "image_url") : nullptr;
  const std::string_view url = image == nullptr ? std::string_view{} : string_or_empty(*image, "url");
  constexpr std::string_view separator = ";base64,";
  const std::size_t mark = url.find(separator);
  if (!url.starts_with("data:") || mark == std::string_view::npos)
    return cannot(where + ".content", "needs inline (data:) images");
  return std::string(url.substr(mark + separator.size()));
}

/// The function that `id` called, looked for in earlier messages: Ollama knows tool results by name.
std::string_view called_function(const std::vector<Message>& messages, std::size_t before, std::string_view id) {
  for (std::size_t i = before; i-- > 0;) {
    for (const ToolCall& call : messages[i].tool_calls) {
      if (call.id == id) return call.name;
    }
  }
  return {};
}

Result<void> write_tool_calls(JsonWriter& json, const Message& message, const std::string& where) {
  if (message.tool_calls.empty()) return {};
  json.key("tool_calls").begin_array();
  for (const ToolCall& call : message.tool_calls) {
    const auto arguments = parse_json(trim(call.arguments).empty() ? "{}" : std::string_view(call.arguments));
    if (!arguments || !arguments->is_object()) {
      return fail(ErrorCode::MalformedRequest, "the arguments of a tool call are no JSON object",
                  where + ".tool_calls");
    }
    json.begin_object();
    if (!call.id.empty()) json.field("id", call.id);
    json.key("function").begin_object().field("name", call.name);
    json.field("arguments", to_json_text(*arguments)).end_object().end_object();
  }
  json.end_array();
  return {};
}

/// This dialect has no field for a tool that failed, and the model must know.
std::string content_of(const Message& message) {
  return message.tool_failed ? "[the tool call failed]\n" + message.text() : message.text();
}

Result<void> write_message(JsonWriter& json, const std::vector<Message>& messages, std::size_t at) {
  const Message& message = messages[at];
  const std::string where = "messages[" + std::to_string(at) + "]";
  std::vector<std::string> images;
  for (const ContentPart& part : message.content) {
    if (part.kind == ContentPart::Kind::Text || part.kind == ContentPart::Kind::Refusal) continue;
    if (part.kind != ContentPart::Kind::Image)
      return cannot(where + ".content", "holds a part that cannot be sent to Ollama");
    SUFFICE_TRY(std::string data, image_data(part, where));
    images.push_back(std::move(data));
  }
  json.begin_object().field("role", role_of(message.role)).field("content", content_of(message));
  if (!images.empty()) {
    json.key("images").begin_array();
    for (const std::string& image : images) json.string(image);
    json.end_array();
  }
  SUFFICE_TRY_VOID(write_tool_calls(json, message, where));
  if (message.role == Role::Tool) {
    const std::string_view function = called_function(messages, at, message.tool_call_id);
    if (!function.empty()) json.field("tool_name", function);
    json.field("tool_call_id", message.tool_call_id);
  }
  json.end_object();
  return {};
}

void write_tools(JsonWriter& json, const ChatRequest& request) {
  if (request.tools.empty() || request.tool_choice.kind == ToolChoice::Kind::None) return;
  json.key("tools").begin_array();
  for (const ToolDefinition& tool : request.tools) {
    json.begin_object().field("type", "function").key("function").begin_object().field("name", tool.name);
    json.field("description", tool.description).key("parameters");
    json.raw(tool.parameters.empty() ? R"({"type":"object","properties":{}})" : std::string_view(tool.parameters.text));
    json.end_object().end_object();
  }
  json.end_array();
}

/// What a caller of this dialect said beyond what ChatRequest holds, as object texts; empty when nothing.
struct OwnFields {
  std::string options;
  std::string rest;
};

Result<OwnFields> own_fields(const ChatRequest& request) {
  OwnFields own;
  if (!speaks(request, ApiDialect::Ollama) || request.extra.empty()) return own;
  SUFFICE_TRY(const bj::value extra, parse_json(request.extra.text));
  if (!extra.is_object()) return own;
  bj::object rest = extra.get_object();
  if (const bj::value* options = rest.if_contains("options")) own.options = to_json_text(*options).text;
  rest.erase("options");
  append_json(own.rest, rest);
  return own;
}

/// `own` are the caller's options that this program does not know, where the caller speaks this dialect.
void write_options(JsonWriter& json, const Sampling& sampling, std::int64_t num_ctx, std::string_view own) {
  json.key("options").begin_object().members_of(own);
  if (num_ctx > 0) json.field("num_ctx", num_ctx);
  if (sampling.temperature) json.field("temperature", *sampling.temperature);
  if (sampling.top_p) json.field("top_p", *sampling.top_p);
  if (sampling.presence_penalty) json.field("presence_penalty", *sampling.presence_penalty);
  if (sampling.frequency_penalty) json.field("frequency_penalty", *sampling.frequency_penalty);
  if (sampling.max_tokens) json.field("num_predict", *sampling.max_tokens);
  if (sampling.seed) json.field("seed", *sampling.seed);
  if (!sampling.stop.empty()) {
    json.key("stop").begin_array();
    for (const std::string& stop : sampling.stop) json.string(stop);
    json.end_array();
  }
  json.end_object();
}

/// Reads answer objects, one or many, into a Completion.
class OllamaAnswer {
 public:
  explicit OllamaAnswer(std::int64_t num_ctx) : num_ctx_(num_ctx) {}

  Result<Delta> take(std::string_view line) {
    JsonArena arena;
    const auto value = parse_json(line, {}, arena.storage());
    if (!value || !value->is_object()) return fail(ErrorCode::ProtocolError, "the provider sent malformed JSON");
    const bj::object& object = value->get_object();
    if (const std::string_view error = string_or_empty(object, "error"); !error.empty()) {
      return fail(classify_provider_fault(ProviderFault{.status = 0, .type = {}, .code = {}, .message = error}));
    }
    Delta delta;
    if (const bj::object* message = object_or_null(object, "message")) take_message(*message, delta);
    if (const bj::array* tokens = array_or_null(object, "logprobs")) take_logprobs(*tokens, delta);
    if (completion_.model.empty()) completion_.model = string_or_empty(object, "model");
    const bj::value* done = object.if_contains("done");
    if (done != nullptr && done->is_bool() && done->get_bool()) SUFFICE_TRY_VOID(end(object));
    return delta;
  }

  [[nodiscard]] bool done() const { return done_; }
  Completion complete() { return std::move(completion_); }

 private:
  void take_message(const bj::object& message, Delta& delta) {
    delta.text = string_or_empty(message, "content");
    completion_.text += delta.text;
    if (const std::string_view thought = string_or_empty(message, "thinking"); !thought.empty()) {
      delta.thinking.text = thought;
      if (completion_.thinking.empty()) completion_.thinking.emplace_back();
      completion_.thinking.back().text += thought;
    }
    const bj::array* calls = array_or_null(message, "tool_calls");
    for (std::size_t i = 0; calls != nullptr && i < calls->size(); ++i) {  // each comes whole
      const bj::object* object = (*calls)[i].if_object();
      const bj::object* function = object == nullptr ? nullptr : object_or_null(*object, "function");
      if (function == nullptr) continue;
      const std::size_t index = completion_.tool_calls.size();
      ToolCall call;
      call.id = string_or_empty(*object, "id");
      if (call.id.empty()) call.id = made_up_call_id("ollama", index);
      call.name = string_or_empty(*function, "name");
      const bj::value* arguments = find_member(*function, "arguments");
      call.arguments = arguments == nullptr     ? "{}"
                       : arguments->is_string() ? std::string(arguments->get_string())
                                                : to_json_text(*arguments).text;
      delta.tool_calls.push_back({index, call.id, call.name, call.arguments});
      completion_.tool_calls.push_back(std::move(call));
    }
  }

  void take_logprobs(const bj::array& tokens, Delta& delta) {
    // The shape inside the array is OpenAI's.
    const bj::object choice{{"logprobs", bj::object{{"content", tokens}}}};
    if (auto read = read_logprobs(choice)) {
      delta.logprobs = *std::move(read);
      if (!completion_.logprobs) completion_.logprobs.emplace();
      completion_.logprobs->insert(completion_.logprobs->end(), delta.logprobs.begin(), delta.logprobs.end());
    }
  }

  Result<void> end(const bj::object& object) {
    done_ = true;
    const std::int64_t prompt = integer_or(object, "prompt_eval_count", -1);
    const std::int64_t output = integer_or(object, "eval_count", -1);
    if (num_ctx_ > 0 && prompt >= num_ctx_) {
      return fail(ErrorCode::ContextOverflow,
                  "the prompt filled the window of " + std::to_string(num_ctx_) + " tokens and was cut by the server");
    }
    if (prompt >= 0 && output >= 0) completion_.usage = Usage{.input_tokens = prompt, .output_tokens = output};
    completion_.finish = read_finish_reason(string_or_empty(object, "done_reason"));
    if (!completion_.tool_calls.empty() && completion_.finish == FinishReason::Stop)
      completion_.finish = FinishReason::ToolCalls;
    return {};
  }

  std::int64_t num_ctx_;
  Completion completion_;
  bool done_ = false;
};

class OllamaStream final : public StreamDecoder {
 public:
  explicit OllamaStream(std::int64_t num_ctx) : answer_(num_ctx) {}

  Result<void> feed(std::string_view bytes, std::vector<Delta>& deltas) override {
    if (failed_) return fail(*failed_);
    std::vector<std::string> lines;
    Result<void> result = reader_.feed(bytes, lines);
    for (const std::string& line : lines) {
      if (answer_.done()) break;
      Result<Delta> delta = answer_.take(line);
      if (!delta) {
        result = fail(std::move(delta).error());
        break;
      }
      if (*delta != Delta{}) deltas.push_back(*std::move(delta));
    }
    if (!result) failed_ = result.error();
    return result;
  }

  Result<Completion> finish() override {
    if (failed_) return fail(*failed_);
    if (!answer_.done()) return fail(ErrorCode::ConnectionClosed, "the stream ended before the answer was complete");
    return answer_.complete();
  }

 private:
  NdjsonReader reader_;
  OllamaAnswer answer_;
  std::optional<Error> failed_;
};

}  // namespace

Result<std::string> encode_ollama_request(const ChatRequest& request, const OllamaRequestOptions& options) {
  SUFFICE_TRY_VOID(refuse_foreign(request, ApiDialect::Ollama));
  if (request.n != 1) return cannot("n");
  using Choice = ToolChoice::Kind;
  if (request.tool_choice.kind == Choice::Required || request.tool_choice.kind == Choice::Named)
    return cannot("tool_choice");
  std::string out;
  out.reserve(1024);
  JsonWriter json(out);
  json.begin_object().field("model", request.model).key("messages").begin_array();
  for (std::size_t i = 0; i < request.messages.size(); ++i) SUFFICE_TRY_VOID(write_message(json, request.messages, i));
  json.end_array();
  write_tools(json, request);
  if (request.response_format.kind == ResponseFormat::Kind::JsonObject) json.field("format", "json");
  if (request.response_format.kind == ResponseFormat::Kind::JsonSchema)
    json.field("format", request.response_format.schema);
  SUFFICE_TRY(const OwnFields own, own_fields(request));
  write_options(json, request.sampling, options.num_ctx, own.options);
  json.members_of(own.rest);
  if (options.logprobs) {
    json.field("logprobs", true);
    if (request.top_logprobs > 0) json.field("top_logprobs", request.top_logprobs);
  }
  json.field("stream", options.stream).field("truncate", false).field("shift", false).end_object();
  return out;
}

Result<Completion> decode_ollama_response(std::string_view body, std::int64_t num_ctx) {
  OllamaAnswer answer(num_ctx);
  SUFFICE_TRY_VOID(answer.take(body));
  if (!answer.done()) return fail(ErrorCode::ProtocolError, "the provider's answer is not complete");
  return answer.complete();
}

std::unique_ptr<StreamDecoder> make_ollama_stream_decoder(std::int64_t num_ctx) {
  return std::make_unique<OllamaStream>(num_ctx);
}

Error decode_ollama_error(int status, std::string_view body) {
  const auto value = parse_json(body);
  if (value && value->is_object()) return read_openai_error(status, value->get_object());
  return classify_provider_fault(ProviderFault{.status = status, .type = {}, .code = {}, .message = {}});
}

}  // namespace suffice::wire
