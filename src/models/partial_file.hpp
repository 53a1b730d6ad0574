#pragma once
// The part of a download that is here already, and what it is a part of. Private to models/.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "core/result.hpp"

namespace suffice::models {

/// partial/KEY.part with partial/KEY.json beside it; KEY is a digest of the URL. One process at a time.
class PartialFile {
 public:
  /// Overloaded when another process has it.
  static Result<PartialFile> open(const std::filesystem::path& folder, const std::string& url);
  PartialFile(PartialFile&& other) noexcept;
  PartialFile& operator=(PartialFile&&) = delete;
  ~PartialFile();

  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// The validator of the bytes that are here (an ETag); empty: they cannot be continued.
  [[nodiscard]] const std::string& validator() const { return validator_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  /// Empties it for bytes with this validator.
  [[nodiscard]] Result<void> restart(const std::string& validator);
  [[nodiscard]] Result<void> append(std::string_view bytes);
  /// Deletes what is here.
  void discard();
  /// The note is of no more use once the part has become a model.
  void forget();

 private:
  PartialFile(std::filesystem::path path, std::string url) : path_(std::move(path)), url_(std::move(url)) {}
  [[nodiscard]] std::filesystem::path note() const;

  std::filesystem::path path_;
  std::string url_;
  std::string validator_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace suffice::models
