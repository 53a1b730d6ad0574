#pragma once
// ModelClients: one client per model of the policy, kept while the model's definition stays the same.

#include <array>
#include <chrono>
#include <cstdint>
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
#include "models/model_store.hpp"
#include "net/http_client.hpp"
#include "net/task.hpp"
#include "policy/policy.hpp"
#include "policy/policy_store.hpp"
#include "providers/embedded_engine.hpp"
#include "providers/model_client.hpp"

namespace suffice::app {

class RetiredClients;

/// One embedded model as an operator sees it; totals include the engines it had before.
struct EngineReport {
  std::string model;
  bool ready = false;
  std::uint64_t starts = 0;
  std::array<std::uint64_t, providers::kEngineEnds> ends{};
};

/// Any thread. Owns the engine processes through their clients.
class ModelClients {
 public:
  struct Parts {
    net::HttpClient& http;
    const policy::Environment& environment;
    const Clock& clock;
    Random& random;
    std::filesystem::path engine;                    ///< the suffice-engine program
    models::ModelStore store;                        ///< where store:NAME is, and what may be loaded
    std::function<void(std::string_view line)> log;  ///< engine starts, deaths and restarts; no user text
  };
  explicit ModelClients(Parts parts);
  ~ModelClients();
  ModelClients(const ModelClients&) = delete;
  ModelClients& operator=(const ModelClients&) = delete;

  /// The clients of a policy that is not in force yet. Those whose model has not changed are the ones in use; for the others an engine
  /// starts beside the one that serves. Dropped without take(), it ends what it started and nothing has changed. One at a time.
  class Draft {
   public:
    explicit Draft(ModelClients& owner) : owner_(&owner) {}
    /// Admits and starts what is not there yet; reads whole model files, so not for an I/O thread.
    Result<std::shared_ptr<providers::ModelClient>> get(const policy::Model& model);
    /// Until every engine that this draft started has loaded its model; ends with the first that cannot. Cancelling ends the wait.
    [[nodiscard]] Task<Result<void>> wait_ready(Deadline deadline);
    /// Names of the models whose engines this draft started.
    [[nodiscard]] std::vector<std::string> started() const;

   private:
    friend class ModelClients;
    struct Entry {
      policy::Model declared;  ///< as the policy has it
      policy::Model model;     ///< with the path and digest of the file that was admitted
      std::string stamp;       ///< of that file; while it stays the same the file is not read again
      std::shared_ptr<providers::ModelClient> client;
      bool fresh = false;
    };
    Result<Entry> admitted(const policy::Model& model) const;
    ModelClients* owner_;
    std::map<std::string, Entry> entries_;
  };
  /// These are the clients in use from now on. What is no longer used lives until its last request has ended, and its engine then
  /// ends on a thread of its own.
  void take(Draft draft);

  /// Embedded models that are not running now, by name.
  [[nodiscard]] std::vector<std::string> unavailable() const;
  [[nodiscard]] std::vector<EngineReport> reports() const;
  /// Waits until every embedded engine has answered or failed once, at most `limit`.
  void wait_ready(std::chrono::milliseconds limit);

 private:
  Result<std::shared_ptr<providers::ModelClient>> make(const policy::Model& model);
  Result<std::shared_ptr<providers::ModelClient>> make_hosted(const policy::Model& model);

  Parts parts_;
  std::shared_ptr<RetiredClients> retired_;
  mutable std::mutex mutex_;
  std::map<std::string, Draft::Entry> entries_;
  std::map<std::string, EngineReport> past_;  ///< of engines that are no longer in use
};

/// Whether `model`'s file may be loaded here: what a start and `suffice check` say alike. Gives the model with the file's path and
/// digest; one without a file of its own as it is.
[[nodiscard]] Result<policy::Model> admit(const policy::Model& model, const models::ModelStore& store);

}  // namespace suffice::app
