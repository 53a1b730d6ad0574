#pragma once
// A finished request as spans: one for the gateway's own work, one below it for each call of a model.

#include <string>
#include <vector>

#include "audit/event.hpp"
#include "core/trace_context.hpp"
#include "metrics/span.hpp"

namespace suffice::pipeline {

/// `own` is the request's span, `parent_span_id` the caller's (empty: none). Names and attributes are those of OpenTelemetry's conventions for
/// generative AI; no text of the caller or of a model is among them.
[[nodiscard]] std::vector<metrics::Span> spans_of(const audit::Event& event, const TraceContext& own,
                                                  const std::string& parent_span_id);

}  // namespace suffice::pipeline
