// JSON answers: the task's schema, else the one the caller asked for.

#include <optional>

#include "core/text.hpp"
#include "gate/checks.hpp"
#include "wire/json.hpp"

namespace suffice::gate {
namespace {

constexpr std::string_view kFence = "```";

/// The inside of a text that is exactly one fenced block, with or without a language word; nothing otherwise.
std::optional<std::string_view> unfenced(std::string_view text) {
  text = trim(text);
  if (text.size() < 2 * kFence.size() || !text.starts_with(kFence) || !text.ends_with(kFence)) return std::nullopt;
  const std::size_t line_end = text.find('\n');
  if (line_end == std::string_view::npos) return std::nullopt;
  const std::string_view language = trim(text.substr(kFence.size(), line_end - kFence.size()));
  if (!language.empty() && fold_case(language) != "json") return std::nullopt;
  if (line_end + 1 > text.size() - kFence.size()) return std::nullopt;
  const std::string_view inside = text.substr(line_end + 1, text.size() - kFence.size() - line_end - 1);
  if (inside.find(kFence) != std::string_view::npos) return std::nullopt;
  return trim(inside);
}

void report(const JsonSchema& schema, std::string_view text, Scorecard& card) {
  const std::vector<std::string> problems = schema.validate(text);
  if (problems.empty()) return card.pass("schema");
  std::string detail;
  for (const std::string& problem : problems) {
    if (!detail.empty()) detail += "; ";
    detail += problem;
  }
  card.fail("schema", Reason::SchemaInvalid, std::move(detail));
}

void check_json_object(std::string_view text, Scorecard& card) {
  const Result<boost::json::value> value = wire::parse_json(text);
  if (!value) return card.fail("schema", Reason::SchemaInvalid, "the answer is not JSON");
  if (!value->is_object()) return card.fail("schema", Reason::SchemaInvalid, "the answer is not a JSON object");
  card.pass("schema");
}

}  // namespace

void check_schema(const Judged& judged, Scorecard& card) {
  const ResponseFormat& format = judged.candidate.request.response_format;
  const bool of_task = judged.rules.schema != nullptr;
  if (!of_task && (format.kind == ResponseFormat::Kind::Text || judged.only_tool_calls())) return;

  if (judged.rules.task.validators.code_fence_tolerated) {
    if (const auto inside = unfenced(judged.text)) judged.text = std::string(*inside);
  }
  if (of_task) return report(*judged.rules.schema, judged.text, card);
  if (format.kind == ResponseFormat::Kind::JsonObject || format.schema.empty())
    return check_json_object(judged.text, card);

  const auto schema = JsonSchema::compile(format.schema.text, Strictness::ModelOutput);
  if (!schema) {
    return card.fail("schema", Reason::CheckFailed,
                     "the caller's response_format cannot be enforced: " + describe(schema.error()));
  }
  report(**schema, judged.text, card);
}

}  // namespace suffice::gate
