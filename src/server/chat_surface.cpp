#include "server/chat_surface.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>

#include "core/ids.hpp"
#include "server/credential.hpp"
#include "server/decision_headers.hpp"
#include "server/http_status.hpp"
#include "server/stream_keep_alive.hpp"

namespace suffice::server {
namespace {

constexpr std::size_t kRequestIdBytesMax = 128;
constexpr int kUnauthorized = 401;

net::Headers json_headers() {
  net::Headers headers;
  headers.add("content-type", "application/json");
  return headers;
}

net::Headers stream_headers(const ChatDialect& dialect) {
  net::Headers headers;
  headers.add("content-type", std::string(dialect.stream_content_type()));
  headers.add("cache-control", "no-cache");
  return headers;
}

bool may_be_json(const ChatDialect& dialect, const net::ServerRequest& request) {
  const std::string_view type = request.headers.get("content-type");
  if (type.empty() || net::equal_ignoring_case(type.substr(0, type.find(';')), "application/json")) return true;
  return dialect.any_media_type() && !request.headers.contains("origin");
}

Result<DecodedChat> decode(const ChatDialect& dialect, const net::ServerRequest& request) {
  if (!may_be_json(dialect, request))
    return fail(ErrorCode::UnsupportedMediaType, "send application/json", "content-type");
  return dialect.decode(request);
}

}  // namespace

/// What one request carries from decoding to its last byte.
struct ChatSurface::Call {
  const ChatDialect& dialect;
  const pipeline::Request& request;
  std::string_view notes;
  Deadline deadline;
  net::ResponseWriter& writer;
  const Clock& clock;

  [[nodiscard]] AskedChat asked() const {
    return {.chat = request.chat, .notes = notes, .request_id = request.request_id, .time = clock.wall_now()};
  }
  [[nodiscard]] AnsweredChat answered(const Completion& completion, const pipeline::Decision& decision) const {
    return {.completion = completion, .decision = decision, .elapsed = clock.steady_now() - request.received};
  }
  void add_headers(net::Headers& headers, const pipeline::Decision& decision) const {
    add_decision_headers(headers, decision);
    dialect.add_headers(headers, request.request_id);
  }
  Task<void> send_error(const Error& error, const pipeline::Decision& decision) const {
    net::Headers headers = json_headers();
    add_headers(headers, decision);
    co_await server::send_error(dialect, error, std::move(headers), request.request_id, writer);
  }
};

namespace {

/// Writes one answer piece by piece, from the moment the pipeline is sure of it.
class StreamSink final : public pipeline::AnswerSink {
 public:
  StreamSink(const ChatDialect& dialect, std::string_view request_id, ChatStreamEncoder& encoder,
             net::ResponseWriter& writer, StreamKeepAlive& keep_alive)
      : dialect_(dialect), request_id_(request_id), encoder_(encoder), writer_(writer), keep_alive_(keep_alive) {}

  Task<providers::SinkAction> on_begin(const pipeline::Decision& decision) override {
    co_await keep_alive_.take_over();
    if (!writer_.started()) {
      net::Headers headers = stream_headers(dialect_);
      add_decision_headers(headers, decision);
      dialect_.add_headers(headers, request_id_);
      const Result<void> started = co_await writer_.start_stream(200, std::move(headers));
      if (!started) co_return providers::SinkAction::Stop;
    }
    encoder_.begin(pending_);
    co_return providers::SinkAction::Continue;
  }

  /// Deltas that came in one piece leave in one piece: a system call a token is what streaming costs most.
  Task<providers::SinkAction> on_delta(const Delta& delta) override {
    encoder_.delta(delta, pending_);
    if (delta.more_follows) co_return providers::SinkAction::Continue;
    co_return co_await flush();
  }

  void on_progress(std::string_view text) override {
    const std::string piece = encoder_.progress(text);
    keep_alive_.say(piece);
  }

  Task<void> end(const AnsweredChat& answered) {
    encoder_.end(answered, pending_);
    const std::string last = std::exchange(pending_, {});
    const Result<void> finished = co_await writer_.finish(last);
    static_cast<void>(finished);  // the caller may have left; the event is already written
  }

  /// Says that the stream is not complete, then breaks it off: no client can take it for a whole answer.
  Task<void> end(const Error& error) {
    encoder_.error(error, http_status(error), pending_);
    co_await flush();
    writer_.abort();
  }

 private:
  Task<providers::SinkAction> flush() {
    const std::string piece = std::exchange(pending_, {});
    const Result<void> written = co_await writer_.write(piece);
    co_return written ? providers::SinkAction::Continue : providers::SinkAction::Stop;
  }

