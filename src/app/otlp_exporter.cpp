#include "app/otlp_exporter.hpp"

#include <charconv>
#include <future>
#include <iterator>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace suffice::app {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kSpansPerRequest = 512;
constexpr std::chrono::milliseconds kSendMax{5'000};
constexpr std::string_view kEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
constexpr std::string_view kHeaders = "OTEL_EXPORTER_OTLP_HEADERS";
constexpr std::string_view kInterval = "OTEL_METRIC_EXPORT_INTERVAL";

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// "name=value,name=value" (OpenTelemetry's exporter specification).
Result<net::Headers> read_headers(std::string_view text) {
  net::Headers headers;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view pair = trimmed(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    const std::size_t equals = pair.find('=');
    if (pair.empty()) continue;
    if (equals == std::string_view::npos || equals == 0) {
      return fail(ErrorCode::ConfigInvalid, "write name=value, separated by commas", std::string(kHeaders));
    }
    headers.add(std::string(trimmed(pair.substr(0, equals))), std::string(trimmed(pair.substr(equals + 1))));
  }
  return headers;
}

}  // namespace

Result<std::optional<OtlpSettings>> otlp_settings(const policy::Environment& environment) {
  const std::optional<std::string> endpoint = environment(kEndpoint);
  if (!endpoint || endpoint->empty() || environment("OTEL_SDK_DISABLED") == "true") {
    return std::optional<OtlpSettings>{};
  }
  OtlpSettings settings;
  Result<net::Endpoint> parsed = net::Endpoint::parse(*endpoint);
  if (!parsed) return fail(ErrorCode::ConfigInvalid, parsed.error().message, std::string(kEndpoint));
  settings.endpoint = *std::move(parsed);
  SUFFICE_TRY(settings.headers, read_headers(environment(kHeaders).value_or("")));
  settings.service_name = environment("OTEL_SERVICE_NAME").value_or(settings.service_name);
  if (const std::optional<std::string> interval = environment(kInterval)) {
    std::int64_t milliseconds = 0;
    const char* end = interval->data() + interval->size();
    const auto [stopped, error] = std::from_chars(interval->data(), end, milliseconds);
    if (error != std::errc{} || stopped != end || milliseconds < 1) {
      return fail(ErrorCode::ConfigInvalid, "write milliseconds, such as 5000", std::string(kInterval));
    }
    settings.interval = std::chrono::milliseconds(milliseconds);
  }
  return std::optional(std::move(settings));
}

struct OtlpExporter::Impl {
  Impl(OtlpSettings given, Parts with, std::size_t most)
      : settings(std::move(given)),
        parts(std::move(with)),
        spans_max(most),
        resource{.service_name = settings.service_name,
                 .service_version = parts.version,
                 .service_instance_id = parts.instance},
        started(parts.clock.wall_now()),
        counted(parts.registry.counters("suffice_otlp_spans_total", "Spans for the collector, by what became of them.",
                                        {"result"})) {}

  Task<void> run(std::shared_ptr<Impl> self) {
    while (true) {
      timer->expires_after(settings.interval);
      if (!stopping) co_await timer->async_wait(asio::as_tuple(asio::use_awaitable));
      const bool last = stopping;
      co_await send_spans();
      co_await send_metrics();
      if (last) break;
    }
    done.set_value();
    self.reset();
  }

  Task<void> send_spans() {
    std::vector<metrics::Span> spans;
    {
      const std::lock_guard lock(mutex);
      spans.swap(queue);
    }
    for (std::size_t from = 0; from < spans.size(); from += kSpansPerRequest) {
      const std::span<const metrics::Span> some =
          std::span(spans).subspan(from, std::min(kSpansPerRequest, spans.size() - from));
      std::string body = wire::encode_otlp_traces(some, resource);
      const bool sent = co_await post("/v1/traces", std::move(body));
      counted.with({sent ? "sent" : "failed"}).add(static_cast<double>(some.size()));
    }
  }

  Task<void> send_metrics() {
    std::string body = wire::encode_otlp_metrics(parts.registry, resource, started, parts.clock.wall_now());
    co_await post("/v1/metrics", std::move(body));
  }

  Task<bool> post(std::string path, std::string body) {
    net::HttpRequest request;
    request.endpoint = settings.endpoint;
    request.path = std::move(path);
    request.headers = settings.headers;
    request.headers.set("content-type", "application/json");
    request.body = std::move(body);
    const Result<net::HttpResponse> response = co_await parts.http.send(request, nullptr, Deadline::after(kSendMax));
    co_return response && response->status / 100 == 2;
  }

  const OtlpSettings settings;
  const Parts parts;
  const std::size_t spans_max;
  const wire::OtlpResource resource;
  const WallTime started;
  metrics::Family<metrics::Counter>& counted;

  std::mutex mutex;
  std::vector<metrics::Span> queue;

  std::optional<asio::steady_timer> timer;  // the executor's thread only, as is `stopping`
  bool stopping = false;
  std::promise<void> done;
};

OtlpExporter::OtlpExporter(OtlpSettings settings, Parts parts, std::size_t spans_max)
    : impl_(std::make_shared<Impl>(std::move(settings), std::move(parts), spans_max)) {}

OtlpExporter::~OtlpExporter() = default;

void OtlpExporter::start(const asio::any_io_executor& executor) {
  impl_->timer.emplace(executor);
  asio::co_spawn(executor, impl_->run(impl_), asio::detached);
}

void OtlpExporter::add(std::vector<metrics::Span>&& spans) {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->queue.size() + spans.size() > impl_->spans_max) {
    impl_->counted.with({"dropped"}).add(static_cast<double>(spans.size()));
    return;
  }
  std::move(spans.begin(), spans.end(), std::back_inserter(impl_->queue));
}

void OtlpExporter::stop(std::chrono::milliseconds limit) {
  if (!impl_->timer) return;
  std::future<void> done = impl_->done.get_future();
  asio::post(impl_->timer->get_executor(), [impl = impl_] {
    impl->stopping = true;
    impl->timer->cancel();
  });
  done.wait_for(limit);
}

}  // namespace suffice::app
