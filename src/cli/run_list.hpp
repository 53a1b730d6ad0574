#pragma once
// `suffice run --list` and `--show ID`: what the journals of a data folder say.

#include <filesystem>
#include <string>

#include "cli/command.hpp"

namespace suffice::cli {

[[nodiscard]] Exit list_runs(const std::filesystem::path& data, bool json);
[[nodiscard]] Exit show_run(const std::filesystem::path& data, const std::string& run_id, bool json);

}  // namespace suffice::cli
