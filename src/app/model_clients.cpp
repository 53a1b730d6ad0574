#include "app/model_clients.hpp"

#include <optional>
#include <sys/stat.h>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <fmt/format.h>

#include "models/model_gate.hpp"
#include "net/run_sync.hpp"
#include "providers/anthropic_client.hpp"
#include "providers/classifier_client.hpp"
#include "providers/embedded_client.hpp"
#include "providers/ollama_client.hpp"
#include "providers/openai_client.hpp"
#include "providers/recorded_client.hpp"
#include "providers/resilient_client.hpp"
#include "providers/secret.hpp"

namespace suffice::app {

using providers::EmbeddedClient;
using providers::ModelClient;

/// Ends clients away from the thread that happened to hold them last: ending an engine waits for its process, and the last holder is
/// often a request on an I/O thread.
class RetiredClients : public std::enable_shared_from_this<RetiredClients> {
 public:
  std::shared_ptr<ModelClient> keep(std::unique_ptr<ModelClient> client) {
    return {client.release(), [self = shared_from_this()](ModelClient* last) { self->end(last); }};
  }
  /// Waits for those under way; later ones are ended where they are.
  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    thread_.join();
  }

 private:
  void end(ModelClient* client) {
    std::unique_ptr<ModelClient> owned(client);
    const std::lock_guard lock(mutex_);
    if (!closed_) boost::asio::post(thread_, [ending = std::move(owned)]() mutable { ending.reset(); });
  }
  std::mutex mutex_;
  bool closed_ = false;
  boost::asio::thread_pool thread_{1};
};

namespace {

/// How long a server may take to say who it is while the gateway starts.
constexpr std::chrono::milliseconds kProbeTimeMax{500};
/// So often a new engine may end before its model is loaded; an end for a reason that lasts counts at once.
constexpr std::uint64_t kEndsBeforeReadyMax = 3;

Error in_model(Error error, const std::string& model) {
  error.where = "models." + model + (error.where.empty() ? "" : ": " + error.where);
  return error;
}

/// Only servers on this machine are asked who they are: a start must not wait for the world.
providers::OpenAiServer probe(const policy::Model& model, const providers::Secret& key, net::HttpClient& http) {
  if (!model.local) return {};
  Result<providers::OpenAiServer> server =
      net::run_sync(providers::probe_openai_server(model, key, http, Deadline::after(kProbeTimeMax)));
  return server ? *server : providers::OpenAiServer{};
}

std::string stamp_of_file(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return {};
  return fmt::format("{} {} {}.{} {}.{} {}", status.st_dev, status.st_ino, status.st_mtim.tv_sec,
                     status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec, status.st_size);
}

/// What changes when a file of the model is written or replaced; empty for a model without one, or without its file.
std::string stamp_of(const policy::Model& model) {
  if (model.provider != policy::ProviderKind::Embedded) return {};
  std::string stamp = stamp_of_file(model.model);
  for (const auto& [name, path] : model.adapters) stamp += '\n' + stamp_of_file(path);
  return stamp;
}

const EmbeddedClient* embedded_in(const std::shared_ptr<ModelClient>& client) {
  return dynamic_cast<const EmbeddedClient*>(client.get());
}

void add_to(EngineReport& report, const providers::EngineStatus& status) {
  report.starts += status.starts;
  for (std::size_t i = 0; i < report.ends.size(); ++i) report.ends.at(i) += status.ends.at(i);
}

}  // namespace

Result<policy::Model> admit(const policy::Model& model, const models::ModelStore& store) {
  if (model.provider != policy::ProviderKind::Embedded) return model;
  const models::ModelRequest request{.name = model.name,
                                     .file = model.model,
                                     .sha256 = model.sha256,
                                     .allowed = model.digests_allowed,
                                     .trust = model.trust};
  Result<models::AllowedModel> file = models::admit_model(request, store);
  if (!file) return fail(in_model(std::move(file).error(), model.name));
  policy::Model admitted = model;
  for (const auto& [name, path] : model.adapters) {
    const auto pinned = model.adapter_sha256.find(name);
    const bool has_pin = pinned != model.adapter_sha256.end();
    const models::ModelRequest adapter{.name = model.name + ".adapters." + name,
                                       .file = path,
                                       .sha256 = has_pin ? pinned->second : std::string(),
                                       .allowed = model.digests_allowed,
                                       .trust = model.trust && !has_pin};
    Result<models::AllowedModel> allowed = models::admit_model(adapter, store);
    if (!allowed) return fail(in_model(std::move(allowed).error(), model.name + ".adapters." + name));
    admitted.adapters[name] = std::move(allowed->path);
    if (!allowed->sha256.empty()) admitted.adapter_sha256[name] = std::move(allowed->sha256);
  }
  admitted.model = std::move(file->path);
  admitted.sha256 = std::move(file->sha256);
  return admitted;
}

ModelClients::ModelClients(Parts parts) : parts_(std::move(parts)), retired_(std::make_shared<RetiredClients>()) {}

ModelClients::~ModelClients() {
  entries_.clear();
  retired_->close();
}

/// The entry in use where nothing about it has changed, else one without a client.
Result<ModelClients::Draft::Entry> ModelClients::Draft::admitted(const policy::Model& model) const {
  std::optional<Entry> used;
  {
    const std::lock_guard lock(owner_->mutex_);
    if (const auto found = owner_->entries_.find(model.name); found != owner_->entries_.end()) used = found->second;
  }
  if (used && used->declared == model && stamp_of(used->model) == used->stamp) return *std::move(used);
  Entry entry{.declared = model, .model = {}, .stamp = {}, .client = nullptr, .fresh = false};
  SUFFICE_TRY(entry.model, admit(model, owner_->parts_.store));
  entry.stamp = stamp_of(entry.model);
  // The same digest is the same file; one that is trusted unseen may have been replaced.
  const bool same_file = !entry.model.sha256.empty() || (used && used->stamp == entry.stamp);
  if (used && used->model == entry.model && same_file) entry.client = std::move(used->client);
  return entry;
}

