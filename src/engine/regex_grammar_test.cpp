// The translation as text, and what it refuses. That libllama follows these grammars is shown by
// providers/embedded_client_test.cpp, whose answers are matched with the expression.
#include "engine/regex_grammar.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.hpp"

namespace suffice::engine {
namespace {

using testing::HasSubstr;

TEST(RegexGrammar, TranslatesTheUsualExpressions) {
  struct Case {
    const char* name;
    const char* regex;
    const char* gbnf;
  };
  const Case cases[] = {
      {"characters", "ab1", R"("a" "b" "1")"},
      {"punctuation is spelled by number", "a\"]", R"("a" "\x22" "\x5D")"},
      {"escaped punctuation", R"(\.\\)", R"("\x2E" "\x5C")"},
      {"other scripts", "é€😀", R"("\u00E9" "\u20AC" "\U0001F600")"},
      {"any character", ".", R"([^\x0A])"},
      {"named classes", R"(\d\w\S)", R"([0-9] [A-Za-z0-9_] [^ \x09\x0A\x0B\x0C\x0D])"},
      {"a class", "[a-f0-9_-]", R"([a-f0-9_\x2D])"},
      {"a negated class", "[^\"\\n]", R"([^\x22\x0A])"},
      {"a bracket first in its class", "[]a]", R"([\x5Da])"},
      {"a named class within a class", R"([\d.])", R"([0-9\x2E])"},
      {"repetitions", "a?b*c+", R"("a"? "b"* "c"+)"},
      {"counts", "a{2}b{3,}c{0,4}", R"("a"{2,2} "b"{3,} "c"{0,4})"},
      {"lazy ones match the same", "a*?b{2}?", R"("a"* "b"{2,2})"},
      {"alternatives and groups", "(a|bc)+|d", R"(("a" | "b" "c")+ | "d")"},
      {"groups that capture nothing", "(?:a)(?<n>b)(?P<m>c)", R"(("a") ("b") ("c"))"},
      {"an empty alternative", "(a|)", R"(("a" | ""))"},
      {"anchors at the ends", "^a$", R"("a")"},
      {"escapes by number", R"(\x41\u00e9)", R"("A" "\u00E9")"},
  };
  for (const Case& c : cases) {
    const auto grammar = grammar_from_regex(c.regex);
    ASSERT_TRUE(grammar.has_value()) << c.name << ": " << grammar.error().message;
    EXPECT_EQ(*grammar, std::string("root ::= ") + c.gbnf + "\n") << c.name;
  }
}

TEST(RegexGrammar, RefusesByNameWhatItCannotFollow) {
  struct Case {
    const char* regex;
    ErrorCode code;
    const char* says;
  };
  const Case cases[] = {
      {"a(?=b)", ErrorCode::UnsupportedField, "look-ahead"},
      {"(?<!b)a", ErrorCode::UnsupportedField, "look-behind"},
      {R"((a)\1)", ErrorCode::UnsupportedField, "back-references"},
      {R"(\bword)", ErrorCode::UnsupportedField, "word boundaries"},
      {"(?i)a", ErrorCode::UnsupportedField, "flags"},
      {"a++", ErrorCode::UnsupportedField, "possessive"},
      {R"(\p{L})", ErrorCode::UnsupportedField, "Unicode properties"},
      {"[[:alpha:]]", ErrorCode::UnsupportedField, "POSIX"},
      {R"([\D])", ErrorCode::UnsupportedField, "negated class"},
      {"a^b", ErrorCode::UnsupportedField, "after the start"},
      {"a$b", ErrorCode::UnsupportedField, "before the end"},
      {"(a", ErrorCode::InvalidArgument, "without its"},
      {"a)", ErrorCode::InvalidArgument, "without its"},
      {"[a", ErrorCode::InvalidArgument, "without its"},
      {"*a", ErrorCode::InvalidArgument, "repetition of nothing"},
      {"a**", ErrorCode::InvalidArgument, "repetition of a repetition"},
      {"a{4,2}", ErrorCode::InvalidArgument, "most is below"},
      {"a{9999}", ErrorCode::InvalidArgument, "up to 1000"},
      {"[z-a]", ErrorCode::InvalidArgument, "ends before"},
      {R"(\xg1)", ErrorCode::InvalidArgument, "hexadecimal"},
      {R"(\ud800)", ErrorCode::InvalidArgument, "surrogate"},
      {"a\\", ErrorCode::InvalidArgument, "at its end"},
      {"\xff", ErrorCode::InvalidArgument, "UTF-8"},
      {"", ErrorCode::InvalidArgument, "empty"},
      {"((a{100}){100}){100}", ErrorCode::InvalidArgument, "written out"},
  };
  for (const Case& c : cases) {
    const auto grammar = grammar_from_regex(c.regex);
    ASSERT_FALSE(grammar.has_value()) << c.regex << " became " << *grammar;
    EXPECT_EQ(grammar.error().code, c.code) << c.regex;
    EXPECT_THAT(grammar.error().message, HasSubstr(c.says)) << c.regex;
  }
  EXPECT_EQ(grammar_from_regex(std::string(kRegexBytesMax + 1, 'a')).error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(grammar_from_regex(std::string(2'000, '(')).error().code, ErrorCode::InvalidArgument);
}

TEST(RegexGrammar, SaysWhere) { EXPECT_EQ(grammar_from_regex("ab(?=c)").error().where, "regex/3"); }

TEST(RegexGrammar, EndsOnAnyTextAndStaysSmall) {
  SeededRandom random(11);
  constexpr std::string_view kAlphabet = "ab()[]{}|*+?.^$\\,-0129dwsx:<>P=!\xc3\xa9";
  for (int round = 0; round < 20'000; ++round) {
    std::string regex;
    for (std::uint64_t i = random.below(24); i > 0; --i) regex += kAlphabet[random.below(kAlphabet.size())];
    const auto grammar = grammar_from_regex(regex);
    if (grammar) ASSERT_LT(grammar->size(), 16 * (regex.size() + 4)) << regex;
  }
}

}  // namespace
}  // namespace suffice::engine
