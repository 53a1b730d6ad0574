// What fires, what does not, and that spelling tricks do not get a word past the gate.
#include "gate/hard_stops.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.hpp"
#include "core/text.hpp"
#include "gate/match_text.hpp"

namespace suffice::gate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A group in one expression; what is not named keeps its default.
struct GroupSpec {
  std::string name;
  Reason reason = Reason::HardStopNovel;
  std::vector<std::string> words = {};
  std::vector<std::string> phrases = {};
  std::vector<std::string> patterns = {};
  std::vector<std::string> except = {};
  bool check_input = true;
  bool check_output = true;
};

policy::HardStopGroup group_of(const GroupSpec& spec) {
  policy::HardStopGroup group;
  group.name = spec.name;
  group.reason = spec.reason;
  group.words = spec.words;
  group.phrases = spec.phrases;
  group.patterns = spec.patterns;
  group.except = spec.except;
  group.check_input = spec.check_input;
  group.check_output = spec.check_output;
  return group;
}

std::shared_ptr<const HardStops> compiled(const std::vector<GroupSpec>& specs) {
  std::vector<policy::HardStopGroup> groups;
  groups.reserve(specs.size());
  for (const GroupSpec& spec : specs) groups.push_back(group_of(spec));
  auto stops = HardStops::compile(groups);
  EXPECT_TRUE(stops.has_value()) << (stops ? "" : describe(stops.error()));
  return *stops;
}

std::vector<std::string> rules_of(const HardStops& stops, std::string_view text, Side side = Side::Input) {
  std::vector<std::string> rules;
  for (const HardStops::Match& match : stops.match(text, side)) rules.push_back(match.rule);
  return rules;
}

TEST(HardStops, MatchesWordsAtUnicodeBoundaries) {
  const auto stops = compiled(
      {{.name = "access", .reason = Reason::HardStopAccess, .words = {"token", "401", "Zugriff", "registry auth"}}});
  struct Case {
    const char* name;
    const char* text;
    bool fires;
  };
  for (const Case& one : {
           Case{"alone", "token", true},
           Case{"in a sentence", "the Token expired", true},
           Case{"before punctuation", "token.", true},
           Case{"a number", "HTTP 401", true},
           Case{"at the start and end of lines", "x\ntoken\ny", true},
           Case{"inside a word", "tokenizer", false},
           Case{"after a letter", "xtoken", false},
           Case{"after a letter with an accent", "\xC3\xA9token", false},
           Case{"before a Cyrillic letter", "token\xD0\xB6", false},
           Case{"beside an underscore", "access_token", false},
           Case{"inside a number", "14012", false},
           Case{"two words, any white space", "Registry \t\n AUTH failed", true},
           Case{"two words, no-break space",
                "registry\xC2\xA0"
                "auth",
                true},
           Case{"two words apart", "registry of auth", false},
           Case{"beside Chinese letters", "\xE4\xBB\xA4token", false},
           Case{"in Chinese punctuation",
                "\xE3\x80\x8C"
                "token\xE3\x80\x8D",
                true},
           Case{"nothing", "", false},
       }) {
    SCOPED_TRACE(one.name);
    EXPECT_EQ(!stops->match(one.text, Side::Input).empty(), one.fires);
  }
}

