#pragma once
// `pattern: chain` of workflow files.

#include "workflow/pattern.hpp"

namespace suffice::workflow::chain {

/// Roles: worker and frontier (the manager), both optional.
[[nodiscard]] Pattern chain_pattern();

}  // namespace suffice::workflow::chain
