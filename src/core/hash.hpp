#pragma once
// SHA-256, as the record and the model allow-list use it.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace suffice {

using Sha256 = std::array<std::uint8_t, 32>;

/// SHA-256 (FIPS 180-4) of `bytes`. Any thread.
[[nodiscard]] Sha256 sha256(std::string_view bytes);
/// 64 lower-case hex digits.
[[nodiscard]] std::string to_hex(const Sha256& digest);
[[nodiscard]] std::string sha256_hex(std::string_view bytes);

/// The same of bytes that come in pieces: a file larger than memory. One thread at a time.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(Sha256Stream&&) noexcept;
  Sha256Stream& operator=(Sha256Stream&&) noexcept;
  void update(std::string_view bytes);
  /// Of everything so far; the next update begins anew.
  [[nodiscard]] Sha256 finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace suffice
