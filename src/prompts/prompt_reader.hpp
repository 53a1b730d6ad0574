#pragma once
// Reads one prompt file. Internal to PromptLibrary; the fuzz driver and the tests use it too.

#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "policy/problem.hpp"
#include "prompts/prompt.hpp"

namespace suffice::prompts {

/// The prompt written in `yaml`, or null and the problems appended. `file` gives the name (its folder) and the version
/// (its stem) that the text must repeat.
[[nodiscard]] std::shared_ptr<const Prompt> read_prompt(std::string_view yaml, const std::filesystem::path& file,
                                                        std::vector<policy::Problem>& problems);

}  // namespace suffice::prompts
