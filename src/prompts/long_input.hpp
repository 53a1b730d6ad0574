#pragma once
// Shortens the caller's text as a prompt says.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "prompts/prompt.hpp"
#include "prompts/render.hpp"

namespace suffice::prompts {

/// A text, or the part of it that is sent, with what that leaves out.
struct ShortenedInput {
  std::string text;
  std::vector<Cut> cut;
};

/// `text` in at most `chars_max` characters by `prompt.long_input`; unchanged when it has no more or must not be cut.
/// `why` goes into the cuts. O(text).
[[nodiscard]] ShortenedInput shorten(const Prompt& prompt, std::string_view text, std::int64_t chars_max,
                                     std::string_view why);

/// The same by tokens as `count` counts them: the result has at most `tokens_max`, and the last tokens of room may be
/// unused. Counts a few times.
[[nodiscard]] ShortenedInput shorten_to_tokens(const Prompt& prompt, std::string_view text, std::int64_t tokens_max,
                                               const TokenCounter& count, std::string_view why);

}  // namespace suffice::prompts
