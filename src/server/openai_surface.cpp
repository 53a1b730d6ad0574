#include "server/openai_surface.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>

#include "core/ids.hpp"
#include "server/decision_headers.hpp"
#include "server/http_status.hpp"
#include "server/stream_keep_alive.hpp"
#include "wire/openai_chat.hpp"

namespace suffice::server {
namespace {

constexpr std::string_view kChatPath = "/v1/chat/completions";
constexpr std::string_view kModelsPath = "/v1/models";
constexpr std::size_t kRequestIdBytesMax = 128;

std::int64_t unix_seconds(const Clock& clock) {
  return std::chrono::duration_cast<std::chrono::seconds>(clock.wall_now().time_since_epoch()).count();
}

net::Headers json_headers() {
  net::Headers headers;
  headers.add("content-type", "application/json");
  return headers;
}

Task<void> send_error(net::ResponseWriter& writer, const Error& error, net::Headers headers) {
  const int status = http_status(error);
  add_retry_after(headers, error, status);
  std::string body = OpenAiSurface::error_body(error, status);
  const Result<void> sent = co_await writer.send(status, std::move(headers), std::move(body));
  static_cast<void>(sent);  // the caller may have left; the event is already written
}

bool is_json(const net::ServerRequest& request) {
  const std::string_view type = request.headers.get("content-type");
  return type.empty() || net::equal_ignoring_case(type.substr(0, type.find(';')), "application/json");
}

/// The caller's own request id when it is short and printable, else a new one.
std::string request_id_of(const net::ServerRequest& request, const Clock& clock, Random& random) {
  const std::string_view given = request.headers.get("x-request-id");
  const bool usable = !given.empty() && given.size() <= kRequestIdBytesMax &&
                      std::ranges::all_of(given, [](char c) { return c > 0x20 && c < 0x7f; });
  return usable ? std::string(given) : new_uuid7(clock, random);
}

/// The trace id of a W3C traceparent header ("00-<32 hex>-<16 hex>-<2 hex>"), or empty.
std::string trace_id_of(const net::ServerRequest& request) {
  const std::string_view parent = request.headers.get("traceparent");
  const bool shaped = parent.size() >= 55 && parent[2] == '-' && parent[35] == '-';
  return shaped ? std::string(parent.substr(3, 32)) : std::string();
}

Result<void> refuse_what_cannot_be_honoured(const ChatRequest& chat) {
  if (chat.n != 1) return fail(ErrorCode::UnsupportedField, "only 1 is served: send n requests instead", "n");
  if (chat.messages.empty()) return fail(ErrorCode::MalformedRequest, "must hold at least one message", "messages");
  return {};
}

wire::OpenAiAnswerMeta meta_for(const pipeline::Request& request, const Clock& clock) {
  wire::OpenAiAnswerMeta meta;
  meta.id = "chatcmpl-" + request.request_id;
  meta.created = unix_seconds(clock);
  meta.model = request.chat.model;
  meta.include_logprobs = request.chat.logprobs;
  meta.include_usage = request.chat.stream_usage;
  return meta;
}

net::Headers event_stream_headers() {
  net::Headers headers;
  headers.add("content-type", "text/event-stream; charset=utf-8");
  headers.add("cache-control", "no-cache");
  return headers;
}

/// Writes one answer as server-sent events, from the moment the pipeline is sure of it.
class ChatStreamSink final : public pipeline::AnswerSink {
 public:
  ChatStreamSink(net::ResponseWriter& writer, StreamKeepAlive& keep_alive, wire::OpenAiAnswerMeta meta)
      : writer_(writer), keep_alive_(keep_alive), stream_(std::move(meta)) {}

  Task<providers::SinkAction> on_begin(const pipeline::Decision& decision) override {
    co_await keep_alive_.take_over();
    if (!writer_.started()) {
      net::Headers headers = event_stream_headers();
      add_decision_headers(headers, decision);
      const Result<void> started = co_await writer_.start_stream(200, std::move(headers));
      if (!started) co_return providers::SinkAction::Stop;
    }
    pending_ = stream_.begin();
    co_return providers::SinkAction::Continue;
  }

