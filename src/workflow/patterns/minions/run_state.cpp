#include "workflow/patterns/minions/run_state.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include <boost/json.hpp>

#include "core/text.hpp"
#include "wire/json.hpp"
#include "wire/json_fields.hpp"

namespace suffice::workflow::minions {

namespace {

using Counter = std::size_t MapReport::*;
constexpr std::array<std::pair<std::string_view, Counter>, 10> kCounters = {{{"jobs", &MapReport::jobs},
                                                                             {"abstained", &MapReport::abstained},
                                                                             {"verified", &MapReport::verified},
                                                                             {"uncited", &MapReport::uncited},
                                                                             {"unverified", &MapReport::unverified},
                                                                             {"too_long", &MapReport::too_long},
                                                                             {"retried", &MapReport::retried},
                                                                             {"malformed", &MapReport::malformed},
                                                                             {"failed", &MapReport::failed},
                                                                             {"left_out", &MapReport::left_out}}};

/// Of a stored manifest: it was checked before it was stored, under limits that may have changed since.
constexpr Limits kStoredLimits{
    .rounds_max = kRoundsMax, .tasks_max = 1000, .samples_max = 1000, .fact_bytes = 0, .fact_units = 0};

std::unexpected<Error> altered(std::string_view where) {
  return fail(ErrorCode::MalformedRequest, "this is no state of a MINIONS run over this document", std::string(where));
}

Result<std::size_t> count_at(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(name);
  const std::optional<std::int64_t> number = value == nullptr ? std::nullopt : wire::to_integer(*value);
  if (!number || *number < 0) return altered(name);
  return static_cast<std::size_t>(*number);
}

boost::json::object to_object(const Finding& finding) {
  return {{"round", finding.round},
          {"task", finding.task},
          {"begin", finding.range.begin},
          {"end", finding.range.end},
          {"votes", finding.votes},
          {"answer", finding.answer},
          {"explanation", finding.explanation}};
}

Result<Finding> finding_from(const boost::json::value& value, std::size_t document_bytes) {
  const boost::json::object* object = value.if_object();
  if (object == nullptr) return altered("kept");
  Finding finding;
  SUFFICE_TRY(finding.round, count_at(*object, "round"));
  SUFFICE_TRY(finding.range.begin, count_at(*object, "begin"));
  SUFFICE_TRY(finding.range.end, count_at(*object, "end"));
  SUFFICE_TRY(finding.votes, count_at(*object, "votes"));
  if (finding.range.begin > finding.range.end || finding.range.end > document_bytes) return altered("kept");
  finding.task = wire::string_or_empty(*object, "task");
  finding.answer = wire::string_or_empty(*object, "answer");
  finding.explanation = wire::string_or_empty(*object, "explanation");
  return finding;
}

Result<MapReport> report_from(const boost::json::value& value) {
  const boost::json::object* object = value.if_object();
  if (object == nullptr) return altered("reports");
  MapReport report;
  for (const auto& [name, counter] : kCounters) {
    SUFFICE_TRY(report.*counter, count_at(*object, name));
  }
  return report;
}

}  // namespace

JsonText RunState::json() const {
  boost::json::object object{{"round", round}, {"advice", advice}, {"feedback", feedback}, {"scratchpad", scratchpad}};
  boost::json::array& names = object["asked"].emplace_array();
  for (const std::string& name : asked) names.emplace_back(name);
  object["manifest"] = manifest.tasks.empty() ? std::string() : manifest.json().text;
  boost::json::array& findings = object["kept"].emplace_array();
  for (const Finding& finding : kept) findings.emplace_back(to_object(finding));
  boost::json::array& counts = object["reports"].emplace_array();
  for (const MapReport& report : reports) {
    boost::json::object& one = counts.emplace_back(boost::json::object()).as_object();
    for (const auto& [name, counter] : kCounters) one[name] = report.*counter;
  }
  object["remote_tokens"] = remote_tokens;
  return wire::to_json_text(object);
}

Result<RunState> RunState::from_json(std::string_view text, std::size_t document_bytes) {
  SUFFICE_TRY(const boost::json::value value, wire::parse_json(text));
  const boost::json::object* object = value.if_object();
  if (object == nullptr) return altered("state");
  RunState state;
  SUFFICE_TRY(state.round, count_at(*object, "round"));
  state.advice = wire::string_or_empty(*object, "advice");
  state.feedback = wire::string_or_empty(*object, "feedback");
  state.scratchpad = wire::string_or_empty(*object, "scratchpad");
  const boost::json::array* asked = wire::array_or_null(*object, "asked");
  const boost::json::array* kept = wire::array_or_null(*object, "kept");
  const boost::json::array* reports = wire::array_or_null(*object, "reports");
  if (asked == nullptr || kept == nullptr || reports == nullptr) return altered("state");
  for (const boost::json::value& name : *asked) {
    if (!name.is_string()) return altered("asked");
    state.asked.emplace_back(std::string_view(name.get_string()));
  }
  if (const std::string_view manifest = wire::string_or_empty(*object, "manifest"); !manifest.empty()) {
    SUFFICE_TRY(state.manifest, parse_manifest(manifest, kStoredLimits));
  }
  for (const boost::json::value& finding : *kept) {
    SUFFICE_TRY(Finding one, finding_from(finding, document_bytes));
    state.kept.push_back(std::move(one));
  }
  SUFFICE_TRY(const std::size_t remote_tokens, count_at(*object, "remote_tokens"));
  state.remote_tokens = static_cast<std::int64_t>(remote_tokens);
  for (const boost::json::value& report : *reports) {
    SUFFICE_TRY(const MapReport one, report_from(report));
    state.reports.push_back(one);
  }
  return state;
}

RemoteView view_of(const Question& question, const RunState& state, const Limits& limits) {
  return {.query = question.query,
          .metadata = question.document.metadata(),
          .advice = state.advice,
          .feedback = state.feedback,
          .scratchpad = state.scratchpad,
          .asked = state.asked,
          .citations = shown(question.document.text, state.kept),
          .round = state.round,
          .rounds_max = limits.rounds_max};
}

RunState advised(RunState state, std::string_view advice, const Limits& limits) {
  state.advice = first_code_points(trim(advice), limits.note_characters_max);
  return state;
}

RunState planned(RunState state, JobManifest manifest) {
  for (const MapTask& task : manifest.tasks) state.asked.push_back(task.name);
  state.manifest = std::move(manifest);
  return state;
}

RunState mapped(RunState state, const std::vector<Finding>& found, MapReport report, const Limits& limits) {
  state.kept = keep_within_limit(std::move(state.kept), found, limits, report);
  state.reports.push_back(report);
  return state;
}

RunState fitted(RunState state, const Question& question, const Limits& limits, std::int64_t tokens_max,
                const prompts::TokenCounter& count) {
  if (tokens_max <= 0) return state;
  while (!state.kept.empty() &&
         prefill_tokens(reduce_prompt(view_of(question, state, limits), {}), count) > tokens_max) {
    // Of those with the fewest votes the last one.
    std::size_t weakest = 0;
    for (std::size_t i = 0; i < state.kept.size(); ++i) {
      if (state.kept[i].votes <= state.kept[weakest].votes) weakest = i;
    }
    state.kept.erase(state.kept.begin() + static_cast<std::ptrdiff_t>(weakest));
    if (!state.reports.empty()) ++state.reports.back().left_out;
  }
  return state;
}

RunState continued(RunState state, const Decision& decision) {
  ++state.round;
  state.feedback = decision.feedback;
  state.scratchpad = decision.scratchpad;
  state.manifest = {};
  return state;
}

Rounds rounds_left(const RunState& state, const Limits& limits) {
  return state.round < limits.rounds_max ? Rounds::MayGoOn : Rounds::MustAnswer;
}

Answer answered(const RunState& state, const Decision& decision) {
  Answer answer;
  answer.found = decision.kind == Decision::Kind::Answer;
  answer.text = decision.answer;
  for (const std::size_t number : decision.evidence) answer.evidence.push_back(state.kept[number - 1]);
  return answer;
}

}  // namespace suffice::workflow::minions
