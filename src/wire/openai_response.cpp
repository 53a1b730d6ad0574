// The answer half of openai_chat.hpp: whole answers, errors, model lists.

#include <algorithm>
#include <cmath>
#include <utility>

#include "wire/json_fields.hpp"
#include "wire/json_writer.hpp"
#include "wire/openai_chat.hpp"
#include "wire/openai_parts.hpp"
#include "wire/provider_error.hpp"

namespace suffice::wire {
namespace {

namespace bj = boost::json;

/// OpenAI writes this for a probability of zero; JSON has no -infinity.
constexpr double kLogprobMin = -9999.0;

double finite_logprob(double logprob) { return std::isfinite(logprob) ? logprob : kLogprobMin; }

void write_message(JsonWriter& json, const Completion& completion) {
  json.key("message").begin_object().field("role", "assistant");
  const bool absent = completion.text.empty() && (!completion.tool_calls.empty() || !completion.refusal.empty());
  absent ? json.null_field("content") : json.field("content", completion.text);
  completion.refusal.empty() ? json.null_field("refusal") : json.field("refusal", completion.refusal);
  if (!completion.tool_calls.empty()) {
    json.key("tool_calls").begin_array();
    for (std::size_t i = 0; i < completion.tool_calls.size(); ++i) {
      const ToolCall& call = completion.tool_calls[i];
      json.begin_object().field("id", call.id.empty() ? made_up_call_id({}, i) : call.id).field("type", "function");
      json.key("function")
          .begin_object()
          .field("name", call.name)
          .field("arguments", call.arguments)
          .end_object()
          .end_object();
    }
    json.end_array();
  }
  json.end_object();
}

/// The token as bytes: from `bytes` where the server gives them, since `token` cannot hold a part of a character.
std::string token_bytes(const bj::object& object) {
  if (const bj::array* bytes = array_or_null(object, "bytes")) {
    std::string token;
    for (const bj::value& byte : *bytes) {
      const auto number = to_integer(byte);
      if (!number || *number < 0 || *number > 255) return std::string(string_or_empty(object, "token"));
      token += static_cast<char>(static_cast<unsigned char>(*number));
    }
    return token;
  }
  return std::string(string_or_empty(object, "token"));
}

double logprob_of(const bj::object& object) {
  const bj::value* value = object.if_contains("logprob");
  return value == nullptr ? kLogprobMin : to_double(*value).value_or(kLogprobMin);
}

std::string content_text(const bj::object& message) {
  const bj::value* content = find_member(message, "content");
  if (content == nullptr) return {};
  if (const bj::string* text = content->if_string()) return std::string(*text);
  std::string joined;  // some servers answer in parts
  if (const bj::array* parts = content->if_array()) {
    for (const bj::value& part : *parts) {
      if (const bj::object* object = part.if_object()) joined += string_or_empty(*object, "text");
    }
  }
  return joined;
}

std::optional<std::vector<ToolCall>> read_tool_calls(const bj::object& message, std::string_view id) {
  std::vector<ToolCall> calls;
  const bj::array* array = array_or_null(message, "tool_calls");
  for (std::size_t i = 0; array != nullptr && i < array->size(); ++i) {
    const bj::object* object = (*array)[i].if_object();
    const bj::object* function = object == nullptr ? nullptr : object_or_null(*object, "function");
    if (function == nullptr) return std::nullopt;
    ToolCall call;
    call.id = string_or_empty(*object, "id");
    call.name = string_or_empty(*function, "name");
    if (const bj::value* arguments = find_member(*function, "arguments")) {
      call.arguments = arguments->is_string() ? std::string(arguments->get_string()) : to_json_text(*arguments).text;
    }
    if (call.id.empty()) call.id = made_up_call_id(id, i);
    calls.push_back(std::move(call));
  }
  return calls;
}

}  // namespace

std::string made_up_call_id(std::string_view answer_id, std::size_t index) {
  std::string id = "call_";
  for (const char c : answer_id.substr(0, 48)) {
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_') id += c;
  }
  if (id.size() > 5) id += '_';
  return id + std::to_string(index);
}

void write_usage(JsonWriter& json, const std::optional<Usage>& usage) {
  json.key("usage");
  if (!usage) {
    json.null();
    return;
  }
  json.begin_object().field("prompt_tokens", usage->input_tokens).field("completion_tokens", usage->output_tokens);
  json.field("total_tokens", usage->input_tokens + usage->output_tokens);
  json.key("prompt_tokens_details")
      .begin_object()
      .field("cached_tokens", usage->cached_input_tokens)
      .field("audio_tokens", 0)
      .end_object();
  json.key("completion_tokens_details")
      .begin_object()
      .field("reasoning_tokens", usage->reasoning_tokens)
      .field("audio_tokens", 0);
  json.field("accepted_prediction_tokens", 0).field("rejected_prediction_tokens", 0).end_object();
  json.end_object();
}

void write_token(JsonWriter& json, std::string_view token, double logprob) {
  json.field("token", token).field("logprob", finite_logprob(logprob)).key("bytes").begin_array();
  for (const char c : token) json.integer(static_cast<unsigned char>(c));
  json.end_array();
}

void write_token_logprobs(JsonWriter& json, std::span<const TokenLogprob> tokens) {
  json.begin_array();
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

void write_logprobs(JsonWriter& json, std::span<const TokenLogprob> tokens) {
  json.key("logprobs").begin_object().key("content");
  write_token_logprobs(json, tokens);
  json.null_field("refusal").end_object();
}

/// What a workflow did: how much of each model it used, and its whole answer.
void append_workflow(JsonWriter& json, const DecisionExtension& decision) {
  json.field("workflow", decision.workflow).field("run_id", decision.run_id).key("used").begin_array();
  for (const DecisionExtension::ModelUse& use : decision.used) {
    std::string cost;
    append_json_usd(cost, use.cost);
    json.begin_object().field("model", use.model).field("local", use.local).field("calls", use.calls);
    json.field("input_tokens", use.input_tokens).field("output_tokens", use.output_tokens);
    json.key("cost_usd").raw(cost).end_object();
  }
  json.end_array();
  if (!decision.details.empty()) json.key("details").raw(decision.details.text);
}

void write_decision(JsonWriter& json, const DecisionExtension& decision) {
  json.key("suffice").begin_object();
  decision.task.empty() ? json.null_field("task") : json.field("task", decision.task);
  json.field("route", name(decision.route));
  decision.reasons.empty() ? json.null_field("reason") : json.field("reason", name(decision.reasons.front()));
  json.key("reasons").begin_array();
  for (const Reason reason : decision.reasons) json.string(name(reason));
  json.end_array().field("model", decision.model).field("event_id", decision.event_id);
  decision.confidence ? json.field("confidence", *decision.confidence) : json.null_field("confidence");
  std::string cost;
  append_json_usd(cost, decision.cost);
  json.key("cost_usd").raw(cost).field("stand_in", decision.stand_in).key("approval_required").begin_array();
  for (const std::string& tool : decision.approval_required) json.string(tool);
  json.end_array();
  decision.warning.empty() ? json.null_field("warning") : json.field("warning", decision.warning);
  if (!decision.workflow.empty()) append_workflow(json, decision);
  json.end_object();
}

std::string_view openai_finish_reason(FinishReason finish, bool has_tool_calls) {
  switch (finish) {
    case FinishReason::Length:
    case FinishReason::LowConfidence:  // incomplete too
      return "length";
    case FinishReason::ContentFilter:
      return "content_filter";
    case FinishReason::ToolCalls:
      return "tool_calls";
    case FinishReason::Stop:
    case FinishReason::Unknown:
      break;
  }
  return has_tool_calls ? "tool_calls" : "stop";  // the schema knows no other word
}

FinishReason read_finish_reason(std::string_view word) {
  if (word == "stop") return FinishReason::Stop;
  if (word == "length") return FinishReason::Length;
  if (word == "tool_calls" || word == "function_call") return FinishReason::ToolCalls;
  if (word == "content_filter") return FinishReason::ContentFilter;
  return FinishReason::Unknown;
}

std::optional<Usage> read_usage(const bj::object& body) {
  const bj::object* object = object_or_null(body, "usage");
  if (object == nullptr) return std::nullopt;
  Usage usage;
  usage.input_tokens = std::max<std::int64_t>(0, integer_or(*object, "prompt_tokens", -1));
  usage.output_tokens = std::max<std::int64_t>(0, integer_or(*object, "completion_tokens", 0));
  if (integer_or(*object, "prompt_tokens", -1) < 0) return std::nullopt;  // half a count is none
  if (const bj::object* details = object_or_null(*object, "prompt_tokens_details")) {
    usage.cached_input_tokens = std::max<std::int64_t>(0, integer_or(*details, "cached_tokens", 0));
  }
  if (const bj::object* details = object_or_null(*object, "completion_tokens_details")) {
    usage.reasoning_tokens = std::max<std::int64_t>(0, integer_or(*details, "reasoning_tokens", 0));
  }
  return usage;
}

std::optional<std::vector<TokenLogprob>> read_logprobs(const bj::object& choice) {
  const bj::object* object = object_or_null(choice, "logprobs");
  const bj::array* content = object == nullptr ? nullptr : array_or_null(*object, "content");
  if (content == nullptr) return std::nullopt;
  std::vector<TokenLogprob> tokens;
  tokens.reserve(content->size());
  for (const bj::value& value : *content) {
    const bj::object* entry = value.if_object();
    if (entry == nullptr) continue;
    TokenLogprob token{.token = token_bytes(*entry), .logprob = logprob_of(*entry), .top = {}};
    if (const bj::array* rivals = array_or_null(*entry, "top_logprobs")) {
      for (const bj::value& rival : *rivals) {
        if (const bj::object* other = rival.if_object()) token.top.push_back({token_bytes(*other), logprob_of(*other)});
      }
    }
    tokens.push_back(std::move(token));
  }
  return tokens;
}

std::string encode_openai_chat_response(const Completion& completion, const OpenAiAnswerMeta& meta) {
  return encode_openai_chat_response(std::span(&completion, 1), meta);
}

std::string encode_openai_chat_response(std::span<const Completion> completions, const OpenAiAnswerMeta& meta) {
  std::string out;
  out.reserve(768 + (completions.empty() ? 0 : completions.front().text.size()));
  JsonWriter json(out);
  json.begin_object().field("id", meta.id).field("object", "chat.completion").field("created", meta.created);
  json.field("model", meta.model).key("choices").begin_array();
  std::optional<Usage> usage = Usage{};
  for (std::size_t i = 0; i < completions.size(); ++i) {
    const Completion& completion = completions[i];
    json.begin_object().field("index", i);
    write_message(json, completion);
    if (meta.include_logprobs && completion.logprobs) {
      write_logprobs(json, *completion.logprobs);
    } else {
      json.null_field("logprobs");
    }
    json.field("finish_reason", openai_finish_reason(completion.finish, !completion.tool_calls.empty())).end_object();
    if (usage && completion.usage) {
      *usage += *completion.usage;
    } else {
      usage.reset();
    }
  }
  json.end_array();
  if (usage) write_usage(json, usage);
  write_decision(json, meta.decision);
  json.end_object();
  return out;
}

Result<Completion> decode_openai_chat_response(std::string_view body) {
  JsonArena arena;
  const auto value = parse_json(body, {}, arena.storage());
  if (!value) return fail(ErrorCode::ProtocolError, "the provider's answer is not JSON", value.error().where);
  const bj::object* object = value->if_object();
  if (object == nullptr) return fail(ErrorCode::ProtocolError, "the provider's answer is not a JSON object");
  if (find_member(*object, "error") != nullptr) return fail(read_openai_error(0, *object));

  const bj::array* choices = array_or_null(*object, "choices");
  const bj::object* choice = choices == nullptr || choices->empty() ? nullptr : choices->front().if_object();
  const bj::object* message = choice == nullptr ? nullptr : object_or_null(*choice, "message");
  if (message == nullptr)
    return fail(ErrorCode::ProtocolError, "the provider's answer has no message", "choices[0].message");

  Completion completion;
  completion.text = content_text(*message);
  completion.refusal = string_or_empty(*message, "refusal");
  completion.model = string_or_empty(*object, "model");
  completion.provider_request_id = string_or_empty(*object, "id");
  auto calls = read_tool_calls(*message, completion.provider_request_id);
  if (!calls) return fail(ErrorCode::ProtocolError, "a tool call without a function", "choices[0].message.tool_calls");
  completion.tool_calls = *std::move(calls);
  completion.finish = read_finish_reason(string_or_empty(*choice, "finish_reason"));
  completion.usage = read_usage(*object);
  completion.logprobs = read_logprobs(*choice);
  return completion;
}

std::string encode_openai_error(const Error& error, std::string_view type) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("error").begin_object().field("message", describe(error)).field("type", type);
  const bool about_a_field = error.code == ErrorCode::MalformedRequest || error.code == ErrorCode::UnsupportedField;
  about_a_field && !error.where.empty() ? json.field("param", error.where) : json.null_field("param");
  json.field("code", name(error.code)).end_object().end_object();
  return out;
}

Error read_openai_error(int status, const bj::object& body) {
  ProviderFault fault{.status = status, .type = {}, .code = {}, .message = {}};
  const bj::object* error = object_or_null(body, "error");
  if (error == nullptr) {
    fault.message = string_or_empty(body, "error");
    error = &body;  // vLLM puts type, code and message at the top
  }
  fault.type = string_or_empty(*error, "type");
  fault.code = string_or_empty(*error, "code");
  if (fault.message.empty()) fault.message = string_or_empty(*error, "message");
  if (const bj::object* inner = object_or_null(*error, "innererror"); inner != nullptr && fault.code.empty()) {
    fault.code = string_or_empty(*inner, "code");  // Azure
  }
  const std::int64_t number = integer_or(*error, "code", 0);
  if (status != 0 || number < 400 || number > 599) return classify_provider_fault(fault);
  fault.status = static_cast<int>(number);  // llama-server and vLLM: the HTTP status, also inside a stream
  return classify_provider_fault(fault);
}

Error decode_openai_error(int status, std::string_view body) {
  const auto value = parse_json(body);
  if (value && value->is_object()) return read_openai_error(status, value->get_object());
  return classify_provider_fault(ProviderFault{.status = status, .type = {}, .code = {}, .message = {}});
}

namespace {

void write_model(JsonWriter& json, const ModelListing& model) {
  json.begin_object().field("id", model.id).field("object", "model").field("created", model.created);
  json.field("owned_by", model.owned_by).end_object();
}

}  // namespace

std::string encode_openai_models(const std::vector<ModelListing>& models) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("object", "list").key("data").begin_array();
  for (const ModelListing& model : models) write_model(json, model);
  json.end_array().end_object();
  return out;
}

std::string encode_openai_model(const ModelListing& model) {
  std::string out;
  JsonWriter json(out);
  write_model(json, model);
  return out;
}

}  // namespace suffice::wire