TEST(HardStops, SeesThroughSpellingTricks) {
  const auto stops = compiled(
      {{.name = "access", .words = {"token"}, .phrases = {"production customer"}, .patterns = {R"(cve-\d+)"}}});
  struct Case {
    const char* name;
    const char* text;
  };
  for (const Case& one : {
           Case{"mixed case", "ToKeN"},
           Case{"full-width letters", "\xEF\xBD\x94\xEF\xBD\x8F\xEF\xBD\x8B\xEF\xBD\x85\xEF\xBD\x8E"},
           Case{"full-width capitals", "\xEF\xBC\xB4\xEF\xBC\xAF\xEF\xBC\xAB\xEF\xBC\xA5\xEF\xBC\xAE"},
           Case{"zero-width joiner", "to\xE2\x80\x8Dken"},
           Case{"zero-width space",
                "t\xE2\x80\x8Bo\xE2\x80\x8Bk\xE2\x80\x8B"
                "en"},
           Case{"soft hyphen", "to\xC2\xADken"},
           Case{"word joiner",
                "tok\xE2\x81\xA0"
                "en"},
           Case{"byte order mark",
                "tok\xEF\xBB\xBF"
                "en"},
           Case{"variation selector",
                "tok\xEF\xB8\x8F"
                "en"},
           Case{"right-to-left override",
                "tok\xE2\x80\xAE"
                "en"},
           Case{"mathematical bold",
                "\xF0\x9D\x90\xAD\xF0\x9D\x90\xA8\xF0\x9D\x90\xA4\xF0\x9D\x90\x9E\xF0\x9D\x90\xA7"},
           Case{"circled letters", "\xE2\x93\xA3\xE2\x93\x9E\xE2\x93\x9A\xE2\x93\x94\xE2\x93\x9D"},
           Case{"Kelvin sign",
                "to\xE2\x84\xAA"
                "en"},
           Case{"a bad byte before full width", "\xFF \xEF\xBD\x94oken"},
           Case{"phrase over lines", "PRODUCTION\r\n   Customer"},
           Case{"phrase, ideographic space",
                "production\xE3\x80\x80"
                "customer"},
           Case{"phrase, zero-width inside",
                "pro\xE2\x80\x8B"
                "duction customer"},
           Case{"pattern, full width", "\xEF\xBC\xA3VE-\xEF\xBC\x91\xEF\xBC\x92"},
       }) {
    SCOPED_TRACE(one.name);
    EXPECT_FALSE(stops->match(one.text, Side::Input).empty());
  }
}

TEST(HardStops, DoesNotMapLookAlikesOfOtherScripts) {
  const auto stops = compiled({{.name = "access", .words = {"token"}}});
  EXPECT_TRUE(stops->match("t\xD0\xBEken", Side::Input).empty());  // Cyrillic o: a stated limit
}

TEST(HardStops, HidesExceptedExpressionsAndNothingElse) {
  const auto stops =
      compiled({{.name = "access", .words = {"token"}, .phrases = {"a b"}, .except = {"unexpected token", "\\bX\\b"}},
                {.name = "other", .words = {"token"}}});
  EXPECT_THAT(rules_of(*stops, "SyntaxError: Unexpected token '<'"),
              ElementsAre("token"));  // only the group that excepts nothing
  EXPECT_EQ(stops->match("Unexpected token", Side::Input).front().group, "other");
  EXPECT_EQ(stops->match("unexpected token; the token expired", Side::Input).size(), 2U);
  EXPECT_TRUE(stops->match("a X b", Side::Input).empty());  // what is hidden leaves a gap
}

TEST(HardStops, NamesEachGroupOnceWithThePolicysOwnWords) {
  const auto stops = compiled({{.name = "one", .reason = Reason::HardStopSecurity, .words = {"Alpha", "beta"}},
                               {.name = "two", .reason = Reason::HardStopProduction, .patterns = {"GAMMA+"}}});
  const auto matches = stops->match("beta gammaaa alpha", Side::Output);
  ASSERT_EQ(matches.size(), 2U);
  EXPECT_EQ(matches[0].group, "one");
  EXPECT_EQ(matches[0].rule, "Alpha");
  EXPECT_EQ(matches[1].reason, Reason::HardStopProduction);
  EXPECT_EQ(matches[1].rule, "GAMMA+");
}

TEST(HardStops, KeepsToTheSideAGroupIsFor) {
  const auto stops = compiled({{.name = "in", .words = {"alpha"}, .check_output = false},
                               {.name = "out", .words = {"alpha"}, .check_input = false}});
  EXPECT_EQ(stops->match("alpha", Side::Input).front().group, "in");
  EXPECT_EQ(stops->match("alpha", Side::Output).front().group, "out");
  EXPECT_EQ(stops->match("alpha", Side::Output).size(), 1U);
}

