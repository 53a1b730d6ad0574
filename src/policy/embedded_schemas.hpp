#pragma once
// The JSON Schemas of api/, as they were when the program was built.

#include <string_view>

namespace suffice::policy {

/// api/policy.schema.json (draft-07).
[[nodiscard]] std::string_view policy_schema_text() noexcept;
/// api/prompt.schema.json (draft-07).
[[nodiscard]] std::string_view prompt_schema_text() noexcept;

}  // namespace suffice::policy
