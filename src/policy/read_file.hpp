#pragma once
// Reads a small file whole. Internal to the file-reading modules (policy, prompts).

#include <cstddef>
#include <filesystem>
#include <string>

#include "core/result.hpp"

namespace suffice::policy {

/// The bytes of a regular file. NotFound, PayloadTooLarge above `bytes_max`, IoFailed; the message does not name the file.
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& file, std::size_t bytes_max);

}  // namespace suffice::policy
