#include "workflow/patterns/minions/worker_answer.hpp"

#include <utility>

#include <boost/json.hpp>
#include <fmt/core.h>

#include "core/text.hpp"
#include "wire/json.hpp"
#include "workflow/patterns/minions/json_answer.hpp"

namespace suffice::workflow::minions {

namespace {

WorkerAnswer malformed(std::string problem) {
  WorkerAnswer answer;
  answer.problem = std::move(problem);
  return answer;
}

WorkerAnswer abstained() {
  WorkerAnswer answer;
  answer.kind = WorkerAnswer::Kind::Abstained;
  return answer;
}

/// The member as text: null and absent are empty, numbers and truth values are written out. False for an array or object.
bool read_text(const boost::json::object& object, std::string_view name, std::string& out) {
  const boost::json::value* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return true;
  if (const boost::json::string* text = value->if_string()) {
    out.assign(text->data(), text->size());
    return true;
  }
  if (value->is_object() || value->is_array()) return false;
  out = wire::to_json_text(*value).text;
  return true;
}

}  // namespace

WorkerAnswer parse_worker_answer(std::string_view text, Ending ending) {
  if (ending == Ending::Truncated) return malformed("cut off at the output limit");
  if (first_invalid_utf8(text)) return malformed("not UTF-8");
  // Only a short text can be a word for "nothing"; what is long is not worth folding.
  if (text.size() < 64 && says_nothing(unfenced(text))) return abstained();
  const Result<boost::json::value> value = json_answer(text);
  if (!value) return malformed("not one JSON object");
  if (value->is_null()) return abstained();
  if (value->is_string() && says_nothing(std::string_view(value->get_string()))) return abstained();
  const boost::json::object* object = value->if_object();
  if (object == nullptr) return malformed("JSON, but no object");
  if (object->if_contains("answer") == nullptr) return malformed("without the member \"answer\"");
  WorkerAnswer answer;
  for (const auto& [name, out] : {std::pair("explanation", &answer.explanation),
                                  std::pair("citation", &answer.citation), std::pair("answer", &answer.answer)}) {
    if (!read_text(*object, name, *out)) return malformed(fmt::format("the member \"{}\" is no text", name));
  }
  if (says_nothing(answer.answer)) return abstained();
  answer.kind = WorkerAnswer::Kind::Found;
  return answer;
}

JsonText worker_schema(const Limits& limits) {
  return JsonText{fmt::format(
      R"({{"type":"object","properties":{{"explanation":{{"type":"string","maxLength":400}},)"
      R"("citation":{{"type":["string","null"],"maxLength":{}}},"answer":{{"type":["string","null"],"maxLength":400}}}},)"
      R"("required":["explanation","citation","answer"],"additionalProperties":false}})",
      limits.citation_bytes_max)};
}

}  // namespace suffice::workflow::minions
