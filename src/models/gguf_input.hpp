#pragma once
// Bytes of a GGUF, one after the other, from memory or from a file. Private to models/.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "core/result.hpp"

namespace suffice::models {

class GgufInput {
 public:
  virtual ~GgufInput() = default;
  /// False when fewer bytes are left; then nothing may be read any more.
  [[nodiscard]] virtual bool take(char* to, std::size_t count) = 0;
  [[nodiscard]] virtual bool skip(std::uint64_t count) = 0;
  [[nodiscard]] virtual std::uint64_t position() const = 0;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  [[nodiscard]] std::uint64_t left() const { return size() - position(); }
};

class MemoryInput final : public GgufInput {
 public:
  explicit MemoryInput(std::string_view bytes) : bytes_(bytes) {}
  bool take(char* to, std::size_t count) override {
    if (count > left()) return false;
    if (count > 0) std::memcpy(to, bytes_.data() + at_, count);
    at_ += count;
    return true;
  }
  bool skip(std::uint64_t count) override {
    if (count > left()) return false;
    at_ += count;
    return true;
  }
  [[nodiscard]] std::uint64_t position() const override { return at_; }
  [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }

 private:
  std::string_view bytes_;
  std::uint64_t at_ = 0;
};

/// Reads with pread and never maps: a file that is cut while it is read must not end the process with SIGBUS.
class FileInput final : public GgufInput {
 public:
  /// `fd` stays the caller's.
  FileInput(int fd, std::uint64_t size) : fd_(fd), size_(size) {}
  bool take(char* to, std::size_t count) override;
  bool skip(std::uint64_t count) override;
  [[nodiscard]] std::uint64_t position() const override { return at_; }
  [[nodiscard]] std::uint64_t size() const override { return size_; }

 private:
  bool refill();
  int fd_;
  std::uint64_t size_;
  std::uint64_t at_ = 0;
  std::uint64_t window_begin_ = 0;
  std::string window_;
};

}  // namespace suffice::models
