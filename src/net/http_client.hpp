#pragma once
// The HTTP/1.1 client: pooled connections, TLS, separate time-outs, streamed bodies.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "net/http.hpp"
#include "net/task.hpp"

namespace suffice::net {

/// Where to connect: scheme, host and port of an absolute http(s) URL, and its path prefix.
struct Endpoint {
  bool tls = false;
  std::string host;
  std::uint16_t port = 80;
  std::string path_prefix;  ///< without trailing slash; may be empty

  /// Parses "http://127.0.0.1:8080/v1". InvalidArgument for anything else (user info, query, fragment, other schemes).
  static Result<Endpoint> parse(std::string_view url);
  bool operator==(const Endpoint&) const = default;
};

/// Time-outs of one exchange; the request's Deadline bounds the sum.
struct HttpTimeouts {
  std::chrono::milliseconds connect{2'000};
  std::chrono::milliseconds first_byte{30'000};  ///< request sent to first byte of the response header
  std::chrono::milliseconds idle{30'000};        ///< between two pieces of the body
};

struct HttpRequest {
  std::string method = "POST";
  Endpoint endpoint;
  std::string path;  ///< appended to endpoint.path_prefix, with query
  Headers headers;   ///< Host, Content-Length and Connection are set by the client
  std::string body;
  HttpTimeouts timeouts;
  std::size_t response_bytes_max = 64UL * 1024 * 1024;
};

struct HttpResponse {
  int status = 0;
  Headers headers;
  std::string body;  ///< empty when a BodySink took it
};

/// Receives a streamed body piece by piece. Return false to stop: the connection is closed and the call ends with Cancelled.
class BodySink {
 public:
  virtual ~BodySink() = default;
  /// Called once, before any piece. Return false to have the body collected into HttpResponse::body instead (error bodies).
  virtual bool wants_body(int status, const Headers& headers) = 0;
  virtual Task<bool> on_body(std::string_view piece) = 0;
};

struct HttpClientOptions {
  std::size_t idle_connections_per_endpoint_max = 64;
  std::chrono::milliseconds idle_connection_age_max{30'000};
  bool verify_tls = true;
  std::string ca_file;  ///< PEM; empty means the system's store
};

/// Any thread; each call runs on its caller's executor. Redirects are never followed. A connection is reused only after a
/// complete, well-framed exchange. A pooled connection that the peer closed before sending anything is replaced once, silently.
///
/// Errors: ConnectFailed, ConnectTimeout, FirstTokenTimeout, IdleTimeout, DeadlineExceeded, ConnectionClosed (cut before
/// complete), ProtocolError, PayloadTooLarge, Cancelled. An HTTP status >= 400 is a response, not an error.
class HttpClient {
 public:
  explicit HttpClient(HttpClientOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// `sink` may be null: the whole body is collected. `request` is taken by reference and must outlive the await.
  [[nodiscard]] Task<Result<HttpResponse>> send(const HttpRequest& request, BodySink* sink, Deadline deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace suffice::net
