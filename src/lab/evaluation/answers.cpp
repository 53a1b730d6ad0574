#include "lab/evaluation/answers.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/text.hpp"
#include "wire/json.hpp"

namespace suffice::lab {
namespace {

namespace json = boost::json;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct NumberAt {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// The first number from `from` on: a sign that no digit stands before, digits with commas between them, a fraction.
std::optional<NumberAt> next_number(std::string_view text, std::size_t from) {
  std::size_t begin = from;
  while (begin < text.size() && !is_digit(text[begin])) ++begin;
  if (begin == text.size()) return std::nullopt;
  std::size_t end = begin;
  const auto digit_behind = [&](std::size_t at) { return at + 1 < text.size() && is_digit(text[at + 1]); };
  while (end < text.size() && (is_digit(text[end]) || (text[end] == ',' && digit_behind(end)))) ++end;
  if (end < text.size() && text[end] == '.' && digit_behind(end)) {
    ++end;
    while (end < text.size() && is_digit(text[end])) ++end;
  }
  std::size_t sign = begin;
  if (sign > from && text[sign - 1] == '$') --sign;
  if (sign > from && text[sign - 1] == '-' && (sign < 2 || !is_digit(text[sign - 2]))) begin = sign - 1;
  return NumberAt{.begin = begin, .end = end};
}

std::optional<double> value_of(std::string_view number) {
  std::string plain;
  for (const char c : number) {
    if (c != ',' && c != '$') plain += c;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), value);
  if (error != std::errc() || end != plain.data() + plain.size()) return std::nullopt;
  return value;
}

std::string normalised(std::string_view answer) {
  std::string folded = fold_case(trim(answer));
  if (const std::optional<NumberAt> number = next_number(folded, 0)) {
    const std::optional<double> value =
        value_of(std::string_view(folded).substr(number->begin, number->end - number->begin));
    if (value) return fmt::format("{}", *value == 0 ? 0.0 : *value);
  }
  while (!folded.empty() && (folded.back() == '.' || folded.back() == ' ')) folded.pop_back();
  return folded;
}

/// The last complete {...} that is a JSON object; braces in strings may mislead the search, not the parser.
std::optional<json::object> last_object(std::string_view output) {
  std::optional<json::object> last;
  std::size_t depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < output.size(); ++i) {
    if (output[i] == '{') {
      if (depth == 0) begin = i;
      ++depth;
    }
    if (output[i] != '}' || depth == 0) continue;
    --depth;
    if (depth > 0) continue;
    // Models break lines within strings, which JSON forbids.
    std::string text(output.substr(begin, i + 1 - begin));
    std::ranges::replace(text, '\n', ' ');
    if (Result<json::value> value = wire::parse_json(text); value && value->is_object())
      last = std::move(value->as_object());
  }
  return last;
}

/// What stands behind "answer": up to the closing quote, or the next comma, brace or line break.
std::optional<std::string_view> broken_answer(std::string_view output) {
  const std::size_t key = output.rfind("answer\"");
  if (key == std::string_view::npos) return std::nullopt;
  std::size_t at = output.find(':', key);
  if (at == std::string_view::npos) return std::nullopt;
  ++at;
  while (at < output.size() && output[at] == ' ') ++at;
  const bool quoted = at < output.size() && output[at] == '"';
  if (quoted) ++at;
  const std::size_t end = std::min(output.find_first_of(quoted ? "\"" : ",}\n", at), output.size());
  const std::string_view answer = trim(output.substr(at, end - at));
  if (answer.empty() || answer == "null") return std::nullopt;
  return answer;
}

std::optional<std::string> stated_answer(std::string_view output) {
  if (const std::optional<json::object> object = last_object(output)) {
    const json::value* answer = object->if_contains("answer");
    if (answer != nullptr && answer->is_string()) return std::string(answer->as_string());
    if (answer != nullptr && !answer->is_null()) return json::serialize(*answer);
  }
  const std::optional<std::string_view> broken = broken_answer(output);
  if (!broken) return std::nullopt;
  return std::string(*broken);
}

}  // namespace

std::optional<std::string> answer_in(std::string_view output) {
  if (const std::optional<std::string> stated = stated_answer(output)) return normalised(*stated);
  std::optional<NumberAt> last;
  for (std::optional<NumberAt> number = next_number(output, 0); number; number = next_number(output, number->end))
    last = number;
  if (!last) return std::nullopt;
  return normalised(output.substr(last->begin, last->end - last->begin));
}

OutputForm form_of(std::string_view output) {
  OutputForm form;
  const Result<json::value> whole = wire::parse_json(trim(output));
  form.strict_json = whole && whole->is_object();
  form.fenced = output.find("```") != std::string_view::npos;
  form.has_answer = stated_answer(output).has_value();
  form.code_points = count_code_points(output);
  const std::size_t brace = output.rfind('}');
  form.prose_behind = brace == std::string_view::npos ? output.size() : output.size() - brace - 1;
  for (std::optional<NumberAt> number = next_number(output, 0); number; number = next_number(output, number->end))
    ++form.numbers;
  const std::optional<std::string> answer = answer_in(output);
  if (!answer) return form;
  const std::optional<double> value = value_of(*answer);
  form.number_answer = value.has_value();
  form.negative = value && *value < 0;
  form.fraction = value && *value != std::floor(*value);
  return form;
}

}  // namespace suffice::lab
