#include "net/client_connection.hpp"

#include <algorithm>
#include <array>
#include <sys/socket.h>
#include <tuple>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace suffice::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kBufferStart = 8UL * 1024;
constexpr std::size_t kBufferMax = 64UL * 1024;
/// Longer waits are cut to this, so that adding "no limit" to now cannot overflow.
constexpr std::chrono::milliseconds kWaitMax = std::chrono::hours{24 * 365};
constexpr auto kAwaitTuple = asio::as_tuple(asio::use_awaitable);

bool is_close(const error_code& ec) {
  return ec == asio::error::eof || ec == asio::error::connection_reset || ec == asio::error::broken_pipe ||
         ec == asio::error::connection_aborted || ec == asio::ssl::error::stream_truncated;
}

std::unexpected<Error> connect_failed(const std::string& step, const error_code& ec) {
  return fail(ErrorCode::ConnectFailed, step + ": " + ec.message());
}

using Buffers = std::array<asio::const_buffer, 2>;

void advance(Buffers& buffers, std::size_t bytes) {
  for (asio::const_buffer& buffer : buffers) {
    const std::size_t skip = std::min(bytes, buffer.size());
    buffer += skip;
    bytes -= skip;
  }
}

}  // namespace

/// A name being resolved. It may outlive the connection: getaddrinfo cannot be interrupted, only no longer waited for.
struct ClientConnection::Lookup {
  explicit Lookup(const asio::any_io_executor& executor) : resolver(executor), done(executor, SteadyTime::max()) {}
  tcp::resolver resolver;
  asio::steady_timer done;  ///< cancelled when there is an answer
  bool finished = false;
  error_code ec;
  std::vector<tcp::endpoint> endpoints;
};

ClientConnection::ClientConnection(const asio::any_io_executor& executor, asio::ssl::context* tls)
    : socket_(executor), watchdog_(executor, [this] { on_expire(); }) {
  if (tls != nullptr) tls_.emplace(socket_, *tls);
}

void ClientConnection::begin(Deadline deadline, HttpTimeouts timeouts) {
  deadline_ = deadline;
  timeouts_ = timeouts;
  received_something_ = false;
}

void ClientConnection::end() {
  watchdog_.release();
  idle_since_ = std::chrono::steady_clock::now();
}

void ClientConnection::guard(Phase phase) {
  phase_ = phase;
  std::chrono::milliseconds span = timeouts_.idle;
  if (phase == Phase::Connect) span = timeouts_.connect;
  if (phase == Phase::FirstByte) span = timeouts_.first_byte;
  watchdog_.guard(deadline_.shortened_to(std::min(span, kWaitMax)).when());
}

void ClientConnection::pause_idle_timeout() { watchdog_.guard(deadline_.when()); }
void ClientConnection::await_first_byte() { guard(Phase::FirstByte); }

void ClientConnection::on_expire() {
  expired_ = true;
  error_code ignored;
  socket_.close(ignored);
  if (lookup_) lookup_->done.cancel();
}

std::unexpected<Error> ClientConnection::failure(const error_code& ec) const {
  if (expired_ && deadline_.expired()) return fail(ErrorCode::DeadlineExceeded, "the request's time is over");
  if (expired_) {
    switch (phase_) {
      case Phase::Connect:
        return fail(ErrorCode::ConnectTimeout, "no connection within the connect time-out");
      case Phase::FirstByte:
        return fail(ErrorCode::FirstTokenTimeout, "no answer began within the first-byte time-out");
      case Phase::Send:
      case Phase::Body:
        return fail(ErrorCode::IdleTimeout, "the connection stalled for the idle time-out");
    }
  }
  if (ec == asio::error::operation_aborted) return fail(ErrorCode::Cancelled, "the call was cancelled");
  if (is_close(ec))
    return fail(ErrorCode::ConnectionClosed, "the server closed the connection before its answer was complete");
  return fail(ErrorCode::ConnectionClosed, "the connection failed: " + ec.message());
}

Task<Result<std::vector<tcp::endpoint>>> ClientConnection::resolve(std::string host, std::uint16_t port) {
  error_code not_literal;
  const asio::ip::address literal = asio::ip::make_address(host, not_literal);
  if (!not_literal) co_return std::vector{tcp::endpoint{literal, port}};

  lookup_ = std::make_shared<Lookup>(socket_.get_executor());
  lookup_->resolver.async_resolve(host, std::to_string(port), tcp::resolver::numeric_service,
                                  [lookup = lookup_](const error_code& ec, const tcp::resolver::results_type& results) {
                                    lookup->finished = true;
                                    lookup->ec = ec;
                                    for (const auto& result : results) lookup->endpoints.push_back(result.endpoint());
                                    lookup->done.cancel();
                                  });
  (void)co_await lookup_->done.async_wait(kAwaitTuple);
  const std::shared_ptr<Lookup> lookup = std::exchange(lookup_, nullptr);
  if (!lookup->finished) co_return failure(asio::error::operation_aborted);
  if (lookup->ec) co_return connect_failed("the host name could not be resolved", lookup->ec);
  co_return std::move(lookup->endpoints);
}

