#pragma once
// OpenAI's chat API over HTTP: OpenAI itself, Azure, and every server that speaks the dialect (llama-server, vLLM, LM Studio).

#include <cstdint>
#include <memory>

#include "core/result.hpp"
#include "net/http_client.hpp"
#include "policy/policy.hpp"
#include "providers/model_client.hpp"
#include "providers/secret.hpp"

namespace suffice::providers {

/// What is known of the server beyond the dialect.
struct OpenAiServer {
  bool llama_server = false;        ///< takes `grammar`: labels are then constrained exactly
  std::int64_t context_window = 0;  ///< tokens, 0 when it does not say
};

/// Asks GET {endpoint}/models who it is: llama-server calls itself owned_by "llamacpp", vLLM states max_model_len. The errors of
/// HttpClient, and those of the provider for a status >= 400. Meant for start-up; a server that is down can be used unprobed.
[[nodiscard]] Task<Result<OpenAiServer>> probe_openai_server(const policy::Model& model, const Secret& key,
                                                             net::HttpClient& http, Deadline deadline);

/// For ProviderKind::OpenAi and ProviderKind::Azure. InvalidArgument when the endpoint is no URL. `http` outlives the client.
///
/// OpenAI: {endpoint}/chat/completions with a Bearer key; an endpoint without a path gets "/v1" before it.
/// Azure: {endpoint}/openai/deployments/{model}/chat/completions?api-version=..., with `api-key`, or Bearer when the key is an Entra
/// token (a JWT).
///
/// A label constraint is sent as a grammar to a llama-server, elsewhere as a JSON Schema of one string whose value is unwrapped again
/// (such answers are not streamed live, and their log-probabilities include the wrapping). A schema constraint is sent as
/// response_format unless the request already has one.
[[nodiscard]] Result<std::unique_ptr<ModelClient>> make_openai_client(const policy::Model& model, const Secret& key,
                                                                      net::HttpClient& http,
                                                                      const OpenAiServer& server = {});

}  // namespace suffice::providers
