#include "lab/operate/recorded.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "audit/event_json.hpp"
#include "wire/json.hpp"
#include "wire/json_fields.hpp"

namespace suffice::lab {
namespace {

namespace json = boost::json;
using wire::array_or_null;
using wire::integer_or;
using wire::object_or_null;
using wire::string_or_empty;

std::string text_of(const json::object& object, std::string_view name) {
  return std::string(string_or_empty(object, name));
}

bool flag(const json::object& object, std::string_view name) {
  const json::value* value = wire::find_member(object, name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

std::optional<double> number(const json::object& object, std::string_view name) {
  const json::value* value = wire::find_member(object, name);
  return value == nullptr ? std::nullopt : wire::to_double(*value);
}

/// By the words of the record, so that kinds that are added later are known here at once.
std::optional<audit::Event::Kind> kind_of(std::string_view word) {
  for (int i = 0; i <= static_cast<int>(audit::Event::Kind::VaultRead); ++i) {
    const auto kind = static_cast<audit::Event::Kind>(i);
    if (audit::name(kind) == word) return kind;
  }
  return std::nullopt;
}

std::vector<Reason> reasons_of(const json::object& object) {
  std::vector<Reason> reasons;
  const json::array* array = array_or_null(object, "reasons");
  if (array == nullptr) return reasons;
  for (const json::value& item : *array) {
    const json::string* word = item.if_string();
    if (word == nullptr) continue;
    if (const auto reason = reason_from_name(std::string_view(word->data(), word->size()))) reasons.push_back(*reason);
  }
  return reasons;
}

std::vector<CheckResult> checks_of(const json::object& object, std::string_view name) {
  std::vector<CheckResult> checks;
  const json::array* array = array_or_null(object, name);
  if (array == nullptr) return checks;
  for (const json::value& item : *array) {
    const json::object* check = item.if_object();
    if (check == nullptr) continue;
    checks.push_back(
        {.check = text_of(*check, "check"), .passed = flag(*check, "passed"), .detail = text_of(*check, "detail")});
  }
  return checks;
}

std::vector<Signal> signals_of(const json::object& object) {
  std::vector<Signal> signals;
  const json::array* array = array_or_null(object, "signals");
  if (array == nullptr) return signals;
  for (const json::value& item : *array) {
    const json::object* signal = item.if_object();
    if (signal == nullptr) continue;
    if (const auto value = number(*signal, "value"))
      signals.push_back({.name = text_of(*signal, "name"), .value = *value});
  }
  return signals;
}

Usage usage_of(const json::object& object) {
  const json::object* usage = object_or_null(object, "usage");
  if (usage == nullptr) return {};
  return {.input_tokens = integer_or(*usage, "input_tokens", 0),
          .cached_input_tokens = integer_or(*usage, "cached_input_tokens", 0),
          .output_tokens = integer_or(*usage, "output_tokens", 0),
          .reasoning_tokens = integer_or(*usage, "reasoning_tokens", 0)};
}

audit::Attempt attempt_of(const json::object& object) {
  audit::Attempt attempt;
  attempt.tier = static_cast<int>(std::clamp<std::int64_t>(integer_or(object, "tier", 0), 0, 1'000));
  attempt.model = text_of(object, "model");
  attempt.provider = text_of(object, "provider");
  attempt.response_model = text_of(object, "response_model");
  attempt.quantisation = text_of(object, "quantisation");
  attempt.adapter = text_of(object, "adapter");
  attempt.prompt = text_of(object, "prompt");
  attempt.local = flag(object, "local");
  attempt.stand_in = flag(object, "stand_in");
  attempt.accepted = flag(object, "accepted");
  attempt.error = text_of(object, "error");
  attempt.reasons = reasons_of(object);
  attempt.checks = checks_of(object, "checks");
  attempt.signals = signals_of(object);
  attempt.confidence = number(object, "confidence");
  attempt.confidence_source = text_of(object, "confidence_source");
  attempt.threshold = number(object, "threshold");
  attempt.certificate = text_of(object, "certificate");
  attempt.latency_us = integer_or(object, "latency_us", 0);
  attempt.first_token_us = integer_or(object, "first_token_us", 0);
  attempt.usage = usage_of(object);
  attempt.usage_known = flag(object, "usage_known");
  attempt.cost = Usd{integer_or(object, "cost_nanodollars", 0)};
  attempt.output_sha256 = text_of(object, "output_sha256");
  return attempt;
}

Excerpt excerpt_of(const json::object& object, std::string_view name) {
  const json::object* text = object_or_null(object, name);
  if (text == nullptr) return {};
  return {
      .bytes = integer_or(*text, "bytes", 0), .preview = text_of(*text, "preview"), .sha256 = text_of(*text, "sha256")};
}

void read_request(const json::object& object, Recorded& recorded) {
  audit::Event& event = recorded.event;
  event.caller_key = text_of(object, "caller_key");
  event.surface = text_of(object, "surface");
  event.reasons = reasons_of(object);
  event.input_checks = checks_of(object, "input_checks");
  if (const json::array* attempts = array_or_null(object, "attempts")) {
    for (const json::value& item : *attempts) {
      if (const json::object* attempt = item.if_object()) event.attempts.push_back(attempt_of(*attempt));
    }
  }
  event.served_model = text_of(object, "served_model");
  event.http_status = static_cast<int>(std::clamp<std::int64_t>(integer_or(object, "http_status", 0), 0, 999));
  event.streamed = flag(object, "streamed");
  event.stand_in = flag(object, "stand_in");
  event.cost = Usd{integer_or(object, "cost_nanodollars", 0)};
  if (wire::find_member(object, "counterfactual_cost_nanodollars") != nullptr) {
    event.counterfactual_cost = Usd{integer_or(object, "counterfactual_cost_nanodollars", 0)};
    event.counterfactual_estimated = flag(object, "counterfactual_estimated");
  }
  event.latency_us = integer_or(object, "latency_us", 0);
  event.overhead_us = integer_or(object, "overhead_us", 0);
  recorded.input = excerpt_of(object, "input");
  recorded.output = excerpt_of(object, "output");
  event.output_sha256 = recorded.output.sha256;
}

/// Digits at `at`, which are there: parse_time has looked.
int digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  std::from_chars(text.data() + at, text.data() + at + count, value);
  return value;
}

bool has_form(std::string_view text, std::string_view form) {
  if (text.size() < form.size()) return false;
  for (std::size_t i = 0; i < form.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (form[i] == '0' ? !digit : text[i] != form[i]) return false;
  }
  return true;
}

}  // namespace

Result<Recorded> read_event(std::string_view text) {
  wire::JsonArena arena;
  SUFFICE_TRY(const json::value parsed, wire::parse_json(text, {}, arena.storage()));
  const json::object* object = parsed.if_object();
  if (object == nullptr) return fail(ErrorCode::MalformedRequest, "an event is a JSON object");
  const std::string_view word = string_or_empty(*object, "kind");
  const auto kind = kind_of(word);
  if (!kind) return fail(ErrorCode::UnsupportedField, "an event of a kind that this program does not know", "kind");
  Recorded recorded;
  audit::Event& event = recorded.event;
  event.kind = *kind;
  event.id = text_of(*object, "id");
  SUFFICE_TRY(event.time, parse_time(string_or_empty(*object, "time")));
  event.request_id = text_of(*object, "request_id");
  event.trace_id = text_of(*object, "trace_id");
  event.task = text_of(*object, "task");
  event.caller_group = text_of(*object, "caller_group");
  event.policy_version = text_of(*object, "policy_version");
  event.outcome = text_of(*object, "outcome");
  event.note = text_of(*object, "note");
  event.workflow = text_of(*object, "workflow");
  event.run_id = text_of(*object, "run_id");
  event.refers_to = text_of(*object, "refers_to");
  event.actor = text_of(*object, "actor");
  event.label = text_of(*object, "label");
  event.label_value = text_of(*object, "label_value");
  if (event.kind != audit::Event::Kind::Request && event.kind != audit::Event::Kind::Shadow) return recorded;
  const auto route = route_from_name(string_or_empty(*object, "route"));
  if (!route) return fail(ErrorCode::MalformedRequest, "a request's event without a known route", "route");
  event.route = *route;
  read_request(*object, recorded);
  return recorded;
}

Result<ReadCount> read_events(audit::AuditReader& reader, WallTime since,
                              const std::function<bool(const Recorded&)>& row) {
  ReadCount count;
  audit::EventFilter filter;
  filter.since = audit::rfc3339_ms(since);
  SUFFICE_TRY_VOID(reader.read(filter, [&](const audit::StoredEvent& stored) {
    Result<Recorded> recorded = read_event(stored.json);
    if (!recorded) {
      ++count.skipped;
      return true;
    }
    ++count.events;
    recorded->sequence = stored.sequence;
    return row(*recorded);
  }));
  return count;
}

Result<WallTime> parse_time(std::string_view text) {
  using namespace std::chrono;
  const auto bad = [] {
    return fail(ErrorCode::InvalidArgument, "no time; write 2026-11-22T06:30:00Z or 2026-11-22, in UTC");
  };
  if (!has_form(text, "0000-00-00")) return bad();
  const year_month_day date{year(digits(text, 0, 4)), month(static_cast<unsigned>(digits(text, 5, 2))),
                            day(static_cast<unsigned>(digits(text, 8, 2)))};
  // The clock counts nanoseconds in 64 bits.
  constexpr int kYearMax = 2'261;
  if (!date.ok() || date.year() < year(1970) || date.year() > year(kYearMax)) return bad();
  const sys_days begin{date};
  if (text.size() == 10) return WallTime{begin};
  if (!has_form(text.substr(10), "T00:00:00")) return bad();
  const int hour = digits(text, 11, 2);
  const int minute = digits(text, 14, 2);
  const int second = digits(text, 17, 2);
  if (hour > 23 || minute > 59 || second > 60) return bad();
  std::string_view rest = text.substr(19);
  int milliseconds_part = 0;
  if (!rest.empty() && rest.front() == '.') {
    const std::size_t end = rest.find_first_not_of("0123456789", 1);
    if (end == 1 || end == std::string_view::npos) return bad();
    std::string fraction(rest.substr(1, end - 1));
    fraction.resize(3, '0');
    milliseconds_part = digits(fraction, 0, 3);
    rest = rest.substr(end);
  }
  if (rest != "Z") return bad();
  return WallTime{begin} + hours(hour) + minutes(minute) + seconds(second) + milliseconds(milliseconds_part);
}

Result<WallTime> parse_since(std::string_view text, WallTime now) {
  using namespace std::chrono;
  constexpr std::int64_t kCountMax = 100'000;
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (error == std::errc() && count > 0 && count <= kCountMax) {
    if (unit == "m") return now - minutes(count);
    if (unit == "h") return now - hours(count);
    if (unit == "d") return now - hours(24 * count);
    if (unit == "w") return now - hours(168 * count);
  }
  if (has_form(text, "0000-00-00")) return parse_time(text);
  return fail(ErrorCode::InvalidArgument,
              "neither a time nor a span; write 7d, 24h, 30m, 4w, or 2026-11-22T06:30:00Z in UTC");
}

bool is_decision(const audit::Event& event) {
  return event.kind == audit::Event::Kind::Request && event.surface.find("embed") == std::string::npos;
}

std::string subject_of(const audit::Event& event) {
  return event.task.empty() && !event.workflow.empty() ? "workflow " + event.workflow : event.task;
}

bool is_local_accept(const audit::Event& event) { return is_decision(event) && event.route == Route::Local; }

const audit::Attempt* accepted_attempt(const audit::Event& event) {
  const auto found = std::ranges::find_if(event.attempts, &audit::Attempt::accepted);
  return found == event.attempts.end() ? nullptr : &*found;
}

}  // namespace suffice::lab
