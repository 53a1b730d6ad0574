// What the schema cannot say about workflows.

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "policy/policy_checks.hpp"

namespace suffice::policy {
namespace {

/// "suffice/auto" lets the gateway choose the task, "suffice/embed" is the model for embeddings.
constexpr std::array<std::string_view, 2> kReserved = {"auto", "embed"};

}  // namespace

void check_workflows(const Policy& policy, Findings& findings) {
  for (const auto& [workflow_name, entry] : policy.workflows) {
    const Pointer at = child("/workflows", workflow_name);
    if (policy.tasks.contains(workflow_name)) {
      findings.problem(at, fmt::format("a task has this name too; suffice/{} must mean one of them", workflow_name));
    }
    if (std::ranges::find(kReserved, workflow_name) != kReserved.end()) {
      findings.problem(at, fmt::format("suffice/{} has a meaning already; choose another name", workflow_name));
    }
    for (std::size_t i = 0; i < entry.hard_stops.size(); ++i) {
      if (policy.hard_stops.contains(entry.hard_stops[i])) continue;
      findings.problem(child(child(at, "hard_stops"), i),
                       fmt::format("no group of hard_stops has this name{}",
                                   did_you_mean(entry.hard_stops[i], keys_of(policy.hard_stops))));
    }
  }
}

}  // namespace suffice::policy
