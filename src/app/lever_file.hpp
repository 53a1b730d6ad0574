#pragma once
// levers.json in the data folder: the levers outlive a restart, so that a crash in an incident does not undo the kill switch.

#include <filesystem>

#include "core/result.hpp"
#include "pipeline/levers.hpp"

namespace suffice::app {

/// The stored levers; all off when the file does not exist. ConfigInvalid naming the file when it cannot be understood: a gateway that
/// does not know whether its kill switch is thrown must not start.
[[nodiscard]] Result<pipeline::LeverState> read_levers(const std::filesystem::path& file);
/// Written beside and renamed over, so that a crash leaves the old or the new one.
[[nodiscard]] Result<void> write_levers(const std::filesystem::path& file, const pipeline::LeverState& state);

}  // namespace suffice::app
