#pragma once
// The admin listener: levers, policy, health, metrics. Never on the public address.

#include <functional>
#include <string>
#include <vector>

#include "audit/event.hpp"
#include "audit/store.hpp"
#include "core/result.hpp"
#include "net/http_server.hpp"
#include "net/task.hpp"
#include "pipeline/gateway.hpp"
#include "pipeline/levers.hpp"

namespace suffice::server {

/// What the process can say about itself. `ready` is false while anything in `problems` would make requests fail.
struct Readiness {
  bool ready = true;
  std::vector<std::string> problems;
};

/// What the admin surface may do, given by app.
struct AdminDoors {
  std::function<pipeline::LeverState()> levers;
  std::function<Result<void>(pipeline::LeverState)> set_levers;  ///< recorded and kept over a restart
  std::function<Task<Result<std::string>>()>
      reload_policy;  ///< the version now current; may wait for a new model to load
  std::function<std::string()> policy_version;
  std::function<std::string()> metrics_text;
  std::function<Readiness()> readiness;
  std::function<Result<pipeline::Intention>(const pipeline::Request&)> decide;  ///< Gateway::decide
  /// Events that match, off the threads that serve. The filter outlives the await.
  std::function<Task<Result<std::vector<audit::StoredEvent>>>(const audit::EventFilter&)> read_events;
  /// Records a judgement; gives its id. NotFound when it is about no event of the record.
  std::function<Task<Result<std::string>>(audit::Event)> judge;
};

/// POST /suffice/v1/decide says what would be done with a chat (OpenAI's body), without doing it. GET /healthz, /readyz, /metrics, /suffice/v1/flags, /suffice/v1/policy; PUT /suffice/v1/flags; POST /suffice/v1/policy/reload.
/// GET /suffice/v1/audit and /suffice/v1/shadow read the record; POST /suffice/v1/review and /suffice/v1/feedback add to it.
class AdminSurface {
 public:
  explicit AdminSurface(AdminDoors doors);
  Task<void> handle(const net::ServerRequest& request, net::ResponseWriter& writer);

 private:
  struct Reply {
    int status = 200;
    std::string body;
    std::string content_type = "application/json";
  };
  [[nodiscard]] static Reply refusal(const Error& error);
  [[nodiscard]] Reply reply(const net::ServerRequest& request);
  [[nodiscard]] Reply flags() const;
  [[nodiscard]] Reply set_flags(const net::ServerRequest& request);
  [[nodiscard]] Task<Reply> reload();
  [[nodiscard]] Task<Reply> list_events(const net::ServerRequest& request);
  [[nodiscard]] Task<Reply> compare_shadows(const net::ServerRequest& request);
  [[nodiscard]] Task<Reply> judgement(const net::ServerRequest& request, audit::Event::Kind kind);
  [[nodiscard]] Reply ready() const;
  [[nodiscard]] Reply decide(const net::ServerRequest& request) const;

  AdminDoors doors_;
};

}  // namespace suffice::server
