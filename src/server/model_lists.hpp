#pragma once
// What models there are, in each vendor's words: "suffice/auto" and one "suffice/<task>" for every task of the policy.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "policy/policy.hpp"

namespace suffice::server {

/// Names a caller may send as `model`, in the order of the policy's tasks; "suffice/auto" first.
[[nodiscard]] std::vector<std::string> model_names(const policy::Policy& policy);

/// GET /v1/models and GET /v1/models/{id} as OpenAI answers them. NotFound for an unknown id.
[[nodiscard]] std::string openai_model_list(const policy::Policy& policy, std::int64_t created);
[[nodiscard]] Result<std::string> openai_model(const policy::Policy& policy, std::int64_t created, std::string_view id);

/// The same as Anthropic answers them. `query` is the raw query string: limit (1 to 1000, 20 when absent), after_id, before_id;
/// InvalidArgument naming the one that is wrong.
[[nodiscard]] Result<std::string> anthropic_model_list(const policy::Policy& policy, WallTime created,
                                                       std::string_view query);
[[nodiscard]] Result<std::string> anthropic_model(const policy::Policy& policy, WallTime created, std::string_view id);

/// GET /api/tags.
[[nodiscard]] std::string ollama_model_list(const policy::Policy& policy, WallTime created);

}  // namespace suffice::server
