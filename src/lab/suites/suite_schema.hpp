#pragma once
// api/suite.schema.json (draft-07), as it was when the program was built.

#include <string_view>

namespace suffice::lab {

[[nodiscard]] std::string_view suite_schema_text() noexcept;

}  // namespace suffice::lab
