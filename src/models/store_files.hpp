#pragma once
// Files of the store: locks between processes, and writing that a crash cannot leave half done.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "models/model_file.hpp"

namespace suffice::models {

/// 64 lower-case hex digits.
[[nodiscard]] bool is_sha256(std::string_view text);

/// flock(2): gone with the process, however it ends.
class FileLock {
 public:
  /// Waits for whoever holds it.
  static Result<FileLock> wait(const std::filesystem::path& file);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

/// Nothing when the file does not exist. IoFailed when it cannot be read or is longer than `bytes_max`.
[[nodiscard]] Result<std::optional<std::string>> read_if_there(const std::filesystem::path& file,
                                                               std::size_t bytes_max);
/// Beside, to the disk, and renamed over.
[[nodiscard]] Result<void> write_whole(const std::filesystem::path& file, std::string_view text);
/// The file's bytes are on the disk, and then the name is.
[[nodiscard]] Result<void> rename_for_good(const std::filesystem::path& from, const std::filesystem::path& to);
/// All of `bytes`. IoFailed; a full disk is said as such.
[[nodiscard]] Result<void> write_all(int fd, std::string_view bytes, const std::filesystem::path& file);
/// What to say when a write failed with `error` (errno).
[[nodiscard]] std::unexpected<Error> write_failed(int error, const std::filesystem::path& file);

/// A copy under a name of its own, deleted unless it is kept.
class CopiedFile {
 public:
  /// Copies and digests in one pass.
  static Result<CopiedFile> of(const ModelFile& source, const std::filesystem::path& folder, const Progress& progress);
  CopiedFile(CopiedFile&& other) noexcept;
  CopiedFile& operator=(CopiedFile&&) = delete;
  ~CopiedFile();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] const std::string& sha256() const { return sha256_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  /// Read-only from then on.
  [[nodiscard]] Result<void> keep_as(const std::filesystem::path& name);

 private:
  CopiedFile(int fd, std::filesystem::path path) : fd_(fd), path_(std::move(path)) {}
  int fd_ = -1;
  std::filesystem::path path_;
  std::string sha256_;
  std::uint64_t bytes_ = 0;
  bool kept_ = false;
};

}  // namespace suffice::models