  /// Deltas that came in one piece leave in one piece: a system call a token is what streaming costs most.
  Task<providers::SinkAction> on_delta(const Delta& delta) override {
    pending_ += stream_.delta(delta);
    if (delta.more_follows) co_return providers::SinkAction::Continue;
    co_return co_await flush();
  }

  Task<void> end(const Completion& completion, const pipeline::Decision& decision) {
    pending_ += stream_.end(completion.finish, completion.usage, decision_extension(decision));
    const providers::SinkAction written = co_await flush();
    if (written == providers::SinkAction::Stop) co_return;
    const Result<void> finished = co_await writer_.finish();
    static_cast<void>(finished);
  }

  /// Says that the stream is not complete, then breaks it off: no client can take it for a whole answer.
  Task<void> end(const Error& error) {
    pending_ += stream_.error(error, openai_error_type(http_status(error)));
    co_await flush();
    writer_.abort();
  }

 private:
  Task<providers::SinkAction> flush() {
    const std::string piece = std::exchange(pending_, {});
    const Result<void> written = co_await writer_.write(piece);
    co_return written ? providers::SinkAction::Continue : providers::SinkAction::Stop;
  }

  net::ResponseWriter& writer_;
  StreamKeepAlive& keep_alive_;
  wire::OpenAiChatStreamWriter stream_;
  std::string pending_;  ///< written with what follows
};

std::vector<wire::ModelListing> listing(const policy::Policy& policy, std::int64_t created) {
  std::vector<wire::ModelListing> models;
  models.push_back({.id = "suffice/auto", .created = created, .owned_by = "suffice"});
  for (const auto& [name, task] : policy.tasks)
    models.push_back({.id = "suffice/" + name, .created = created, .owned_by = "suffice"});
  return models;
}

}  // namespace

OpenAiSurface::OpenAiSurface(pipeline::Gateway& gateway, const Clock& clock, Random& random,
                             OpenAiSurfaceOptions options)
    : gateway_(gateway), clock_(clock), random_(random), options_(options), started_(unix_seconds(clock)) {}

bool OpenAiSurface::owns(std::string_view path) { return path == "/v1" || path.starts_with("/v1/"); }

std::string OpenAiSurface::error_body(const Error& error, int status) {
  return wire::encode_openai_error(error, openai_error_type(status));
}

Task<void> OpenAiSurface::handle(const net::ServerRequest& request, net::ResponseWriter& writer) {
  const bool is_chat = request.path == kChatPath;
  const bool is_models = request.path == kModelsPath || request.path.starts_with("/v1/models/");
  const std::string_view method = is_chat ? "POST" : "GET";
  if (!is_chat && !is_models) {
    const Error error{.code = ErrorCode::NotFound,
                      .message = "no such endpoint; this surface serves /v1/chat/completions and /v1/models",
                      .where = {}};
    co_await send_error(writer, error, json_headers());
  } else if (request.method != method) {
    net::Headers headers = json_headers();
    headers.add("allow", std::string(method));
    const Error error{
        .code = ErrorCode::MethodNotAllowed, .message = "use " + std::string(method), .where = request.path};
    co_await send_error(writer, error, std::move(headers));
  } else if (is_chat) {
    co_await chat(request, writer);
  } else {
    co_await models(request, writer);
  }
}

Task<void> OpenAiSurface::chat(const net::ServerRequest& request, net::ResponseWriter& writer) {
  pipeline::Request asked;
  asked.received = request.received;
  asked.request_id = request_id_of(request, clock_, random_);
  asked.trace_id = trace_id_of(request);
  asked.task_hint = request.headers.get("x-suffice-task");
  asked.frontier_requested = net::equal_ignoring_case(request.headers.get("x-suffice-route"), "frontier");
  asked.surface = "openai.chat.completions";
  asked.http_status_of = [](const Error& error) { return http_status(error); };

  Result<ChatRequest> chat =
      is_json(request)
          ? wire::decode_openai_chat_request(request.body)
          : Result<ChatRequest>(fail(ErrorCode::UnsupportedMediaType, "send application/json", "content-type"));
  Result<void> honourable = chat ? refuse_what_cannot_be_honoured(*chat) : Result<void>(fail(chat.error()));
  if (!honourable) {
    net::Headers headers = json_headers();
    headers.add("x-request-id", asked.request_id);
    co_await send_error(writer, honourable.error(), std::move(headers));
    co_return;
  }
  asked.chat = *std::move(chat);
  const Deadline deadline = Deadline::after(options_.request_time_max, asked.received);
  if (asked.chat.stream) {
    co_await answer_streaming(asked, writer, deadline);
  } else {
    co_await answer_whole(asked, writer, deadline);
  }
}

Task<void> OpenAiSurface::answer_whole(const pipeline::Request& request, net::ResponseWriter& writer,
                                       Deadline deadline) {
  pipeline::Answer answer = co_await gateway_.answer(request, nullptr, deadline);
  net::Headers headers = json_headers();
  add_decision_headers(headers, answer.decision);
  if (!answer.completion) {
    co_await send_error(writer, answer.completion.error(), std::move(headers));
    co_return;
  }
  wire::OpenAiAnswerMeta meta = meta_for(request, clock_);
  meta.decision = decision_extension(answer.decision);
  std::string body = wire::encode_openai_chat_response(*answer.completion, meta);
  const Result<void> sent = co_await writer.send(200, std::move(headers), std::move(body));
  static_cast<void>(sent);  // the caller may have left; the event is already written
}

Task<void> OpenAiSurface::answer_into(const pipeline::Request& request, pipeline::AnswerSink& sink,
                                      StreamKeepAlive& keep_alive, Deadline deadline,
                                      std::optional<pipeline::Answer>& answered) {
  answered = co_await gateway_.answer(request, &sink, deadline);
  co_await keep_alive.take_over();
}

Task<void> OpenAiSurface::answer_streaming(const pipeline::Request& request, net::ResponseWriter& writer,
                                           Deadline deadline) {
  using boost::asio::experimental::awaitable_operators::operator&&;
  const boost::asio::any_io_executor executor = co_await boost::asio::this_coro::executor;
  StreamKeepAlive keep_alive(executor, writer, options_.keep_alive_interval);
  ChatStreamSink sink(writer, keep_alive, meta_for(request, clock_));
  net::Headers early = event_stream_headers();
  early.add("x-request-id", request.request_id);
  early.add("x-suffice-route", "pending");
  std::optional<pipeline::Answer> answered;
  Task<void> answering = answer_into(request, sink, keep_alive, deadline, answered);
  Task<void> commenting = keep_alive.run(std::move(early));
  co_await (std::move(answering) && std::move(commenting));
  // The event is written; what is left is to finish, or to notice that nobody listens.
  co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
  const pipeline::Answer& answer = *answered;
  if (answer.completion) {
    co_await sink.end(*answer.completion, answer.decision);
  } else if (writer.started()) {
    co_await sink.end(answer.completion.error());
  } else {
    net::Headers headers = json_headers();
    add_decision_headers(headers, answer.decision);
    co_await send_error(writer, answer.completion.error(), std::move(headers));
  }
}

Task<void> OpenAiSurface::models(const net::ServerRequest& request, net::ResponseWriter& writer) {
  const std::vector<wire::ModelListing> all = listing(*gateway_.snapshot()->policy, started_);
  if (request.path == kModelsPath) {
    std::string body = wire::encode_openai_models(all);
    const Result<void> sent = co_await writer.send(200, json_headers(), std::move(body));
    static_cast<void>(sent);
    co_return;
  }
  const std::string_view id = std::string_view(request.path).substr(kModelsPath.size() + 1);
  const auto found = std::ranges::find(all, id, &wire::ModelListing::id);
  if (found == all.end()) {
    const Error error{
        .code = ErrorCode::NotFound, .message = "no such model; GET /v1/models lists them", .where = "model"};
    co_await send_error(writer, error, json_headers());
    co_return;
  }
  std::string body = wire::encode_openai_model(*found);
  const Result<void> sent = co_await writer.send(200, json_headers(), std::move(body));
  static_cast<void>(sent);
}

}  // namespace suffice::server
