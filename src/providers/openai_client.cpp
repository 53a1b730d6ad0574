#include "providers/openai_client.hpp"

#include <string>
#include <string_view>
#include <utility>

#include "providers/http_model_client.hpp"
#include "providers/label_schema.hpp"
#include "wire/embeddings.hpp"
#include "wire/json.hpp"
#include "wire/openai_chat.hpp"

namespace suffice::providers {
namespace {

using Constraint = OutputConstraint::Kind;

/// Azure knows max_completion_tokens since this version of its API; versions are dates and compare as text.
constexpr std::string_view kAzureNewerTokensField = "2024-09-01";

class OpenAiDialect final : public Dialect {
 public:
  OpenAiDialect(OpenAiServer server, bool newer_tokens_field)
      : server_(server), newer_tokens_field_(newer_tokens_field) {}

  Result<std::string> encode(const ModelCall& call, bool stream) const override {
    SUFFICE_TRY_VOID(wire::check_openai_expressible(call.request));
    wire::OpenAiRequestOptions options;
    options.stream = stream;
    options.logprobs = call.want_logprobs || call.request.logprobs;
    options.max_completion_tokens = newer_tokens_field_;
    if (call.constraint.kind == Constraint::Labels && server_.llama_server)
      options.guided_labels = call.constraint.labels;

    ChatRequest request = call.request;
    if (wraps_label(call)) request.response_format = label_format(call.constraint.labels);
    if (call.constraint.kind == Constraint::JsonSchema &&
        request.response_format.kind != ResponseFormat::Kind::JsonSchema) {
      request.response_format = ResponseFormat{.kind = ResponseFormat::Kind::JsonSchema,
                                               .name = "answer",
                                               .schema = call.constraint.schema,
                                               .strict = std::nullopt};
    }
    // llama-server refuses a grammar beside a schema; the grammar is the stricter.
    if (!options.guided_labels.empty()) request.response_format = {};
    return wire::encode_openai_chat_request(request, options);
  }

  Result<Completion> decode(std::string_view body) const override { return wire::decode_openai_chat_response(body); }
  std::unique_ptr<wire::StreamDecoder> stream_decoder() const override {
    return wire::make_openai_chat_stream_decoder();
  }
  Error decode_error(int status, std::string_view body) const override {
    return wire::decode_openai_error(status, body);
  }
  std::string encode_embeddings(const EmbeddingRequest& request) const override {
    return wire::encode_openai_embeddings_request(request);
  }
  Result<EmbeddingAnswer> decode_embeddings(std::string_view body, std::size_t texts) const override {
    return wire::decode_openai_embeddings_response(body, texts);
  }
  bool holds_back(const ModelCall& call) const override { return wraps_label(call); }

  Result<Completion> finish(const ModelCall& call, Completion completion) const override {
    if (wraps_label(call) && completion.tool_calls.empty()) completion.text = unwrap_label(completion.text);
    return completion;
  }

 private:
  bool wraps_label(const ModelCall& call) const {
    return call.constraint.kind == Constraint::Labels && !call.constraint.labels.empty() && !server_.llama_server;
  }

  OpenAiServer server_;
  bool newer_tokens_field_;
};

bool is_azure(const policy::Model& model) { return model.provider == policy::ProviderKind::Azure; }

void add_key(net::Headers& headers, const policy::Model& model, const Secret& key) {
  if (key.empty()) return;
  const bool jwt = key.reveal().starts_with("eyJ");
  if (is_azure(model) && !jwt) {
    headers.set("api-key", std::string(key.reveal()));
  } else {
    headers.set("authorization", "Bearer " + std::string(key.reveal()));
  }
}

/// `operation` is "/chat/completions" or "/embeddings".
std::string path_of(std::string_view operation, const policy::Model& model, const net::Endpoint& endpoint) {
  if (is_azure(model)) {
    return "/openai/deployments/" + percent_encode(model.model) + std::string(operation) +
           "?api-version=" + percent_encode(model.api_version);
  }
  return (endpoint.path_prefix.empty() ? "/v1" : "") + std::string(operation);
}

bool takes_newer_tokens_field(const policy::Model& model, const net::Endpoint& endpoint) {
  if (is_azure(model)) return model.api_version >= kAzureNewerTokensField;
  return endpoint.host == "api.openai.com";
}

}  // namespace

Task<Result<OpenAiServer>> probe_openai_server(const policy::Model& model, const Secret& key, net::HttpClient& http,
                                               Deadline deadline) {
  Result<net::Endpoint> endpoint = endpoint_of(model);
  if (!endpoint) co_return fail(std::move(endpoint).error());
  net::HttpRequest request;
  request.method = "GET";
  request.path = endpoint->path_prefix.empty() ? "/v1/models" : "/models";
  request.endpoint = *std::move(endpoint);
  add_key(request.headers, model, key);
  request.timeouts.connect = model.timeouts.connect;
  const Result<net::HttpResponse> response = co_await http.send(request, nullptr, deadline);
  if (!response) co_return fail(response.error());
  if (response->status != 200) co_return fail(wire::decode_openai_error(response->status, response->body));

  OpenAiServer server;
  const auto body = wire::parse_json(response->body);
  const boost::json::value* data = body && body->is_object() ? body->get_object().if_contains("data") : nullptr;
  if (data == nullptr || !data->is_array())
    co_return fail(ErrorCode::ProtocolError, "the answer to GET models is no model list");
  for (const boost::json::value& entry : data->get_array()) {
    const boost::json::object* listed = entry.if_object();
    if (listed == nullptr) continue;
    if (const auto* owner = listed->if_contains("owned_by"); owner != nullptr && *owner == "llamacpp")
      server.llama_server = true;
    const auto* length = listed->if_contains("max_model_len");
    if (length != nullptr && length->is_int64() && length->get_int64() > 0) server.context_window = length->get_int64();
  }
  co_return server;
}

Result<std::unique_ptr<ModelClient>> make_openai_client(const policy::Model& model, const Secret& key,
                                                        net::HttpClient& http, const OpenAiServer& server) {
  SUFFICE_TRY(net::Endpoint endpoint, endpoint_of(model));
  HttpModelParts parts;
  parts.path = path_of("/chat/completions", model, endpoint);
  parts.embeddings_path = path_of("/embeddings", model, endpoint);
  parts.dialect = std::make_unique<OpenAiDialect>(server, takes_newer_tokens_field(model, endpoint));
  parts.endpoint = std::move(endpoint);
  add_key(parts.headers, model, key);
  parts.timeouts = model.timeouts;
  parts.capabilities =
      Capabilities{.logprobs = true,
                   .json_schema = true,
                   .labels = false,
                   .tools = true,
                   .streaming = true,
                   .context_window = model.context_window > 0 ? model.context_window : server.context_window};
  parts.provider_name = is_azure(model) ? "azure.ai.openai" : "openai";
  return make_http_model_client(std::move(parts), http);
}

}  // namespace suffice::providers
