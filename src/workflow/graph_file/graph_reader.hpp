#pragma once
// Reads the graph of a workflow file that has no pattern. Internal to workflow_file.cpp.

#include <functional>
#include <memory>
#include <string>

#include "workflow/flow.hpp"
#include "workflow/pattern.hpp"

namespace suffice::workflow {

/// The flow of another workflow file, or null after its problems have been reported at `at` of this one.
using SubFlowSource = std::function<std::shared_ptr<const Flow>(const std::string& file, const policy::Pointer& at)>;

/// Null exactly when a problem was reported.
[[nodiscard]] std::shared_ptr<const Flow> read_graph(const PatternBlock::Of& of, const SubFlowSource& sub_flows);

}  // namespace suffice::workflow
