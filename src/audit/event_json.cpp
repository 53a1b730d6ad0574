#include "audit/event_json.hpp"

#include <array>
#include <chrono>

#include <fmt/format.h>

#include "audit/redaction.hpp"
#include "core/hash.hpp"
#include "core/text.hpp"
#include "wire/json_writer.hpp"

namespace suffice::audit {
namespace {

/// Of the JSON's shape. Raised when a field changes its meaning; never when one is added.
constexpr std::int64_t kEventVersion = 1;
constexpr std::size_t kNameCodePointsMax = 256;
/// Longer than the JSON of most events.
constexpr std::size_t kUsualBytes = 4096;

/// Writes an event field by field. Every function writes its keys in byte order.
class EventWriter {
 public:
  explicit EventWriter(std::size_t preview_max) : preview_max_(preview_max) { text_.reserve(kUsualBytes); }

  std::string write(const Event& event) {
    json_.begin_object();
    if (event.kind == Event::Kind::Request) {
      write_request(event);
    } else if (event.kind == Event::Kind::Shadow) {
      write_shadow(event);
    } else {
      write_state_change(event);
    }
    json_.end_object();
    return std::move(text_);
  }

 private:
  void write_request(const Event& event) {
    json_.key("attempts");
    json_.begin_array();
    for (const Attempt& attempt : event.attempts) write_attempt(attempt);
    json_.end_array();
    name("caller_group", event.caller_group);
    name_if_any("caller_key", event.caller_key);
    integer("cost_nanodollars", event.cost.nanos);
    if (event.counterfactual_cost) {
      integer("counterfactual_cost_nanodollars", event.counterfactual_cost->nanos);
      boolean("counterfactual_estimated", event.counterfactual_estimated);
    }
    integer("event_version", kEventVersion);
    integer("http_status", event.http_status);
    name("id", event.id);
    text("input", event.input, sha256_hex(event.input));
    write_checks("input_checks", event.input_checks);
    name("kind", audit::name(event.kind));
    integer("latency_us", event.latency_us);
    prose_if_any("note", event.note);
    name("outcome", event.outcome);
    text("output", event.output, event.output_sha256.empty() ? sha256_hex(event.output) : event.output_sha256);
    integer("overhead_us", event.overhead_us);
    name("policy_version", event.policy_version);
    write_reasons(event.reasons);
    name("request_id", event.request_id);
    name("route", suffice::name(event.route));
    name_if_any("run_id", event.run_id);
    name("served_model", event.served_model);
    boolean("stand_in", event.stand_in);
    boolean("streamed", event.streamed);
    name("surface", event.surface);
    name("task", event.task);
    name("time", rfc3339_ms(event.time));
    name_if_any("trace_id", event.trace_id);
    name_if_any("workflow", event.workflow);
  }

  /// The answer was shown to nobody: its digest is in the attempt, and no text of it is kept.
  void write_shadow(const Event& event) {
    json_.key("attempts");
    json_.begin_array();
    for (const Attempt& attempt : event.attempts) write_attempt(attempt);
    json_.end_array();
    name_if_any("caller_group", event.caller_group);
    integer("cost_nanodollars", event.cost.nanos);
    integer("event_version", kEventVersion);
    name("id", event.id);
    name("kind", audit::name(event.kind));
    name_if_any("label", event.label);
    name("outcome", event.outcome);
    name("policy_version", event.policy_version);
    write_reasons(event.reasons);
    name("refers_to", event.refers_to);
    name("route", suffice::name(event.route));
    name("task", event.task);
    name("time", rfc3339_ms(event.time));
  }

  void write_state_change(const Event& event) {
    name_if_any("actor", event.actor);
    name_if_any("caller_group", event.caller_group);
    integer("event_version", kEventVersion);
    name("id", event.id);
    name("kind", audit::name(event.kind));
    name_if_any("label", event.label);
    name_if_any("label_value", event.label_value);
    prose_if_any("note", event.note);
    name("outcome", event.outcome);
    name("policy_version", event.policy_version);
    name_if_any("refers_to", event.refers_to);
    name_if_any("request_id", event.request_id);
    name_if_any("task", event.task);
    name("time", rfc3339_ms(event.time));
    name_if_any("trace_id", event.trace_id);
  }

