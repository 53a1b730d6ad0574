#pragma once
// Writes models' digests into the text of a policy, leaving every other byte as it is.

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "core/result.hpp"

namespace suffice::policy {

/// Digests of adapters, by model and adapter.
using AdapterDigests = std::map<std::pair<std::string, std::string>, std::string>;

/// `yaml` with models.NAME.sha256 set to each digest: replaced where it stands, else put below (or, in braces, before) the model's
/// `model`. An adapter's stands beside its `file`; one that is only a path becomes {file: PATH, sha256: DIGEST}. Pure. PolicyInvalid when the text is no YAML, a name is missing, or the place is one that people must edit themselves.
[[nodiscard]] Result<std::string> with_pinned_models(std::string_view yaml,
                                                     const std::map<std::string, std::string>& digest_of_model,
                                                     const AdapterDigests& digest_of_adapter = {});

}  // namespace suffice::policy
