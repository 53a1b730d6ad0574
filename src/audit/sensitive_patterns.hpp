#pragma once
// The forms that redaction recognises: one row each, a pattern and, where a pattern is not enough, a validator.

#include <cstddef>
#include <optional>
#include <string_view>

#include "audit/redaction.hpp"

namespace suffice::audit {

/// A stretch of bytes.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// What is to be masked first.
struct Finding {
  Span match;   ///< where the pattern matched; searching goes on behind it
  Span masked;  ///< part of `match` that is replaced
  Sensitive kind = Sensitive::Secret;
};

/// The first sensitive stretch of `text` that begins at or after `from`. Linear in the bytes it passes, except that candidates
/// which a validator refuses are looked at again from their next word; `refusals_left` bounds those, and is 0 when it stopped there.
[[nodiscard]] std::optional<Finding> find_sensitive(std::string_view text, std::size_t from, int& refusals_left);

/// The first token at or after `from` and before `to` that looks random: 24 or more of [A-Za-z0-9+/_-] with upper and lower case and
/// digits, changing class at 40 % or more of its steps (uniform base62 changes at 62 %, identifiers and paths under 30 %).
[[nodiscard]] std::optional<Span> find_random_token(std::string_view text, std::size_t from, std::size_t to);

}  // namespace suffice::audit
