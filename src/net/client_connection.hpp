#pragma once
// One connection to a server, plain or TLS, with the time-outs of the exchange it carries. Private to net/.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include "net/http_client.hpp"
#include "net/watchdog.hpp"

namespace suffice::net {

/// Used by one coroutine at a time, on the executor it was made for. Every function gives the Error of http_client.hpp's
/// catalogue; after an error the connection is of no further use. Runs with throw_if_cancelled(false).
class ClientConnection {
 public:
  /// `tls` is null for a plain connection and outlives the connection otherwise.
  ClientConnection(const boost::asio::any_io_executor& executor, boost::asio::ssl::context* tls);
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  /// Begins an exchange: everything after is bounded by `deadline`.
  void begin(Deadline deadline, HttpTimeouts timeouts);
  /// Ends it; the connection may go to the pool.
  void end();

  /// Resolves, connects and shakes hands with `endpoint` within timeouts.connect.
  Task<Result<void>> connect(Endpoint endpoint, bool verify_tls);
  /// Sends both in one gathered write where the socket allows.
  Task<Result<void>> write(std::string_view head, std::string_view body);
  /// From here to the first byte counts against timeouts.first_byte.
  void await_first_byte();
  /// Waits for more bytes; false at the end of the stream.
  Task<Result<bool>> read();
  /// The consumer of the body is working: its time is not the peer's.
  void pause_idle_timeout();

  [[nodiscard]] std::string_view buffered() const { return {buffer_.data() + begin_, end_ - begin_}; }
  void consume(std::size_t bytes) { begin_ += bytes; }
  [[nodiscard]] bool received_something() const { return received_something_; }
  [[nodiscard]] bool is_open() const { return socket_.is_open(); }
  /// Whether the peer has closed or sent something unasked while the connection lay in the pool.
  [[nodiscard]] bool is_stale();
  [[nodiscard]] SteadyTime idle_since() const { return idle_since_; }

 private:
  enum class Phase : std::uint8_t { Connect, Send, FirstByte, Body };
  struct Lookup;

  void guard(Phase phase);
  void on_expire();
  Task<Result<std::vector<boost::asio::ip::tcp::endpoint>>> resolve(std::string host, std::uint16_t port);
  Task<Result<void>> shake_hands(std::string host, bool verify_tls);
  std::unexpected<Error> failure(const boost::system::error_code& ec) const;

  boost::asio::ip::tcp::socket socket_;
  std::optional<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> tls_;
  Watchdog watchdog_;
  std::shared_ptr<Lookup> lookup_;
  Deadline deadline_ = Deadline::never();
  HttpTimeouts timeouts_;
  Phase phase_ = Phase::Connect;
  bool expired_ = false;
  bool received_something_ = false;
  SteadyTime idle_since_;

  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace suffice::net
