#include "models/partial_file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <boost/json.hpp>

#include "core/hash.hpp"
#include "models/store_files.hpp"
#include "wire/json.hpp"

namespace suffice::models {

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

constexpr std::size_t kNoteBytesMax = 64UL << 10U;
constexpr std::size_t kKeyDigits = 32;

/// The validator that the note holds for `url`; empty for a note that is missing or damaged.
std::string validator_of(const fs::path& note, const std::string& url) {
  const Result<std::optional<std::string>> text = read_if_there(note, kNoteBytesMax);
  if (!text || !*text) return {};
  const Result<json::value> parsed = wire::parse_json(**text);
  if (!parsed || !parsed->is_object()) return {};
  const json::value* whose = parsed->get_object().if_contains("url");
  const json::value* validator = parsed->get_object().if_contains("validator");
  if (whose == nullptr || !whose->is_string() || whose->get_string() != url || validator == nullptr ||
      !validator->is_string())
    return {};
  return std::string(validator->get_string());
}

}  // namespace

/// The lock is on the part itself, which may have been renamed or deleted between its opening and its locking: then once more.
Result<PartialFile> PartialFile::open(const fs::path& folder, const std::string& url) {
  PartialFile part(folder / (sha256_hex(url).substr(0, kKeyDigits) + ".part"), url);
  for (;;) {
    part.fd_ = ::open(part.path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (part.fd_ < 0) return write_failed(errno, part.path_);
    if (::flock(part.fd_, LOCK_EX | LOCK_NB) != 0) {
      return fail(ErrorCode::Overloaded, "another process is fetching this file; wait for it, or end it", url);
    }
    struct stat locked{};
    struct stat named{};
    if (::fstat(part.fd_, &locked) != 0) return write_failed(errno, part.path_);
    if (::stat(part.path_.c_str(), &named) == 0 && named.st_ino == locked.st_ino) {
      part.size_ = static_cast<std::uint64_t>(locked.st_size);
      part.validator_ = validator_of(part.note(), url);
      return part;
    }
    ::close(std::exchange(part.fd_, -1));
  }
}

PartialFile::PartialFile(PartialFile&& other) noexcept
    : path_(std::move(other.path_)),
      url_(std::move(other.url_)),
      validator_(std::move(other.validator_)),
      fd_(std::exchange(other.fd_, -1)),
      size_(other.size_) {}

PartialFile::~PartialFile() {
  if (fd_ >= 0) ::close(fd_);
}

fs::path PartialFile::note() const { return fs::path(path_).replace_extension(".json"); }

Result<void> PartialFile::restart(const std::string& validator) {
  if (::ftruncate(fd_, 0) != 0) return write_failed(errno, path_);
  size_ = 0;
  validator_ = validator;
  return write_whole(note(), json::serialize(json::object{{"url", url_}, {"validator", validator}}) + "\n");
}

Result<void> PartialFile::append(std::string_view bytes) {
  const Result<void> written = write_all(fd_, bytes, path_);
  struct stat info{};
  // Also after a failure: a full disk takes a part of a piece.
  if (::fstat(fd_, &info) == 0) size_ = static_cast<std::uint64_t>(info.st_size);
  return written;
}

void PartialFile::discard() {
  std::error_code ignored;
  fs::remove(path_, ignored);
  forget();
}

void PartialFile::forget() {
  std::error_code ignored;
  fs::remove(note(), ignored);
}

}  // namespace suffice::models
