#include "prompts/paired_answers.hpp"

#include <algorithm>
#include <cmath>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "core/text.hpp"
#include "wire/json.hpp"

namespace suffice::prompts {

namespace json = boost::json;

namespace {

std::string text_of(const json::value* value) {
  if (value == nullptr) return {};
  if (value->is_string()) return std::string(value->get_string());
  return wire::to_json_text(*value).text;
}

Result<SuiteCase> read_case(std::string_view line, int number) {
  SUFFICE_TRY(const json::value value, wire::parse_json(line));
  if (!value.is_object()) return fail(ErrorCode::MalformedRequest, "a case is a JSON object");
  const json::object& object = value.get_object();
  SuiteCase one;
  one.id = object.contains("id") ? text_of(object.if_contains("id")) : std::to_string(number);
  one.test.input = text_of(object.if_contains("input"));
  one.test.output = text_of(object.if_contains("expected"));
  if (const json::value* fields = object.if_contains("fields"); fields != nullptr && fields->is_object())
    one.test.fields = wire::to_json_text(*fields);
  if (one.test.input.empty()) return fail(ErrorCode::MalformedRequest, "no input; each line needs input and expected");
  if (one.test.output.empty() && one.test.fields.empty())
    return fail(ErrorCode::MalformedRequest, "neither expected nor fields; each line needs one of them");
  return one;
}

}  // namespace

Result<std::vector<SuiteCase>> read_suite(std::string_view json_lines, const std::string& name) {
  std::vector<SuiteCase> cases;
  for (int number = 1; !json_lines.empty(); ++number) {
    const auto end = json_lines.find('\n');
    const std::string_view line = trim(json_lines.substr(0, end));
    json_lines.remove_prefix(end == std::string_view::npos ? json_lines.size() : end + 1);
    if (line.empty()) continue;
    Result<SuiteCase> one = read_case(line, number);
    if (!one) return fail(one.error().code, one.error().message, fmt::format("{}:{}", name, number));
    cases.push_back(*std::move(one));
  }
  if (cases.empty()) return fail(ErrorCode::MalformedRequest, "a suite without a case", name);
  return cases;
}

double mcnemar_exact(std::int64_t fixed, std::int64_t broke) {
  const std::int64_t discordant = fixed + broke;
  const std::int64_t fewer = std::min(fixed, broke);
  if (2 * fewer == discordant) return 1.0;  // also without any
  const auto n = static_cast<double>(discordant);
  double tail = 0;
  for (std::int64_t k = 0; k <= fewer; ++k) {
    const auto chosen = static_cast<double>(k);
    tail += std::exp(std::lgamma(n + 1) - std::lgamma(chosen + 1) - std::lgamma(n - chosen + 1) - n * std::log(2.0));
  }
  return std::min(1.0, 2 * tail);
}

}  // namespace suffice::prompts
