#include "server/public_surface.hpp"

#include <chrono>
#include <string>
#include <utility>

#include "server/credential.hpp"
#include "server/model_lists.hpp"

namespace suffice::server {
namespace {

constexpr std::string_view kOneModel = "/v1/models/";

net::Headers json_headers() {
  net::Headers headers;
  headers.add("content-type", "application/json");
  return headers;
}

Task<void> send_json(net::ResponseWriter& writer, std::string body) {
  net::Headers headers = json_headers();
  const Result<void> sent = co_await writer.send(200, std::move(headers), std::move(body));
  static_cast<void>(sent);  // the caller may have left
}

}  // namespace

PublicSurface::PublicSurface(pipeline::Gateway& gateway, const Clock& clock, Random& random, ChatSurfaceOptions options)
    : gateway_(gateway),
      clock_(clock),
      random_(random),
      started_(std::chrono::duration_cast<std::chrono::seconds>(clock.wall_now().time_since_epoch()).count()),
      chats_(gateway, clock, random, options),
      openai_responses_(clock, random),
      endpoints_{
          {.method = "POST", .path = "/v1/chat/completions", .chat = &openai_chat_},
          {.method = "POST", .path = "/v1/responses", .chat = &openai_responses_},
          {.method = "GET", .path = "/v1/models", .serve = &PublicSurface::model_list},
          {.method = "GET", .path = "/v1/models/*", .serve = &PublicSurface::one_model},
      } {}

bool PublicSurface::owns(std::string_view path) { return path == "/v1" || path.starts_with("/v1/"); }

bool PublicSurface::Endpoint::is_at(std::string_view asked) const {
  if (path.ends_with('*')) return asked.starts_with(path.substr(0, path.size() - 1));
  return asked == path;
}

const ChatDialect& PublicSurface::dialect_of(const net::ServerRequest& /*request*/) const { return openai_chat_; }

Task<void> PublicSurface::handle(const net::ServerRequest& request, net::ResponseWriter& writer) {
  std::string_view allowed;
  for (const Endpoint& endpoint : endpoints_) {
    if (!endpoint.is_at(request.path)) continue;
    if (endpoint.method != request.method) {
      allowed = endpoint.method;
      continue;
    }
    if (endpoint.chat != nullptr) {
      co_await chats_.handle(*endpoint.chat, request, writer);
      co_return;
    }
    const Result<void> known = identify(request);
    if (!known) {
      co_await refuse(request, writer, known.error());
    } else {
      Task<void> serving = (this->*endpoint.serve)(request, writer);
      co_await std::move(serving);
    }
    co_return;
  }
  co_await refuse_path(request, writer, allowed);
}

/// Chats are let in by the pipeline, which counts what they use; the rest only needs somebody known.
Result<void> PublicSurface::identify(const net::ServerRequest& request) const {
  const std::shared_ptr<const pipeline::Snapshot> snapshot = gateway_.snapshot();
  if (snapshot->policy->keys.empty()) return {};
  SUFFICE_TRY_VOID(gateway_.callers().identify(*snapshot->policy, credential_of(request.headers)));
  return {};
}

Task<void> PublicSurface::refuse(const net::ServerRequest& request, net::ResponseWriter& writer, const Error& error) {
  const ChatDialect& dialect = dialect_of(request);
  const std::string request_id = request_id_of(request, clock_, random_);
  net::Headers headers = json_headers();
  dialect.add_headers(headers, request_id);
  co_await send_error(dialect, error, std::move(headers), request_id, writer);
}

Task<void> PublicSurface::refuse_path(const net::ServerRequest& request, net::ResponseWriter& writer,
                                      std::string_view allowed) {
  const ChatDialect& dialect = dialect_of(request);
  const std::string request_id = request_id_of(request, clock_, random_);
  net::Headers headers = json_headers();
  dialect.add_headers(headers, request_id);
  Error error{.code = ErrorCode::NotFound,
              .message = "no such endpoint; this surface serves /v1/chat/completions, /v1/responses and /v1/models",
              .where = {}};
  if (!allowed.empty()) {
    headers.add("allow", std::string(allowed));
    error = Error{.code = ErrorCode::MethodNotAllowed, .message = "use " + std::string(allowed), .where = request.path};
  }
  co_await send_error(dialect, error, std::move(headers), request_id, writer);
}

Task<void> PublicSurface::model_list(const net::ServerRequest& /*request*/, net::ResponseWriter& writer) {
  std::string body = openai_model_list(*gateway_.snapshot()->policy, started_);
  co_await send_json(writer, std::move(body));
}

Task<void> PublicSurface::one_model(const net::ServerRequest& request, net::ResponseWriter& writer) {
  const std::string_view id = std::string_view(request.path).substr(kOneModel.size());
  Result<std::string> body = openai_model(*gateway_.snapshot()->policy, started_, id);
  if (!body) {
    net::Headers headers = json_headers();
    co_await send_error(openai_chat_, body.error(), std::move(headers), {}, writer);
    co_return;
  }
  co_await send_json(writer, *std::move(body));
}

}  // namespace suffice::server
