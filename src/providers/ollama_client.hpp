#pragma once
// Ollama's native API over HTTP, chosen over its OpenAI surface because only here the context window can be set.

#include <memory>

#include "core/result.hpp"
#include "net/http_client.hpp"
#include "policy/policy.hpp"
#include "providers/model_client.hpp"
#include "providers/secret.hpp"

namespace suffice::providers {

/// {endpoint}/api/chat. num_ctx is the model's context_window; a prompt that filled it is ContextOverflow, never a cut prompt's answer.
/// Labels and schemas become `format`; a label's value is unwrapped again. A key, where there is one (a proxy in front), is sent as
/// Bearer. InvalidArgument when the endpoint is no URL. `http` outlives the client.
[[nodiscard]] Result<std::unique_ptr<ModelClient>> make_ollama_client(const policy::Model& model, const Secret& key,
                                                                      net::HttpClient& http);

}  // namespace suffice::providers
