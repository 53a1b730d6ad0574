#pragma once
// Small text functions that many modules need. Bytes in, bytes out; no locale.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace suffice {

/// `text` without leading and trailing ASCII white space.
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;

/// Offset of the first byte that is not part of well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms), or nothing.
[[nodiscard]] std::optional<std::size_t> first_invalid_utf8(std::string_view bytes) noexcept;

/// Number of Unicode code points of well-formed UTF-8; stray continuation bytes are not counted.
[[nodiscard]] std::size_t count_code_points(std::string_view utf8) noexcept;

/// The first `count` code points, cut at a character boundary.
[[nodiscard]] std::string_view first_code_points(std::string_view utf8, std::size_t count) noexcept;

/// The last `count` code points, cut at a character boundary.
[[nodiscard]] std::string_view last_code_points(std::string_view utf8, std::size_t count) noexcept;

/// NFKC with full Unicode case folding (UAX 15, UAX 21): what patterns and labels are compared in.
/// Malformed UTF-8 is returned with ASCII letters lowered only.
[[nodiscard]] std::string fold_case(std::string_view utf8);

}  // namespace suffice
