#include "gate/match_text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include <utf8proc.h>

#include "core/text.hpp"

namespace suffice::gate {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool is_ascii(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string well_formed(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (true) {
    const std::optional<std::size_t> bad = first_invalid_utf8(text);
    out.append(text.substr(0, bad.value_or(text.size())));
    if (!bad) return out;
    out.append(kReplacement);
    text.remove_prefix(*bad + 1);
  }
}

/// `text` must be well-formed.
std::string without_ignorables(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  auto left = static_cast<utf8proc_ssize_t>(text.size());
  while (left > 0) {
    utf8proc_int32_t code_point = 0;
    const utf8proc_ssize_t length = utf8proc_iterate(at, left, &code_point);
    if (length <= 0) break;
    const bool ignorable = code_point >= 0x80 && utf8proc_get_property(code_point)->ignorable != 0;
    if (!ignorable) out.append(reinterpret_cast<const char*>(at), static_cast<std::size_t>(length));
    at += length;
    left -= length;
  }
  return out;
}

}  // namespace

std::string match_text(std::string_view text) {
  if (is_ascii(text)) return fold_case(text);
  return fold_case(without_ignorables(well_formed(text)));
}

}  // namespace suffice::gate
