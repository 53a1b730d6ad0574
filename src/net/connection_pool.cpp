#include "net/connection_pool.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/query.hpp>

namespace suffice::net {
namespace {

namespace asio = boost::asio;

/// Lives in an execution context and closes the pools whose sockets belong to it, before the context is gone.
class PoolReaper final : public asio::execution_context::service {
 public:
  static asio::execution_context::id id;

  explicit PoolReaper(asio::execution_context& context) : service(context) {}

  void watch(const std::shared_ptr<ConnectionPool>& pool) {
    const std::lock_guard lock(mutex_);
    std::erase_if(pools_, [](const auto& weak) { return weak.expired(); });
    pools_.push_back(pool);
  }

 private:
  void shutdown() noexcept override {
    for (const auto& weak : pools_) {
      if (const auto pool = weak.lock()) pool->close();
    }
  }

  std::mutex mutex_;
  std::vector<std::weak_ptr<ConnectionPool>> pools_;
};

asio::execution_context::id PoolReaper::id;

}  // namespace

ConnectionPool::ConnectionPool(asio::any_io_executor executor, PoolLimits limits)
    : executor_(std::move(executor)), limits_(limits) {}

ConnectionPool::Origin& ConnectionPool::origin_of(const Endpoint& endpoint) {
  const auto found = std::find_if(origins_.begin(), origins_.end(), [&](const Origin& origin) {
    return origin.port == endpoint.port && origin.tls == endpoint.tls && origin.host == endpoint.host;
  });
  if (found != origins_.end()) return *found;
  return origins_.emplace_back(Origin{.tls = endpoint.tls, .host = endpoint.host, .port = endpoint.port, .idle = {}});
}

std::unique_ptr<ClientConnection> ConnectionPool::take(const Endpoint& endpoint) {
  const SteadyTime oldest = std::chrono::steady_clock::now() - limits_.idle_age_max;
  std::vector<std::unique_ptr<ClientConnection>> dropped;  // closed after the lock
  const std::lock_guard lock(mutex_);
  auto& idle = origin_of(endpoint).idle;
  while (!idle.empty()) {
    std::unique_ptr<ClientConnection> connection = std::move(idle.back());
    idle.pop_back();
    if (connection->idle_since() >= oldest && !connection->is_stale()) return connection;
    dropped.push_back(std::move(connection));
  }
  return nullptr;
}

void ConnectionPool::put(const Endpoint& endpoint, std::unique_ptr<ClientConnection> connection) {
  const SteadyTime oldest = std::chrono::steady_clock::now() - limits_.idle_age_max;
  std::vector<std::unique_ptr<ClientConnection>> dropped;
  const std::lock_guard lock(mutex_);
  if (closed_) {
    dropped.push_back(std::move(connection));
    return;
  }
  auto& idle = origin_of(endpoint).idle;
  idle.push_back(std::move(connection));
  const bool too_many = idle.size() > limits_.idle_per_endpoint_max;
  if (too_many || idle.front()->idle_since() < oldest) {
    dropped.push_back(std::move(idle.front()));
    idle.erase(idle.begin());
  }
}

bool ConnectionPool::serves(const asio::any_io_executor& executor) const {
  const std::lock_guard lock(mutex_);
  return !closed_ && executor == executor_;
}

void ConnectionPool::close() {
  std::vector<Origin> dropped;
  const std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(origins_);
}

std::shared_ptr<ConnectionPool> PoolGroup::pool_for(const asio::any_io_executor& executor) {
  const std::lock_guard lock(mutex_);
  for (const auto& pool : pools_) {
    if (pool->serves(executor)) return pool;
  }
  auto pool = std::make_shared<ConnectionPool>(executor, limits_);
  asio::use_service<PoolReaper>(asio::query(executor, asio::execution::context)).watch(pool);
  pools_.push_back(pool);
  return pool;
}

}  // namespace suffice::net
