#include "app/application.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <system_error>
#include <thread>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include "app/application_impl.hpp"
#include "app/gateway_file.hpp"
#include "app/lever_file.hpp"
#include "app/unused_memory.hpp"
#include "audit/event_json.hpp"
#include "core/ids.hpp"
#include "prompts/prompt.hpp"
#include "providers/secret.hpp"
#include "server/http_status.hpp"
#include "server/router.hpp"

namespace suffice::app {
namespace {

namespace fs = std::filesystem;

/// How long a reload waits for the models of the new policy before it keeps the old one.
constexpr std::chrono::minutes kModelWaitMax{5};

/// How often the policy file is looked at. A reload is asked for within a second (spec 1.1).
constexpr std::chrono::milliseconds kWatchInterval{300};

Result<void> make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    return fail(ErrorCode::ConfigInvalid,
                "cannot make the data folder (" + error.message() + "); choose another with --data DIR",
                folder.string());
  // The record is for its owner: previews are redacted, but a record is still a record.
  fs::permissions(folder, fs::perms::owner_all, error);
  return {};
}

Result<prompts::PromptLibrary> load_prompts(const policy::Policy& policy) {
  std::vector<fs::path> folders;
  std::ranges::copy_if(policy.prompt_dirs, std::back_inserter(folders),
                       [](const fs::path& folder) { return fs::exists(folder); });
  return prompts::PromptLibrary::load(folders);
}

/// Whoever can reach the gateway can spend its money: without keys only this machine may.
Result<void> may_listen(const net::ListenAddress& address, bool authenticated, bool unauthenticated_remote,
                        std::string_view flag) {
  if (address.is_loopback() || authenticated || unauthenticated_remote) return {};
  return fail(
      ErrorCode::ConfigInvalid,
      fmt::format(
          "{} is reachable from other machines and the policy asks nobody for a key; add keys (`suffice keys new "
          "NAME`), listen on 127.0.0.1, or put a proxy that authenticates in front and say "
          "--unauthenticated-remote",
          address.to_string()),
      std::string(flag));
}

Result<void> may_administer(const net::ListenAddress& address) {
  if (address.is_loopback()) return {};
  return fail(ErrorCode::ConfigInvalid,
              fmt::format("{} is reachable from other machines; the admin listener asks nobody for a key and stays on "
                          "127.0.0.1 (use ssh -L from elsewhere)",
                          address.to_string()),
              "--admin");
}

}  // namespace

Result<void> Application::Impl::build() {
  SUFFICE_TRY_VOID(may_administer(settings.admin));
  SUFFICE_TRY(policies, policy::PolicyStore::open(settings.policy, environment));
  SUFFICE_TRY_VOID(load_vault());
  SUFFICE_TRY_VOID(may_serve(*policies->current()));
  SUFFICE_TRY_VOID(make_folder(settings.data));
  SUFFICE_TRY(pipeline::LeverState stored, read_levers(settings.data / "levers.json"));
  if (settings.kill_switch) stored.kill_switch = policy::KillSwitch::FrontierOnly;
  levers = std::make_unique<pipeline::Levers>(std::move(stored));
  SUFFICE_TRY_VOID(open_record());
  metrics = std::make_unique<pipeline::GatewayMetrics>(registry);
  engine_metrics = std::make_unique<EngineMetrics>(registry);
  const std::size_t threads =
      settings.threads > 0 ? settings.threads : std::max(1U, std::thread::hardware_concurrency());
  io = std::make_unique<net::IoThreads>(threads,
                                        [this](std::string_view what) { log->error("io_fault what={}", what); });
  http = std::make_unique<net::HttpClient>(net::HttpClientOptions{});
  clients = std::make_unique<ModelClients>(
      ModelClients::Parts{.http = *http,
                          .environment = environment,
                          .clock = clock,
                          .random = random,
                          .engine = settings.engine,
                          .store = models::ModelStore(settings.store),
                          .log = [this](std::string_view line) { log->info("engine {}", line); }});
  ModelClients::Draft draft(*clients);
  SUFFICE_TRY(std::shared_ptr<const pipeline::Snapshot> first, make_snapshot(draft));
  clients->take(std::move(draft));
  gateway = std::make_unique<pipeline::Gateway>(
      pipeline::Gateway::Parts{
          .recorder = *recorder, .levers = *levers, .clock = clock, .random = random, .metrics = *metrics},
      gateway_options(), std::move(first));
  if (!policies->current()->keys.empty()) SUFFICE_TRY_VOID(count_spent_today());
  reloader = std::make_unique<Reloader>([this] { return reload(); });
  note(audit::Event::Kind::Start, state_words(*levers->current()));
  return {};
}

pipeline::GatewayOptions Application::Impl::gateway_options() {
  pipeline::GatewayOptions options{.on_record_failure = settings.on_record_failure};
  if (settings.otlp) {
    exporter =
        std::make_unique<OtlpExporter>(*settings.otlp, OtlpExporter::Parts{.http = *http,
                                                                           .registry = registry,
                                                                           .clock = clock,
                                                                           .version = settings.version,
                                                                           .instance = new_uuid7(clock, random)});
    options.export_spans = [this](std::vector<metrics::Span>&& spans) { exporter->add(std::move(spans)); };
  }
  return options;
}

