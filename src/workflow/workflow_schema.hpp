#pragma once
// api/workflow.schema.json (draft-07), as it was when the program was built.

#include <string_view>

namespace suffice::workflow {

[[nodiscard]] std::string_view workflow_schema_text() noexcept;

}  // namespace suffice::workflow
