#include "pipeline/request_spans.hpp"

#include <chrono>
#include <utility>

namespace suffice::pipeline {
namespace {

using std::chrono::microseconds;

WallTime later(WallTime time, std::int64_t span_us) {
  return time + std::chrono::duration_cast<WallTime::duration>(microseconds(span_us));
}

void add_text(metrics::Attributes& attributes, std::string name, std::string_view value) {
  if (!value.empty()) attributes.emplace_back(std::move(name), std::string(value));
}

metrics::Span request_span(const audit::Event& event, const TraceContext& own, const std::string& parent_span_id) {
  metrics::Span span;
  span.trace_id = own.trace_id;
  span.span_id = own.span_id;
  span.parent_span_id = parent_span_id;
  span.name = event.task.empty() ? "suffice" : "suffice " + event.task;
  span.kind = metrics::Span::Kind::Server;
  span.begin = later(event.time, -event.latency_us);
  span.end = event.time;
  add_text(span.attributes, "suffice.surface", event.surface);
  add_text(span.attributes, "suffice.task", event.task);
  add_text(span.attributes, "suffice.route", name(event.route));
  add_text(span.attributes, "suffice.reason", event.reasons.empty() ? std::string_view() : name(event.reasons.front()));
  add_text(span.attributes, "suffice.model", event.served_model);
  add_text(span.attributes, "suffice.policy_version", event.policy_version);
  add_text(span.attributes, "suffice.event_id", event.id);
  add_text(span.attributes, "suffice.caller_key", event.caller_key);
  span.attributes.emplace_back("suffice.overhead_us", event.overhead_us);
  span.attributes.emplace_back("suffice.cost_usd", event.cost.dollars());
  span.attributes.emplace_back("http.response.status_code", std::int64_t{event.http_status});
  if (event.outcome != "ok") span.error = event.outcome;
  return span;
}

metrics::Span attempt_span(const audit::Attempt& attempt, const metrics::Span& parent) {
  metrics::Span span;
  span.trace_id = parent.trace_id;
  span.span_id = attempt.span_id;
  span.parent_span_id = parent.span_id;
  span.name = "chat " + attempt.model;
  span.kind = metrics::Span::Kind::Client;
  span.begin = later(parent.begin, attempt.begin_us);
  span.end = later(span.begin, attempt.latency_us);
  add_text(span.attributes, "gen_ai.operation.name", "chat");
  add_text(span.attributes, "gen_ai.provider.name", attempt.provider);
  add_text(span.attributes, "gen_ai.request.model", attempt.model);
  add_text(span.attributes, "gen_ai.response.model", attempt.response_model);
  if (attempt.usage_known) {
    span.attributes.emplace_back("gen_ai.usage.input_tokens", attempt.usage.input_tokens);
    span.attributes.emplace_back("gen_ai.usage.output_tokens", attempt.usage.output_tokens);
  }
  span.attributes.emplace_back("suffice.accepted", attempt.accepted);
  if (attempt.confidence) span.attributes.emplace_back("suffice.confidence", *attempt.confidence);
  add_text(span.attributes, "suffice.reason",
           attempt.reasons.empty() ? std::string_view() : name(attempt.reasons.front()));
  span.error = attempt.error;
  return span;
}

}  // namespace

std::vector<metrics::Span> spans_of(const audit::Event& event, const TraceContext& own,
                                    const std::string& parent_span_id) {
  std::vector<metrics::Span> spans;
  spans.push_back(request_span(event, own, parent_span_id));
  for (const audit::Attempt& attempt : event.attempts) {
    // An attempt that was stopped before its call has no span.
    if (!attempt.span_id.empty()) spans.push_back(attempt_span(attempt, spans.front()));
  }
  return spans;
}

}  // namespace suffice::pipeline
