#include "providers/ollama_client.hpp"

#include <string>
#include <utility>

#include "providers/http_model_client.hpp"
#include "providers/label_schema.hpp"
#include "wire/embeddings.hpp"
#include "wire/ollama_chat.hpp"

namespace suffice::providers {
namespace {

using Constraint = OutputConstraint::Kind;

class OllamaDialect final : public Dialect {
 public:
  explicit OllamaDialect(std::int64_t num_ctx) : num_ctx_(num_ctx) {}

  Result<std::string> encode(const ModelCall& call, bool stream) const override {
    wire::OllamaRequestOptions options;
    options.stream = stream;
    options.logprobs = call.want_logprobs || call.request.logprobs;
    options.num_ctx = num_ctx_;
    ChatRequest request = call.request;
    if (wraps_label(call)) request.response_format = label_format(call.constraint.labels);
    if (call.constraint.kind == Constraint::JsonSchema &&
        request.response_format.kind != ResponseFormat::Kind::JsonSchema) {
      request.response_format = ResponseFormat{.kind = ResponseFormat::Kind::JsonSchema,
                                               .name = {},
                                               .schema = call.constraint.schema,
                                               .strict = std::nullopt};
    }
    return wire::encode_ollama_request(request, options);
  }
  Result<Completion> decode(std::string_view body) const override {
    return wire::decode_ollama_response(body, num_ctx_);
  }
  std::unique_ptr<wire::StreamDecoder> stream_decoder() const override {
    return wire::make_ollama_stream_decoder(num_ctx_);
  }
  Error decode_error(int status, std::string_view body) const override {
    return wire::decode_ollama_error(status, body);
  }
  std::string encode_embeddings(const EmbeddingRequest& request) const override {
    return wire::encode_ollama_embed_request(request);
  }
  Result<EmbeddingAnswer> decode_embeddings(std::string_view body, std::size_t texts) const override {
    return wire::decode_ollama_embed_response(body, texts);
  }
  bool holds_back(const ModelCall& call) const override { return wraps_label(call); }
  Result<Completion> finish(const ModelCall& call, Completion completion) const override {
    if (wraps_label(call) && completion.tool_calls.empty()) completion.text = unwrap_label(completion.text);
    return completion;
  }

 private:
  static bool wraps_label(const ModelCall& call) {
    return call.constraint.kind == Constraint::Labels && !call.constraint.labels.empty();
  }
  std::int64_t num_ctx_;
};

}  // namespace

Result<std::unique_ptr<ModelClient>> make_ollama_client(const policy::Model& model, const Secret& key,
                                                        net::HttpClient& http) {
  SUFFICE_TRY(net::Endpoint endpoint, endpoint_of(model));
  HttpModelParts parts;
  parts.path = "/api/chat";
  parts.embeddings_path = "/api/embed";
  parts.endpoint = std::move(endpoint);
  if (!key.empty()) parts.headers.set("authorization", "Bearer " + std::string(key.reveal()));
  parts.timeouts = model.timeouts;
  parts.capabilities = Capabilities{.logprobs = true,
                                    .json_schema = true,
                                    .labels = false,
                                    .tools = true,
                                    .streaming = true,
                                    .context_window = model.context_window};
  parts.provider_name = "ollama";
  parts.dialect = std::make_unique<OllamaDialect>(model.context_window);
  return make_http_model_client(std::move(parts), http);
}

}  // namespace suffice::providers
