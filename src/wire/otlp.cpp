#include "wire/otlp.hpp"

#include <array>
#include <chrono>
#include <utility>
#include <variant>

#include "wire/json_writer.hpp"

namespace suffice::wire {
namespace {

constexpr int kStatusError = 2;            // opentelemetry.proto.trace.v1.Status.StatusCode
constexpr int kTemporalityCumulative = 2;  // opentelemetry.proto.metrics.v1.AggregationTemporality

/// 64-bit integers are strings in OTLP's JSON.
std::string unix_nanos(WallTime time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

void write_value(JsonWriter& json, const metrics::AttributeValue& value) {
  json.begin_object();
  if (const auto* text = std::get_if<std::string>(&value)) json.field("stringValue", *text);
  if (const auto* whole = std::get_if<std::int64_t>(&value)) json.field("intValue", std::to_string(*whole));
  if (const auto* number = std::get_if<double>(&value)) json.field("doubleValue", *number);
  if (const auto* flag = std::get_if<bool>(&value)) json.field("boolValue", *flag);
  json.end_object();
}

void write_attribute(JsonWriter& json, std::string_view name, const metrics::AttributeValue& value) {
  json.begin_object().field("key", name).key("value");
  write_value(json, value);
  json.end_object();
}

void write_resource(JsonWriter& json, const OtlpResource& resource) {
  json.key("resource").begin_object().key("attributes").begin_array();
  write_attribute(json, "service.name", resource.service_name);
  write_attribute(json, "service.version", resource.service_version);
  write_attribute(json, "service.instance.id", resource.service_instance_id);
  json.end_array().end_object();
}

void write_scope(JsonWriter& json, const OtlpResource& resource) {
  json.key("scope").begin_object().field("name", "suffice").field("version", resource.service_version).end_object();
}

void write_span(JsonWriter& json, const metrics::Span& span) {
  json.begin_object().field("traceId", span.trace_id).field("spanId", span.span_id);
  if (!span.parent_span_id.empty()) json.field("parentSpanId", span.parent_span_id);
  json.field("name", span.name).field("kind", static_cast<int>(span.kind));
  json.field("startTimeUnixNano", unix_nanos(span.begin)).field("endTimeUnixNano", unix_nanos(span.end));
  json.key("attributes").begin_array();
  for (const auto& [name, value] : span.attributes) write_attribute(json, name, value);
  if (!span.error.empty()) write_attribute(json, "error.type", span.error);
  json.end_array().key("status").begin_object();
  if (!span.error.empty()) json.field("code", kStatusError);
  json.end_object().end_object();
}

/// How a family of ours is called by OpenTelemetry's conventions.
struct ConventionalName {
  std::string_view prometheus;
  std::string_view name;
  std::string_view unit;
};
constexpr std::array kConventionalNames = {
    ConventionalName{.prometheus = "gen_ai_client_token_usage", .name = "gen_ai.client.token.usage", .unit = "{token}"},
    ConventionalName{
        .prometheus = "gen_ai_server_request_duration_seconds", .name = "gen_ai.server.request.duration", .unit = "s"},
    ConventionalName{.prometheus = "gen_ai_server_time_to_first_token_seconds",
                     .name = "gen_ai.server.time_to_first_token",
                     .unit = "s"},
};

ConventionalName conventional(std::string_view prometheus) {
  for (const ConventionalName& known : kConventionalNames) {
    if (known.prometheus == prometheus) return known;
  }
  return {.prometheus = prometheus, .name = prometheus, .unit = prometheus.ends_with("_seconds") ? "s" : "1"};
}

/// Labels that stand for attributes of the conventions, in Prometheus' spelling.
std::string_view attribute_name(std::string_view label) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> known = {{
      {"gen_ai_operation_name", "gen_ai.operation.name"},
      {"gen_ai_provider_name", "gen_ai.provider.name"},
      {"gen_ai_request_model", "gen_ai.request.model"},
      {"gen_ai_response_model", "gen_ai.response.model"},
      {"gen_ai_token_type", "gen_ai.token.type"},
      {"error_type", "error.type"},
  }};
  for (const auto& [of_label, name] : known) {
    if (of_label == label) return name;
  }
  return label;
}

/// The data points of one family.
class Points {
 public:
  Points(JsonWriter& json, WallTime started, WallTime now)
      : json_(json), started_(unix_nanos(started)), now_(unix_nanos(now)) {}