  void write_attempt(const Attempt& attempt) {
    json_.begin_object();
    boolean("accepted", attempt.accepted);
    name_if_any("adapter", attempt.adapter);
    name_if_any("certificate", attempt.certificate);
    write_checks("checks", attempt.checks);
    if (attempt.confidence) number("confidence", *attempt.confidence);
    name_if_any("confidence_source", attempt.confidence_source);
    integer("cost_nanodollars", attempt.cost.nanos);
    name_if_any("error", attempt.error);
    integer("first_token_us", attempt.first_token_us);
    integer("latency_us", attempt.latency_us);
    boolean("local", attempt.local);
    name("model", attempt.model);
    name_if_any("output_sha256", attempt.output_sha256);
    name_if_any("prompt", attempt.prompt);
    name("provider", attempt.provider);
    name_if_any("quantisation", attempt.quantisation);
    write_reasons(attempt.reasons);
    name_if_any("response_model", attempt.response_model);
    write_signals(attempt.signals);
    boolean("stand_in", attempt.stand_in);
    if (attempt.threshold) number("threshold", *attempt.threshold);
    integer("tier", attempt.tier);
    write_usage(attempt.usage);
    boolean("usage_known", attempt.usage_known);
    json_.end_object();
  }

  void write_checks(std::string_view key, const std::vector<CheckResult>& checks) {
    json_.key(key);
    json_.begin_array();
    for (const CheckResult& check : checks) {
      json_.begin_object();
      name("check", check.check);
      prose_if_any("detail", check.detail);
      boolean("passed", check.passed);
      json_.end_object();
    }
    json_.end_array();
  }

  void write_signals(const std::vector<Signal>& signals) {
    json_.key("signals");
    json_.begin_array();
    for (const Signal& signal : signals) {
      json_.begin_object();
      name("name", signal.name);
      number("value", signal.value);
      json_.end_object();
    }
    json_.end_array();
  }

  void write_reasons(const std::vector<Reason>& reasons) {
    json_.key("reasons");
    json_.begin_array();
    for (const Reason reason : reasons) json_.string(suffice::name(reason));
    json_.end_array();
  }

  void write_usage(const Usage& usage) {
    json_.key("usage");
    json_.begin_object();
    integer("cached_input_tokens", usage.cached_input_tokens);
    integer("input_tokens", usage.input_tokens);
    integer("output_tokens", usage.output_tokens);
    integer("reasoning_tokens", usage.reasoning_tokens);
    json_.end_object();
  }

  /// What a person wrote or a model said: hashed and previewed, never kept.
  void text(std::string_view key, std::string_view raw, std::string_view sha256) {
    json_.key(key);
    json_.begin_object();
    integer("bytes", static_cast<std::int64_t>(raw.size()));
    json_.key("preview");
    json_.string(redacted_preview(raw, preview_max_));
    json_.key("sha256");
    json_.string(sha256);
    json_.end_object();
  }

  /// Prose of this program, which should be free of user text; redacted all the same.
  void prose_if_any(std::string_view key, std::string_view value) {
    if (value.empty()) return;
    json_.key(key);
    json_.string(redacted_preview(value, preview_max_));
  }

  void name(std::string_view key, std::string_view value) {
    json_.key(key);
    json_.string(value.size() > kNameCodePointsMax ? first_code_points(value, kNameCodePointsMax) : value);
  }
  void name_if_any(std::string_view key, std::string_view value) {
    if (!value.empty()) name(key, value);
  }
  void integer(std::string_view key, std::int64_t value) {
    json_.key(key);
    json_.integer(value);
  }
  void number(std::string_view key, double value) {
    json_.key(key);
    json_.number(value);
  }
  void boolean(std::string_view key, bool value) {
    json_.key(key);
    json_.boolean(value);
  }

  std::string text_;
  wire::JsonWriter json_{text_};
  std::size_t preview_max_;
};

std::string as_stored(std::string_view value) {
  std::string text(first_code_points(value, kNameCodePointsMax));
  for (auto bad = first_invalid_utf8(text); bad; bad = first_invalid_utf8(text)) text.replace(*bad, 1, "\xef\xbf\xbd");
  return text;
}

}  // namespace

std::string rfc3339_ms(WallTime time) {
  using namespace std::chrono;
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{floor<milliseconds>(time - day)};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

std::string event_json(const Event& event, std::size_t preview_code_points_max) {
  return EventWriter(preview_code_points_max).write(event);
}

StoredEvent stored_form(const Event& event, std::size_t preview_code_points_max) {
  // As in the text: verification compares them.
  const bool decided = event.kind == Event::Kind::Request || event.kind == Event::Kind::Shadow;
  return StoredEvent{
      .id = as_stored(event.id),
      .time = rfc3339_ms(event.time),
      .kind = std::string(name(event.kind)),
      .task = as_stored(event.task),
      .route = decided ? std::string(suffice::name(event.route)) : std::string(),
      .reason = decided && !event.reasons.empty() ? std::string(suffice::name(event.reasons.front())) : std::string(),
      .request_id = event.kind == Event::Kind::Shadow ? std::string() : as_stored(event.request_id),
      .json = event_json(event, preview_code_points_max),
      .figures = figures_of(event)};
}

}  // namespace suffice::audit
