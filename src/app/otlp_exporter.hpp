#pragma once
// Sends spans and metrics to an OpenTelemetry collector over OTLP/HTTP.

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "core/clock.hpp"
#include "metrics/registry.hpp"
#include "metrics/span.hpp"
#include "net/http_client.hpp"
#include "policy/policy_store.hpp"
#include "wire/otlp.hpp"

namespace suffice::app {

/// What OpenTelemetry's environment variables say.
struct OtlpSettings {
  net::Endpoint endpoint;  ///< the collector; /v1/traces and /v1/metrics are appended
  net::Headers headers;    ///< often a secret: never printed
  std::string service_name = "suffice";
  std::chrono::milliseconds interval{5'000};
};

/// OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS ("a=b,c=d"), OTEL_SERVICE_NAME, OTEL_METRIC_EXPORT_INTERVAL (ms). Nothing without an
/// endpoint or with OTEL_SDK_DISABLED=true; ConfigInvalid naming the variable that cannot be read.
[[nodiscard]] Result<std::optional<OtlpSettings>> otlp_settings(const policy::Environment& environment);

/// A bounded queue and one sender. A collector that is away costs the gateway nothing but the spans that did not fit, which are counted:
/// suffice_otlp_spans_total{result}. add() from any thread.
class OtlpExporter {
 public:
  struct Parts {
    net::HttpClient& http;
    metrics::Registry& registry;
    const Clock& clock;
    std::string version;
    std::string instance;
  };
  OtlpExporter(OtlpSettings settings, Parts parts, std::size_t spans_max = 10'000);
  ~OtlpExporter();
  OtlpExporter(const OtlpExporter&) = delete;
  OtlpExporter& operator=(const OtlpExporter&) = delete;

  /// Begins to send from `executor`, which outlives the exporter's use.
  void start(const boost::asio::any_io_executor& executor);
  void add(std::vector<metrics::Span>&& spans);
  /// Sends what is queued and ends. Waits at most `limit`. Not from the executor's thread.
  void stop(std::chrono::milliseconds limit);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace suffice::app
