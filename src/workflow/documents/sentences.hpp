#pragma once
// Text cut into sentences, lines or turns of a conversation. What is cut concatenates to the text, byte for byte.

#include <string_view>
#include <vector>

#include "workflow/documents/text_range.hpp"

namespace suffice::workflow {

/// Sentences of `text` in order, without a gap: white space behind a sentence belongs to it. Empty for an empty text.
///
/// A sentence ends after '.', '!', '?' or an ellipsis, with the quotes and brackets that close behind it, where white space follows;
/// after the full-width marks of Chinese and Japanese, the Devanagari danda and the Arabic question mark and full stop without
/// any; and at the end of a line. A full stop does not end one after a single letter ("J. Smith") or a common abbreviation
/// ("e.g. this"), nor where a lower-case ASCII letter goes on. A rule of thumb, not a parser: cuts are never inside a UTF-8
/// character, and bytes that are not UTF-8 are carried along. O(text); any thread.
[[nodiscard]] std::vector<TextRange> split_sentences(std::string_view text);

/// Lines, each with its "\n" ("\r\n" stays together). Empty for an empty text.
[[nodiscard]] std::vector<TextRange> split_lines(std::string_view text);

/// Turns of a conversation: a line that begins with a speaker ("Professor E: ", up to 5 words and 48 bytes before a colon and a space)
/// starts one, the lines below belong to it. A text without any speaker is cut into its lines.
[[nodiscard]] std::vector<TextRange> split_turns(std::string_view text);

/// Whether a line begins with a speaker, as split_turns() reads it.
[[nodiscard]] bool begins_turn(std::string_view line);

/// The start of the UTF-8 character that holds byte `at`; `at` itself at or beyond the end.
[[nodiscard]] std::size_t character_start(std::string_view text, std::size_t at);

}  // namespace suffice::workflow
