#include "app/model_clients.hpp"

#include <utility>

#include <fmt/format.h>

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
namespace {

using providers::EmbeddedClient;
using providers::ModelClient;

/// How long a server may take to say who it is while the gateway starts.
constexpr std::chrono::milliseconds kProbeTimeMax{500};

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

}  // namespace

ModelClients::ModelClients(Parts parts) : parts_(std::move(parts)) {}

Result<std::shared_ptr<ModelClient>> ModelClients::get(const policy::Model& model) {
  const std::lock_guard lock(mutex_);
  if (const auto known = entries_.find(model.name); known != entries_.end() && known->second.model == model) {
    return known->second.client;
  }
  Result<std::shared_ptr<ModelClient>> made = make(model);
  if (!made) return fail(in_model(std::move(made).error(), model.name));
  entries_.insert_or_assign(model.name, Entry{.model = model, .client = *made});
  return made;
}

Result<std::shared_ptr<ModelClient>> ModelClients::make(const policy::Model& model) {
  using policy::ProviderKind;
  if (model.provider == ProviderKind::Embedded) {
    providers::EmbeddedOptions options;
    options.engine_program = parts_.engine.string();
    options.log = [log = parts_.log, name = model.name](wire::EngineLog::Level, std::string_view line) {
      log(fmt::format("model={} {}", name, line));
    };
    SUFFICE_TRY(std::unique_ptr<EmbeddedClient> embedded, EmbeddedClient::create(model, std::move(options)));
    return std::shared_ptr<ModelClient>(std::move(embedded));
  }
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