Result<void> Application::Impl::load_vault() {
  using Kind = policy::SecretRef::Kind;
  policy::SecretRef reference = settings.vault_key;
  if (reference.kind == Kind::None && environment("SUFFICE_VAULT_KEY"))
    reference = {.kind = Kind::Env, .source = "SUFFICE_VAULT_KEY"};
  if (reference.kind == Kind::None) return {};
  SUFFICE_TRY(const providers::Secret key, providers::Secret::read(reference, environment));
  SUFFICE_TRY(const audit::Vault made, audit::Vault::create(key.reveal()));
  vault = std::make_shared<const audit::Vault>(made);
  return {};
}

Result<void> Application::Impl::open_record() {
  SUFFICE_TRY(std::unique_ptr<audit::AuditStore> store, audit::open_store(record(), audit::Writer::Gateway));
  audit::RecorderOptions options;
  options.on_store_failure = [this](const Error& error, std::size_t waiting) {
    log->error("audit_store_failed waiting={} problem={}", waiting, describe(error));
  };
  options.vault = vault;
  options.keep_for = [this](std::string_view task) -> std::optional<std::chrono::milliseconds> {
    const std::shared_ptr<const policy::Policy> policy = policies->current();
    const auto found = policy->tasks.find(std::string(task));
    return found == policy->tasks.end() ? std::nullopt : found->second.vault_ttl;
  };
  SUFFICE_TRY(recorder, audit::Recorder::create(std::move(store), std::move(options)));
  return {};
}

Result<std::shared_ptr<const pipeline::Snapshot>> Application::Impl::make_snapshot(ModelClients::Draft& draft) {
  SUFFICE_TRY(const prompts::PromptLibrary library, load_prompts(*policies->current()));
  return pipeline::make_snapshot(policies->current(), library,
                                 [&draft](const policy::Model& model) { return draft.get(model); });
}

Error Application::Impl::refuse_reload(Error error) {
  metrics->policy_reload(false);
  log->error("policy_reload_failed kept={} problem={}", gateway->snapshot()->policy->version, describe(error));
  note(audit::Event::Kind::PolicyReloadFailed, "kept " + gateway->snapshot()->policy->version);
  return error;
}

Result<void> Application::Impl::may_serve(const policy::Policy& policy) const {
  for (const auto& [name, task] : policy.tasks) {
    if (!task.vault_ttl || vault) continue;
    return fail(
        ErrorCode::ConfigInvalid,
        fmt::format(
            "task {} keeps its texts (vault), and there is no key to encrypt them with; give --vault-key env:NAME or "
            "file:PATH with the output of openssl rand -hex 32",
            name),
        "--vault-key");
  }
  return may_listen(settings.listen, !policy.keys.empty(), settings.unauthenticated_remote, "--listen");
}

/// A restart must not give every key its day's budget back.
Result<void> Application::Impl::count_spent_today() {
  SUFFICE_TRY(const std::unique_ptr<audit::AuditReader> reader, audit::open_reader(record()));
  const std::string today = audit::rfc3339_ms(std::chrono::floor<std::chrono::days>(clock.wall_now()));
  SUFFICE_TRY(const auto spent, reader->spent_since(today));
  for (const auto& [key, cost] : spent) gateway->callers().add_spent(key, cost);
  return {};
}

/// The old policy and its engines serve until every engine of the new one has loaded its model; then all traffic moves in one step,
/// and an engine that is no longer used ends after its last request.
Task<Result<std::string>> Application::Impl::reload() {
  Result<std::string> version = policies->reload();
  if (!version) co_return fail(refuse_reload(std::move(version).error()));
  Result<void> servable = may_serve(*policies->current());
  if (!servable) co_return fail(refuse_reload(std::move(servable).error()));
  ModelClients::Draft draft(*clients);
  Result<std::shared_ptr<const pipeline::Snapshot>> next = make_snapshot(draft);
  if (!next) co_return fail(refuse_reload(std::move(next).error()));
  const std::vector<std::string> started = draft.started();
  Task<Result<void>> waiting = draft.wait_ready(Deadline::after(kModelWaitMax));
  Result<void> ready = co_await std::move(waiting);
  if (!ready && ready.error().code == ErrorCode::Cancelled) {
    log->info("policy_reload_superseded version={}", *version);
    co_return fail(std::move(ready).error());
  }
  for (const std::string& model : started) engine_metrics->rotated(model, ready.has_value());
  if (!ready) co_return fail(refuse_reload(std::move(ready).error()));
  gateway->replace(*std::move(next));
  clients->take(std::move(draft));
  metrics->policy_reload(true);
  log->info("policy_reloaded version={} engines_started={}", *version, started.size());
  note(audit::Event::Kind::PolicyReload, "now " + *version);
  co_return version;
}

