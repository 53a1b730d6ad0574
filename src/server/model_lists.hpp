#pragma once
// What models there are, in each vendor's words: "suffice/auto" and one "suffice/<task>" for every task of the policy.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "policy/policy.hpp"

namespace suffice::server {

/// Names a caller may send as `model`, in the order of the policy's tasks; "suffice/auto" first.
[[nodiscard]] std::vector<std::string> model_names(const policy::Policy& policy);

/// GET /v1/models and GET /v1/models/{id} as OpenAI answers them. NotFound for an unknown id.
[[nodiscard]] std::string openai_model_list(const policy::Policy& policy, std::int64_t created);
[[nodiscard]] Result<std::string> openai_model(const policy::Policy& policy, std::int64_t created, std::string_view id);

}  // namespace suffice::server
