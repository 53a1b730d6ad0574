#include "net/http_client.hpp"

#include <algorithm>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/this_coro.hpp>

#include "net/address.hpp"
#include "net/client_connection.hpp"
#include "net/connection_pool.hpp"
#include "net/message_parser.hpp"

namespace suffice::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kResponseHeaderBytesMax = 64UL * 1024;

bool is_set_by_client(std::string_view name) {
  return equal_ignoring_case(name, "Host") || equal_ignoring_case(name, "Content-Length") ||
         equal_ignoring_case(name, "Connection") || equal_ignoring_case(name, "Transfer-Encoding");
}

bool is_visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

/// The message up to the empty line, or InvalidArgument when a part would break it.
Result<std::string> write_request_head(const HttpRequest& request) {
  if (!is_token(request.method)) return fail(ErrorCode::InvalidArgument, "the request method is not a token");
  if (!request.path.starts_with('/') || !is_visible(request.path)) {
    return fail(ErrorCode::InvalidArgument, "the request path must start with '/' and be percent-encoded");
  }
  const Endpoint& endpoint = request.endpoint;
  std::string head;
  head.reserve(512);
  head.append(request.method)
      .append(" ")
      .append(endpoint.path_prefix)
      .append(request.path)
      .append(" HTTP/1.1\r\nHost: ");
  const bool default_port = endpoint.port == (endpoint.tls ? 443 : 80) && !endpoint.host.contains(':');
  head.append(default_port ? endpoint.host : join_host_port(endpoint.host, endpoint.port)).append("\r\n");
  for (const auto& [name, value] : request.headers.all()) {
    if (is_set_by_client(name)) continue;
    if (!is_token(name) || !is_field_value(value)) {
      return fail(ErrorCode::InvalidArgument, "a request header holds characters that HTTP does not allow");
    }
    head.append(name).append(": ").append(value).append("\r\n");
  }
  const bool bodiless = request.body.empty() && (request.method == "GET" || request.method == "HEAD");
  if (!bodiless) head.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
  head.append("\r\n");
  return head;
}

std::unexpected<Error> cancelled() { return fail(ErrorCode::Cancelled, "the call was cancelled"); }

Task<bool> is_cancelled() {
  const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  co_return state.cancelled() != asio::cancellation_type::none;
}

/// One request and its response on one connection.
class Exchange {
 public:
  Exchange(ClientConnection& connection, const HttpRequest& request, BodySink* sink)
      : connection_(connection), request_(request), sink_(sink) {}

  Task<Result<HttpResponse>> run(const std::string& head);
  [[nodiscard]] bool reusable() const { return reusable_; }

 private:
  Task<Result<void>> receive();
  /// Parses what is buffered; true when the response is complete.
  Task<Result<bool>> digest();
  Task<Result<void>> pass_body();
  void new_parser();

  ClientConnection& connection_;
  const HttpRequest& request_;
  BodySink* sink_;
  std::optional<ResponseParser> parser_;
  HttpResponse response_;
  bool header_seen_ = false;
  bool reusable_ = false;
};

void Exchange::new_parser() {
  parser_.emplace(
      ParserLimits{.header_bytes_max = kResponseHeaderBytesMax, .body_bytes_max = request_.response_bytes_max});
  if (request_.method == "HEAD") parser_->expect_no_body();
}

Task<Result<HttpResponse>> Exchange::run(const std::string& head) {
  const Result<void> sent = co_await connection_.write(head, request_.body);
  // A server may refuse a request before it has read all of it: its answer is worth more than our broken pipe.
  if (!sent && sent.error().code != ErrorCode::ConnectionClosed) co_return fail(sent.error());
  connection_.await_first_byte();
  new_parser();
  const Result<void> received = co_await receive();
  if (!received) co_return fail(received.error());
  reusable_ = sent && parser_->keep_alive() && connection_.buffered().empty() && connection_.is_open();
  co_return std::move(response_);
}

Task<Result<void>> Exchange::receive() {
  while (true) {
    const Result<bool> more = co_await connection_.read();
    if (!more) co_return fail(more.error());
    if (!*more) {
      if (!parser_->put_eof()) {
        co_return fail(ErrorCode::ConnectionClosed, "the server closed the connection before its answer was complete");
      }
      co_return Result<void>{};
    }
    const Result<bool> complete = co_await digest();
    if (!complete) co_return fail(complete.error());
    if (*complete) co_return Result<void>{};
  }
}

Task<Result<bool>> Exchange::digest() {
  while (!connection_.buffered().empty()) {
    const Result<std::size_t> used = parser_->put(connection_.buffered());
    if (!used) co_return fail(used.error().code, used.error().message);  // `where` becomes the server
    connection_.consume(*used);
    ParsedMessage& message = parser_->message();
    if (!parser_->header_done()) co_return false;
    if (message.status == 101) co_return fail(ErrorCode::ProtocolError, "the server switched protocols unasked");
    if (message.status / 100 == 1) {
      new_parser();
      continue;
    }
    const Result<void> passed = co_await pass_body();
    if (!passed) co_return fail(passed.error());
    if (parser_->done()) co_return true;
    if (*used == 0) break;
  }
  co_return false;
}

