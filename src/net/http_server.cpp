#include "net/http_server.hpp"

#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/server_connection.hpp"

namespace suffice::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kAwaitTuple = asio::as_tuple(asio::use_awaitable);
/// Pause after a failed accept (descriptors used up), so that the loop does not spin.
constexpr std::chrono::milliseconds kAcceptPause{100};
/// How long stop() waits, after its deadline, for cancelled handlers to unwind.
constexpr std::chrono::milliseconds kKillGrace{2'000};

struct Listener {
  Listener(std::vector<asio::any_io_executor> lanes_, HttpServerOptions options)
      : lanes(std::move(lanes_)),
        acceptor(lanes.front()),
        pause(lanes.front()),
        shared(std::make_shared<ServerShared>(std::move(options))) {}

  std::vector<asio::any_io_executor> lanes;
  tcp::acceptor acceptor;
  asio::steady_timer pause;
  std::shared_ptr<ServerShared> shared;
  std::size_t next_lane = 0;
};

bool is_full(ServerShared& shared) {
  const std::lock_guard lock(shared.mutex);
  return shared.connections.size() >= shared.options.limits.connections_max;
}

/// A caller over the connection limit hears why, as far as one write without waiting can tell.
void turn_away(tcp::socket& socket, const ServerShared& shared) {
  TransportError error{.error = fail(ErrorCode::Overloaded, "too many connections: retry in a second").error(),
                       .status = 503};
  error.error.retry_after_ms = 1'000;
  const std::string body = shared.options.error_body ? shared.options.error_body(error) : error.error.message;
  const std::string type = shared.options.error_body ? "application/json" : "text/plain; charset=utf-8";
  const std::string answer =
      "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Type: " + type +
      "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(answer), ignored);
}

void welcome(tcp::socket socket, const std::shared_ptr<ServerShared>& shared) {
  if (is_full(*shared)) {
    shared->report("accept: connections_max reached");
    return turn_away(socket, *shared);
  }
  error_code ec;
  const tcp::endpoint peer = socket.remote_endpoint(ec);
  if (ec) return;  // already gone
  std::make_shared<ServerConnection>(std::move(socket), peer.address().to_string(), shared)->start();
}

Task<void> accept_loop(std::shared_ptr<Listener> listener) {
  while (listener->acceptor.is_open()) {
    const asio::any_io_executor lane = listener->lanes[listener->next_lane++ % listener->lanes.size()];
    auto [ec, socket] = co_await listener->acceptor.async_accept(lane, kAwaitTuple);
    if (!ec) {
      welcome(std::move(socket), listener->shared);
      continue;
    }
    if (!listener->acceptor.is_open()) break;
    listener->shared->report("accept: " + ec.message());
    listener->pause.expires_after(kAcceptPause);
    (void)co_await listener->pause.async_wait(kAwaitTuple);
  }
}

Result<tcp::endpoint> resolve(const asio::any_io_executor& executor, const ListenAddress& address) {
  tcp::resolver resolver(executor);
  error_code ec;
  const auto found = resolver.resolve(address.host, std::to_string(address.port), tcp::resolver::passive, ec);
  if (ec || found.empty()) {
    return fail(ErrorCode::InvalidArgument,
                "cannot listen on host '" + address.host + "': it is no address of this machine");
  }
  return found.begin()->endpoint();
}

Result<void> bind(tcp::acceptor& acceptor, const tcp::endpoint& endpoint, const ListenAddress& address) {
  error_code ec;
  acceptor.open(endpoint.protocol(), ec);
  if (!ec) acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec) acceptor.bind(endpoint, ec);
  if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (!ec) return {};
  const std::string where = address.to_string();
  if (ec == asio::error::address_in_use) {
    return fail(ErrorCode::AddressInUse,
                "port " + std::to_string(address.port) +
                    " is taken: stop the program that listens there, or choose another port (0 picks a free one)",
                where);
  }
  if (ec == asio::error::access_denied) {
    return fail(ErrorCode::IoFailed,
                "not allowed to listen there: ports below 1024 need privileges, choose a higher one", where);
  }
  if (ec == boost::system::errc::address_not_available) {
    return fail(ErrorCode::InvalidArgument, "that address does not belong to this machine", where);
  }
  return fail(ErrorCode::IoFailed, "cannot listen: " + ec.message(), where);
}

class AsioHttpServer final : public HttpServer {
 public:
  explicit AsioHttpServer(std::shared_ptr<Listener> listener, ListenAddress address)
      : listener_(std::move(listener)), address_(std::move(address)) {}
  ~AsioHttpServer() override {
    begin_stop();
    for_each_connection(&ServerConnection::kill);
  }

  [[nodiscard]] ListenAddress address() const override { return address_; }

  void start() override { asio::co_spawn(listener_->lanes.front(), accept_loop(listener_), asio::detached); }

  void stop(std::chrono::milliseconds drain) override {
    const SteadyTime deadline = std::chrono::steady_clock::now() + drain;
    begin_stop();
    for_each_connection(&ServerConnection::drain);
    if (wait_until_empty(deadline)) return;
    for_each_connection(&ServerConnection::kill);
    (void)wait_until_empty(std::chrono::steady_clock::now() + kKillGrace);
  }

  [[nodiscard]] std::size_t requests_in_flight() const override { return listener_->shared->requests_in_flight.load(); }

 private:
  void begin_stop() {
    {
      const std::lock_guard lock(listener_->shared->mutex);
      if (std::exchange(listener_->shared->stopping, true)) return;
    }
    asio::post(listener_->lanes.front(), [listener = listener_] {
      error_code ignored;
      listener->acceptor.close(ignored);
      listener->pause.cancel();
    });
  }

  void for_each_connection(void (ServerConnection::*action)()) {
    std::vector<std::shared_ptr<ServerConnection>> living;
    {
      const std::lock_guard lock(listener_->shared->mutex);
      for (const auto& [pointer, weak] : listener_->shared->connections) {
        if (auto connection = weak.lock()) living.push_back(std::move(connection));
      }
    }
    for (const auto& connection : living) (*connection.*action)();
  }

  bool wait_until_empty(SteadyTime deadline) {
    std::unique_lock lock(listener_->shared->mutex);
    return listener_->shared->connection_left.wait_until(lock, deadline,
                                                         [&] { return listener_->shared->connections.empty(); });
  }

  std::shared_ptr<Listener> listener_;
  ListenAddress address_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::create(std::vector<asio::any_io_executor> executors,
                                                       HttpServerOptions options) {
  if (executors.empty()) return fail(ErrorCode::InvalidArgument, "a server needs at least one executor");
  if (!options.handler) return fail(ErrorCode::InvalidArgument, "a server needs a handler");
  ListenAddress address = options.listen;
  auto listener = std::make_shared<Listener>(std::move(executors), std::move(options));
  SUFFICE_TRY(const tcp::endpoint endpoint, resolve(listener->lanes.front(), address));
  SUFFICE_TRY_VOID(bind(listener->acceptor, endpoint, address));
  address.port = listener->acceptor.local_endpoint().port();
  return std::make_unique<AsioHttpServer>(std::move(listener), std::move(address));
}

}  // namespace suffice::net
