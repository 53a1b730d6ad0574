#pragma once
// `when:` of an edge: a declarative condition on a message. Data, never code.

#include <boost/json/value.hpp>

#include "core/result.hpp"
#include "workflow/flow.hpp"

namespace suffice::workflow {

/// Compiles what api/workflow.schema.json calls a condition. InvalidArgument with the member in `where` for an expression that RE2 does not
/// know. A condition on a value that is not there, or of another type, does not hold (but for `exists: false` and `not`).
[[nodiscard]] Result<FlowCondition> compile_condition(const boost::json::value& written);

}  // namespace suffice::workflow
