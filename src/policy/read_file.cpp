#include "policy/read_file.hpp"

#include <fstream>

#include <fmt/format.h>

namespace suffice::policy {

Result<std::string> read_file(const std::filesystem::path& file, std::size_t bytes_max) {
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (!std::filesystem::exists(status)) return fail(ErrorCode::NotFound, "no such file");
  if (!std::filesystem::is_regular_file(status)) return fail(ErrorCode::IoFailed, "not a regular file");
  std::ifstream stream(file, std::ios::binary);
  std::string bytes(bytes_max + 1, '\0');
  stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (stream.bad() || (!stream.eof() && stream.fail())) return fail(ErrorCode::IoFailed, "cannot be read");
  bytes.resize(static_cast<std::size_t>(stream.gcount()));
  if (bytes.size() > bytes_max) return fail(ErrorCode::PayloadTooLarge, fmt::format("larger than {} bytes", bytes_max));
  return bytes;
}

}  // namespace suffice::policy
