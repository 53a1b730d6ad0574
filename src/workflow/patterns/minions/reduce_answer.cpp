#include "workflow/patterns/minions/reduce_answer.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <boost/json.hpp>
#include <fmt/core.h>

#include "core/text.hpp"
#include "wire/json_fields.hpp"
#include "workflow/patterns/minions/json_answer.hpp"

namespace suffice::workflow::minions {

namespace {

std::unexpected<Error> rejected(std::string problem) {
  return fail(ErrorCode::OutputRejected, fmt::format("the decision cannot be used: {}", std::move(problem)), "reduce");
}

std::string note(const boost::json::object& object, std::string_view name, const Limits& limits) {
  return std::string(first_code_points(trim(wire::string_or_empty(object, name)), limits.note_characters_max));
}

Result<std::vector<std::size_t>> evidence_of(const boost::json::object& object, std::size_t citations) {
  std::vector<std::size_t> evidence;
  const boost::json::array* list = wire::array_or_null(object, "evidence");
  if (list == nullptr) return evidence;
  for (const boost::json::value& value : *list) {
    const std::optional<std::int64_t> number = wire::to_integer(value);
    if (!number || *number < 1 || static_cast<std::size_t>(*number) > citations) {
      return rejected(fmt::format("/evidence: only the numbers 1 to {} were shown", citations));
    }
    evidence.push_back(static_cast<std::size_t>(*number));
  }
  std::ranges::sort(evidence);
  const auto repeated = std::ranges::unique(evidence);
  evidence.erase(repeated.begin(), repeated.end());
  return evidence;
}

Result<Decision> more(const boost::json::object& object, Rounds rounds, const Limits& limits) {
  if (rounds == Rounds::MustAnswer) return rejected("/decision: this was the last round, it must be \"answer\"");
  Decision decision;
  decision.kind = Decision::Kind::More;
  decision.feedback = note(object, "feedback", limits);
  decision.scratchpad = note(object, "scratchpad", limits);
  if (decision.feedback.empty()) return rejected("/feedback: \"more\" needs to say what the next round ought to do");
  return decision;
}

}  // namespace

Result<Decision> parse_decision(std::string_view text, std::size_t citations, Rounds rounds, const Limits& limits) {
  const Result<boost::json::value> value = json_answer(text);
  if (!value || !value->is_object()) return rejected("it is not one JSON object");
  const boost::json::object& object = value->get_object();
  const std::string_view kind = wire::string_or_empty(object, "decision");
  if (kind == "more") return more(object, rounds, limits);
  if (kind != "answer") return rejected("/decision: must be \"answer\" or \"more\"");
  const boost::json::value* answer = object.if_contains("answer");
  if (answer == nullptr) return rejected("/answer: missing");
  if (!answer->is_null() && !answer->is_string()) return rejected("/answer: must be text or null");
  Decision decision;
  if (answer->is_null() || says_nothing(std::string_view(answer->get_string()))) return decision;
  SUFFICE_TRY(decision.evidence, evidence_of(object, citations));
  if (decision.evidence.empty()) return rejected("/evidence: an answer names the citations that it rests on");
  decision.kind = Decision::Kind::Answer;
  decision.answer = std::string_view(answer->get_string());
  return decision;
}

}  // namespace suffice::workflow::minions
