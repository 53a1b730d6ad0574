#include "core/text.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <utf8proc.h>

namespace suffice {
namespace {

constexpr bool is_space(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr bool is_continuation(char c) noexcept { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; }

/// Continuation bytes among eight. One is 10xxxxxx: bit 7 set and bit 6 not.
std::size_t continuations_in_word(const char* bytes) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof(word));
  return static_cast<std::size_t>(std::popcount((word >> 7) & (~word >> 6) & 0x0101010101010101ULL));
}

/// Length of the well-formed sequence at `text[at]`, 0 when there is none (Unicode 15, table 3-7).
std::size_t sequence_length(std::string_view text, std::size_t at) noexcept {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const unsigned lead = byte(at);
  if (lead < 0x80) return 1;
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
  const auto within = [&](std::size_t i, unsigned low, unsigned high) { return byte(i) >= low && byte(i) <= high; };
  if (lead >= 0xc2 && lead <= 0xdf) return continues(at + 1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const unsigned low = lead == 0xe0 ? 0xa0U : 0x80U;
    const unsigned high = lead == 0xed ? 0x9fU : 0xbfU;
    return within(at + 1, low, high) && continues(at + 2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const unsigned low = lead == 0xf0 ? 0x90U : 0x80U;
    const unsigned high = lead == 0xf4 ? 0x8fU : 0xbfU;
    return within(at + 1, low, high) && continues(at + 2) && continues(at + 3) ? 4 : 0;
  }
  return 0;
}

std::string lower_ascii(std::string_view text) {
  std::string lowered(text);
  std::ranges::transform(lowered, lowered.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return lowered;
}

}  // namespace

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<std::size_t> first_invalid_utf8(std::string_view bytes) noexcept {
  std::size_t at = 0;
  while (at < bytes.size()) {
    // Whole words of ASCII are the common case.
    while (at + 8 <= bytes.size()) {
      std::uint64_t word = 0;
      std::copy_n(bytes.data() + at, 8, reinterpret_cast<char*>(&word));
      if ((word & 0x8080808080808080ULL) != 0) break;
      at += 8;
    }
    if (at >= bytes.size()) break;
    const std::size_t length = sequence_length(bytes, at);
    if (length == 0) return at;
    at += length;
  }
  return std::nullopt;
}

std::size_t count_code_points(std::string_view utf8) noexcept {
  std::size_t continuations = 0;
  std::size_t at = 0;
  for (; at + 8 <= utf8.size(); at += 8) continuations += continuations_in_word(utf8.data() + at);
  for (; at < utf8.size(); ++at) continuations += is_continuation(utf8[at]) ? 1 : 0;
  return utf8.size() - continuations;
}

std::string_view first_code_points(std::string_view utf8, std::size_t count) noexcept {
  std::size_t at = 0;
  for (; count > 8 && at + 8 <= utf8.size(); at += 8) count -= 8 - continuations_in_word(utf8.data() + at);
  while (at < utf8.size()) {
    if (!is_continuation(utf8[at])) {
      if (count == 0) break;
      --count;
    }
    ++at;
  }
  return utf8.substr(0, at);
}

std::string_view last_code_points(std::string_view utf8, std::size_t count) noexcept {
  std::size_t at = utf8.size();
  while (at > 0 && count > 0) {
    --at;
    if (!is_continuation(utf8[at])) --count;
  }
  return utf8.substr(at);
}

std::string fold_case(std::string_view utf8) {
  if (std::ranges::all_of(utf8, [](char c) { return static_cast<unsigned char>(c) < 0x80; })) return lower_ascii(utf8);
  utf8proc_uint8_t* mapped = nullptr;
  const auto options =
      static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD);
  const utf8proc_ssize_t size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(utf8.data()),
                                             static_cast<utf8proc_ssize_t>(utf8.size()), &mapped, options);
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
  if (size < 0) return lower_ascii(utf8);
  return std::string(reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(size));
}

}  // namespace suffice
