#include "net/server_connection.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <exception>
#include <typeinfo>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/core/demangle.hpp>
#include <boost/system/system_error.hpp>

#include "net/address.hpp"
#include "net/response_head.hpp"

namespace suffice::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kBufferStart = 4UL * 1024;
constexpr std::size_t kReadAheadMax = 64UL * 1024;
/// How long a closing connection waits for the peer to have read the last answer (RFC 9112, 9.6).
constexpr std::chrono::milliseconds kLinger{1'000};

constexpr auto kAwaitTuple = asio::as_tuple(asio::use_awaitable);

SteadyTime now() { return std::chrono::steady_clock::now(); }

int status_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::PayloadTooLarge:
      return error.where == "header" ? 431 : 413;
    case ErrorCode::UnsupportedField:
      return 501;
    default:
      return 400;
  }
}

/// What an exception is, without its text: that may quote what a user sent.
std::string kind_of(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const boost::system::system_error& error) {
    return "system_error: " + error.code().message();
  } catch (const std::exception& error) {
    return boost::core::demangle(typeid(error).name());
  } catch (...) {
    return "an exception of unknown type";
  }
}

std::unexpected<Error> connection_closed() {
  return fail(ErrorCode::ConnectionClosed, "the caller closed the connection");
}

/// Counts a request in flight while it lives.
class InFlight {
 public:
  explicit InFlight(std::atomic<std::size_t>& count) : count_(count), before_(count.fetch_add(1)) {}
  ~InFlight() { count_.fetch_sub(1); }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
  [[nodiscard]] std::size_t before() const { return before_; }

 private:
  std::atomic<std::size_t>& count_;
  std::size_t before_;
};

}  // namespace

ServerConnection::ServerConnection(Socket socket, std::string peer, std::shared_ptr<ServerShared> shared)
    : socket_(std::move(socket)),
      peer_(std::move(peer)),
      shared_(std::move(shared)),
      limits_(shared_->options.limits),
      change_(socket_.get_executor(), SteadyTime::max()),
      watchdog_(socket_.get_executor(), [this] { on_watchdog(); }) {}

ServerConnection::~ServerConnection() {
  const std::lock_guard lock(shared_->mutex);
  shared_->connections.erase(this);
  shared_->connection_left.notify_all();
}

void ServerConnection::start() {
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->stopping) return;
    shared_->connections.emplace(this, weak_from_this());
  }
  const asio::any_io_executor executor = socket_.get_executor();
  asio::co_spawn(executor, run(shared_from_this()), asio::bind_cancellation_slot(cancel_.slot(), asio::detached));
}

void ServerConnection::drain() {
  const asio::any_io_executor executor = socket_.get_executor();
  asio::dispatch(executor, [self = shared_from_this()] {
    self->draining_ = true;
    self->keep_alive_ = false;
    self->change_.cancel();
  });
}

void ServerConnection::kill() {
  const asio::any_io_executor executor = socket_.get_executor();
  asio::dispatch(executor, [self = shared_from_this()] {
    self->abort();
    if (self->handler_running_) self->cancel_.emit(asio::cancellation_type::terminal);
  });
}

Task<void> ServerConnection::run(std::shared_ptr<ServerConnection> self) {
  std::exception_ptr thrown;
  try {
    co_await self->serve();
  } catch (...) {
    thrown = std::current_exception();
  }
  if (thrown && !self->peer_gone_) self->shared_->report("connection: " + kind_of(thrown));
  self->watchdog_.release();
  error_code ignored;
  self->socket_.close(ignored);
}

Task<void> ServerConnection::serve() {
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  do {
    RequestParser parser(
        ParserLimits{.header_bytes_max = limits_.header_bytes_max, .body_bytes_max = limits_.body_bytes_max});
    keep_alive_ = false;
    const bool complete = co_await read_request(parser);
    if (!complete) break;
    first_request_ = false;
    co_await answer_request(parser);
  } while (keep_alive_ && !peer_gone_);
  if (!peer_gone_ && !first_request_) co_await close_gently();
}

Task<bool> ServerConnection::read_request(RequestParser& parser) {
  phase_ = Phase::Unanswered;
  request_version_ = 11;
  head_only_ = false;
  head_waits_ = false;
  target_.clear();
  timed_out_ = false;
  watchdog_.guard(now() + (first_request_ ? limits_.header_timeout : limits_.keep_alive_timeout));
  bool reading_header = false;
  bool reading_body = false;
  while (true) {
    if (buffer_begin_ < buffer_end_) {
      const Result<std::size_t> used = parser.put({buffer_.data() + buffer_begin_, buffer_end_ - buffer_begin_});
      if (!used) {
        target_ = parser.message().target;
        const int status = status_of(used.error());
        co_await refuse(used.error(), status);
        co_return false;
      }
      buffer_begin_ += *used;
      if (parser.done()) break;
      if (parser.header_done() && !reading_body) {
        reading_body = true;
        watchdog_.guard(now() + limits_.body_timeout);
        const bool accepted = co_await accept_header(parser);
        if (!accepted) co_return false;
      } else if (parser.got_some() && !reading_header && !reading_body) {
        reading_header = true;
        watchdog_.guard(now() + limits_.header_timeout);
      }
    }
    if (peer_gone_ || (draining_ && !parser.got_some())) co_return false;
    if (timed_out_) {
      if (parser.got_some()) {
        Error error = fail(ErrorCode::DeadlineExceeded, "the request did not arrive in time").error();
        co_await refuse(std::move(error), 408);
      }
      co_return false;
    }
    start_read();
    co_await wait_for_change();
  }
  watchdog_.clear();
  co_return true;
}

