#pragma once
// Decisions for the tests of this folder, made the way the gateway makes them: through the record's canonical JSON.

#include <chrono>
#include <cstdint>
#include <iterator>
#include <string>

#include <fmt/format.h>

#include "audit/event.hpp"
#include "audit/event_json.hpp"
#include "lab/operate/recorded.hpp"

namespace suffice::lab::testing {

/// 2026-11-16T00:00:00Z, a Monday.
inline WallTime monday() { return WallTime{std::chrono::sys_days(std::chrono::year(2026) / 11 / 16)}; }

struct Made {
  std::int64_t number = 1;  ///< makes ids and the time: `number` minutes after monday()
  std::string task = "classify_issue";
  bool tried = true;
  bool accepted = true;
  double confidence = 0.9;
  double threshold = 0.7;
  double local_usd = 0;
  double frontier_usd = 1;  ///< of a frontier call, paid where it is made
  std::string input = "Build failed";
  std::string output = "build";
};

inline audit::Attempt local_attempt(const Made& made) {
  audit::Attempt attempt;
  attempt.model = "small";
  attempt.provider = "suffice.embedded";
  attempt.prompt = "classify_issue@3";
  attempt.local = true;
  attempt.accepted = made.accepted;
  if (!made.accepted) attempt.reasons = {Reason::ConfidenceLow};
  attempt.checks = {{.check = "labels", .passed = true, .detail = ""}};
  attempt.confidence = made.confidence;
  attempt.confidence_source = "label_probability";
  attempt.threshold = made.threshold;
  attempt.latency_us = 40'000;
  attempt.cost = Usd::from_dollars(made.local_usd);
  attempt.output_sha256 = std::string(64, 'a');
  return attempt;
}

inline audit::Attempt frontier_attempt(const Made& made) {
  audit::Attempt attempt;
  attempt.tier = 1;
  attempt.model = "frontier";
  attempt.provider = "openai";
  attempt.accepted = true;
  attempt.latency_us = 800'000;
  attempt.usage = {.input_tokens = 300, .output_tokens = 20};
  attempt.cost = Usd::from_dollars(made.frontier_usd);
  return attempt;
}

inline audit::Event event_of(const Made& made) {
  audit::Event event;
  event.id = fmt::format("01890000-0000-7000-8000-{:012}", made.number);
  event.time = monday() + std::chrono::minutes(made.number);
  event.request_id = "req-" + event.id;
  event.task = made.task;
  event.caller_group = "ci";
  event.surface = "openai.chat.completions";
  event.policy_version = "0123abcd";
  event.outcome = "ok";
  event.http_status = 200;
  event.input_checks = {{.check = "input_size", .passed = true, .detail = "12 characters, at most 8000"}};
  if (made.tried) event.attempts.push_back(local_attempt(made));
  if (!made.tried || !made.accepted) event.attempts.push_back(frontier_attempt(made));
  if (made.tried && made.accepted) {
    event.route = Route::Local;
    event.counterfactual_estimated = true;
  } else {
    event.route = made.tried ? Route::EscalatedAfterValidation : Route::Frontier;
    event.reasons = {made.tried ? Reason::ConfidenceLow : Reason::PolicyRequiresFrontier};
  }
  for (const audit::Attempt& attempt : event.attempts) {
    event.cost += attempt.cost;
    event.latency_us += attempt.latency_us;
  }
  event.counterfactual_cost = Usd::from_dollars(made.frontier_usd);
  event.served_model = event.attempts.back().model;
  event.input = made.input;
  event.output = made.output;
  return event;
}

/// As it comes back from the record.
inline Recorded recorded(const audit::Event& event) { return read_event(audit::event_json(event)).value(); }
inline Recorded decision(const Made& made) { return recorded(event_of(made)); }

/// The same without the record's redaction and JSON, for tests that need thousands. The preview is the text.
inline Recorded quick_decision(const Made& made) {
  Recorded quick{.event = event_of(made)};
  quick.input = {.bytes = std::ssize(made.input), .preview = made.input, .sha256 = {}};
  quick.output = {.bytes = std::ssize(made.output), .preview = made.output, .sha256 = {}};
  quick.event.input.clear();
  quick.event.output.clear();
  return quick;
}

}  // namespace suffice::lab::testing
