#include "gate/match_text.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>

#include <utf8proc.h>

#include "core/text.hpp"

namespace suffice::gate {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Bytes before the first that is not ASCII, eight at a time.
std::size_t ascii_run(std::string_view text) noexcept {
  std::size_t at = 0;
  for (std::uint64_t word = 0; at + sizeof(word) <= text.size(); at += sizeof(word)) {
    std::memcpy(&word, text.data() + at, sizeof(word));
    if ((word & 0x8080808080808080ULL) != 0) break;
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at;
}

void append_lowered(std::string& out, std::string_view ascii) {
  const std::size_t begin = out.size();
  out.append(ascii);
  // By pointer, or every store of a char would be taken for one into the string itself, and nothing done side by side.
  std::transform(ascii.begin(), ascii.end(), out.data() + begin,
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
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

// Normalisation is twenty times slower than lowering ASCII, and most text is ASCII with a few other characters. An ASCII character never
// changes with what stands before it, so only the one before a run of others has to be normalised together with that run.
std::string match_text(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t run = ascii_run(text);
    const std::size_t plain = run == text.size() || run == 0 ? run : run - 1;
    append_lowered(out, text.substr(0, plain));
    text.remove_prefix(plain);
    std::size_t end = run - plain;
    while (end < text.size() && static_cast<unsigned char>(text[end]) >= 0x80) ++end;
    if (end > 0) out += fold_case(without_ignorables(well_formed(text.substr(0, end))));
    text.remove_prefix(end);
  }
  return out;
}

}  // namespace suffice::gate
