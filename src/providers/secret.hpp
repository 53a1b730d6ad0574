#pragma once
// A key that cannot be printed by accident.

#include <string>
#include <string_view>
#include <utility>

#include "core/result.hpp"
#include "policy/policy.hpp"
#include "policy/policy_store.hpp"

namespace suffice::providers {

/// Holds a secret. It cannot be streamed, formatted or compared; reveal() is the only way to the bytes and is called where they go
/// into a request header. The memory is overwritten at the end.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  Secret(Secret&& other) noexcept : value_(std::exchange(other.value_, {})) {}
  Secret& operator=(Secret&& other) noexcept {
    value_.swap(other.value_);
    return *this;
  }
  ~Secret();

  /// Reads what `reference` names; an empty Secret for Kind::None. White space around a file's content is dropped.
  /// ConfigInvalid when the variable is unset or the file cannot be read, is empty, or is over 64 KiB; the message names the
  /// variable or file, never its content.
  static Result<Secret> read(const policy::SecretRef& reference, const policy::Environment& environment);

  [[nodiscard]] std::string_view reveal() const { return value_; }
  [[nodiscard]] bool empty() const { return value_.empty(); }

  template <class Stream>
  friend Stream& operator<<(Stream&, const Secret&) = delete;

 private:
  std::string value_;
};

}  // namespace suffice::providers
