#include "wire/otlp.hpp"

#include <gtest/gtest.h>

#include "wire/json.hpp"

namespace suffice::wire {
namespace {

constexpr WallTime at(std::int64_t milliseconds) { return WallTime(std::chrono::milliseconds(milliseconds)); }
const OtlpResource kResource{.service_name = "suffice", .service_version = "1.2.3", .service_instance_id = "one"};
const std::string kResourceJson =
    R"("resource":{"attributes":[{"key":"service.name","value":{"stringValue":"suffice"}},)"
    R"({"key":"service.version","value":{"stringValue":"1.2.3"}},{"key":"service.instance.id","value":{"stringValue":"one"}}]})";
const std::string kScopeJson = R"("scope":{"name":"suffice","version":"1.2.3"})";

TEST(OtlpTraces, WriteIdsInHexAnd64BitNumbersAsStrings) {
  const metrics::Span span{
      .trace_id = "4bf92f3577b34da6a3ce929d0e0e4736",
      .span_id = "00f067aa0ba902b7",
      .parent_span_id = "",
      .name = "chat",
      .kind = metrics::Span::Kind::Server,
      .begin = at(1000),
      .end = at(1500),
      .attributes = {{"text", "a\"b"}, {"whole", std::int64_t{7}}, {"number", 0.5}, {"flag", true}},
      .error = ""};

  EXPECT_EQ(
      encode_otlp_traces(std::span(&span, 1), kResource),
      R"({"resourceSpans":[{)" + kResourceJson + R"(,"scopeSpans":[{)" + kScopeJson +
          R"(,"spans":[{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7","name":"chat","kind":2,)"
          R"("startTimeUnixNano":"1000000000","endTimeUnixNano":"1500000000","attributes":[)"
          R"({"key":"text","value":{"stringValue":"a\"b"}},{"key":"whole","value":{"intValue":"7"}},)"
          R"({"key":"number","value":{"doubleValue":0.5}},{"key":"flag","value":{"boolValue":true}}],"status":{}}]}]}]})");
}

TEST(OtlpTraces, MarkAFailedSpanWithItsErrorType) {
  metrics::Span span{};
  span.parent_span_id = "00f067aa0ba902b7";
  span.error = "rate_limited";

  const std::string text = encode_otlp_traces(std::span(&span, 1), kResource);

  EXPECT_NE(text.find(R"("parentSpanId":"00f067aa0ba902b7")"), std::string::npos);
  EXPECT_NE(text.find(R"({"key":"error.type","value":{"stringValue":"rate_limited"}}],"status":{"code":2})"),
            std::string::npos);
}

TEST(OtlpMetrics, WriteEachKindAsTheConventionsNameIt) {
  metrics::Registry registry;
  registry.counters("suffice_requests_total", "Requests.", {"task"}).with({"triage"}).add(3);
  registry.gauge("suffice_level", "A level.").set(2.5);
  registry.gauge_of("suffice_asked", "Asked.", [] { return 4.0; });
  const std::vector<double> bounds = {1, 2};
  auto& tokens =
      registry.histograms("gen_ai_client_token_usage", "Tokens.", {"gen_ai_token_type"}, bounds).with({"input"});
  tokens.observe(1.0);
  tokens.observe(5.0);

  const std::string times = R"("startTimeUnixNano":"1000000000","timeUnixNano":"2000000000")";
  EXPECT_EQ(
      encode_otlp_metrics(registry, kResource, at(1000), at(2000)),
      R"({"resourceMetrics":[{)" + kResourceJson + R"(,"scopeMetrics":[{)" + kScopeJson +
          R"(,"metrics":[)"
          R"({"name":"suffice_requests_total","description":"Requests.","unit":"1","sum":{"dataPoints":[)"
          R"({"attributes":[{"key":"task","value":{"stringValue":"triage"}}],)" +
          times +
          R"(,"asDouble":3}],)"
          R"("aggregationTemporality":2,"isMonotonic":true}},)"
          R"({"name":"suffice_level","description":"A level.","unit":"1","gauge":{"dataPoints":[{"attributes":[],)" +
          times +
          R"(,"asDouble":2.5}]}},)"
          R"({"name":"suffice_asked","description":"Asked.","unit":"1","gauge":{"dataPoints":[{"attributes":[],)" +
          times +
          R"(,"asDouble":4}]}},)"
          R"({"name":"gen_ai.client.token.usage","description":"Tokens.","unit":"{token}","histogram":{"dataPoints":[)"
          R"({"attributes":[{"key":"gen_ai.token.type","value":{"stringValue":"input"}}],)" +
          times +
          R"(,"bucketCounts":["1","0","1"],"explicitBounds":[1,2],"count":"2","sum":6}],"aggregationTemporality":2}}]}]}]})");
}

TEST(OtlpMetrics, AreValidJsonWithNothingCounted) {
  EXPECT_TRUE(parse_json(encode_otlp_metrics(metrics::Registry(), kResource, at(0), at(0))));
  EXPECT_TRUE(parse_json(encode_otlp_traces({}, kResource)));
}

}  // namespace
}  // namespace suffice::wire
