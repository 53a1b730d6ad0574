// Outcomes of a chain as JSON: what a journal keeps, what --json prints.

#include <algorithm>
#include <array>
#include <utility>

#include <boost/json.hpp>

#include "core/text.hpp"
#include "wire/json.hpp"
#include "workflow/patterns/chain_of_agents/chain.hpp"
#include "workflow/patterns/chain_of_agents/chain_json.hpp"

namespace suffice::workflow::chain {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 9> kNotFound = {"",    "none",    "null", "not found", "nothing found",
                                                       "n/a", "unknown", "nil",  "no answer"};

Result<const json::value*> member(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr) return fail(ErrorCode::MalformedRequest, "is missing", "/" + std::string(name));
  return value;
}

Result<std::size_t> count_in(const json::object& object, std::string_view name) {
  SUFFICE_TRY(const json::value* value, member(object, name));
  if (!value->is_int64() || value->as_int64() < 0)
    return fail(ErrorCode::MalformedRequest, "is no whole number", "/" + std::string(name));
  return static_cast<std::size_t>(value->as_int64());
}

Result<std::string> text_in(const json::object& object, std::string_view name) {
  SUFFICE_TRY(const json::value* value, member(object, name));
  if (!value->is_string()) return fail(ErrorCode::MalformedRequest, "is no text", "/" + std::string(name));
  return std::string(value->as_string());
}

Result<const json::object*> object_in(const json::object& object, std::string_view name) {
  SUFFICE_TRY(const json::value* value, member(object, name));
  if (!value->is_object()) return fail(ErrorCode::MalformedRequest, "is no object", "/" + std::string(name));
  return &value->as_object();
}

Result<const json::array*> array_in(const json::object& object, std::string_view name) {
  SUFFICE_TRY(const json::value* value, member(object, name));
  if (!value->is_array()) return fail(ErrorCode::MalformedRequest, "is no array", "/" + std::string(name));
  return &value->as_array();
}

}  // namespace

json::object to_object(const PathReport& report) {
  json::array unread;
  for (const UnreadPart& part : report.unread) unread.push_back(json::object{{"chunk", part.chunk}, {"why", part.why}});
  return {{"read", report.read},
          {"retried", report.retried},
          {"facts_unverified", report.facts_unverified},
          {"facts_refused", report.facts_refused},
          {"facts_hidden", report.facts_hidden},
          {"prompt_tokens", report.prompt_tokens},
          {"unread", std::move(unread)}};
}

Result<PathReport> report_from(const json::object& object) {
  PathReport report;
  SUFFICE_TRY(report.read, count_in(object, "read"));
  SUFFICE_TRY(report.retried, count_in(object, "retried"));
  SUFFICE_TRY(report.facts_unverified, count_in(object, "facts_unverified"));
  SUFFICE_TRY(report.facts_refused, count_in(object, "facts_refused"));
  SUFFICE_TRY(report.facts_hidden, count_in(object, "facts_hidden"));
  SUFFICE_TRY(const std::size_t tokens, count_in(object, "prompt_tokens"));
  report.prompt_tokens = static_cast<std::int64_t>(tokens);
  SUFFICE_TRY(const json::array* unread, array_in(object, "unread"));
  for (const json::value& each : *unread) {
    if (!each.is_object()) return fail(ErrorCode::MalformedRequest, "is no object", "/unread");
    UnreadPart part;
    SUFFICE_TRY(part.chunk, count_in(each.as_object(), "chunk"));
    SUFFICE_TRY(part.why, text_in(each.as_object(), "why"));
    report.unread.push_back(std::move(part));
  }
  return report;
}

json::object to_object(const PathAnswer& answer) {
  return {{"order", name(answer.order)},
          {"answer", answer.answer},
          {"found", answer.found},
          {"state", json::parse(answer.state.to_json().text)},
          {"report", to_object(answer.report)}};
}

