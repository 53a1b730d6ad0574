#include "providers/recording.hpp"

#include <algorithm>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <span>
#include <utility>

#include "core/hash.hpp"
#include "core/text.hpp"
#include "providers/recorded_client.hpp"
#include "wire/json.hpp"
#include "wire/json_fields.hpp"

namespace suffice::providers {
namespace {

namespace bj = boost::json;
using wire::JsonPath;

constexpr std::int64_t kDelayMsMax = 600'000;

Result<void> allow_only(const bj::object& object, const JsonPath& path, std::initializer_list<std::string_view> names) {
  for (const auto& member : object) {
    const std::string_view key = member.key();
    if (std::ranges::find(names, key) == names.end())
      return wire::malformed(path.member(key), "is no member of a recording");
  }
  return {};
}

std::optional<ErrorCode> error_code_from_name(std::string_view word) {
  for (const ErrorInfo& row : error_catalogue()) {
    if (row.name == word) return row.code;
  }
  return std::nullopt;
}

Result<Error> read_error(const bj::object& object, const JsonPath& path) {
  SUFFICE_TRY_VOID(allow_only(object, path, {"code", "status", "retry_after_ms"}));
  std::string code;
  SUFFICE_TRY_VOID(wire::read_member(object, "code", path, code));
  const auto known = error_code_from_name(code);
  if (!known) return wire::malformed(path.member("code"), "must be a name of the error catalogue (docs/errors.md)");
  Error error{.code = *known, .message = "recorded failure", .where = {}};
  error.upstream_status = static_cast<int>(wire::integer_or(object, "status", 0));
  error.retry_after_ms = wire::integer_or(object, "retry_after_ms", -1);
  return error;
}

Result<std::vector<ToolCall>> read_tool_calls(const bj::array& array, const JsonPath& path) {
  std::vector<ToolCall> calls;
  for (std::size_t i = 0; i < array.size(); ++i) {
    const JsonPath here = path.element(i);
    const bj::object* object = array[i].if_object();
    if (object == nullptr) return wire::malformed(here, "expected an object");
    SUFFICE_TRY_VOID(allow_only(*object, here, {"name", "arguments", "id"}));
    ToolCall call;
    SUFFICE_TRY_VOID(wire::read_member(*object, "name", here, call.name));
    if (call.name.empty()) return wire::malformed(here.member("name"), "is required");
    SUFFICE_TRY_VOID(wire::read_member(*object, "id", here, call.id));
    if (call.id.empty()) call.id = "call_recorded_" + std::to_string(i);
    const bj::value* arguments = wire::find_member(*object, "arguments");
    call.arguments = arguments == nullptr     ? "{}"
                     : arguments->is_string() ? std::string(arguments->get_string())
                                              : wire::to_json_text(*arguments).text;
    calls.push_back(std::move(call));
  }
  return calls;
}

Result<void> read_usage(const bj::object& object, const JsonPath& path, RecordedResponse& response) {
  const bj::value* usage = wire::find_member(object, "usage");
  if (usage == nullptr) return {};
  const JsonPath here = path.member("usage");
  response.estimate_usage = *usage == "estimate";
  if (response.estimate_usage) return {};
  if (!usage->is_object()) return wire::malformed(here, "must be an object or \"estimate\"");
  const bj::object& counts = usage->get_object();
  SUFFICE_TRY_VOID(allow_only(counts, here, {"input", "cached", "output"}));
  constexpr wire::IntegerRange count{0, INT64_MAX};
  std::optional<std::int64_t> input;
  std::optional<std::int64_t> cached;
  std::optional<std::int64_t> output;
  SUFFICE_TRY_VOID(wire::read_integer(counts, "input", here, count, input));
  SUFFICE_TRY_VOID(wire::read_integer(counts, "cached", here, count, cached));
  SUFFICE_TRY_VOID(wire::read_integer(counts, "output", here, count, output));
  response.completion.usage = Usage{.input_tokens = input.value_or(0),
                                    .cached_input_tokens = cached.value_or(0),
                                    .output_tokens = output.value_or(0)};
  return {};
}

Result<void> read_finish(const bj::object& object, const JsonPath& path, Completion& completion) {
  std::string word;
  SUFFICE_TRY_VOID(wire::read_member(object, "finish", path, word));
  completion.finish = completion.tool_calls.empty() ? FinishReason::Stop : FinishReason::ToolCalls;
  if (word.empty()) return {};
  for (const FinishReason reason :
       {FinishReason::Stop, FinishReason::Length, FinishReason::ToolCalls, FinishReason::ContentFilter}) {
    if (name(reason) != word) continue;
    completion.finish = reason;
    return {};
  }
  return wire::malformed(path.member("finish"), "must be stop, length, tool_calls or content_filter");
}

Result<RecordedResponse> read_response(const bj::value& value, const JsonPath& path) {
  const bj::object* object = value.if_object();
  if (object == nullptr) return wire::malformed(path, "expected an object");
  SUFFICE_TRY_VOID(allow_only(*object, path, {"text", "tool_calls", "error", "usage", "finish", "delay_ms"}));
  RecordedResponse response;
  SUFFICE_TRY_VOID(wire::read_member(*object, "text", path, response.completion.text));
  SUFFICE_TRY(const bj::array* calls, wire::read_array(*object, "tool_calls", path));
  const JsonPath calls_path = path.member("tool_calls");
  if (calls != nullptr) {
    SUFFICE_TRY(response.completion.tool_calls, read_tool_calls(*calls, calls_path));
  }
  SUFFICE_TRY(const bj::object* error, wire::read_object(*object, "error", path));
  if (error != nullptr) {
    SUFFICE_TRY(response.error, read_error(*error, path.member("error")));
  }
  const bool answers = wire::find_member(*object, "text") != nullptr || calls != nullptr;
  if (answers == response.error.has_value())
    return wire::malformed(path, "needs either text, tool_calls or both, or an error");
  SUFFICE_TRY_VOID(read_usage(*object, path, response));
  SUFFICE_TRY_VOID(read_finish(*object, path, response.completion));
  std::optional<std::int64_t> delay;
  SUFFICE_TRY_VOID(wire::read_integer(*object, "delay_ms", path, wire::IntegerRange{0, kDelayMsMax}, delay));
  response.delay = std::chrono::milliseconds(delay.value_or(0));
  return response;
}

Result<std::vector<std::string>> read_contains(const bj::object& match, const JsonPath& path) {
  std::vector<std::string> texts;
  const bj::value* value = wire::find_member(match, "input_contains");
  if (value == nullptr) return texts;
  const bj::array* array = value->if_array();
  const std::span<const bj::value> all =
      array == nullptr ? std::span(value, 1) : std::span(array->data(), array->size());
  for (const bj::value& one : all) {
    const bj::string* text = one.if_string();
    if (text == nullptr || text->empty())
      return wire::malformed(path.member("input_contains"), "expected non-empty text or a list of it");
    texts.emplace_back(*text);
  }
  return texts;
}

bool is_digest(std::string_view text) {
  return text.size() == 64 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool task_fits(std::string_view wanted, std::string_view task) { return wanted.empty() || wanted == task; }

/// What one call is compared by, computed once and only as far as needed.
struct Fingerprint {
  const ModelCall& call;
  std::optional<std::string> messages;
  std::optional<std::vector<std::string>> inputs;
  std::optional<std::string> text;

  const std::string& messages_digest() {
    if (!messages) messages = messages_sha256(call.request.messages);
    return *messages;
  }
  const std::vector<std::string>& input_digests() {
    if (!inputs) {
      inputs.emplace();
      if (!call.input.empty()) inputs->push_back(sha256_hex(call.input));
      for (const Message& message : call.request.messages) {
        if (message.role == Role::User) inputs->push_back(sha256_hex(message.text()));
      }
    }
    return *inputs;
  }
  const std::string& all_text() {
    if (!text) {
      text.emplace();
      for (const Message& message : call.request.messages) *text += message.text() + '\n';
    }
    return *text;
  }
};

}  // namespace

std::string messages_sha256(const std::vector<Message>& messages) {
  bj::array array;
  for (const Message& message : messages) {
    bj::object object{{"role", name(message.role)}, {"content", message.text()}};
    if (!message.name.empty()) object["name"] = message.name;
    if (!message.tool_call_id.empty()) object["tool_call_id"] = message.tool_call_id;
    if (!message.tool_calls.empty()) {
      bj::array calls;
      for (const ToolCall& call : message.tool_calls) {
        calls.push_back(bj::object{{"id", call.id}, {"name", call.name}, {"arguments", call.arguments}});
      }
      object["tool_calls"] = std::move(calls);
    }
    array.push_back(std::move(object));
  }
  return sha256_hex(wire::canonical_json(array));
}

Usage estimate_usage(const std::vector<Message>& messages, const Completion& completion) {
  std::size_t input = 0;
  for (const Message& message : messages) {
    for (const ContentPart& part : message.content) input += part.text.size() + part.raw.text.size();
  }
  std::size_t output = completion.text.size();
  for (const ToolCall& call : completion.tool_calls) output += call.name.size() + call.arguments.size();
  const auto tokens = [](std::size_t bytes) {
    return static_cast<std::int64_t>(std::max<std::size_t>(1, (bytes + 3) / 4));
  };
  return Usage{.input_tokens = tokens(input), .output_tokens = tokens(output)};
}

Result<Recording> Recording::load(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail(ErrorCode::IoFailed, "the recording cannot be read", file.string());
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (in.bad()) return fail(ErrorCode::IoFailed, "the recording cannot be read", file.string());
  return parse(text, file.string());
}

Result<Recording> Recording::parse(std::string_view text, const std::string& name) {
  Recording recording;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with('#')) continue;
    if (Result<void> added = recording.add_line(line); !added) {
      Error error = std::move(added).error();
      error.message = describe(error);
      error.where = name + ":" + std::to_string(number);
      return fail(std::move(error));
    }
  }
  return recording;
}

