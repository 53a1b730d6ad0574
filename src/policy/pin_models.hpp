#pragma once
// Writes models' digests into the text of a policy, leaving every other byte as it is.

#include <map>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace suffice::policy {

/// `yaml` with models.NAME.sha256 set to each digest: replaced where it stands, else put below (or, in braces, before) the model's
/// `model`. Pure. PolicyInvalid when the text is no YAML, a name is missing, or the place is one that people must edit themselves.
[[nodiscard]] Result<std::string> with_pinned_models(std::string_view yaml,
                                                     const std::map<std::string, std::string>& digest_of_model);

}  // namespace suffice::policy
