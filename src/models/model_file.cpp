#include "models/model_file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <sys/types.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include "core/hash.hpp"

namespace suffice::models {
namespace {

constexpr std::size_t kPieceBytes = 1UL << 20U;

std::string_view kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

}  // namespace

Result<ModelFile> ModelFile::open(const std::string& path) {
  // Without O_NONBLOCK opening a FIFO waits for a writer; for a regular file it means nothing.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) {
    return fail(ErrorCode::ModelInvalid,
                "the model file cannot be opened: " + std::generic_category().message(errno) +
                    "; give the path of a GGUF file (`suffice models` lists what the policy names)",
                path);
  }
  struct stat info{};
  const bool known = ::fstat(fd, &info) == 0;
  ModelFile file(fd, known ? static_cast<std::uint64_t>(info.st_size) : 0, path);
  if (!known || !S_ISREG(info.st_mode)) {
    return fail(
        ErrorCode::ModelInvalid,
        "the model is " + std::string(kind_of(info.st_mode)) + ", not a regular file; give the path of a GGUF file",
        path);
  }
  return file;
}

ModelFile::ModelFile(ModelFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), size_(other.size_), path_(std::move(other.path_)) {}

ModelFile& ModelFile::operator=(ModelFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  std::swap(path_, other.path_);
  return *this;
}

ModelFile::~ModelFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::string> digest_of(const ModelFile& file, const Progress& progress) {
  Sha256Stream hash;
  std::vector<char> piece(kPieceBytes);
  std::uint64_t done = 0;
  for (;;) {
    const ssize_t count = ::pread(file.fd(), piece.data(), piece.size(), static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(ErrorCode::IoFailed, std::generic_category().message(errno), file.path());
    if (count == 0) return to_hex(hash.finish());
    hash.update({piece.data(), static_cast<std::size_t>(count)});
    done += static_cast<std::uint64_t>(count);
    if (progress && !progress(done)) return fail(ErrorCode::Cancelled, "stopped", file.path());
  }
}

}  // namespace suffice::models
