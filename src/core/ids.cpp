#include "core/ids.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace suffice {

std::string new_uuid7(const Clock& clock, Random& random) {
  const auto ms = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(clock.wall_now().time_since_epoch()).count());
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < 6; ++i) bytes[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
  const std::uint64_t high = random.next();
  const std::uint64_t low = random.next();
  bytes[6] = static_cast<std::uint8_t>(0x70U | ((high >> 8) & 0x0fU));
  bytes[7] = static_cast<std::uint8_t>(high);
  for (std::size_t i = 0; i < 8; ++i) bytes[8 + i] = static_cast<std::uint8_t>(low >> (56 - 8 * i));
  bytes[8] = static_cast<std::uint8_t>(0x80U | (bytes[8] & 0x3fU));

  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kHex[bytes[i] >> 4];
    text += kHex[bytes[i] & 0x0fU];
  }
  return text;
}

}  // namespace suffice
