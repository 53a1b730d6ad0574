#include "workflow/documents/chunks.hpp"

#include <algorithm>

#include "workflow/documents/sentences.hpp"

namespace suffice::workflow {

namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// The largest n in [0, most] for which `fits(n)`, where fits falls once from true to false. Doubling, then halving: what is
/// tried is never more than twice as long as what fits.
template <class Fits>
std::size_t largest_that_fits(std::size_t most, const Fits& fits) {
  std::size_t good = 0;
  std::size_t bad = 1;
  while (bad <= most && fits(bad)) {
    good = bad;
    bad = bad * 2;
  }
  bad = std::min(bad, most + 1);
  while (bad - good > 1) {
    const std::size_t middle = good + (bad - good) / 2;
    if (fits(middle)) {
      good = middle;
    } else {
      bad = middle;
    }
  }
  return good;
}

/// How much of a sentence that is too long goes into the chunk that begins with it: up to the last word that fits, if that is not in
/// the first half of what fits, else up to the last character that fits. 0 when not one does.
std::size_t cut_sentence(std::string_view sentence, std::int64_t tokens_max, const prompts::TokenCounter& count) {
  const std::size_t bytes = largest_that_fits(sentence.size(), [&](std::size_t n) {
    return count(sentence.substr(0, character_start(sentence, n))) <= tokens_max;
  });
  const std::size_t limit = character_start(sentence, bytes);
  for (std::size_t at = limit; at > limit / 2; --at) {
    if (is_space(sentence[at - 1]) && count(sentence.substr(0, at)) <= tokens_max) return at;
  }
  return limit > 0 && count(sentence.substr(0, limit)) <= tokens_max ? limit : 0;
}

}  // namespace

Result<Chunks> chunk_by_tokens(std::string_view text, std::int64_t tokens_max, const prompts::TokenCounter& count) {
  if (tokens_max < 1) return fail(ErrorCode::InvalidArgument, "a chunk needs room for at least one token", "chunking");
  const std::vector<TextRange> sentences = split_sentences(text);
  Chunks chunks;
  std::size_t next = 0;   // first sentence that is not wholly in a chunk
  std::size_t begin = 0;  // first byte that is in none
  while (begin < text.size()) {
    const std::size_t fitting = largest_that_fits(sentences.size() - next, [&](std::size_t n) {
      return count(text.substr(begin, sentences[next + n - 1].end - begin)) <= tokens_max;
    });
    if (fitting > 0) {
      chunks.push_back({.begin = begin, .end = sentences[next + fitting - 1].end});
      next += fitting;
    } else {
      const std::string_view rest = text.substr(begin, sentences[next].end - begin);
      const std::size_t bytes = cut_sentence(rest, tokens_max, count);
      if (bytes == 0) {
        return fail(ErrorCode::InvalidArgument, "one character alone takes more tokens than a chunk may have",
                    "chunking");
      }
      chunks.push_back({.begin = begin, .end = begin + bytes});
      if (bytes == rest.size()) ++next;
    }
    begin = chunks.back().end;
  }
  return chunks;
}

Result<Chunks> chunk_units(std::span<const TextRange> units, const UnitWindow& window) {
  if (window.size == 0) return fail(ErrorCode::InvalidArgument, "a chunk needs at least one unit", "chunking");
  if (window.overlap >= window.size) {
    return fail(ErrorCode::InvalidArgument, "chunks must overlap by less than their size", "chunking");
  }
  Chunks chunks;
  for (std::size_t first = 0; first < units.size(); first += window.size - window.overlap) {
    const std::size_t last = std::min(first + window.size, units.size()) - 1;
    chunks.push_back({.begin = units[first].begin, .end = units[last].end});
    if (last + 1 == units.size()) break;
  }
  return chunks;
}

Result<Chunks> chunk_bytes(std::string_view text, const UnitWindow& window) {
  if (window.size < 4) return fail(ErrorCode::InvalidArgument, "a chunk needs at least 4 bytes", "chunking");
  if (window.overlap >= window.size) {
    return fail(ErrorCode::InvalidArgument, "chunks must overlap by less than their size", "chunking");
  }
  Chunks chunks;
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = character_start(text, std::min(begin + window.size, text.size()));
    if (end <= begin) end = std::min(begin + window.size, text.size());  // not UTF-8
    chunks.push_back({.begin = begin, .end = end});
    if (end == text.size()) break;
    // Bytes that move back would stand still where a character is wider than the step.
    const std::size_t back = end > window.overlap ? character_start(text, end - window.overlap) : 0;
    std::size_t next = begin + 1;
    while (next < end && character_start(text, next) != next) ++next;
    begin = std::max(back, next);
  }
  return chunks;
}

}  // namespace suffice::workflow
