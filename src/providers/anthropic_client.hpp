#pragma once
// Anthropic's Messages API over HTTP.

#include <memory>

#include "core/result.hpp"
#include "net/http_client.hpp"
#include "policy/policy.hpp"
#include "providers/model_client.hpp"
#include "providers/secret.hpp"

namespace suffice::providers {

/// {endpoint}/v1/messages (an endpoint that ends in /v1 is taken too) with x-api-key and anthropic-version (model.api_version, else
/// 2023-06-01). No log-probabilities; schemas and labels are left to the gate. InvalidArgument when the endpoint is no URL.
/// `http` outlives the client.
[[nodiscard]] Result<std::unique_ptr<ModelClient>> make_anthropic_client(const policy::Model& model, const Secret& key,
                                                                         net::HttpClient& http);

}  // namespace suffice::providers