  const ChatDialect& dialect_;
  std::string_view request_id_;
  ChatStreamEncoder& encoder_;
  net::ResponseWriter& writer_;
  StreamKeepAlive& keep_alive_;
  std::string pending_;  ///< written with what follows
};

}  // namespace

std::string request_id_of(const net::ServerRequest& request, const Clock& clock, Random& random) {
  const std::string_view given = request.headers.get("x-request-id");
  const bool usable = !given.empty() && given.size() <= kRequestIdBytesMax &&
                      std::ranges::all_of(given, [](char c) { return c > 0x20 && c < 0x7f; });
  return usable ? std::string(given) : new_uuid7(clock, random);
}

Task<void> send_error(const ChatDialect& dialect, const Error& error, net::Headers headers, std::string_view request_id,
                      net::ResponseWriter& writer) {
  const int status = http_status(error);
  add_retry_after(headers, error, status);
  if (status == kUnauthorized) headers.add("www-authenticate", "Bearer");
  std::string body = dialect.encode_error(error, status, request_id);
  const Result<void> sent = co_await writer.send(status, std::move(headers), std::move(body));
  static_cast<void>(sent);  // the caller may have left; the event is already written
}

ChatSurface::ChatSurface(pipeline::Gateway& gateway, const Clock& clock, Random& random, ChatSurfaceOptions options)
    : gateway_(gateway), clock_(clock), random_(random), options_(options) {}

Task<void> ChatSurface::handle(const ChatDialect& dialect, const net::ServerRequest& request,
                               net::ResponseWriter& writer) {
  pipeline::Request asked;
  asked.received = request.received;
  asked.request_id = request_id_of(request, clock_, random_);
  asked.trace = parse_traceparent(request.headers.get("traceparent"));
  asked.task_hint = request.headers.get("x-suffice-task");
  asked.frontier_requested = net::equal_ignoring_case(request.headers.get("x-suffice-route"), "frontier");
  asked.surface = dialect.surface();
  if (!gateway_.snapshot()->policy->keys.empty()) asked.credential = credential_of(request.headers);
  asked.http_status_of = [](const Error& error) { return http_status(error); };

  Result<DecodedChat> decoded = decode(dialect, request);
  if (!decoded) {
    net::Headers headers = json_headers();
    headers.add("x-request-id", asked.request_id);
    dialect.add_headers(headers, asked.request_id);
    co_await send_error(dialect, decoded.error(), std::move(headers), asked.request_id, writer);
    co_return;
  }
  asked.chat = std::move(decoded->chat);
  const Call call{.dialect = dialect,
                  .request = asked,
                  .notes = decoded->notes,
                  .deadline = Deadline::after(options_.request_time_max, asked.received),
                  .writer = writer,
                  .clock = clock_};
  if (asked.chat.stream) {
    co_await answer_streaming(call);
  } else {
    co_await answer_whole(call);
  }
}

Task<void> ChatSurface::answer_whole(const Call& call) {
  pipeline::Answer answer = co_await gateway_.answer(call.request, nullptr, call.deadline);
  if (!answer.completion) {
    co_await call.send_error(answer.completion.error(), answer.decision);
    co_return;
  }
  net::Headers headers = json_headers();
  call.add_headers(headers, answer.decision);
  std::string body = call.dialect.encode(call.asked(), call.answered(*answer.completion, answer.decision));
  const Result<void> sent = co_await call.writer.send(200, std::move(headers), std::move(body));
  static_cast<void>(sent);  // the caller may have left; the event is already written
}

Task<void> ChatSurface::answer_into(const Call& call, pipeline::AnswerSink& sink, StreamKeepAlive& keep_alive,
                                    std::optional<pipeline::Answer>& answered) {
  answered = co_await gateway_.answer(call.request, &sink, call.deadline);
  co_await keep_alive.take_over();
}

Task<void> ChatSurface::answer_streaming(const Call& call) {
  using boost::asio::experimental::awaitable_operators::operator&&;
  const boost::asio::any_io_executor executor = co_await boost::asio::this_coro::executor;
  const std::unique_ptr<ChatStreamEncoder> encoder = call.dialect.stream(call.asked());
  StreamKeepAlive keep_alive(executor, call.writer, options_.keep_alive_interval, encoder->keep_alive());
  StreamSink sink(call.dialect, call.request.request_id, *encoder, call.writer, keep_alive);
  net::Headers early = stream_headers(call.dialect);
  early.add("x-request-id", call.request.request_id);
  early.add("x-suffice-route", "pending");
  call.dialect.add_headers(early, call.request.request_id);
  std::optional<pipeline::Answer> answered;
  Task<void> answering = answer_into(call, sink, keep_alive, answered);
  Task<void> commenting = keep_alive.run(std::move(early));
  co_await (std::move(answering) && std::move(commenting));
  // The event is written; what is left is to finish, or to notice that nobody listens.
  co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
  const pipeline::Answer& answer = *answered;
  if (answer.completion) {
    const AnsweredChat whole = call.answered(*answer.completion, answer.decision);
    co_await sink.end(whole);
  } else if (call.writer.started()) {
    co_await sink.end(answer.completion.error());
  } else {
    co_await call.send_error(answer.completion.error(), answer.decision);
  }
}

}  // namespace suffice::server
