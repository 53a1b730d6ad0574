#include "providers/anthropic_client.hpp"

#include <string>
#include <utility>

#include "providers/http_model_client.hpp"
#include "wire/anthropic_messages.hpp"

namespace suffice::providers {
namespace {

constexpr std::string_view kVersion = "2023-06-01";

class AnthropicDialect final : public Dialect {
 public:
  Result<std::string> encode(const ModelCall& call, bool stream) const override {
    wire::AnthropicRequestOptions options;
    options.stream = stream;
    return wire::encode_anthropic_request(call.request, options);
  }
  Result<std::string> encode_count(const ModelCall& call) const override {
    return wire::encode_anthropic_request(call.request, {.body = wire::AnthropicBody::CountTokens});
  }
  Result<std::int64_t> decode_count(std::string_view body) const override {
    return wire::decode_anthropic_token_count(body);
  }
  /// A beta of a caller of this dialect is the caller's own choice, like the fields that need it.
  void add_headers(const ModelCall& call, net::Headers& headers) const override {
    if (call.request.dialect == ApiDialect::Anthropic && !call.request.betas.empty())
      headers.set("anthropic-beta", call.request.betas);
  }
  Result<Completion> decode(std::string_view body) const override { return wire::decode_anthropic_response(body); }
  std::unique_ptr<wire::StreamDecoder> stream_decoder() const override { return wire::make_anthropic_stream_decoder(); }
  Error decode_error(int status, std::string_view body) const override {
    return wire::decode_anthropic_error(status, body);
  }
};

}  // namespace

Result<std::unique_ptr<ModelClient>> make_anthropic_client(const policy::Model& model, const Secret& key,
                                                           net::HttpClient& http) {
  SUFFICE_TRY(net::Endpoint endpoint, endpoint_of(model));
  HttpModelParts parts;
  parts.path = endpoint.path_prefix.ends_with("/v1") ? "/messages" : "/v1/messages";
  parts.count_path = parts.path + "/count_tokens";
  parts.endpoint = std::move(endpoint);
  if (!key.empty()) parts.headers.set("x-api-key", std::string(key.reveal()));
  parts.headers.set("anthropic-version", model.api_version.empty() ? std::string(kVersion) : model.api_version);
  parts.timeouts = model.timeouts;
  parts.capabilities = Capabilities{.logprobs = false,
                                    .json_schema = false,
                                    .labels = false,
                                    .tools = true,
                                    .streaming = true,
                                    .context_window = model.context_window};
  parts.provider_name = "anthropic";
  parts.dialect = std::make_unique<AnthropicDialect>();
  return make_http_model_client(std::move(parts), http);
}

}  // namespace suffice::providers
