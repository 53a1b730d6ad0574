#pragma once
// URI references as $id and $ref use them (RFC 3986): resolved as text, never fetched.

#include <string>
#include <string_view>

namespace suffice::gate {

/// `reference` resolved against `base` by RFC 3986 section 5.2; `base` may be empty. The fragment of `reference` is kept.
[[nodiscard]] std::string resolve_uri(std::string_view base, std::string_view reference);

/// "%25" -> "%"; a bad escape stays as it is.
[[nodiscard]] std::string percent_decoded(std::string_view text);

}  // namespace suffice::gate
