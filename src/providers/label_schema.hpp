#pragma once
// A label constraint as a JSON Schema, for servers that know no grammar.

#include <string>
#include <string_view>
#include <vector>

#include "core/chat.hpp"
#include "core/result.hpp"

namespace suffice::providers {

/// {"type":"object","properties":{"label":{"enum":[...]}},...}: OpenAI's strict mode wants an object at the root.
[[nodiscard]] ResponseFormat label_format(const std::vector<std::string>& labels);

/// The label inside `answer`, or the text as it is when it is not that object (the gate then judges it).
[[nodiscard]] std::string unwrap_label(std::string_view answer);

}  // namespace suffice::providers
