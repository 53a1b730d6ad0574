// Executors that compute: few and pure, so that a workflow file needs no code.

#include <functional>
#include <map>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/text.hpp"
#include "wire/json.hpp"
#include "workflow/documents/chunks.hpp"
#include "workflow/flow_io.hpp"
#include "workflow/flow_run.hpp"
#include "workflow/graph_file/message_view.hpp"
#include "workflow/graph_file/node.hpp"

namespace suffice::workflow {
namespace {

namespace json = boost::json;

using Function = std::function<Result<json::value>(const json::value& value)>;

std::unexpected<Error> unfit(std::string_view what) { return fail(ErrorCode::OutputRejected, std::string(what)); }

Result<json::value> get(const json::value& value) { return value; }

Result<json::value> lines(const json::value& value) {
  if (!value.is_string()) return unfit("only a text has lines");
  json::array result;
  std::string_view rest = value.get_string();
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!trim(line).empty()) result.emplace_back(line);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return result;
}

Result<json::value> chunks(const json::value& value, std::size_t bytes) {
  if (!value.is_string()) return unfit("only a text can be cut into chunks");
  const std::string_view text = value.get_string();
  SUFFICE_TRY(const Chunks cut, chunk_bytes(text, {.size = bytes, .overlap = 0}));
  json::array result;
  for (const TextRange& range : cut) result.emplace_back(text.substr(range.begin, range.end - range.begin));
  return result;
}

Result<json::value> join(const json::value& value, const std::string& separator) {
  const json::array* parts = value.if_array();
  if (parts == nullptr) return unfit("only a list can be joined");
  std::string text;
  for (const json::value& part : *parts) {
    if (&part != parts->begin()) text += separator;
    text += text_of(part);
  }
  return json::value(text);
}

Result<json::value> count(const json::value& value) {
  if (const json::array* list = value.if_array()) return json::value(static_cast<std::int64_t>(list->size()));
  if (const json::object* members = value.if_object()) return json::value(static_cast<std::int64_t>(members->size()));
  if (const json::string* text = value.if_string())
    return json::value(static_cast<std::int64_t>(count_code_points(*text)));
  return unfit("only a list, an object or a text can be counted");
}

Result<json::value> parse(const json::value& value) {
  if (!value.is_string()) return unfit("only a text can be read as JSON");
  Result<json::value> parsed = wire::parse_json(value.get_string());
  if (!parsed) return unfit("the text is no JSON");
  return parsed;
}

Result<Function> function_of(const std::string& function, const policy::Fields& fields) {
  if (function == "get") return get;
  if (function == "lines") return lines;
  if (function == "count") return count;
  if (function == "parse_json") return parse;
  if (function == "join") {
    return [separator = fields.text("separator", "\n")](const json::value& value) { return join(value, separator); };
  }
  const std::optional<std::int64_t> bytes = fields.integer("bytes");
  if (!bytes) return fail(ErrorCode::InvalidArgument, "chunks need their size in bytes", "bytes");
  return [size = static_cast<std::size_t>(*bytes)](const json::value& value) { return chunks(value, size); };
}

/// A template, or a function of one value of the message.
struct FunctionNode {
  std::string name;
  Function function;
  std::optional<std::string> pointer;
  std::shared_ptr<const MessageTemplate> text;
};

Result<json::value> apply(const FunctionNode& node, const FlowMessage& in, const FlowRun& run) {
  SUFFICE_TRY(const json::value body, wire::parse_json(in.body.text));
  if (node.text != nullptr) {
    SUFFICE_TRY(const std::string text, render_in_run(*node.text, body, run));
    return json::value(text);
  }
  if (!node.pointer) return node.function(answer_of(in, body));
  const json::value* value = find_at(body, *node.pointer);
  if (value == nullptr) return fail(ErrorCode::OutputRejected, "the message has nothing at " + *node.pointer);
  return node.function(*value);
}

}  // namespace

Result<Executor> function_executor(const std::string& name, const std::string& function, const policy::Fields& fields) {
  auto node = std::make_shared<FunctionNode>();
  node->name = name;
  if (function == "template") {
    if (!fields.has("text")) return fail(ErrorCode::InvalidArgument, "a template needs its text", "text");
    Result<MessageTemplate> text = MessageTemplate::parse(fields.text("text"));
    if (!text) {
      return fail(ErrorCode::InvalidArgument, text.error().message, "text");
    }
    node->text = std::make_shared<const MessageTemplate>(*std::move(text));
  } else {
    SUFFICE_TRY(node->function, function_of(function, fields));
    if (fields.has("pointer")) node->pointer = fields.text("pointer");
  }
  Executor executor{.name = name, .gives = {std::string(kAnswerType)}};
  executor.run = [node](const FlowMessage& in, FlowRun& run) -> Task<Result<FlowMessage>> {
    Result<json::value> value = apply(*node, in, run);
    if (!value) {
      Error error = std::move(value).error();
      error.where = node->name;
      co_return fail(std::move(error));
    }
    const FlowMessage answer = answer_message(*std::move(value));
    remember(run, node->name, in, answer);
    co_return answer;
  };
  return executor;
}

}  // namespace suffice::workflow
