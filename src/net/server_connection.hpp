#pragma once
// One accepted connection: reads requests, runs the handler, writes answers. Private to net/.

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "net/http_server.hpp"
#include "net/message_parser.hpp"
#include "net/watchdog.hpp"

namespace suffice::net {

class ServerConnection;

/// What the connections of one server share. Outlives them all.
struct ServerShared {
  explicit ServerShared(HttpServerOptions server_options) : options(std::move(server_options)) {}

  const HttpServerOptions options;
  std::atomic<std::size_t> requests_in_flight{0};

  std::mutex mutex;  ///< guards what follows
  std::condition_variable connection_left;
  std::unordered_map<ServerConnection*, std::weak_ptr<ServerConnection>> connections;
  bool stopping = false;

  void report(std::string_view what) const {
    if (options.on_fault) options.on_fault(what);
  }
};

/// Lives as long as its coroutine or its pending read. Everything happens on the socket's executor.
///
/// One read is pending nearly always, also while the handler runs: it brings pipelined requests and tells when the peer
/// closes, which cancels the handler. At most kReadAheadMax bytes are read ahead; beyond that a close goes unnoticed.
class ServerConnection final : public ResponseWriter, public std::enable_shared_from_this<ServerConnection> {
 public:
  using Socket = boost::asio::ip::tcp::socket;

  ServerConnection(Socket socket, std::string peer, std::shared_ptr<ServerShared> shared);
  ~ServerConnection() override;

  /// Registers with the server and starts the coroutine. From any thread, once.
  void start();
  /// Closes now when idle, after the answer in work otherwise. Any thread.
  void drain();
  /// Cancels the handler and closes. Any thread.
  void kill();

  // ResponseWriter
  Task<Result<void>> send(int status, Headers headers, std::string body) override;
  Task<Result<void>> start_stream(int status, Headers headers) override;
  Task<Result<void>> write(std::string_view piece) override;
  Task<Result<void>> finish(std::string_view last) override;
  void abort() override;
  [[nodiscard]] bool started() const override { return phase_ != Phase::Unanswered; }
  [[nodiscard]] bool peer_gone() const override { return peer_gone_; }

 private:
  enum class Phase : std::uint8_t { Unanswered, Streaming, Answered };
  using Pieces = std::array<std::string_view, 4>;

  static Task<void> run(std::shared_ptr<ServerConnection> self);
  Task<void> serve();
  /// The next request, or nothing when the connection is to be closed (an answer that says why has been sent).
  Task<bool> read_request(RequestParser& parser);
  Task<bool> accept_header(RequestParser& parser);
  Task<void> answer_request(RequestParser& parser);
  Task<void> run_handler(ServerRequest request);
  Task<void> refuse(Error error, int status);
  Task<void> close_gently();

  void start_read();
  void on_read(const boost::system::error_code& ec, std::size_t bytes);
  Task<void> wait_for_change();
  void on_watchdog();

  Task<Result<void>> write_chunk(std::string_view piece, std::string_view end);
  Task<Result<void>> write_pieces(Pieces pieces);
  Result<void> check_writable(Phase expected) const;

  Socket socket_;
  const std::string peer_;
  const std::shared_ptr<ServerShared> shared_;
  const ServerLimits& limits_;
  boost::asio::steady_timer change_;  ///< never expires; cancelled to wake the coroutine
  boost::asio::cancellation_signal cancel_;
  Watchdog watchdog_;

  std::vector<char> buffer_;
  std::size_t buffer_begin_ = 0;  ///< [begin, end) has been read and not parsed
  std::size_t buffer_end_ = 0;
  bool reading_ = false;
  bool handler_running_ = false;
  bool writing_ = false;
  bool peer_gone_ = false;
  bool timed_out_ = false;
  bool draining_ = false;
  bool first_request_ = true;

  // The answer in work.
  std::string target_;  ///< of the request it is for, as sent; empty until its head was read
  std::string head_;
  bool head_waits_ = false;  ///< for the first piece of its stream
  Phase phase_ = Phase::Unanswered;
  int request_version_ = 11;
  bool keep_alive_ = false;
  bool head_only_ = false;
  bool chunked_ = false;
};

}  // namespace suffice::net
