#pragma once
// ModelClients: one client per model of the policy, kept while the model's definition stays the same.

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/random.hpp"
#include "core/result.hpp"
#include "net/http_client.hpp"
#include "policy/policy.hpp"
#include "policy/policy_store.hpp"
#include "providers/model_client.hpp"

namespace suffice::app {

/// Any thread. Owns the engine processes through their clients.
class ModelClients {
 public:
  struct Parts {
    net::HttpClient& http;
    const policy::Environment& environment;
    const Clock& clock;
    Random& random;
    std::filesystem::path engine;                    ///< the suffice-engine program
    std::function<void(std::string_view line)> log;  ///< engine starts, deaths and restarts; no user text
  };
  explicit ModelClients(Parts parts);

  /// The client of `model`: the one made before when nothing about it has changed, else a new one. A replaced client lives on until the
  /// last request that uses it has ended.
  Result<std::shared_ptr<providers::ModelClient>> get(const policy::Model& model);

  /// Embedded models that are not running now, by name.
  [[nodiscard]] std::vector<std::string> unavailable() const;
  /// Waits until every embedded engine has answered or failed once, at most `limit`.
  void wait_ready(std::chrono::milliseconds limit);

 private:
  Result<std::shared_ptr<providers::ModelClient>> make(const policy::Model& model);

  struct Entry {
    policy::Model model;
    std::shared_ptr<providers::ModelClient> client;
  };
  Parts parts_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

}  // namespace suffice::app
