#include "pipeline/gateway_metrics.hpp"

#include <string_view>

namespace suffice::pipeline {
namespace {

std::string_view or_unknown(const std::string& task) { return task.empty() ? "unknown" : std::string_view(task); }

std::string_view outcome_of(const audit::Attempt& attempt) {
  if (!attempt.error.empty()) return attempt.error;
  if (attempt.accepted) return "accepted";
  return attempt.reasons.empty() ? "rejected" : name(attempt.reasons.front());
}

}  // namespace

GatewayMetrics::GatewayMetrics(metrics::Registry& registry)
    : requests_(registry.counters("suffice_requests_total", "Requests by task, route and primary reason.",
                                  {"task", "route", "reason"})),
      refused_(registry.counters("suffice_requests_refused_total",
                                 "Requests that their key did not let in; they leave no audit event.",
                                 {"key", "error"})),
      withheld_(registry.counters(
          "suffice_key_escalations_withheld_total",
          "Requests kept off hosted models because their key has used its escalations of the hour.", {"key"})),
      shadow_runs_(registry.counters("suffice_shadow_runs_total",
                                     "Runs beside a served request, by task and by what came of them.",
                                     {"task", "result"})),
      duration_(registry.histograms("suffice_request_duration_seconds",
                                    "From the last byte of a request to its recorded answer.", {"route"},
                                    metrics::latency_buckets())),
      attempts_(
          registry.counters("suffice_attempts_total", "Model calls by what became of them.", {"model", "outcome"})),
      tokens_(registry.counters("suffice_tokens_total", "Tokens used.", {"model", "gen_ai_token_type"})),
      cost_(registry.counters("suffice_cost_usd_total", "Money spent, local hardware included.", {"model"})),
      token_usage_(registry.histograms(
          "gen_ai_client_token_usage", "Tokens of one model call.",
          {"gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "gen_ai_token_type"},
          metrics::token_buckets())),
      server_duration_(registry.histograms("gen_ai_server_request_duration_seconds",
                                           "From the last byte of a request to its recorded answer, by what answered.",
                                           {"gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model"},
                                           metrics::latency_buckets())),
      first_token_(registry.histograms("gen_ai_server_time_to_first_token_seconds",
                                       "From the last byte of a streamed request to the first token of its answer.",
                                       {"gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model"},
                                       metrics::latency_buckets())),
      overhead_(registry.histogram("suffice_overhead_seconds",
                                   "The gateway's own time: total minus waiting for models.",
                                   metrics::overhead_buckets())),
      reloads_(registry.counters("suffice_policy_reloads_total", "Policy reloads by result.", {"result"})),
      audit_events_(registry.gauges("suffice_audit_events", "Audit events by state since the start.", {"state"})) {}

void GatewayMetrics::count(const audit::Event& event) {
  const std::string_view reason = event.reasons.empty() ? std::string_view("none") : name(event.reasons.front());
  requests_.with({or_unknown(event.task), name(event.route), reason}).add();
  duration_.with({name(event.route)}).observe(std::chrono::microseconds(event.latency_us));
  for (const audit::Attempt& attempt : event.attempts) {
    attempts_.with({attempt.model, outcome_of(attempt)}).add();
    tokens_.with({attempt.model, "input"}).add(static_cast<double>(attempt.usage.input_tokens));
    tokens_.with({attempt.model, "output"}).add(static_cast<double>(attempt.usage.output_tokens));
    cost_.with({attempt.model}).add(attempt.cost.dollars());
  }
  count_conventional(event);
}

/// The families that OpenTelemetry's conventions for generative AI name.
void GatewayMetrics::count_conventional(const audit::Event& event) {
  for (const audit::Attempt& attempt : event.attempts) {
    if (!attempt.usage_known) continue;
    token_usage_.with({"chat", attempt.provider, attempt.model, "input"})
        .observe(static_cast<double>(attempt.usage.input_tokens));
    token_usage_.with({"chat", attempt.provider, attempt.model, "output"})
        .observe(static_cast<double>(attempt.usage.output_tokens));
  }
  if (event.attempts.empty()) return;
  const audit::Attempt& last = event.attempts.back();
  server_duration_.with({"chat", last.provider, last.model}).observe(std::chrono::microseconds(event.latency_us));
  if (last.first_token_us > 0) {
    first_token_.with({"chat", last.provider, last.model})
        .observe(std::chrono::microseconds(last.begin_us + last.first_token_us));
  }
}

void GatewayMetrics::count_refused(std::string_view key, const Error& error) {
  refused_.with({key.empty() ? "none" : key, name(error.code)}).add();
}

void GatewayMetrics::overhead(std::chrono::microseconds span) { overhead_.observe(span); }

void GatewayMetrics::count_withheld(std::string_view key) { withheld_.with({key}).add(); }

void GatewayMetrics::count_shadow(std::string_view task, std::string_view result) {
  shadow_runs_.with({task, result}).add();
}

void GatewayMetrics::policy_reload(bool accepted) { reloads_.with({accepted ? "accepted" : "refused"}).add(); }

void GatewayMetrics::observe(const audit::RecorderStats& stats) {
  audit_events_.with({"accepted"}).set(static_cast<double>(stats.accepted));
  audit_events_.with({"durable"}).set(static_cast<double>(stats.durable));
  audit_events_.with({"dropped"}).set(static_cast<double>(stats.dropped));
  audit_events_.with({"store_failures"}).set(static_cast<double>(stats.store_failures));
  audit_events_.with({"queued"}).set(static_cast<double>(stats.queued));
}

}  // namespace suffice::pipeline