TEST(HardStops, RefusesExpressionsThatCannotBeEnforced) {
  struct Case {
    const char* name;
    GroupSpec group;
    const char* says;
  };
  for (const Case& one : {
           Case{"a bad pattern", {.name = "g", .patterns = {"("}}, "missing )"},
           Case{"look-ahead", {.name = "g", .patterns = {"a(?=b)"}}, "a(?=b)"},
           Case{"a bad exception", {.name = "g", .words = {"x"}, .except = {"["}}, "except"},
           Case{"everything", {.name = "g", .patterns = {"a*"}}, "stop everything"},
           Case{"an empty word", {.name = "g", .words = {" "}}, "stop everything"},
       }) {
    SCOPED_TRACE(one.name);
    const auto stops = HardStops::compile({group_of(one.group)});
    ASSERT_FALSE(stops);
    EXPECT_EQ(stops.error().code, ErrorCode::PolicyInvalid);
    EXPECT_THAT(describe(stops.error()), HasSubstr(one.says));
  }
}

TEST(HardStops, FindsAWordAtTheEndOfALongText) {
  const auto stops =
      compiled({{.name = "access", .words = {"token"}, .phrases = {"registry auth"}, .except = {"unexpected token"}}});
  std::string text;
  while (text.size() < 1'500'000) text += "tokens of access_token \xC3\xA9 registry author ";
  text.replace(text.find(" registry author"), 16, "");
  EXPECT_TRUE(compiled({{.name = "access", .words = {"token"}}})->match(text, Side::Input).empty());
  EXPECT_FALSE(stops->match(text + " \xEF\xBD\x94oken", Side::Input).empty());
}

TEST(HardStops, WithTooManyExceptionsToHideStopsRatherThanPasses) {
  const auto stops = compiled({{.name = "access", .words = {"token"}, .except = {"unexpected token"}}});
  std::string text;
  for (int i = 0; i < 200; ++i) text += "unexpected token, ";
  EXPECT_TRUE(stops->match(text, Side::Input).empty());
  for (int i = 0; i < 200; ++i) text += "unexpected token, ";
  EXPECT_FALSE(stops->match(text, Side::Input).empty());
}

TEST(HardStops, WithoutRulesNeverFires) { EXPECT_TRUE(compiled({})->match("token", Side::Input).empty()); }

TEST(MatchText, IsWhatAReaderSees) {
  EXPECT_EQ(match_text("To\xC2\xADKEN"), "token");
  EXPECT_EQ(match_text("stra\xC3\x9F"
                       "e"),
            "strasse");
  EXPECT_EQ(match_text("\xEF\xAC\x81le"), "file");  // the ligature fi
  EXPECT_EQ(match_text("a\xFF"
                       "B"),
            "a\xEF\xBF\xBD"
            "b");
}

TEST(MatchText, InPiecesIsTheSameAsAtOnce) {
  SeededRandom random(11);
  const std::vector<std::string> atoms = {"a",
                                          "K",
                                          "e",
                                          " ",
                                          "\xCC\x81",
                                          "\xCC\xA7",
                                          "\xC3\x89",
                                          "\xE1\x84\x80",
                                          "\xE1\x85\xA1",
                                          "\xE2\x84\xAA",
                                          "\xC4\xB0",
                                          "\xCF\x83",
                                          "\xCE\xA3",
                                          "\xEF\xBC\xA1",
                                          "\xF0\x9D\x90\xAD",
                                          "xyz 0123456789"};
  for (int i = 0; i < 2'000; ++i) {
    std::string text;
    for (std::uint64_t length = random.below(12); length > 0; --length) text += atoms[random.below(atoms.size())];
    EXPECT_EQ(match_text(text), fold_case(text)) << text;
  }
}

}  // namespace
}  // namespace suffice::gate
