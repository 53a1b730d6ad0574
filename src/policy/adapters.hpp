#pragma once
// Which adapters act on a tier's calls.

#include <span>
#include <string>
#include <vector>

#include "core/adapter_use.hpp"
#include "policy/policy.hpp"

namespace suffice::policy {

/// The tier's own (`own`), else the task's where the tier's model has it, else the model's.
[[nodiscard]] std::vector<AdapterUse> adapters_in_force(const Model& model, const Task& task,
                                                        const std::vector<AdapterUse>& own);

/// For the record and for certificates: "banking" or, where it matters, "banking x 0.5 + tone x 1"; empty for none.
[[nodiscard]] std::string describe(std::span<const AdapterUse> adapters);

}  // namespace suffice::policy
