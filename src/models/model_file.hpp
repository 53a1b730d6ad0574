#pragma once
// A model file on disk: opened with care, and its digest.

#include <cstdint>
#include <functional>
#include <string>

#include "core/result.hpp"

namespace suffice::models {

/// A file descriptor of a regular file, closed with it.
class ModelFile {
 public:
  /// ModelInvalid (`where` is the path) when it is missing, unreadable, or anything but a regular file. Never waits, for a FIFO neither.
  static Result<ModelFile> open(const std::string& path);
  ModelFile(ModelFile&& other) noexcept;
  ModelFile& operator=(ModelFile&& other) noexcept;
  ~ModelFile();

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  ModelFile(int fd, std::uint64_t size, std::string path) : fd_(fd), size_(size), path_(std::move(path)) {}
  int fd_ = -1;
  std::uint64_t size_ = 0;
  std::string path_;
};

/// Bytes done so far; false stops the work.
using Progress = std::function<bool(std::uint64_t bytes)>;

/// SHA-256 of the whole file in 64 hex digits; IoFailed when reading fails, Cancelled when `progress` says so. Reads at the disk's
/// speed (some 400 MB/s of hashing on one core), so never on an I/O thread.
[[nodiscard]] Result<std::string> digest_of(const ModelFile& file, const Progress& progress = {});

}  // namespace suffice::models