Result<std::shared_ptr<ModelClient>> ModelClients::Draft::get(const policy::Model& model) {
  if (const auto made = entries_.find(model.name); made != entries_.end()) return made->second.client;
  SUFFICE_TRY(Entry entry, admitted(model));
  if (entry.client == nullptr) {
    Result<std::shared_ptr<ModelClient>> fresh = owner_->make(entry.model);
    if (!fresh) return fail(in_model(std::move(fresh).error(), model.name));
    entry.client = *std::move(fresh);
    entry.fresh = true;
  }
  return entries_.emplace(model.name, std::move(entry)).first->second.client;
}

Task<Result<void>> ModelClients::Draft::wait_ready(Deadline deadline) {
  for (const auto& [name, entry] : entries_) {
    auto* embedded = dynamic_cast<EmbeddedClient*>(entry.client.get());
    if (!entry.fresh || embedded == nullptr) continue;
    Task<Result<void>> waiting = embedded->wait_ready(deadline, kEndsBeforeReadyMax);
    Result<void> ready = co_await std::move(waiting);
    if (!ready) co_return fail(in_model(std::move(ready).error(), name));
  }
  co_return Result<void>{};
}

std::vector<std::string> ModelClients::Draft::started() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) {
    if (entry.fresh && embedded_in(entry.client) != nullptr) names.push_back(name);
  }
  return names;
}

void ModelClients::take(Draft draft) {
  const std::lock_guard lock(mutex_);
  for (auto& [name, entry] : draft.entries_) entry.fresh = false;
  for (const auto& [name, old] : entries_) {
    const auto next = draft.entries_.find(name);
    if (next != draft.entries_.end() && next->second.client == old.client) continue;
    if (const EmbeddedClient* embedded = embedded_in(old.client)) add_to(past_[name], embedded->status());
  }
  entries_.swap(draft.entries_);
}

Result<std::shared_ptr<ModelClient>> ModelClients::make(const policy::Model& model) {
  if (model.provider != policy::ProviderKind::Embedded) return make_hosted(model);
  providers::EmbeddedOptions options;
  options.engine_program = parts_.engine.string();
  options.log = [log = parts_.log, name = model.name](wire::EngineLog::Level, std::string_view line) {
    log(fmt::format("model={} {}", name, line));
  };
  SUFFICE_TRY(std::unique_ptr<EmbeddedClient> embedded, EmbeddedClient::create(model, std::move(options)));
  return retired_->keep(std::move(embedded));
}

Result<std::shared_ptr<ModelClient>> ModelClients::make_hosted(const policy::Model& model) {
  using policy::ProviderKind;
  if (model.provider == ProviderKind::Recorded) {
    SUFFICE_TRY(std::unique_ptr<ModelClient> recorded, providers::make_recorded_client(model));
    return std::shared_ptr<ModelClient>(std::move(recorded));
  }
  if (model.provider == ProviderKind::Classifier) {
    SUFFICE_TRY(std::unique_ptr<ModelClient> classifier, providers::make_classifier_client(model));
    return std::shared_ptr<ModelClient>(std::move(classifier));
  }
  SUFFICE_TRY(const providers::Secret key, providers::Secret::read(model.api_key, parts_.environment));
  Result<std::unique_ptr<ModelClient>> hosted = [&] {
    switch (model.provider) {
      case ProviderKind::Anthropic:
        return providers::make_anthropic_client(model, key, parts_.http);
      case ProviderKind::Ollama:
        return providers::make_ollama_client(model, key, parts_.http);
      default:
        return providers::make_openai_client(model, key, parts_.http, probe(model, key, parts_.http));
    }
  }();
  if (!hosted) return fail(std::move(hosted).error());
  return std::shared_ptr<ModelClient>(providers::make_resilient_client(
      *std::move(hosted), providers::resilient_rules(model), parts_.clock, parts_.random));
}

std::vector<std::string> ModelClients::unavailable() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) {
    if (entry.model.provider == policy::ProviderKind::Embedded && !entry.client->available()) names.push_back(name);
  }
  return names;
}

std::vector<EngineReport> ModelClients::reports() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, EngineReport> all = past_;
  for (const auto& [name, entry] : entries_) {
    const EmbeddedClient* embedded = embedded_in(entry.client);
    if (embedded == nullptr) continue;
    const providers::EngineStatus status = embedded->status();
    add_to(all[name], status);
    all[name].ready = status.ready;
  }
  std::vector<EngineReport> reports;
  for (auto& [name, report] : all) {
    report.model = name;
    reports.push_back(std::move(report));
  }
  return reports;
}

void ModelClients::wait_ready(std::chrono::milliseconds limit) {
  const Deadline deadline = Deadline::after(limit);
  std::vector<std::shared_ptr<ModelClient>> clients;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, entry] : entries_) clients.push_back(entry.client);
  }
  for (const std::shared_ptr<ModelClient>& client : clients) {
    auto* embedded = dynamic_cast<EmbeddedClient*>(client.get());
    if (embedded == nullptr) continue;
    // A model that does not come up is no reason to stop: its requests escalate, and say so.
    const Result<void> ready = net::run_sync(embedded->wait_ready(deadline));
    if (!ready) parts_.log("not ready: " + describe(ready.error()));
  }
}

}  // namespace suffice::app