Result<PathAnswer> path_from(const json::object& object) {
  PathAnswer answer;
  SUFFICE_TRY(const std::string order, text_in(object, "order"));
  const std::optional<ReadingOrder> known = reading_order_named(order);
  if (!known) return fail(ErrorCode::MalformedRequest, "is no order", "/order");
  answer.order = *known;
  SUFFICE_TRY(answer.answer, text_in(object, "answer"));
  const json::value* found = object.if_contains("found");
  answer.found = found != nullptr && found->is_bool() && found->as_bool();
  SUFFICE_TRY(const json::object* state, object_in(object, "state"));
  SUFFICE_TRY(answer.state, CarriedState::from_json(json::serialize(*state)));
  SUFFICE_TRY(const json::object* report, object_in(object, "report"));
  SUFFICE_TRY(answer.report, report_from(*report));
  return answer;
}

FlowMessage ChainOutcome::to_message() const {
  CarriedState all;
  for (LedgerFact fact : facts) all.add(std::move(fact));
  json::array answers;
  for (const PathAnswer& path : paths) answers.push_back(to_object(path));
  json::value said(answer);
  if (!found) said = nullptr;
  JsonText body = wire::to_json_text(json::object{{"answer", std::move(said)},
                                                  {"text", answer},
                                                  {"chunks", chunks},
                                                  {"agreeing", agreeing},
                                                  {"ledger", json::parse(all.to_json().text)},
                                                  {"paths", std::move(answers)}});
  return {.type = std::string(kAnswerType), .body = std::move(body)};
}

Result<ChainOutcome> ChainOutcome::of(const FlowMessage& message) {
  SUFFICE_TRY(const json::value value, wire::parse_json(message.body.text));
  if (!value.is_object()) return fail(ErrorCode::MalformedRequest, "not the outcome of a chain");
  const json::object& object = value.as_object();
  ChainOutcome outcome;
  SUFFICE_TRY(outcome.answer, text_in(object, "text"));
  SUFFICE_TRY(const json::value* said, member(object, "answer"));
  outcome.found = !said->is_null();
  SUFFICE_TRY(outcome.chunks, count_in(object, "chunks"));
  SUFFICE_TRY(outcome.agreeing, count_in(object, "agreeing"));
  SUFFICE_TRY(const json::object* ledger, object_in(object, "ledger"));
  SUFFICE_TRY(const CarriedState all, CarriedState::from_json(json::serialize(*ledger)));
  outcome.facts = all.facts();
  SUFFICE_TRY(const json::array* paths, array_in(object, "paths"));
  for (const json::value& each : *paths) {
    if (!each.is_object()) return fail(ErrorCode::MalformedRequest, "is no object", "/paths");
    SUFFICE_TRY(PathAnswer path, path_from(each.as_object()));
    outcome.paths.push_back(std::move(path));
  }
  return outcome;
}

std::string canonical_answer(std::string_view answer) {
  const std::string folded = fold_case(trim(answer));
  const auto is_edge = [](char c) {
    return std::string_view(" \t\r\n.,;:!?\"'`()[]*").find(c) != std::string_view::npos;
  };
  std::size_t begin = 0;
  std::size_t end = folded.size();
  while (begin < end && is_edge(folded[begin])) ++begin;
  while (end > begin && is_edge(folded[end - 1])) --end;
  std::string canonical;
  for (std::size_t i = begin; i < end; ++i) {
    const bool space = std::string_view(" \t\r\n").find(folded[i]) != std::string_view::npos;
    if (space && canonical.ends_with(' ')) continue;
    canonical += space ? ' ' : folded[i];
  }
  return canonical;
}

bool says_not_found(std::string_view answer) {
  return std::ranges::find(kNotFound, canonical_answer(answer)) != kNotFound.end();
}

std::string_view name(ReadingOrder order) noexcept {
  switch (order) {
    case ReadingOrder::Forward:
      return "forward";
    case ReadingOrder::Backward:
      return "backward";
    case ReadingOrder::Shuffled:
      return "shuffled";
  }
  return "forward";
}

std::optional<ReadingOrder> reading_order_named(std::string_view named) noexcept {
  for (const ReadingOrder order : {ReadingOrder::Forward, ReadingOrder::Backward, ReadingOrder::Shuffled}) {
    if (name(order) == named) return order;
  }
  return std::nullopt;
}

}  // namespace suffice::workflow::chain
