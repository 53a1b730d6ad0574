#pragma once
// SHA-256, as the record and the model allow-list use it.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace suffice {

using Sha256 = std::array<std::uint8_t, 32>;

/// SHA-256 (FIPS 180-4) of `bytes`. Any thread.
[[nodiscard]] Sha256 sha256(std::string_view bytes);
/// 64 lower-case hex digits.
[[nodiscard]] std::string to_hex(const Sha256& digest);
[[nodiscard]] std::string sha256_hex(std::string_view bytes);

}  // namespace suffice