  template <class Metric>
  void write(const metrics::Family<Metric>& family) {
    json_.key("dataPoints").begin_array();
    family.for_each([&](const std::vector<std::string>& values, const Metric& child) {
      begin(family.label_names(), values);
      write_child(child);
      json_.end_object();
    });
    json_.end_array();
  }

  void write(double value) {
    json_.key("dataPoints").begin_array();
    begin({}, {});
    json_.field("asDouble", value).end_object().end_array();
  }

 private:
  void begin(const std::vector<std::string>& names, const std::vector<std::string>& values) {
    json_.begin_object().key("attributes").begin_array();
    for (std::size_t i = 0; i < names.size(); ++i) write_attribute(json_, attribute_name(names[i]), values[i]);
    json_.end_array().field("startTimeUnixNano", started_).field("timeUnixNano", now_);
  }
  void write_child(const metrics::Counter& counter) { json_.field("asDouble", counter.value()); }
  void write_child(const metrics::Gauge& gauge) { json_.field("asDouble", gauge.value()); }
  void write_child(const metrics::Histogram& histogram) {
    std::uint64_t total = 0;
    json_.key("bucketCounts").begin_array();
    for (std::size_t i = 0; i <= histogram.bounds().size(); ++i) {
      const std::uint64_t count = histogram.count_in(i);
      total += count;
      json_.string(std::to_string(count));
    }
    json_.end_array().key("explicitBounds").begin_array();
    for (const double bound : histogram.bounds()) json_.number(bound);
    json_.end_array().field("count", std::to_string(total)).field("sum", histogram.sum());
  }

  JsonWriter& json_;
  std::string started_;
  std::string now_;
};

void write_family(JsonWriter& json, const metrics::FamilyView& family, Points& points) {
  const ConventionalName name = conventional(family.name);
  json.begin_object().field("name", name.name).field("description", family.help).field("unit", name.unit);
  if (const auto* counters = std::get_if<const metrics::Family<metrics::Counter>*>(&family.content)) {
    json.key("sum").begin_object();
    points.write(**counters);
    json.field("aggregationTemporality", kTemporalityCumulative).field("isMonotonic", true).end_object();
  } else if (const auto* histograms = std::get_if<const metrics::Family<metrics::Histogram>*>(&family.content)) {
    json.key("histogram").begin_object();
    points.write(**histograms);
    json.field("aggregationTemporality", kTemporalityCumulative).end_object();
  } else {
    json.key("gauge").begin_object();
    if (const auto* gauges = std::get_if<const metrics::Family<metrics::Gauge>*>(&family.content)) {
      points.write(**gauges);
    } else {
      points.write(std::get<double>(family.content));
    }
    json.end_object();
  }
  json.end_object();
}

}  // namespace

std::string encode_otlp_traces(std::span<const metrics::Span> spans, const OtlpResource& resource) {
  std::string text;
  JsonWriter json(text);
  json.begin_object().key("resourceSpans").begin_array().begin_object();
  write_resource(json, resource);
  json.key("scopeSpans").begin_array().begin_object();
  write_scope(json, resource);
  json.key("spans").begin_array();
  for (const metrics::Span& span : spans) write_span(json, span);
  json.end_array().end_object().end_array().end_object().end_array().end_object();
  return text;
}

std::string encode_otlp_metrics(const metrics::Registry& registry, const OtlpResource& resource, WallTime started,
                                WallTime now) {
  std::string text;
  JsonWriter json(text);
  Points points(json, started, now);
  json.begin_object().key("resourceMetrics").begin_array().begin_object();
  write_resource(json, resource);
  json.key("scopeMetrics").begin_array().begin_object();
  write_scope(json, resource);
  json.key("metrics").begin_array();
  registry.for_each([&](const metrics::FamilyView& family) { write_family(json, family, points); });
  json.end_array().end_object().end_array().end_object().end_array().end_object();
  return text;
}

}  // namespace suffice::wire
