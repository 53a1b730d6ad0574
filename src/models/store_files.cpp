#include "models/store_files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include "core/hash.hpp"

namespace suffice::models {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPieceBytes = 1UL << 20U;
constexpr mode_t kReadOnly = 0444;

std::unexpected<Error> io_failed(const std::string& step, int error, const fs::path& file) {
  return fail(ErrorCode::IoFailed, step + ": " + std::generic_category().message(error), file.string());
}

/// Makes a rename in `folder` last.
Result<void> sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return io_failed("open", errno, folder);
  const int error = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  if (error != 0 && error != EINVAL) return io_failed("fsync", error, folder);
  return {};
}

}  // namespace

bool is_sha256(std::string_view text) {
  return text.size() == 64 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Result<FileLock> FileLock::wait(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return io_failed("cannot open the lock", errno, file);
  FileLock lock(fd);
  while (::flock(fd, LOCK_EX) != 0) {
    if (errno != EINTR) return io_failed("cannot lock", errno, file);
  }
  return lock;
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::optional<std::string>> read_if_there(const fs::path& file, std::size_t bytes_max) {
  std::error_code error;
  if (!fs::exists(file, error)) return std::optional<std::string>();
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail(ErrorCode::IoFailed, "cannot be read", file.string());
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (text.size() > bytes_max) return fail(ErrorCode::IoFailed, "is far too long for what it is", file.string());
  return std::optional(std::move(text));
}

std::unexpected<Error> write_failed(int error, const fs::path& file) {
  if (error == ENOSPC || error == EDQUOT) {
    return fail(ErrorCode::IoFailed, "the disk is full; free some space (`suffice models remove NAME`) and try again",
                file.string());
  }
  return io_failed("cannot write", error, file);
}

Result<void> write_all(int fd, std::string_view bytes, const fs::path& file) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return write_failed(errno, file);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<void> write_whole(const fs::path& file, std::string_view text) {
  const fs::path fresh = file.string() + ".new";
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return write_failed(errno, fresh);
  const Result<void> written = write_all(fd, text, fresh);
  ::close(fd);
  if (!written) return written;
  return rename_for_good(fresh, file);
}

Result<void> rename_for_good(const fs::path& from, const fs::path& to) {
  const int fd = ::open(from.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return io_failed("cannot open", errno, from);
  const int error = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  if (error != 0) return write_failed(error, from);
  if (::rename(from.c_str(), to.c_str()) != 0) return io_failed("rename", errno, to);
  return sync_folder(to.parent_path());
}

Result<CopiedFile> CopiedFile::of(const ModelFile& source, const fs::path& folder, const Progress& progress) {
  std::string name = (folder / "adding-XXXXXX").string();
  const int fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0) return write_failed(errno, folder);
  CopiedFile copy(fd, name);
  Sha256Stream hash;
  std::vector<char> piece(kPieceBytes);
  for (;;) {
    const ssize_t count = ::pread(source.fd(), piece.data(), piece.size(), static_cast<off_t>(copy.bytes_));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io_failed("cannot read", errno, source.path());
    if (count == 0) break;
    const std::string_view bytes(piece.data(), static_cast<std::size_t>(count));
    hash.update(bytes);
    SUFFICE_TRY_VOID(write_all(fd, bytes, copy.path_));
    copy.bytes_ += bytes.size();
    if (progress && !progress(copy.bytes_)) return fail(ErrorCode::Cancelled, "stopped", source.path());
  }
  copy.sha256_ = to_hex(hash.finish());
  return copy;
}

CopiedFile::CopiedFile(CopiedFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      path_(std::move(other.path_)),
      sha256_(std::move(other.sha256_)),
      bytes_(other.bytes_),
      kept_(std::exchange(other.kept_, true)) {}

CopiedFile::~CopiedFile() {
  if (fd_ >= 0) ::close(fd_);
  std::error_code ignored;
  if (!kept_) fs::remove(path_, ignored);
}

Result<void> CopiedFile::keep_as(const fs::path& name) {
  if (::fchmod(fd_, kReadOnly) != 0) return io_failed("chmod", errno, path_);
  SUFFICE_TRY_VOID(rename_for_good(path_, name));
  kept_ = true;
  return {};
}

}  // namespace suffice::models
