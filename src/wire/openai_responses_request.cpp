// Requests of openai_responses.hpp.

#include <array>
#include <optional>
#include <utility>

#include "wire/json_fields.hpp"
#include "wire/json_writer.hpp"
#include "wire/openai_parts.hpp"
#include "wire/openai_responses.hpp"
#include "wire/openai_responses_parts.hpp"

namespace suffice::wire {
namespace {

namespace bj = boost::json;

constexpr std::int64_t kTokensMax = 1LL << 40;

constexpr auto kKnown = std::to_array<std::string_view>({"model",
                                                         "input",
                                                         "instructions",
                                                         "tools",
                                                         "tool_choice",
                                                         "parallel_tool_calls",
                                                         "text",
                                                         "temperature",
                                                         "top_p",
                                                         "max_output_tokens",
                                                         "max_tool_calls",
                                                         "metadata",
                                                         "user",
                                                         "store",
                                                         "include",
                                                         "top_logprobs",
                                                         "truncation",
                                                         "reasoning",
                                                         "service_tier",
                                                         "stream",
                                                         "stream_options",
                                                         "background",
                                                         "prompt_cache_key",
                                                         "prompt_cache_retention",
                                                         "safety_identifier"});

/// Refused with the reason, which a caller can act on; every other unknown field is refused without.
struct RefusedField {
  std::string_view name;
  std::string_view why;
};
constexpr auto kRefused = std::to_array<RefusedField>({
    {"previous_response_id", "answers are not kept here: send the earlier items in input"},
    {"conversation", "conversations are not kept here: send the earlier items in input"},
    {"prompt", "prompt templates of an OpenAI account are not served; prompts come from the policy"},
    {"context_management", "the context is never changed here: send what fits"},
    {"messages", "is chat completions' name: send input"},
    {"max_tokens", "is chat completions' name: send max_output_tokens"},
    {"response_format", "is chat completions' name: send text.format"},
});

/// ResponseFormat has no room for the description: it goes where it means the same, into a schema that has none.
JsonText described(const bj::object& schema, const std::string& description) {
  if (description.empty() || schema.contains("description")) return to_json_text(schema);
  JsonText text;
  const std::string members = to_json_text(schema).text;
  JsonWriter(text.text).begin_object().field("description", description).members_of(members).end_object();
  return text;
}

Result<void> decode_format(const bj::object& text, const JsonPath& path, ResponseFormat& format) {
  constexpr auto known = std::to_array<std::string_view>({"type", "name", "schema", "strict", "description"});
  SUFFICE_TRY(const bj::object* object, read_object(text, "format", path));
  if (object == nullptr) return {};
  const JsonPath here = path.member("format");
  const std::string_view type = string_or_empty(*object, "type");
  if (type == "text") return {};
  if (type == "json_object") {
    format.kind = ResponseFormat::Kind::JsonObject;
    return {};
  }
  if (type != "json_schema") return malformed(here.member("type"), "must be text, json_object or json_schema");
  SUFFICE_TRY_VOID(refuse_unknown_members(*object, here, known));
  format.kind = ResponseFormat::Kind::JsonSchema;
  SUFFICE_TRY_VOID(read_member(*object, "name", here, format.name));
  if (format.name.empty()) return malformed(here.member("name"), "is required");
  SUFFICE_TRY_VOID(read_member(*object, "strict", here, format.strict));
  std::string description;
  SUFFICE_TRY_VOID(read_member(*object, "description", here, description));
  SUFFICE_TRY(const bj::object* schema, read_object(*object, "schema", here));
  if (schema == nullptr) return malformed(here.member("schema"), "is required");
  format.schema = described(*schema, description);
  return {};
}

/// Chat completions' names of what is only passed on to a provider.
struct PassedOn {
  std::string members;
  void add(std::string_view name, std::string_view value) {
    JsonWriter json(members);
    if (!members.empty()) members += ',';
    json.field(name, value);
  }
};

Result<void> decode_text(const bj::object& body, const JsonPath& path, ChatRequest& request, PassedOn& passed_on) {
  constexpr auto known = std::to_array<std::string_view>({"format", "verbosity"});
  SUFFICE_TRY(const bj::object* text, read_object(body, "text", path));
  if (text == nullptr) return {};
  const JsonPath here = path.member("text");
  SUFFICE_TRY_VOID(refuse_unknown_members(*text, here, known));
  std::string verbosity;
  SUFFICE_TRY_VOID(read_member(*text, "verbosity", here, verbosity));
  if (!verbosity.empty() && verbosity != "medium") passed_on.add("verbosity", verbosity);  // medium is the default
  return decode_format(*text, here, request.response_format);
}

Result<void> decode_reasoning(const bj::object& body, const JsonPath& path, PassedOn& passed_on) {
  SUFFICE_TRY(const bj::object* reasoning, read_object(body, "reasoning", path));
  if (reasoning == nullptr) return {};
  const JsonPath here = path.member("reasoning");
  for (const std::string_view name : {"summary", "generate_summary"}) {
    if (find_member(*reasoning, name) != nullptr)
      return unsupported(here.member(name), "no summary of reasoning can be given");
  }
  constexpr auto known = std::to_array<std::string_view>({"effort", "summary", "generate_summary"});
  SUFFICE_TRY_VOID(refuse_unknown_members(*reasoning, here, known));
  std::string effort;
  SUFFICE_TRY_VOID(read_member(*reasoning, "effort", here, effort));
  if (!effort.empty()) passed_on.add("reasoning_effort", effort);
  return {};
}

Result<void> decode_include(const bj::object& body, const JsonPath& path, ChatRequest& request) {
  SUFFICE_TRY(const bj::array* include, read_array(body, "include", path));
  const JsonPath here = path.member("include");
  for (std::size_t i = 0; include != nullptr && i < include->size(); ++i) {
    const bj::string* word = (*include)[i].if_string();
    if (word == nullptr) return malformed(here.element(i), "expected a string");
    if (*word == "message.output_text.logprobs") {
      request.logprobs = true;
    } else if (*word != "reasoning.encrypted_content") {  // of items that are never made here
      return unsupported(here.element(i),
                         "only message.output_text.logprobs and reasoning.encrypted_content can be honoured");
    }
  }
  std::optional<std::int64_t> top;
  SUFFICE_TRY_VOID(read_integer(body, "top_logprobs", path, IntegerRange{0, 20}, top));
  if (top.value_or(0) > 0 && !request.logprobs)
    return malformed(path.member("top_logprobs"), R"(needs include: ["message.output_text.logprobs"])");
  request.top_logprobs = top.value_or(0);
  return {};
}

Result<void> refuse_when_true(const bj::object& body, const JsonPath& path, std::string_view name, std::string why) {
  std::optional<bool> value;
  SUFFICE_TRY_VOID(read_member(body, name, path, value));
  if (value.value_or(false)) return unsupported(path.member(name), std::move(why));
  return {};
}

Result<void> decode_storage(const bj::object& body, const JsonPath& path, ResponsesRequest& request) {
  SUFFICE_TRY_VOID(refuse_when_true(body, path, "store", "answers are not stored here: send false, or leave it out"));
  SUFFICE_TRY_VOID(refuse_when_true(body, path, "background", "answers are given at once: send false"));
  std::optional<bool> store;
  SUFFICE_TRY_VOID(read_member(body, "store", path, store));
  request.items_may_be_kept = !store.has_value();
  std::string truncation;
  SUFFICE_TRY_VOID(read_member(body, "truncation", path, truncation));
  if (truncation == "auto")
    return unsupported(path.member("truncation"), "nothing is ever cut here: send disabled, or leave it out");
  if (!truncation.empty() && truncation != "disabled") return malformed(path.member("truncation"), "must be disabled");
  return {};
}

Result<void> decode_stream(const bj::object& body, const JsonPath& path, ChatRequest& request) {
  SUFFICE_TRY_VOID(read_member(body, "stream", path, request.stream));
  request.stream_usage = request.stream;
  SUFFICE_TRY(const bj::object* options, read_object(body, "stream_options", path));
  if (options == nullptr) return {};
  const JsonPath here = path.member("stream_options");
  if (!request.stream) return malformed(here, "needs stream: true");
  constexpr auto known = std::to_array<std::string_view>({"include_obfuscation"});
  SUFFICE_TRY_VOID(refuse_unknown_members(*options, here, known));
  return refuse_when_true(*options, here, "include_obfuscation", "events are not padded here: send false");
}

Result<void> decode_sampling(const bj::object& body, const JsonPath& path, Sampling& sampling) {
  SUFFICE_TRY_VOID(read_number(body, "temperature", path, NumberRange{0, 2}, sampling.temperature));
  SUFFICE_TRY_VOID(read_number(body, "top_p", path, NumberRange{0, 1}, sampling.top_p));
  std::optional<std::int64_t> tool_calls;  // of built-in tools, which there are none of: any limit is kept
  SUFFICE_TRY_VOID(read_integer(body, "max_tool_calls", path, IntegerRange{0, kTokensMax}, tool_calls));
  return read_integer(body, "max_output_tokens", path, IntegerRange{1, kTokensMax}, sampling.max_tokens);
}

Result<void> decode_passed_on(const bj::object& body, const JsonPath& path, PassedOn& passed_on) {
  for (const std::string_view name :
       {"service_tier", "prompt_cache_key", "prompt_cache_retention", "safety_identifier"}) {
    std::string text;
    SUFFICE_TRY_VOID(read_member(body, name, path, text));
    if (!text.empty() && !(name == "service_tier" && text == "auto")) passed_on.add(name, text);  // auto is the default
  }
  return {};
}

Result<void> refuse_other_fields(const bj::object& body, const JsonPath& path) {
  for (const RefusedField& field : kRefused) {
    if (find_member(body, field.name) != nullptr) return unsupported(path.member(field.name), std::string(field.why));
  }
  return refuse_unknown_members(body, path, kKnown);
}

Result<void> decode_messages(const bj::object& body, const JsonPath& path, const ItemLookup& lookup,
                             ChatRequest& request) {
  std::string instructions;
  SUFFICE_TRY_VOID(read_member(body, "instructions", path, instructions));
  if (!instructions.empty()) request.messages.push_back(Message::of(Role::System, std::move(instructions)));
  const bj::value* input = find_member(body, "input");
  if (input == nullptr) return malformed(path.member("input"), "is required");
  return decode_responses_input(*input, path.member("input"), lookup, request.messages);
}

}  // namespace

Result<ResponsesRequest> decode_openai_responses_request(std::string_view body, const ItemLookup& lookup,
                                                         const JsonLimits& limits) {
  JsonArena arena;
  SUFFICE_TRY(const bj::value value, parse_json(body, limits, arena.storage()));
  const JsonPath root;
  const bj::object* object = value.if_object();
  if (object == nullptr) return malformed(root, "the body must be a JSON object");
  SUFFICE_TRY_VOID(refuse_other_fields(*object, root));

  ResponsesRequest request;
  ChatRequest& chat = request.chat;
  PassedOn passed_on;
  SUFFICE_TRY_VOID(read_member(*object, "model", root, chat.model));
  if (chat.model.empty()) return malformed(root.member("model"), "is required");
  SUFFICE_TRY_VOID(decode_messages(*object, root, lookup, chat));
  SUFFICE_TRY_VOID(decode_responses_tools(*object, root, chat));
  SUFFICE_TRY_VOID(decode_text(*object, root, chat, passed_on));
  SUFFICE_TRY_VOID(decode_reasoning(*object, root, passed_on));
  SUFFICE_TRY_VOID(decode_sampling(*object, root, chat.sampling));
  SUFFICE_TRY_VOID(decode_include(*object, root, chat));
  SUFFICE_TRY_VOID(decode_storage(*object, root, request));
  SUFFICE_TRY_VOID(decode_stream(*object, root, chat));
  SUFFICE_TRY_VOID(decode_passed_on(*object, root, passed_on));
  SUFFICE_TRY_VOID(read_openai_metadata(*object, root, chat.metadata));
  SUFFICE_TRY_VOID(read_member(*object, "user", root, chat.user));
  if (!passed_on.members.empty()) chat.extra.text = "{" + passed_on.members + "}";
  request.echo = responses_echo(*object);
  return request;
}

}  // namespace suffice::wire
