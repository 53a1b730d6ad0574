#pragma once
// The HTTP/1.1 server: accepts, parses within limits, hands each request to one coroutine, writes the answer.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "net/http.hpp"
#include "net/task.hpp"

namespace suffice::net {

/// "127.0.0.1:8080", "[::1]:0", "localhost:8080" (port 0: any free one).
struct ListenAddress {
  std::string host;
  std::uint16_t port = 0;
  static Result<ListenAddress> parse(std::string_view text);
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] std::string to_string() const;
};

struct ServerRequest {
  std::string method;
  std::string path;   ///< without query, percent-decoded; "/" at least
  std::string query;  ///< raw, without '?'
  Headers headers;
  std::string body;
  std::string peer;     ///< address of the caller
  SteadyTime received;  ///< when the whole request was read
};

/// How a handler answers. One of: send(); or start_stream() then write()* then finish().
/// The head of a stream leaves together with what is written first. Every function may fail with ConnectionClosed when the caller went
/// away.
class ResponseWriter {
 public:
  virtual ~ResponseWriter() = default;
  virtual Task<Result<void>> send(int status, Headers headers, std::string body) = 0;
  virtual Task<Result<void>> start_stream(int status, Headers headers) = 0;
  virtual Task<Result<void>> write(std::string_view piece) = 0;
  /// Writes `last`, which may be empty, and the end of the stream in one piece.
  virtual Task<Result<void>> finish(std::string_view last) = 0;
  /// Aborts the connection so that the caller cannot mistake a cut stream for a complete one.
  virtual void abort() = 0;
  [[nodiscard]] virtual bool started() const = 0;
  /// True once the caller has closed its side; polled between steps and used to cancel upstream work.
  [[nodiscard]] virtual bool peer_gone() const = 0;
};

/// Runs on one of the server's threads. The request outlives the coroutine. When the peer closes while the handler runs, the
/// handler's coroutine is cancelled (asio terminal cancellation), which cancels whatever it awaits.
/// An exception is answered with a plain 500 and logged by the server's hook.
using Handler = std::function<Task<void>(const ServerRequest&, ResponseWriter&)>;

struct ServerLimits {
  std::size_t header_bytes_max = 32UL * 1024;
  std::size_t body_bytes_max = 16UL * 1024 * 1024;
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds body_timeout{30'000};
  std::chrono::milliseconds keep_alive_timeout{75'000};
  std::size_t connections_max = 4096;
  std::size_t requests_in_flight_max = 1024;  ///< beyond it: 503 with Retry-After
};

/// What a request that never reached the handler is answered with (too large, malformed, too slow): status and body in the listener's dialect.
struct TransportError {
  Error error;
  int status = 400;
  std::string_view target = {};  ///< path and query as sent; empty when no request line was understood
};
using TransportErrorBody = std::function<std::string(const TransportError&)>;

struct HttpServerOptions {
  ListenAddress listen;
  ServerLimits limits;
  Handler handler;
  TransportErrorBody error_body;                        ///< JSON body for transport errors
  std::function<void(std::string_view what)> on_fault;  ///< exceptions of handlers, accept errors; no user text
};

/// One listener. Connections are spread over `executors` (one io_context each); each stays on its own.
/// Strict framing: conflicting Content-Length/Transfer-Encoding, obsolete folding, bad chunks and missing Host get 400 and a close.
class HttpServer {
 public:
  /// Binds at once: AddressInUse, InvalidArgument or IoFailed when that is impossible.
  static Result<std::unique_ptr<HttpServer>> create(std::vector<boost::asio::any_io_executor> executors,
                                                    HttpServerOptions options);
  virtual ~HttpServer() = default;
  /// The bound address, with the real port.
  [[nodiscard]] virtual ListenAddress address() const = 0;
  virtual void start() = 0;
  /// Stops accepting, lets requests in flight finish until `deadline`, then closes. Any thread; returns when done or on the deadline.
  virtual void stop(std::chrono::milliseconds drain) = 0;
  [[nodiscard]] virtual std::size_t requests_in_flight() const = 0;
};

}  // namespace suffice::net
