// Chunks against what can be counted: they join to the text, they fit, and needles are cut exactly as often as the formula says.

#include "workflow/documents/chunks.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.hpp"
#include "core/text.hpp"
#include "workflow/documents/sentences.hpp"

namespace suffice::workflow {
namespace {

std::int64_t count_bytes(std::string_view text) { return static_cast<std::int64_t>(text.size()); }

std::string joined(std::string_view text, const Chunks& chunks) {
  std::string all;
  for (const TextRange& chunk : chunks) all += chunk.of(text);
  return all;
}

/// Sentences of 1 to `longest` bytes, words of all lengths, characters of 1 to 4 bytes.
std::string random_text(Random& random, std::uint64_t sentences, std::uint64_t longest) {
  static constexpr std::string_view kCharacters[] = {"a", "b", " ", "é", "世", "\xf0\x9f\x98\x80"};
  std::string text;
  for (; sentences > 0; --sentences) {
    for (std::uint64_t n = 1 + random.below(longest); n > 0; --n)
      text += kCharacters[random.below(std::size(kCharacters))];
    text += ". ";
  }
  return text;
}

TEST(ChunkByTokens, AlwaysFitAndJoinToTheText) {
  SeededRandom random(11);
  for (int i = 0; i < 300; ++i) {
    const std::string text = random_text(random, random.below(30), 1 + random.below(200));
    const auto room = static_cast<std::int64_t>(4 + random.below(300));

    const Result<Chunks> chunks = chunk_by_tokens(text, room, count_bytes);

    ASSERT_TRUE(chunks.has_value()) << describe(chunks.error());
    EXPECT_EQ(joined(text, *chunks), text);
    for (const TextRange& chunk : *chunks) {
      EXPECT_GT(chunk.size(), 0U);
      EXPECT_LE(count_bytes(chunk.of(text)), room);
      EXPECT_FALSE(first_invalid_utf8(chunk.of(text)));
    }
  }
}

TEST(ChunkByTokens, AreAsFullAsWholeSentencesAllow) {
  const std::string_view text = "One two. Three. Four five six. Seven.";
  const Result<Chunks> chunks = chunk_by_tokens(text, 16, count_bytes);
  ASSERT_TRUE(chunks.has_value());
  ASSERT_EQ(chunks->size(), 3U);
  EXPECT_EQ((*chunks)[0].of(text), "One two. Three. ");
  EXPECT_EQ((*chunks)[1].of(text), "Four five six. ");
  EXPECT_EQ((*chunks)[2].of(text), "Seven.");
}

TEST(ChunkByTokens, CutASentenceThatIsTooLongAfterAWord) {
  const std::string_view text = "alpha beta gamma delta";
  const Result<Chunks> chunks = chunk_by_tokens(text, 12, count_bytes);
  ASSERT_TRUE(chunks.has_value());
  ASSERT_EQ(chunks->size(), 2U);
  EXPECT_EQ((*chunks)[0].of(text), "alpha beta ");
  EXPECT_EQ((*chunks)[1].of(text), "gamma delta");
}

TEST(ChunkByTokens, HoldForACounterThatIsNotMonotone) {
  const auto jumping = [](std::string_view text) {
    return static_cast<std::int64_t>(text.size() % 7 == 3 ? text.size() * 2 : text.size());
  };
  const std::string text(500, 'x');
  const Result<Chunks> chunks = chunk_by_tokens(text, 40, jumping);
  ASSERT_TRUE(chunks.has_value());
  EXPECT_EQ(joined(text, *chunks), text);
  for (const TextRange& chunk : *chunks) EXPECT_LE(jumping(chunk.of(text)), 40);
}

TEST(ChunkByTokens, SayWhenNothingFits) {
  EXPECT_EQ(chunk_by_tokens("abc", 0, count_bytes).error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(chunk_by_tokens("\u4e16", 2, count_bytes).error().code, ErrorCode::InvalidArgument);
  EXPECT_TRUE(chunk_by_tokens("", 1, count_bytes)->empty());
}

TEST(ChunkUnits, OverlapByUnitsAndEndWithTheLast) {
  const std::string_view text = "1\n2\n3\n4\n5\n6\n7\n";
  const Result<Chunks> chunks = chunk_units(split_lines(text), {.size = 3, .overlap = 1});
  ASSERT_TRUE(chunks.has_value());
  ASSERT_EQ(chunks->size(), 3U);
  EXPECT_EQ((*chunks)[0].of(text), "1\n2\n3\n");
  EXPECT_EQ((*chunks)[1].of(text), "3\n4\n5\n");
  EXPECT_EQ((*chunks)[2].of(text), "5\n6\n7\n");
}

TEST(ChunkUnits, WithoutOverlapJoinToTheText) {
  const std::string_view text = "1\n2\n3\n4\n5";
  for (std::size_t size = 1; size < 7; ++size) {
    const Result<Chunks> chunks = chunk_units(split_lines(text), {.size = size, .overlap = 0});
    ASSERT_TRUE(chunks.has_value());
    EXPECT_EQ(joined(text, *chunks), text);
    EXPECT_EQ(chunks->size(), (5 + size - 1) / size);
  }
}

TEST(ChunkUnits, RefuseAWindowThatDoesNotMove) {
  EXPECT_FALSE(chunk_units(split_lines("a"), {.size = 0, .overlap = 0}).has_value());
  EXPECT_FALSE(chunk_units(split_lines("a"), {.size = 2, .overlap = 2}).has_value());
  EXPECT_FALSE(chunk_bytes("a", {.size = 3, .overlap = 0}).has_value());
  EXPECT_FALSE(chunk_bytes("a", {.size = 8, .overlap = 8}).has_value());
}

TEST(ChunkBytes, NeverCutACharacterAndOverlapByAtLeastWhatWasAsked) {
  SeededRandom random(3);
  for (int i = 0; i < 300; ++i) {
    const std::string text = random_text(random, 1 + random.below(10), 60);
    const std::size_t size = 8 + random.below(60);
    const std::size_t overlap = random.below(size - 7);
    const Result<Chunks> chunks = chunk_bytes(text, {.size = size, .overlap = overlap});
    ASSERT_TRUE(chunks.has_value());
    ASSERT_EQ(chunks->back().end, text.size());
    for (std::size_t n = 0; n < chunks->size(); ++n) {
      const TextRange& chunk = (*chunks)[n];
      EXPECT_LE(chunk.size(), size);
      EXPECT_FALSE(first_invalid_utf8(chunk.of(text)));
      if (n > 0) EXPECT_GE((*chunks)[n - 1].end, chunk.begin + overlap);
    }
    if (overlap == 0) EXPECT_EQ(joined(text, *chunks), text);
  }
}

/// Of all places of a needle of `length` bytes whose first byte is in one of `periods` steps, how many no slice holds whole.
std::size_t misses(const Chunks& chunks, std::size_t length, std::size_t places) {
  std::size_t missed = 0;
  for (std::size_t at = 0; at < places; ++at) {
    missed += std::ranges::none_of(chunks, [&](const TextRange& c) { return c.begin <= at && at + length <= c.end; });
  }
  return missed;
}

TEST(ChunkBytes, MissANeedleExactlyAsOftenAsTheFormulaSays) {
  struct Case {
    std::size_t slice, overlap, length;
  };
  const Case cases[] = {{.slice = 100, .overlap = 0, .length = 10},  {.slice = 100, .overlap = 5, .length = 10},
                        {.slice = 100, .overlap = 8, .length = 10},  {.slice = 100, .overlap = 9, .length = 10},
                        {.slice = 100, .overlap = 30, .length = 10}, {.slice = 64, .overlap = 16, .length = 40},
                        {.slice = 50, .overlap = 49, .length = 50},  {.slice = 10, .overlap = 0, .length = 1}};
  for (const Case& c : cases) {
    const std::size_t step = c.slice - c.overlap;
    const std::string text(step * 20 + 4 * c.slice, 'x');
    const Result<Chunks> chunks = chunk_bytes(text, {.size = c.slice, .overlap = c.overlap});
    ASSERT_TRUE(chunks.has_value());

    const std::size_t places = 20 * step;
    const std::size_t missed = misses(*chunks, c.length, places);

    // max(0, L - 1 - o) / (c - o) of the places, exactly.
    const std::size_t of_a_step = c.length > c.overlap + 1 ? c.length - 1 - c.overlap : 0;
    EXPECT_EQ(missed, 20 * of_a_step) << c.slice << ' ' << c.overlap << ' ' << c.length;
    if (c.overlap + 1 >= c.length) EXPECT_EQ(missed, 0U);
  }
}

}  // namespace
}  // namespace suffice::workflow
