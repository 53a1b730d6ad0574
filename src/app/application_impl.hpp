#pragma once
// What an Application is made of. Internal to application*.cpp.

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/thread_pool.hpp>
#include <spdlog/spdlog.h>

#include "app/application.hpp"
#include "app/engine_metrics.hpp"
#include "app/model_clients.hpp"
#include "app/otlp_exporter.hpp"
#include "app/reloader.hpp"
#include "audit/location.hpp"
#include "audit/recorder.hpp"
#include "audit/vault.hpp"
#include "core/clock.hpp"
#include "core/random.hpp"
#include "metrics/registry.hpp"
#include "net/http_client.hpp"
#include "net/io_threads.hpp"
#include "pipeline/gateway_metrics.hpp"
#include "policy/policy_store.hpp"
#include "server/admin_surface.hpp"
#include "server/public_surface.hpp"

namespace suffice::app {

struct Application::Impl {
  Impl(Settings given, std::shared_ptr<spdlog::logger> logger) : settings(std::move(given)), log(std::move(logger)) {}

  // In layer order, each line with its why.
  Settings settings;
  std::shared_ptr<spdlog::logger> log;
  SystemClock clock;    // the only clock: tests replace it
  SystemRandom random;  // ids and jitter
  policy::Environment environment = policy::process_environment();
  metrics::Registry registry;                         // what /metrics shows
  std::unique_ptr<pipeline::GatewayMetrics> metrics;  // our families in it
  std::unique_ptr<EngineMetrics> engine_metrics;      // the engines' share
  std::unique_ptr<net::IoThreads> io;                 // one io_context a core
  std::unique_ptr<net::HttpClient> http;              // one pool for every provider
  std::unique_ptr<policy::PolicyStore> policies;      // the file, validated
  std::unique_ptr<ModelClients> clients;              // outlives reloads
  std::unique_ptr<OtlpExporter> exporter;             // spans and metrics for a collector; null without one
  std::shared_ptr<const audit::Vault> vault;          // kept texts; null without a key
  std::unique_ptr<audit::Recorder> recorder;          // the record
  std::unique_ptr<pipeline::Levers> levers;           // what operators change in seconds
  std::unique_ptr<pipeline::Gateway> gateway;         // one request end to end
  std::unique_ptr<Reloader> reloader;                 // new policies, while the old one serves
  std::unique_ptr<server::PublicSurface> surface;
  std::unique_ptr<server::AdminSurface> admin;
  std::unique_ptr<net::HttpServer> public_listener;
  std::unique_ptr<net::HttpServer> admin_listener;
  std::mutex lever_mutex;
  boost::asio::thread_pool clerk{1};  // reads the record for the admin listener

  Result<void> build();
  Result<void> may_serve(const policy::Policy& policy) const;
  Result<void> load_vault();
  Result<void> open_record();
  pipeline::GatewayOptions gateway_options();
  Result<void> count_spent_today();
  /// Callers that set a folder only have their record in it.
  [[nodiscard]] audit::RecordLocation record() const {
    if (!settings.record.name.empty()) return settings.record;
    const std::filesystem::path file = settings.data / "audit.sqlite";
    return {.file = file, .url = {}, .name = file.string()};
  }
  Result<std::shared_ptr<const pipeline::Snapshot>> make_snapshot(ModelClients::Draft& draft);
  Task<Result<std::string>> reload();
  Error refuse_reload(Error error);
  Result<void> set_levers(const pipeline::LeverState& next);
  void note(audit::Event::Kind kind, std::string text, const std::string& task = {});
  void note_levers(const pipeline::LeverState& before, const pipeline::LeverState& after);
  server::AdminDoors doors();
  Task<Result<std::vector<audit::StoredEvent>>> read_events(audit::EventFilter filter);
  Task<Result<std::string>> judge(audit::Event event);
  server::Readiness readiness() const;
  Result<std::unique_ptr<net::HttpServer>> make_listener(const net::ListenAddress& address, net::Handler handler,
                                                         std::string_view flag);
};

/// The levers in words, for log and record.
[[nodiscard]] std::string state_words(const pipeline::LeverState& state);

}  // namespace suffice::app