Task<bool> ServerConnection::accept_header(RequestParser& parser) {
  const ParsedMessage& message = parser.message();
  target_ = message.target;
  const std::string_view expect = message.headers.get("Expect");
  if (expect.empty() || message.version < 11) co_return true;
  if (!equal_ignoring_case(expect, "100-continue")) {
    Error error = fail(ErrorCode::MalformedRequest, "the only expectation understood is 100-continue").error();
    co_await refuse(std::move(error), 417);
    co_return false;
  }
  const Pieces pieces{"HTTP/1.1 100 Continue\r\n\r\n", "", ""};
  const Result<void> written = co_await write_pieces(pieces);
  watchdog_.guard(now() + limits_.body_timeout);
  co_return written.has_value();
}

Task<void> ServerConnection::answer_request(RequestParser& parser) {
  ParsedMessage& message = parser.message();
  keep_alive_ = parser.keep_alive() && !draining_;
  request_version_ = message.version;
  head_only_ = message.method == "HEAD";

  target_ = message.target;
  Result<RequestTarget> target = parse_target(target_);
  if (!target) {
    co_await refuse(target.error(), 400);
    co_return;
  }
  const InFlight in_flight(shared_->requests_in_flight);
  if (in_flight.before() >= limits_.requests_in_flight_max) {
    Error error = fail(ErrorCode::Overloaded, "too many requests in flight: retry in a second").error();
    error.retry_after_ms = 1'000;
    co_await refuse(std::move(error), 503);
    co_return;
  }
  ServerRequest request{.method = std::move(message.method),
                        .path = std::move(target->path),
                        .query = std::move(target->query),
                        .headers = std::move(message.headers),
                        .body = std::move(message.body),
                        .peer = peer_,
                        .received = now()};
  co_await run_handler(std::move(request));
}

Task<void> ServerConnection::run_handler(ServerRequest request) {
  start_read();
  if (peer_gone_) co_return;
  std::exception_ptr thrown;
  handler_running_ = true;
  try {
    Task<void> handling = shared_->options.handler(request, *this);
    co_await std::move(handling);
  } catch (...) {
    thrown = std::current_exception();
  }
  handler_running_ = false;
  if (peer_gone_) co_return;  // cancelled: whatever it threw is the consequence
  if (thrown) shared_->report("handler: " + kind_of(thrown));
  if (phase_ == Phase::Answered) co_return;
  if (phase_ == Phase::Streaming) {
    if (!thrown) shared_->report("handler: returned without finishing its stream");
    abort();
    co_return;
  }
  if (!thrown) shared_->report("handler: returned without an answer");
  Error error = fail(ErrorCode::Internal, "internal error").error();
  co_await refuse(std::move(error), 500);
}

