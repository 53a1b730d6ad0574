// Splitting must lose nothing: every test of a split also joins it again.

#include "workflow/documents/sentences.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.hpp"
#include "core/text.hpp"

namespace suffice::workflow {
namespace {

std::vector<std::string> texts_of(std::string_view text, const std::vector<TextRange>& ranges) {
  std::vector<std::string> texts;
  std::size_t at = 0;
  for (const TextRange& range : ranges) {
    EXPECT_EQ(range.begin, at) << "a gap or an overlap";
    at = range.end;
    texts.emplace_back(range.of(text));
  }
  EXPECT_EQ(at, text.size());
  return texts;
}

struct Split {
  std::string_view name;
  std::string_view text;
  std::vector<std::string> sentences;
};

TEST(SplitSentences, EndsThemWhereAReaderWould) {
  const Split cases[] = {
      {.name = "nothing", .text = "", .sentences = {}},
      {.name = "one without an end", .text = "no end", .sentences = {"no end"}},
      {.name = "the space belongs to the one before",
       .text = "One. Two!  Three?",
       .sentences = {"One. ", "Two!  ", "Three?"}},
      {.name = "quotes and brackets close with it",
       .text = "(He said \"go.\") Then he went.",
       .sentences = {"(He said \"go.\") ", "Then he went."}},
      {.name = "numbers", .text = "It is 3.14 now. Yes.", .sentences = {"It is 3.14 now. ", "Yes."}},
      {.name = "initials and titles",
       .text = "Dr. J. Smith came. He left.",
       .sentences = {"Dr. J. Smith came. ", "He left."}},
      {.name = "a sentence that ends with I", .text = "So do I. You?", .sentences = {"So do I. ", "You?"}},
      {.name = "abbreviations",
       .text = "Use tools, e.g. Maven. Done.",
       .sentences = {"Use tools, e.g. Maven. ", "Done."}},
      {.name = "a small letter goes on",
       .text = "The approx. value is 3. Good.",
       .sentences = {"The approx. value is 3. ", "Good."}},
      {.name = "lines", .text = "a line\nanother\n\nlast", .sentences = {"a line\n", "another\n\n", "last"}},
      {.name = "several marks", .text = "What?! No... Yes.", .sentences = {"What?! ", "No... ", "Yes."}},
      {.name = "Chinese has no spaces", .text = "你好。再见！走？", .sentences = {"你好。", "再见！", "走？"}},
      {.name = "Hindi", .text = "नमस्ते। फिर मिलेंगे।", .sentences = {"नमस्ते। ", "फिर मिलेंगे।"}},
      {.name = "a file name is no end",
       .text = "Open a.txt and b.cpp now. Go",
       .sentences = {"Open a.txt and b.cpp now. ", "Go"}},
      {.name = "only white space", .text = "  \n ", .sentences = {"  \n "}},
  };
  for (const Split& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(texts_of(c.text, split_sentences(c.text)), c.sentences);
  }
}

/// Pieces that a splitter could trip over, put together at random.
std::string hostile_text(Random& random) {
  static constexpr std::string_view kPieces[] = {".",
                                                 "!",
                                                 "? ",
                                                 "…",
                                                 "。",
                                                 "e.g.",
                                                 "Mr",
                                                 " ",
                                                 "\n",
                                                 "\r\n",
                                                 "\"",
                                                 "”",
                                                 "é",
                                                 "世",
                                                 "\xf0\x9f\x98\x80",
                                                 "\xff",
                                                 "\x80\x80\x80\x80\x80",
                                                 "a",
                                                 "B",
                                                 "Name: ",
                                                 "12.5",
                                                 ":",
                                                 "\t"};
  std::string text;
  for (std::uint64_t n = random.below(40); n > 0; --n) text += kPieces[random.below(std::size(kPieces))];
  return text;
}

TEST(SplitSentences, LoseNoByteAndCutNoCharacterOfAnyText) {
  SeededRandom random(7);
  for (int i = 0; i < 3000; ++i) {
    const std::string text = hostile_text(random);
    for (const auto& ranges : {split_sentences(text), split_lines(text), split_turns(text)}) {
      const std::vector<std::string> pieces = texts_of(text, ranges);
      for (const std::string& piece : pieces) {
        EXPECT_FALSE(piece.empty());
        if (!first_invalid_utf8(text)) EXPECT_FALSE(first_invalid_utf8(piece)) << text;
      }
    }
  }
}

TEST(SplitTurns, KeepALineWithoutASpeakerWithTheTurnAbove) {
  const std::string_view text = "Minutes\nProfessor E: So. OK.\nMore of it.\nGrad G: I think: maybe\n";
  EXPECT_THAT(texts_of(text, split_turns(text)),
              testing::ElementsAre("Minutes\n", "Professor E: So. OK.\nMore of it.\n", "Grad G: I think: maybe\n"));
}

TEST(SplitTurns, OfATextWithoutSpeakersAreItsLines) {
  const std::string_view text = "a\nb: c\nhttp://x\n";
  EXPECT_EQ(split_turns(text), split_lines(text));
}

TEST(BeginsTurn, IsAboutNamesOnly) {
  EXPECT_TRUE(begins_turn("PhD A: yes"));
  EXPECT_TRUE(begins_turn("Élodie: oui"));
  EXPECT_FALSE(begins_turn("12:30: later"));
  EXPECT_FALSE(begins_turn("it is so: yes"));
  EXPECT_FALSE(begins_turn("A sentence of many words that is long: yes"));
  EXPECT_FALSE(begins_turn("Https://x"));
  EXPECT_FALSE(begins_turn("Name:"));
}

}  // namespace
}  // namespace suffice::workflow