Result<std::unique_ptr<net::HttpServer>> Application::Impl::make_listener(const net::ListenAddress& address,
                                                                          net::Handler handler, std::string_view flag) {
  net::HttpServerOptions options;
  options.listen = address;
  options.handler = std::move(handler);
  options.error_body = [this](const net::TransportError& error) { return surface->transport_error_body(error); };
  options.on_fault = [this](std::string_view what) { log->error("server_fault what={}", what); };
  Result<std::unique_ptr<net::HttpServer>> made = net::HttpServer::create(io->executors(), std::move(options));
  if (!made) {
    Error error = std::move(made).error();
    error.where = std::string(flag) + " " + address.to_string();
    return fail(std::move(error));
  }
  return made;
}

Application::Application(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Application>> Application::create(Settings settings, std::shared_ptr<spdlog::logger> log) {
  auto impl = std::make_unique<Impl>(std::move(settings), std::move(log));
  SUFFICE_TRY_VOID(impl->build());
  return std::unique_ptr<Application>(new Application(std::move(impl)));
}

Application::~Application() {
  // Top down: nobody may use what lies below once it goes.
  if (impl_->public_listener) impl_->public_listener->stop(std::chrono::milliseconds{0});
  if (impl_->admin_listener) impl_->admin_listener->stop(std::chrono::milliseconds{0});
  impl_->clerk.join();
  if (impl_->io) impl_->io->stop();
  impl_->reloader.reset();
  impl_->gateway.reset();
}

Result<void> Application::listen() {
  Impl& in = *impl_;
  in.surface = std::make_unique<server::PublicSurface>(*in.gateway, in.clock, in.random, server::ChatSurfaceOptions{});
  in.admin = std::make_unique<server::AdminSurface>(in.doors());
  SUFFICE_TRY(in.public_listener,
              in.make_listener(in.settings.listen, server::public_handler(*in.surface, *in.admin, in.settings.listen),
                               "--listen"));
  SUFFICE_TRY(in.admin_listener,
              in.make_listener(in.settings.admin, server::admin_handler(*in.admin, in.settings.admin), "--admin"));
  in.public_listener->start();
  in.admin_listener->start();
  in.io->start();
  if (in.exporter) in.exporter->start(in.io->executors().front());
  announce_running(in.settings.data, public_address(), admin_address());
  in.log->info("listening public={} admin={} policy={}", public_address().to_string(), admin_address().to_string(),
               in.gateway->snapshot()->policy->version);
  return {};
}

net::ListenAddress Application::public_address() const { return impl_->public_listener->address(); }
net::ListenAddress Application::admin_address() const { return impl_->admin_listener->address(); }
pipeline::Gateway& Application::gateway() { return *impl_->gateway; }
Result<void> Application::set_levers(const pipeline::LeverState& next) { return impl_->set_levers(next); }
void Application::wait_for_models(std::chrono::milliseconds limit) { impl_->clients->wait_ready(limit); }

namespace {

/// Watches signals and the policy file on the main thread until it is told to end, and keeps house.
class SignalLoop {
 public:
  SignalLoop(std::function<void()> reload, std::function<bool()> changed)
      : reload_(std::move(reload)),
        changed_(std::move(changed)),
        ends_(context_, SIGINT, SIGTERM),
        hups_(context_, SIGHUP),
        timer_(context_),
        housekeeping_(context_) {
    ends_.async_wait([this](const boost::system::error_code&, int) { context_.stop(); });
    wait_for_hup();
    wait_for_change();
    wait_for_housekeeping();
  }
  void run() { context_.run(); }

 private:
  void wait_for_hup() {
    hups_.async_wait([this](const boost::system::error_code& error, int) {
      if (error) return;
      reload_();
      wait_for_hup();
    });
  }
  void wait_for_change() {
    timer_.expires_after(kWatchInterval);
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      if (changed_()) reload_();
      wait_for_change();
    });
  }
  void wait_for_housekeeping() {
    housekeeping_.expires_after(kGiveBackInterval);
    housekeeping_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      give_back_unused_memory();
      wait_for_housekeeping();
    });
  }

  boost::asio::io_context context_{1};
  std::function<void()> reload_;
  std::function<bool()> changed_;
  boost::asio::signal_set ends_;
  boost::asio::signal_set hups_;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer housekeeping_;
};

}  // namespace

void Application::run_until_signal(const std::function<void()>& on_ready) {
  Impl& in = *impl_;
  SignalLoop loop([&in] { in.reloader->request(); }, [&in] { return in.policies->changed_on_disk(); });
  on_ready();
  loop.run();
  in.log->info("draining requests_in_flight={}", in.public_listener->requests_in_flight());
  in.public_listener->stop(in.settings.drain);
  in.admin_listener->stop(std::chrono::milliseconds{500});
  if (in.exporter) in.exporter->stop(std::chrono::milliseconds{2'000});
  in.note(audit::Event::Kind::Stop, "signal");
  const Result<void> flushed = in.recorder->flush(std::chrono::milliseconds{5'000});
  if (!flushed) in.log->error("audit_flush_failed problem={}", describe(flushed.error()));
  forget_running(in.settings.data);
  in.log->info("stopped");
}

}  // namespace suffice::app
