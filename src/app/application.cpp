#include "app/application.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "app/engine_metrics.hpp"
#include "app/gateway_file.hpp"
#include "app/lever_file.hpp"
#include "app/model_clients.hpp"
#include "app/reloader.hpp"
#include "app/unused_memory.hpp"
#include "audit/event_json.hpp"
#include "audit/location.hpp"
#include "audit/recorder.hpp"
#include "audit/vault.hpp"
#include "core/clock.hpp"
#include "core/ids.hpp"
#include "core/random.hpp"
#include "metrics/registry.hpp"
#include "net/http_client.hpp"
#include "net/io_threads.hpp"
#include "pipeline/gateway_metrics.hpp"
#include "policy/policy_store.hpp"
#include "prompts/prompt.hpp"
#include "providers/run_on.hpp"
#include "providers/secret.hpp"
#include "server/admin_surface.hpp"
#include "server/http_status.hpp"
#include "server/public_surface.hpp"
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

std::string state_words(const pipeline::LeverState& state) {
  std::string words = fmt::format("kill_switch={}", name(state.kill_switch));
  for (const std::string& task : state.frontier_only_tasks) words += " frontier_only=" + task;
  for (const auto& [task, lever] : state.tasks) {
    if (lever.min_confidence) words += fmt::format(" {}.min_confidence={}", task, *lever.min_confidence);
    if (lever.canary_percent) words += fmt::format(" {}.canary={}%", task, *lever.canary_percent);
    if (lever.canary_groups) words += fmt::format(" {}.canary_groups={}", task, fmt::join(*lever.canary_groups, ","));
    if (lever.candidate_serves) words += fmt::format(" {}.candidate_serves", task);
    if (lever.certificate_withdrawn) words += fmt::format(" {}.certificate_withdrawn", task);
  }
  return words;
}

}  // namespace

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
    const fs::path file = settings.data / "audit.sqlite";
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

Result<void> Application::Impl::set_levers(const pipeline::LeverState& next) {
  const std::lock_guard lock(lever_mutex);
  // The switch acts first: an operator in an incident must not lose it to a full disk.
  const std::shared_ptr<const pipeline::LeverState> before = levers->current();
  levers->set(next);
  log->warn("levers_set {}", state_words(next));
  note_levers(*before, next);
  return write_levers(settings.data / "levers.json", next);
}

/// Promotions, rollbacks and withdrawals are events of their own kind: an auditor asks for them by name.
void Application::Impl::note_levers(const pipeline::LeverState& before, const pipeline::LeverState& after) {
  using audit::Event;
  note(Event::Kind::KillSwitch, state_words(after));
  for (const auto& [task, written] : policies->current()->tasks) {
    const pipeline::TaskLever& was = before.of(task);
    const pipeline::TaskLever& is = after.of(task);
    if (is.candidate_serves != was.candidate_serves) {
      const std::string model = written.candidate ? written.candidate->model : std::string("(no candidate)");
      note(is.candidate_serves ? Event::Kind::Promotion : Event::Kind::Rollback, "candidate " + model, task);
    }
    if (is.certificate_withdrawn && !was.certificate_withdrawn)
      note(Event::Kind::CertificateWithdrawn, "by a lever", task);
  }
}

void Application::Impl::note(audit::Event::Kind kind, std::string text, const std::string& task) {
  audit::Event event;
  event.task = task;
  event.kind = kind;
  event.id = new_uuid7(clock, random);
  event.time = clock.wall_now();
  event.policy_version = gateway ? gateway->snapshot()->policy->version : policies->current()->version;
  event.outcome = "ok";
  event.note = std::move(text);
  if (!recorder->record(std::move(event))) log->error("audit_queue_full dropped=state_change");
}

server::Readiness Application::Impl::readiness() const {
  server::Readiness state;
  if (!recorder->healthy()) {
    state.ready = false;
    state.problems.emplace_back("the audit store does not take events");
  }
  // A stopped engine is not unready: its requests escalate with local_unavailable.
  for (const std::string& model : clients->unavailable())
    state.problems.push_back("model " + model + " is not running; its tasks escalate");
  return state;
}

server::AdminDoors Application::Impl::doors() {
  return server::AdminDoors{.levers = [this] { return *levers->current(); },
                            .set_levers = [this](const pipeline::LeverState& next) { return set_levers(next); },
                            .reload_policy = [this] { return reloader->reload(); },
                            .policy_version = [this] { return gateway->snapshot()->policy->version; },
                            .metrics_text =
                                [this] {
                                  metrics->observe(recorder->stats());
                                  engine_metrics->observe(clients->reports());
                                  return registry.to_prometheus();
                                },
                            .readiness = [this] { return readiness(); },
                            .decide = [this](const pipeline::Request& asked) { return gateway->decide(asked); },
                            .read_events = [this](const audit::EventFilter& filter) { return read_events(filter); },
                            .judge = [this](audit::Event event) { return judge(std::move(event)); }};
}

/// On the clerk's thread: a query over a large record must not hold up requests.
Task<Result<std::vector<audit::StoredEvent>>> Application::Impl::read_events(audit::EventFilter filter) {
  const auto read = [](audit::RecordLocation where,
                       audit::EventFilter wanted) -> Task<Result<std::vector<audit::StoredEvent>>> {
    std::vector<audit::StoredEvent> events;
    Result<std::unique_ptr<audit::AuditReader>> reader = audit::open_reader(where);
    if (!reader) co_return fail(std::move(reader).error());
    const Result<void> done = (*reader)->read(wanted, [&](const audit::StoredEvent& event) {
      events.push_back(event);
      return true;
    });
    if (!done) co_return fail(done.error());
    co_return events;
  };
  Task<Result<std::vector<audit::StoredEvent>>> reading = read(record(), std::move(filter));
  Task<Result<std::vector<audit::StoredEvent>>> elsewhere =
      providers::run_on<Result<std::vector<audit::StoredEvent>>>(clerk.get_executor(), std::move(reading));
  co_return co_await std::move(elsewhere);
}

Task<Result<std::string>> Application::Impl::judge(audit::Event event) {
  audit::EventFilter named;
  named.id_or_request_id = event.refers_to;
  named.kind = "request";
  named.limit = 1;
  Task<Result<std::vector<audit::StoredEvent>>> looking = read_events(std::move(named));
  const Result<std::vector<audit::StoredEvent>> found = co_await std::move(looking);
  if (!found) co_return fail(found.error());
  if (found->empty()) co_return fail(ErrorCode::NotFound, "the record has no request of this id", "event_id");
  event.refers_to = found->front().id;
  event.task = found->front().task;
  event.id = new_uuid7(clock, random);
  event.time = clock.wall_now();
  event.policy_version = gateway->snapshot()->policy->version;
  std::string id = event.id;
  if (!recorder->record(std::move(event))) co_return fail(ErrorCode::Overloaded, "the audit queue is full");
  co_return id;
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
