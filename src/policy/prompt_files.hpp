#pragma once
// Where prompt files lie: NAME/VERSION.yaml in a prompt folder is the prompt NAME@VERSION.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace suffice::policy {

/// NAME/VERSION.yaml below `folder`, for a reference of the form name@version.
[[nodiscard]] std::filesystem::path prompt_file(const std::filesystem::path& folder, const std::string& reference);

/// Why `reference` names no prompt file, with the nearest that exists; nothing when one of `folders` has it.
[[nodiscard]] std::optional<std::string> missing_prompt(const std::vector<std::string>& folders,
                                                        const std::string& reference);

}  // namespace suffice::policy
