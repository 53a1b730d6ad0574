#include "prompts/answer_check.hpp"

#include <algorithm>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "core/text.hpp"
#include "policy/schema_check.hpp"
#include "wire/json.hpp"

namespace suffice::prompts {

namespace json = boost::json;

namespace {

constexpr std::size_t kShownMax = 80;

std::string shown(std::string_view text) {
  const std::string_view head = first_code_points(text, kShownMax);
  return fmt::format("\"{}{}\"", head, head.size() < text.size() ? "..." : "");
}

Result<std::string> read_label(const Prompt& prompt, std::string_view answer) {
  const std::string folded = fold_case(trim(answer));
  for (const Category& category : prompt.categories) {
    if (fold_case(trim(category.label)) == folded) return category.label;
  }
  if (!prompt.categories.empty()) return fail(ErrorCode::InvalidArgument, "not one of the categories' labels");
  const bool one_line = !folded.empty() && folded.find_first_of("\r\n") == std::string::npos;
  if (!one_line) return fail(ErrorCode::InvalidArgument, "not a label: one line is expected");
  return folded;
}

Result<std::string> read_json(const Prompt& prompt, std::string_view answer) {
  const Result<json::value> value = wire::parse_json(trim(answer));
  if (!value) return fail(ErrorCode::InvalidArgument, "not JSON, though parser is json");
  if (!prompt.schema.empty() && !policy::SchemaCheck(prompt.schema.text).valid(*value)) {
    return fail(ErrorCode::InvalidArgument, "does not satisfy the prompt's own schema");
  }
  return wire::canonical_json(*value);
}

std::optional<std::string> unmet_fields(const PromptTest& test, std::string_view answer) {
  const Result<json::value> expected = wire::parse_json(test.fields.text);
  const Result<json::value> given = wire::parse_json(answer);
  if (!expected || !given || !expected->is_object() || !given->is_object()) return "expected a JSON object";
  for (const auto& member : expected->get_object()) {
    const json::value* found = given->get_object().if_contains(member.key());
    if (found == nullptr) return fmt::format("no member {}", std::string_view(member.key()));
    if (wire::canonical_json(*found) != wire::canonical_json(member.value())) {
      return fmt::format("{}: expected {}, got {}", std::string_view(member.key()),
                         shown(wire::canonical_json(member.value())), shown(wire::canonical_json(*found)));
    }
  }
  return std::nullopt;
}

}  // namespace

Result<std::string> read_answer(const Prompt& prompt, std::string_view answer) {
  switch (prompt.parser) {
    case Parser::Label:
      return read_label(prompt, answer);
    case Parser::Json:
      return read_json(prompt, answer);
    case Parser::Text:
      break;
  }
  return std::string(trim(answer));
}

std::optional<std::string> unmet_expectation(const Prompt& prompt, const PromptTest& test, std::string_view answer) {
  const Result<std::string> read = read_answer(prompt, answer);
  if (!read) return fmt::format("{}: {}", read.error().message, shown(trim(answer)));
  if (!test.output.empty()) {
    const Result<std::string> expected = read_answer(prompt, test.output);
    if (!expected) return "the expected output itself is " + expected.error().message;
    if (*read != *expected) return fmt::format("expected {}, got {}", shown(*expected), shown(*read));
  }
  for (const std::string& text : test.contains) {
    if (read->find(text) == std::string::npos) return fmt::format("does not hold {}: {}", shown(text), shown(*read));
  }
  for (const std::string& text : test.lacks) {
    if (read->find(text) != std::string::npos) return fmt::format("holds {}, which it must not", shown(text));
  }
  return test.fields.empty() ? std::nullopt : unmet_fields(test, *read);
}

}  // namespace suffice::prompts
