#pragma once
// `pattern: router` of workflow files.

#include "workflow/pattern.hpp"

namespace suffice::workflow::router {

/// Roles: strong; weak and judge, and for the form quality any others.
[[nodiscard]] Pattern router_pattern();

}  // namespace suffice::workflow::router