Task<Result<void>> ClientConnection::connect(Endpoint endpoint, bool verify_tls) {
  guard(Phase::Connect);
  Result<std::vector<tcp::endpoint>> endpoints = co_await resolve(endpoint.host, endpoint.port);
  if (!endpoints) co_return fail(std::move(endpoints).error());
  error_code ec = asio::error::host_not_found;
  for (const tcp::endpoint& candidate : *endpoints) {
    error_code ignored;
    socket_.close(ignored);
    std::tie(ec) = co_await socket_.async_connect(candidate, kAwaitTuple);
    if (!ec || expired_ || ec == asio::error::operation_aborted) break;
  }
  if (expired_ || ec == asio::error::operation_aborted) co_return failure(asio::error::operation_aborted);
  if (ec) co_return connect_failed("cannot connect", ec);
  socket_.set_option(tcp::no_delay(true), ec);
  socket_.non_blocking(true, ec);
  if (!tls_) co_return Result<void>{};
  co_return co_await shake_hands(std::move(endpoint.host), verify_tls);
}

Task<Result<void>> ClientConnection::shake_hands(std::string host, bool verify_tls) {
  error_code ec;
  error_code not_literal;
  (void)asio::ip::make_address(host, not_literal);
  // RFC 6066, 3: the server name is never an address literal.
  if (not_literal && SSL_set_tlsext_host_name(tls_->native_handle(), host.c_str()) != 1) {
    co_return fail(ErrorCode::ConnectFailed, "the host name cannot be sent as TLS server name");
  }
  tls_->set_verify_mode(verify_tls ? asio::ssl::verify_peer : asio::ssl::verify_none, ec);
  if (!ec && verify_tls) tls_->set_verify_callback(asio::ssl::host_name_verification(host), ec);
  if (ec) co_return connect_failed("TLS could not be set up", ec);
  std::tie(ec) = co_await tls_->async_handshake(asio::ssl::stream_base::client, kAwaitTuple);
  if (expired_ || ec == asio::error::operation_aborted) co_return failure(asio::error::operation_aborted);
  if (ec) co_return connect_failed("TLS handshake failed", ec);
  co_return Result<void>{};
}

Task<Result<void>> ClientConnection::write(std::string_view head, std::string_view body) {
  Buffers buffers{asio::buffer(head), asio::buffer(body)};
  std::size_t left = head.size() + body.size();
  guard(Phase::Send);
  while (left > 0) {
    error_code ec;
    std::size_t written = 0;
    if (tls_) {
      std::tie(ec, written) = co_await tls_->async_write_some(buffers, kAwaitTuple);
    } else {
      // Most requests fit the socket's buffer: one system call, no trip through the scheduler.
      written = socket_.write_some(buffers, ec);
      if (ec == asio::error::would_block)
        std::tie(ec, written) = co_await socket_.async_write_some(buffers, kAwaitTuple);
    }
    if (ec) co_return failure(ec);
    advance(buffers, written);
    left -= written;
    if (left > 0) guard(Phase::Send);
  }
  co_return Result<void>{};
}

Task<Result<bool>> ClientConnection::read() {
  if (phase_ == Phase::Body) guard(Phase::Body);
  if (begin_ > 0) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) buffer_.resize(std::max(kBufferStart, buffer_.size() * 2));
  const asio::mutable_buffer space = asio::buffer(buffer_.data() + end_, buffer_.size() - end_);
  error_code ec;
  std::size_t bytes = 0;
  if (tls_) {
    std::tie(ec, bytes) = co_await tls_->async_read_some(space, kAwaitTuple);
  } else {
    std::tie(ec, bytes) = co_await socket_.async_read_some(space, kAwaitTuple);
  }
  if (!expired_ && ec == asio::error::eof) co_return false;
  if (ec) co_return failure(ec);
  received_something_ = true;
  phase_ = Phase::Body;
  const bool filled = bytes == space.size();
  end_ += bytes;
  if (filled && buffer_.size() < kBufferMax) buffer_.resize(buffer_.size() * 2);
  co_return true;
}

bool ClientConnection::is_stale() {
  char byte = 0;
  const auto peeked = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (peeked > 0) return !tls_;  // TLS may have sent session tickets
  return peeked == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

}  // namespace suffice::net
