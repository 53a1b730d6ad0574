#pragma once
// Idle connections waiting for the next request. Private to net/.

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "net/client_connection.hpp"

namespace suffice::net {

struct PoolLimits {
  std::size_t idle_per_endpoint_max = 64;
  std::chrono::milliseconds idle_age_max{30'000};
};

/// The idle connections of one client on one executor. When the executor's context ends first, they end with it.
class ConnectionPool {
 public:
  explicit ConnectionPool(boost::asio::any_io_executor executor, PoolLimits limits);

  /// The most recently used connection to `endpoint` that still looks alive, or null.
  std::unique_ptr<ClientConnection> take(const Endpoint& endpoint);
  void put(const Endpoint& endpoint, std::unique_ptr<ClientConnection> connection);

  [[nodiscard]] bool serves(const boost::asio::any_io_executor& executor) const;
  /// Drops every connection and takes no more.
  void close();

 private:
  struct Origin {
    bool tls;
    std::string host;
    std::uint16_t port;
    std::vector<std::unique_ptr<ClientConnection>> idle;  ///< oldest first
  };
  Origin& origin_of(const Endpoint& endpoint);

  const boost::asio::any_io_executor executor_;
  const PoolLimits limits_;
  mutable std::mutex mutex_;
  std::vector<Origin> origins_;  ///< few: as many as a policy names
  bool closed_ = false;
};

/// The pools of one client, one for each executor that has called it. Any thread.
class PoolGroup {
 public:
  explicit PoolGroup(PoolLimits limits) : limits_(limits) {}
  std::shared_ptr<ConnectionPool> pool_for(const boost::asio::any_io_executor& executor);

 private:
  const PoolLimits limits_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<ConnectionPool>> pools_;
};

}  // namespace suffice::net
