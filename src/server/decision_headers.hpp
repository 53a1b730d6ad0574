#pragma once
// The route decision as response headers: on every answer and every error that reached the pipeline.

#include "net/http.hpp"
#include "pipeline/gateway.hpp"
#include "wire/openai_chat.hpp"

namespace suffice::server {

/// x-request-id, x-suffice-task, -route, -reason, -model, -policy, -event-id, -cost-usd, -overhead-us, -stand-in, -warning.
void add_decision_headers(net::Headers& headers, const pipeline::Decision& decision);

/// The same, as the `suffice` extension field of a body.
[[nodiscard]] wire::DecisionExtension decision_extension(const pipeline::Decision& decision);

}  // namespace suffice::server
