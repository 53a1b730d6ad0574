#pragma once
// OpenTelemetry's OTLP/HTTP bodies in their JSON form. Source of shapes: opentelemetry-proto v1 (trace, metrics, common), JSON mapping of the
// OTLP specification: ids in hex, 64-bit integers as strings, enums as numbers.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "metrics/registry.hpp"
#include "metrics/span.hpp"

namespace suffice::wire {

/// Who speaks.
struct OtlpResource {
  std::string service_name = "suffice";
  std::string service_version;
  std::string service_instance_id;
};

/// Body of POST /v1/traces.
[[nodiscard]] std::string encode_otlp_traces(std::span<const metrics::Span> spans, const OtlpResource& resource);

/// Body of POST /v1/metrics: every family of the registry; sums and histograms are cumulative since `started`. Families that carry names of
/// OpenTelemetry's conventions in Prometheus' spelling get the conventions' own.
[[nodiscard]] std::string encode_otlp_metrics(const metrics::Registry& registry, const OtlpResource& resource,
                                              WallTime started, WallTime now);

}  // namespace suffice::wire
