#pragma once
// A document cut into the chunks that workers read. Every chunk says which bytes it is.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "prompts/token_budget.hpp"
#include "workflow/documents/text_range.hpp"

namespace suffice::workflow {

/// A chunk; its number is its place in the list.
using Chunks = std::vector<TextRange>;

/// Sentences, as many as fit into `tokens_max` by `count`, then the next chunk. Concatenates to `text` exactly.
///
/// A sentence that is too long is cut after a word, a word that is too long between characters. Every chunk is counted as a whole
/// (tokens of a text are not the sum over its parts), so `count(chunk) <= tokens_max` always holds; that a chunk is as
/// full as can be holds for counters that never fall as a text grows. About 2 log2(sentences in a chunk) counts of at most two
/// chunks' bytes each. InvalidArgument when `tokens_max` is below 1 or one character alone takes more.
[[nodiscard]] Result<Chunks> chunk_by_tokens(std::string_view text, std::int64_t tokens_max,
                                             const prompts::TokenCounter& count);

/// How many units a chunk has, and how many of them are those of the chunk before. overlap < size.
struct UnitWindow {
  std::size_t size = 20;
  std::size_t overlap = 0;
};

/// Runs of `window.size` units (lines, turns, sentences), each chunk beginning `size - overlap` units behind the last; ends with the
/// chunk that holds the last unit. Without overlap it concatenates to the text exactly. InvalidArgument for a size of 0 or
/// an overlap that is no smaller.
[[nodiscard]] Result<Chunks> chunk_units(std::span<const TextRange> units, const UnitWindow& window);

/// Slices of `window.size` bytes, each beginning `size - overlap` bytes behind the last, moved back to where a character starts: at
/// most `size` bytes, overlapping by at least `overlap` unless a character is wider than the step. Without overlap they concatenate exactly. InvalidArgument for fewer
/// than 4 bytes (a character may have as many) or an overlap that is no smaller.
///
/// A needle of L bytes at a random place of an ASCII text is cut by every slice with probability
/// max(0, L - 1 - overlap) / (size - overlap): never, once overlap >= L - 1 (documents/chunks_test.cpp counts it).
[[nodiscard]] Result<Chunks> chunk_bytes(std::string_view text, const UnitWindow& window);

}  // namespace suffice::workflow