Task<Result<void>> Exchange::pass_body() {
  ParsedMessage& message = parser_->message();
  if (!header_seen_) {
    header_seen_ = true;
    response_.status = message.status;
    response_.headers = std::move(message.headers);
    if (sink_ != nullptr && !sink_->wants_body(response_.status, response_.headers)) sink_ = nullptr;
  }
  if (message.body.empty()) co_return Result<void>{};
  if (sink_ == nullptr) {
    if (response_.body.empty()) {
      response_.body = std::move(message.body);
    } else {
      response_.body += message.body;
    }
    message.body.clear();
    co_return Result<void>{};
  }
  connection_.pause_idle_timeout();
  const bool wants_more = co_await sink_->on_body(message.body);
  message.body.clear();
  const bool gone = co_await is_cancelled();
  if (!wants_more || gone) co_return cancelled();
  co_return Result<void>{};
}

}  // namespace

struct HttpClient::Impl {
  explicit Impl(HttpClientOptions client_options)
      : options(std::move(client_options)),
        pools(PoolLimits{.idle_per_endpoint_max = options.idle_connections_per_endpoint_max,
                         .idle_age_max = options.idle_connection_age_max}) {}

  Task<Result<HttpResponse>> send(const HttpRequest& request, BodySink* sink, Deadline deadline);
  Task<Result<std::unique_ptr<ClientConnection>>> open(const HttpRequest& request, Deadline deadline);
  Result<asio::ssl::context*> tls_context();

  const HttpClientOptions options;
  std::mutex tls_mutex;
  std::unique_ptr<asio::ssl::context> tls;  // before pools: connections use it
  PoolGroup pools;
};

/// Made on first use: reading the system's certificates takes tens of milliseconds and megabytes.
Result<asio::ssl::context*> HttpClient::Impl::tls_context() {
  const std::lock_guard lock(tls_mutex);
  if (tls) return tls.get();
  auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_client);
  error_code ec;
  context->set_options(
      asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1, ec);
  if (!ec && options.ca_file.empty()) context->set_default_verify_paths(ec);
  if (!ec && !options.ca_file.empty()) context->load_verify_file(options.ca_file, ec);
  if (ec)
    return fail(ErrorCode::ConnectFailed, "the CA certificates could not be read: " + ec.message(), options.ca_file);
  tls = std::move(context);
  return tls.get();
}

Task<Result<std::unique_ptr<ClientConnection>>> HttpClient::Impl::open(const HttpRequest& request, Deadline deadline) {
  asio::ssl::context* context = nullptr;
  if (request.endpoint.tls) {
    const Result<asio::ssl::context*> made = tls_context();
    if (!made) co_return fail(made.error());
    context = *made;
  }
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto connection = std::make_unique<ClientConnection>(executor, context);
  connection->begin(deadline, request.timeouts);
  Result<void> connected = co_await connection->connect(request.endpoint, options.verify_tls);
  if (!connected) co_return fail(std::move(connected).error());
  co_return std::move(connection);
}

Task<Result<HttpResponse>> HttpClient::Impl::send(const HttpRequest& request, BodySink* sink, Deadline deadline) {
  const Result<std::string> head = write_request_head(request);
  if (!head) co_return fail(head.error());
  if (deadline.expired()) co_return fail(ErrorCode::DeadlineExceeded, "the request's time is over");
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const std::shared_ptr<ConnectionPool> pool = pools.pool_for(executor);

  std::unique_ptr<ClientConnection> connection = pool->take(request.endpoint);
  bool replaceable = connection != nullptr;
  while (true) {
    if (!connection) {
      Result<std::unique_ptr<ClientConnection>> opened = co_await open(request, deadline);
      if (!opened) co_return fail(std::move(opened).error());
      connection = std::move(*opened);
    }
    connection->begin(deadline, request.timeouts);
    Exchange exchange(*connection, request, sink);
    Result<HttpResponse> response = co_await exchange.run(*head);
    if (response) {
      connection->end();
      if (exchange.reusable()) pool->put(request.endpoint, std::move(connection));
      co_return std::move(response);
    }
    const bool was_stale =
        replaceable && response.error().code == ErrorCode::ConnectionClosed && !connection->received_something();
    const bool gone = co_await is_cancelled();
    if (gone) co_return cancelled();
    if (!was_stale) co_return std::move(response);
    replaceable = false;
    connection.reset();
  }
}

HttpClient::HttpClient(HttpClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
HttpClient::~HttpClient() = default;

Task<Result<HttpResponse>> HttpClient::send(const HttpRequest& request, BodySink* sink, Deadline deadline) {
  // Inside, cancellation is a value like every other outcome; the caller's own setting comes back on every way out.
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  std::exception_ptr thrown;
  Result<HttpResponse> result = cancelled();
  try {
    result = co_await impl_->send(request, sink, deadline);
  } catch (...) {
    thrown = std::current_exception();
  }
  co_await asio::this_coro::throw_if_cancelled(throws);
  if (thrown) std::rethrow_exception(thrown);
  if (!result && result.error().where.empty()) {
    result.error().where = join_host_port(request.endpoint.host, request.endpoint.port);
  }
  co_return result;
}

}  // namespace suffice::net