/// Answers in the server's own words and closes after it, unless it is only overloaded.
Task<void> ServerConnection::refuse(Error error, int status) {
  keep_alive_ = status == 503 && keep_alive_;
  first_request_ = false;
  Headers headers;
  headers.add("Content-Type", shared_->options.error_body ? "application/json" : "text/plain; charset=utf-8");
  if (error.retry_after_ms >= 0) headers.add("Retry-After", std::to_string((error.retry_after_ms + 999) / 1'000));
  const TransportError transport_error{.error = std::move(error), .status = status, .target = target_};
  std::string body = shared_->options.error_body ? shared_->options.error_body(transport_error)
                                                 : describe(transport_error.error) + "\n";
  const Result<void> sent = co_await send(status, std::move(headers), std::move(body));
  if (!sent) abort();
}

/// Closing with unread bytes would reset the connection and could destroy the answer on its way (RFC 9112, 9.6).
Task<void> ServerConnection::close_gently() {
  error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  timed_out_ = false;
  watchdog_.guard(now() + kLinger);
  while (!peer_gone_ && !timed_out_) {
    buffer_begin_ = buffer_end_;
    start_read();
    co_await wait_for_change();
  }
}

void ServerConnection::start_read() {
  if (reading_ || peer_gone_) return;
  if (buffer_begin_ == buffer_end_) buffer_begin_ = buffer_end_ = 0;
  if (buffer_begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + buffer_begin_, buffer_end_ - buffer_begin_);
    buffer_end_ -= buffer_begin_;
    buffer_begin_ = 0;
  }
  if (handler_running_ && buffer_end_ >= kReadAheadMax) return;
  if (buffer_end_ == buffer_.size()) buffer_.resize(std::max(kBufferStart, buffer_.size() * 2));
  reading_ = true;
  socket_.async_read_some(
      asio::buffer(buffer_.data() + buffer_end_, buffer_.size() - buffer_end_),
      [self = shared_from_this()](const error_code& ec, std::size_t bytes) { self->on_read(ec, bytes); });
}

void ServerConnection::on_read(const error_code& ec, std::size_t bytes) {
  reading_ = false;
  buffer_end_ += bytes;
  if (ec) {
    peer_gone_ = true;
    if (handler_running_) cancel_.emit(asio::cancellation_type::terminal);
  } else if (handler_running_) {
    start_read();
  }
  change_.cancel();
}

Task<void> ServerConnection::wait_for_change() { (void)co_await change_.async_wait(kAwaitTuple); }

void ServerConnection::on_watchdog() {
  timed_out_ = true;
  if (writing_) abort();
  change_.cancel();
}

Result<void> ServerConnection::check_writable(Phase expected) const {
  if (peer_gone_) return connection_closed();
  if (phase_ != expected) return fail(ErrorCode::Internal, "the answer's parts came in the wrong order");
  return {};
}

Task<Result<void>> ServerConnection::send(int status, Headers headers, std::string body) {
  Result<void> writable = check_writable(Phase::Unanswered);
  if (!writable) co_return writable;
  phase_ = Phase::Answered;
  if (draining_) keep_alive_ = false;
  const bool bodiless = status == 204 || status == 304;
  ResponseFraming framing{.keep_alive = keep_alive_, .version = request_version_};
  if (!bodiless) framing.content_length = body.size();
  write_response_head(head_, status, headers, framing);
  Pieces pieces{head_};
  if (!bodiless && !head_only_) pieces[1] = body;
  co_return co_await write_pieces(pieces);
}

Task<Result<void>> ServerConnection::start_stream(int status, Headers headers) {
  Result<void> writable = check_writable(Phase::Unanswered);
  if (!writable) co_return writable;
  phase_ = Phase::Streaming;
  chunked_ = request_version_ >= 11;
  if (draining_ || !chunked_) keep_alive_ = false;
  const ResponseFraming framing{.chunked = chunked_, .keep_alive = keep_alive_, .version = request_version_};
  write_response_head(head_, status, headers, framing);
  head_waits_ = true;
  co_return Result<void>{};
}

Task<Result<void>> ServerConnection::write(std::string_view piece) {
  Result<void> writable = check_writable(Phase::Streaming);
  if (!writable || piece.empty()) co_return writable;
  co_return co_await write_chunk(piece, "\r\n");
}

Task<Result<void>> ServerConnection::finish(std::string_view last) {
  Result<void> writable = check_writable(Phase::Streaming);
  if (!writable) co_return writable;
  phase_ = Phase::Answered;
  co_return co_await write_chunk(last, last.empty() ? "0\r\n\r\n" : "\r\n0\r\n\r\n");
}

/// RFC 9112, 7.1. Without chunks `piece` alone; with HEAD only the head.
Task<Result<void>> ServerConnection::write_chunk(std::string_view piece, std::string_view end) {
  Pieces pieces{};
  if (std::exchange(head_waits_, false)) pieces[0] = head_;
  std::array<char, 18> size_line{};
  if (!head_only_) pieces[2] = piece;
  if (chunked_ && !head_only_) {
    pieces[3] = end;
    if (!piece.empty()) {
      char* line_end = std::to_chars(size_line.data(), size_line.data() + 16, piece.size(), 16).ptr;
      *line_end++ = '\r';
      *line_end++ = '\n';
      pieces[1] = {size_line.data(), line_end};
    }
  }
  co_return co_await write_pieces(pieces);
}

Task<Result<void>> ServerConnection::write_pieces(Pieces pieces) {
  std::array<asio::const_buffer, 4> buffers{};
  std::size_t total = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    buffers[i] = asio::buffer(pieces[i]);
    total += pieces[i].size();
  }
  if (total == 0) co_return Result<void>{};
  // Nearly every answer fits the socket's buffer: one system call, no trip through the scheduler.
  error_code ec;
  std::size_t written = socket_.write_some(buffers, ec);
  if (!ec && written == total) co_return Result<void>{};
  if (ec && ec != asio::error::would_block) {
    peer_gone_ = true;
    co_return connection_closed();
  }
  for (asio::const_buffer& buffer : buffers) {
    const std::size_t skip = std::min(written, buffer.size());
    buffer += skip;
    written -= skip;
  }
  writing_ = true;
  watchdog_.guard(now() + limits_.body_timeout);
  const auto [write_error, more] = co_await asio::async_write(socket_, buffers, kAwaitTuple);
  watchdog_.clear();
  writing_ = false;
  if (write_error) {
    peer_gone_ = true;
    co_return connection_closed();
  }
  co_return Result<void>{};
}

void ServerConnection::abort() {
  peer_gone_ = true;
  keep_alive_ = false;
  error_code ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
  change_.cancel();
}

}  // namespace suffice::net
