#pragma once
// Events and folders for the tests of this module.

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include "audit/chain.hpp"
#include "audit/event_json.hpp"
#include "core/ids.hpp"

namespace suffice::audit::testing {

/// A folder of its own that goes away with the value.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "suffice-audit-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline WallTime test_time() { return WallTime{std::chrono::milliseconds{1'700'000'000'123}}; }

/// An escalated request: one local attempt that was not accepted, one frontier attempt that was.
inline Event request_event(std::string id) {
  Event event;
  event.id = std::move(id);
  event.time = test_time();
  event.request_id = "req-" + event.id;
  event.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
  event.task = "classify_issue";
  event.caller_group = "ci";
  event.surface = "openai.chat.completions";
  event.route = Route::EscalatedAfterValidation;
  event.reasons = {Reason::ConfidenceLow, Reason::LabelEscalates};
  event.input_checks = {CheckResult{.check = "hard_stop:security", .passed = true, .detail = ""}};
  Attempt local;
  local.model = "small";
  local.provider = "suffice.embedded";
  local.response_model = "triage-8m";
  local.quantisation = "Q8_0";
  local.prompt = "classify_issue@3";
  local.local = true;
  local.reasons = event.reasons;
  local.checks = {CheckResult{.check = "labels", .passed = true, .detail = "label in the set"}};
  local.signals = {Signal{.name = "label_probability", .value = 0.625}, Signal{.name = "mean_logprob", .value = -1e-7}};
  local.confidence = 0.625;
  local.confidence_source = "label_probability";
  local.threshold = 0.72;
  local.latency_us = 41'000;
  local.usage = Usage{.input_tokens = 310, .output_tokens = 1};
  local.usage_known = true;
  local.output_sha256 = std::string(64, 'a');
  Attempt frontier;
  frontier.tier = 1;
  frontier.model = "frontier";
  frontier.provider = "openai";
  frontier.accepted = true;
  frontier.cost = Usd{123'450};
  event.attempts = {local, frontier};
  event.policy_version = "0123abcd";
  event.served_model = "frontier";
  event.http_status = 200;
  event.outcome = "ok";
  event.cost = Usd{123'450};
  event.counterfactual_cost = Usd{123'000};
  event.latency_us = 900'000;
  event.overhead_us = 900;
  event.input = "Build failed: could not resolve com.example:artifact:1.2.3";
  event.output = "dependency";
  return event;
}

inline Event numbered_event(std::int64_t number) {
  return request_event(fmt::format("01890000-0000-7000-8000-{:012}", number));
}

/// Events 1 to `count`, chained.
inline std::vector<StoredEvent> chained_events(std::int64_t count) {
  std::vector<StoredEvent> events;
  std::string previous(kFirstPreviousHash);
  for (std::int64_t number = 1; number <= count; ++number) {
    StoredEvent event = stored_form(numbered_event(number));
    event.sequence = number;
    event.previous_hash = previous;
    event.hash = previous = chain_hash(event.previous_hash, event.json);
    events.push_back(std::move(event));
  }
  return events;
}

}  // namespace suffice::audit::testing
