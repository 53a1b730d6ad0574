#pragma once
// Turns a document that satisfies the schema into a Policy. Internal to parse_policy.

#include <filesystem>

#include "policy/policy.hpp"
#include "policy/policy_store.hpp"
#include "policy/yaml_document.hpp"

namespace suffice::policy {

/// Defaults merged into tasks, paths resolved against `base`, aliases resolved. Reports nothing: what does not fit
/// together (names of nothing, for one) stays as written for check_meaning().
[[nodiscard]] Policy read_policy(const YamlDocument& document, const std::filesystem::path& base,
                                 const Environment& environment);

/// Whether a call to `model` could carry its key and knows where to go.
[[nodiscard]] bool is_usable(const Model& model, const Environment& environment);

/// Where a setting of a task is written: in the task, else in the defaults.
[[nodiscard]] Pointer task_setting(const YamlDocument& document, const std::string& task, std::string_view key);

}  // namespace suffice::policy
