#include "server/embeddings_surface.hpp"

#include <string_view>
#include <utility>

#include "core/trace_context.hpp"
#include "server/chat_surface.hpp"
#include "server/credential.hpp"
#include "server/decision_headers.hpp"
#include "server/http_status.hpp"
#include "server/openai_chat_dialect.hpp"
#include "wire/embeddings.hpp"
#include "wire/ollama_chat.hpp"

namespace suffice::server {
namespace {

/// Ollama's clients send JSON under any media type; a web page may do that without permission, so not with its Origin.
bool may_be_json(EmbeddingsDialect dialect, const net::ServerRequest& request) {
  const std::string_view type = request.headers.get("content-type");
  if (type.empty() || net::equal_ignoring_case(type.substr(0, type.find(';')), "application/json")) return true;
  return dialect == EmbeddingsDialect::Ollama && !request.headers.contains("origin");
}

Result<wire::OpenAiEmbeddingsRequest> decode(EmbeddingsDialect dialect, const net::ServerRequest& request) {
  if (!may_be_json(dialect, request))
    return fail(ErrorCode::UnsupportedMediaType, "send application/json", "content-type");
  if (dialect == EmbeddingsDialect::OpenAi) return wire::decode_openai_embeddings_request(request.body);
  wire::OpenAiEmbeddingsRequest decoded;
  SUFFICE_TRY(decoded.request, wire::decode_ollama_embed_request(request.body));
  return decoded;
}

std::string error_body(EmbeddingsDialect dialect, const Error& error, int status) {
  if (dialect == EmbeddingsDialect::OpenAi) return openai_error_body(error, status);
  return wire::encode_ollama_error(error);
}

Task<void> send_failure(EmbeddingsDialect dialect, Error error, net::Headers headers, net::ResponseWriter& writer) {
  const int status = http_status(error);
  add_retry_after(headers, error, status);
  std::string body = error_body(dialect, error, status);
  const Result<void> sent = co_await writer.send(status, std::move(headers), std::move(body));
  static_cast<void>(sent);  // the caller may have left; the event is already written
}

}  // namespace

Task<void> EmbeddingsSurface::handle(EmbeddingsDialect dialect, const net::ServerRequest& request,
                                     net::ResponseWriter& writer) {
  pipeline::Request about;
  about.received = request.received;
  about.request_id = request_id_of(request, clock_, random_);
  about.trace = parse_traceparent(request.headers.get("traceparent"));
  about.credential = credential_of(request.headers);
  about.task_hint = request.headers.get("x-suffice-task");
  about.surface = dialect == EmbeddingsDialect::OpenAi ? "openai.embeddings" : "ollama.embed";
  about.http_status_of = [](const Error& error) { return http_status(error); };
  net::Headers headers;
  headers.add("content-type", "application/json");

  const Result<wire::OpenAiEmbeddingsRequest> decoded = decode(dialect, request);
  if (!decoded) {
    headers.add("x-request-id", about.request_id);
    co_await send_failure(dialect, decoded.error(), std::move(headers), writer);
    co_return;
  }
  const Deadline deadline = Deadline::after(request_time_max_, about.received);
  pipeline::EmbeddingOutcome outcome = co_await gateway_.embed(about, decoded->request, deadline);
  add_decision_headers(headers, outcome.decision);
  if (!outcome.answer) {
    co_await send_failure(dialect, outcome.answer.error(), std::move(headers), writer);
    co_return;
  }
  const std::string& model = decoded->request.model;
  std::string body;
  if (dialect == EmbeddingsDialect::OpenAi) {
    body = wire::encode_openai_embeddings_response(*outcome.answer, model, decoded->format);
  } else {
    const std::chrono::nanoseconds spent = clock_.steady_now() - about.received;
    body = wire::encode_ollama_embed_response(*outcome.answer, model, spent.count());
  }
  const Result<void> sent = co_await writer.send(200, std::move(headers), std::move(body));
  static_cast<void>(sent);
}

}  // namespace suffice::server
