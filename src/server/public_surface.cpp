#include "server/public_surface.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "core/ids.hpp"
#include "server/credential.hpp"
#include "server/model_lists.hpp"
#include "server/token_count.hpp"
#include "wire/anthropic_messages.hpp"

namespace suffice::server {
namespace {

constexpr std::string_view kOneModel = "/v1/models/";

/// Whose API this is a version of: what its clients ask before they use something newer (log-probabilities came with this one).
constexpr std::string_view kOllamaVersion = "0.12.11";

std::int64_t unix_seconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

/// The model that a path asks for. Some SDKs write the slash of "suffice/task" as %2F, which stays so in a path (net/address.hpp).
std::string model_of(std::string_view path) {
  constexpr std::string_view slash = "%2F";
  std::string id(path.substr(kOneModel.size()));
  for (std::size_t at = id.find(slash); at != std::string::npos; at = id.find(slash, at))
    id.replace(at, slash.size(), "/");
  return id;
}

/// A count is a convenience: when it does not come soon, the estimate does.
constexpr std::chrono::milliseconds kCountTimeMax{3'000};

constexpr std::string_view kMessages = "/v1/messages";
constexpr std::string_view kOllama = "/api/";

bool speaks_anthropic(const net::ServerRequest& request) {
  return request.path.starts_with(kMessages) || request.headers.contains("anthropic-version");
}

}  // namespace

PublicSurface::PublicSurface(pipeline::Gateway& gateway, const Clock& clock, Random& random, ChatSurfaceOptions options)
    : gateway_(gateway),
      clock_(clock),
      random_(random),
      started_(clock.wall_now()),
      chats_(gateway, clock, random, options),
      embeddings_(gateway, clock, random, options.request_time_max),
      openai_responses_(clock, random),
      endpoints_{
          {.method = "POST", .path = "/v1/chat/completions", .chat = &openai_chat_},
          {.method = "POST", .path = "/v1/responses", .chat = &openai_responses_},
          {.method = "POST", .path = "/v1/embeddings", .serve = &PublicSurface::openai_embeddings},
          {.method = "POST", .path = "/api/embed", .serve = &PublicSurface::ollama_embed},
          {.method = "GET", .path = "/v1/models", .serve = &PublicSurface::model_list},
          {.method = "GET", .path = "/v1/models/*", .serve = &PublicSurface::one_model},
          {.method = "POST", .path = "/v1/messages", .chat = &anthropic_},
          {.method = "POST", .path = "/v1/messages/count_tokens", .serve = &PublicSurface::count_tokens},
          {.method = "POST", .path = "/api/chat", .chat = &ollama_chat_},
          {.method = "POST", .path = "/api/generate", .chat = &ollama_generate_},
          {.method = "GET", .path = "/api/tags", .serve = &PublicSurface::ollama_tags},
          {.method = "GET", .path = "/api/version", .serve = &PublicSurface::ollama_version},
      } {}

bool PublicSurface::owns(std::string_view path) {
  return path == "/v1" || path.starts_with("/v1/") || path == "/api" || path.starts_with("/api/");
}

bool PublicSurface::Endpoint::is_at(std::string_view asked) const {
  if (path.ends_with('*')) return asked.starts_with(path.substr(0, path.size() - 1));
  return asked == path;
}

const ChatDialect& PublicSurface::dialect_of(const net::ServerRequest& request) const {
  if (request.path.starts_with(kOllama) || request.path == "/api") return ollama_chat_;
  if (speaks_anthropic(request)) return anthropic_;
  return openai_chat_;
}

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
      Result<std::string> refused = fail(known.error());
      net::Headers headers;
      co_await send(request, writer, std::move(refused), std::move(headers));
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

Task<void> PublicSurface::refuse_path(const net::ServerRequest& request, net::ResponseWriter& writer,
                                      std::string_view allowed) {
  const ChatDialect& dialect = dialect_of(request);
  const std::string request_id = request_id_of(request, clock_, random_);
  net::Headers headers;
  headers.add("content-type", "application/json");
  headers.add("x-request-id", request_id);
  dialect.add_headers(headers, request_id);
  Error error{
      .code = ErrorCode::NotFound,
      .message =
          "no such endpoint; there are /v1/chat/completions, /v1/responses, /v1/embeddings, /v1/messages, /v1/models, /api/chat "
          "and more (docs/dialects.md)",
      .where = {}};
  if (!allowed.empty()) {
    headers.add("allow", std::string(allowed));
    error = Error{.code = ErrorCode::MethodNotAllowed, .message = "use " + std::string(allowed), .where = request.path};
  }
  co_await send_error(dialect, error, std::move(headers), request_id, writer);
}

std::string PublicSurface::transport_error_body(const net::TransportError& error) const {
  const ChatDialect* dialect = &openai_chat_;
  if (error.target.starts_with(kMessages)) dialect = &anthropic_;
  if (error.target.starts_with(kOllama)) dialect = &ollama_chat_;
  return dialect->encode_error(error.error, error.status, new_uuid7(clock_, random_));
}

Task<void> PublicSurface::openai_embeddings(const net::ServerRequest& request, net::ResponseWriter& writer) {
  co_await embeddings_.handle(EmbeddingsDialect::OpenAi, request, writer);
}

Task<void> PublicSurface::ollama_embed(const net::ServerRequest& request, net::ResponseWriter& writer) {
  co_await embeddings_.handle(EmbeddingsDialect::Ollama, request, writer);
}

Task<void> PublicSurface::send(const net::ServerRequest& request, net::ResponseWriter& writer, Result<std::string> body,
                               net::Headers headers) {
  const ChatDialect& dialect = dialect_of(request);
  const std::string request_id = request_id_of(request, clock_, random_);
  headers.add("content-type", "application/json");
  headers.add("x-request-id", request_id);
  dialect.add_headers(headers, request_id);
  if (!body) {
    co_await send_error(dialect, body.error(), std::move(headers), request_id, writer);
    co_return;
  }
  const Result<void> sent = co_await writer.send(200, std::move(headers), *std::move(body));
  static_cast<void>(sent);  // the caller may have left
}

Task<void> PublicSurface::model_list(const net::ServerRequest& request, net::ResponseWriter& writer) {
  const std::shared_ptr<const pipeline::Snapshot> snapshot = gateway_.snapshot();
  const policy::Policy& policy = *snapshot->policy;
  Result<std::string> body = speaks_anthropic(request)
                                 ? anthropic_model_list(policy, started_, request.query)
                                 : Result<std::string>(openai_model_list(policy, unix_seconds(started_)));
  net::Headers headers;
  co_await send(request, writer, std::move(body), std::move(headers));
}

Task<void> PublicSurface::one_model(const net::ServerRequest& request, net::ResponseWriter& writer) {
  const std::string id = model_of(request.path);
  const std::shared_ptr<const pipeline::Snapshot> snapshot = gateway_.snapshot();
  const policy::Policy& policy = *snapshot->policy;
  Result<std::string> body = speaks_anthropic(request) ? anthropic_model(policy, started_, id)
                                                       : openai_model(policy, unix_seconds(started_), id);
  net::Headers headers;
  co_await send(request, writer, std::move(body), std::move(headers));
}

Task<void> PublicSurface::count_tokens(const net::ServerRequest& request, net::ResponseWriter& writer) {
  net::Headers headers;
  Result<ChatRequest> chat = wire::decode_anthropic_request(request.body, wire::AnthropicBody::CountTokens);
  if (!chat) {
    Result<std::string> refused = fail(std::move(chat).error());
    co_await send(request, writer, std::move(refused), std::move(headers));
    co_return;
  }
  pipeline::Request asked;
  asked.chat = *std::move(chat);
  asked.request_id = request_id_of(request, clock_, random_);
  asked.task_hint = request.headers.get("x-suffice-task");
  asked.frontier_requested = net::equal_ignoring_case(request.headers.get("x-suffice-route"), "frontier");
  if (!gateway_.snapshot()->policy->keys.empty()) asked.credential = credential_of(request.headers);
  Result<std::string> betas = anthropic_betas(request.headers);
  if (!betas) {
    co_await send(request, writer, std::move(betas), std::move(headers));
    co_return;
  }
  asked.chat.betas = *std::move(betas);
  TokenCount count = estimate_tokens(asked.chat);
  const Deadline deadline = Deadline::after(kCountTimeMax, request.received);
  const Result<std::int64_t> exact = co_await gateway_.count_tokens(asked, deadline);
  if (exact) count = {.tokens = *exact, .method = "exact"};
  // Whoever may not ask the task may not learn about it either; a model that cannot count leaves the estimate.
  if (!exact && (exact.error().code == ErrorCode::Forbidden || exact.error().code == ErrorCode::RateLimited)) {
    Result<std::string> refused = fail(exact.error());
    co_await send(request, writer, std::move(refused), std::move(headers));
    co_return;
  }
  headers.add("x-suffice-token-count", std::string(count.method));
  Result<std::string> body = wire::encode_anthropic_token_count(count.tokens);
  co_await send(request, writer, std::move(body), std::move(headers));
}

Task<void> PublicSurface::ollama_tags(const net::ServerRequest& request, net::ResponseWriter& writer) {
  Result<std::string> body = ollama_model_list(*gateway_.snapshot()->policy, started_);
  net::Headers headers;
  co_await send(request, writer, std::move(body), std::move(headers));
}

Task<void> PublicSurface::ollama_version(const net::ServerRequest& request, net::ResponseWriter& writer) {
  Result<std::string> body = "{\"version\":\"" + std::string(kOllamaVersion) + "\"}";
  net::Headers headers;
  co_await send(request, writer, std::move(body), std::move(headers));
}

}  // namespace suffice::server