Result<void> Recording::add_line(std::string_view line) {
  SUFFICE_TRY(const bj::value value, wire::parse_json(line));
  const JsonPath root;
  const bj::object* object = value.if_object();
  if (object == nullptr) return wire::malformed(root, "every line must be a JSON object");
  SUFFICE_TRY_VOID(allow_only(*object, root, {"task", "match", "response", "responses_by_input", "default"}));
  std::string task;
  SUFFICE_TRY_VOID(wire::read_member(*object, "task", root, task));

  const bj::value* one = wire::find_member(*object, "response");
  const bj::value* standard = wire::find_member(*object, "default");
  SUFFICE_TRY(const bj::object* many, wire::read_object(*object, "responses_by_input", root));
  if ((one != nullptr) + (standard != nullptr) + (many != nullptr) != 1) {
    return wire::malformed(root, "needs one of response, responses_by_input and default");
  }
  if (standard != nullptr) {
    SUFFICE_TRY(defaults_[task], read_response(*standard, root.member("default")));
    return {};
  }
  if (many != nullptr) {
    ByInput group{.task = std::move(task), .responses = {}};
    const JsonPath here = root.member("responses_by_input");
    for (const auto& member : *many) {
      if (!is_digest(member.key())) return wire::malformed(here, "every key must be a SHA-256 in lower-case hex");
      SUFFICE_TRY(RecordedResponse response, read_response(member.value(), here));
      group.responses.emplace(member.key(), std::move(response));
    }
    by_input_.push_back(std::move(group));
    return {};
  }

  Rule rule{.task = std::move(task), .messages_sha256 = {}, .input_sha256 = {}, .input_contains = {}, .response = {}};
  SUFFICE_TRY(const bj::object* match, wire::read_object(*object, "match", root));
  const JsonPath match_path = root.member("match");
  if (match != nullptr) {
    SUFFICE_TRY_VOID(allow_only(*match, match_path, {"sha256", "input_sha256", "input_contains"}));
    SUFFICE_TRY_VOID(wire::read_member(*match, "sha256", match_path, rule.messages_sha256));
    SUFFICE_TRY_VOID(wire::read_member(*match, "input_sha256", match_path, rule.input_sha256));
    for (const std::string* digest : {&rule.messages_sha256, &rule.input_sha256}) {
      if (!digest->empty() && !is_digest(*digest))
        return wire::malformed(match_path, "a SHA-256 is 64 lower-case hex digits");
    }
    SUFFICE_TRY(rule.input_contains, read_contains(*match, match_path));
  }
  SUFFICE_TRY(rule.response, read_response(*one, root.member("response")));
  rules_.push_back(std::move(rule));
  return {};
}

const RecordedResponse* Recording::find(const ModelCall& call) const {
  Fingerprint fingerprint{.call = call, .messages = {}, .inputs = {}, .text = {}};
  for (const Rule& rule : rules_) {
    if (!task_fits(rule.task, call.task)) continue;
    if (!rule.messages_sha256.empty() && fingerprint.messages_digest() != rule.messages_sha256) continue;
    if (!rule.input_sha256.empty()) {
      const auto& digests = fingerprint.input_digests();
      if (std::ranges::find(digests, rule.input_sha256) == digests.end()) continue;
    }
    const bool contains = std::ranges::all_of(rule.input_contains, [&](const std::string& text) {
      return fingerprint.all_text().find(text) != std::string::npos;
    });
    if (contains) return &rule.response;
  }
  for (const ByInput& group : by_input_) {
    if (!task_fits(group.task, call.task)) continue;
    for (const std::string& digest : fingerprint.input_digests()) {
      if (const auto found = group.responses.find(digest); found != group.responses.end()) return &found->second;
    }
  }
  for (const std::string_view task : {std::string_view(call.task), std::string_view()}) {
    if (const auto found = defaults_.find(task); found != defaults_.end()) return &found->second;
  }
  return nullptr;
}

}  // namespace suffice::providers
