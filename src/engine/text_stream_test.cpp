#include "engine/text_stream.hpp"

#include <gtest/gtest.h>

#include "core/text.hpp"

namespace suffice::engine {
namespace {

/// Everything a caller would have seen, byte by byte.
std::string stream_bytewise(std::string_view input, std::vector<std::string> stops, bool* stopped = nullptr) {
  TextStream stream(std::move(stops));
  std::string seen;
  for (const char c : input) {
    const std::string text = stream.push(std::string_view(&c, 1));
    EXPECT_FALSE(first_invalid_utf8(text).has_value());
    seen += text;
  }
  if (stopped != nullptr) *stopped = stream.stopped();
  if (!stream.stopped()) seen += stream.finish();
  return seen;
}

TEST(TextStream, ShowsWholeCharactersOnly) {
  TextStream stream({});
  EXPECT_EQ(stream.push("a\xF0\x9F"), "a");
  EXPECT_EQ(stream.push("\x98"), "");
  EXPECT_EQ(stream.push("\x80z"), "\xF0\x9F\x98\x80z");
  EXPECT_EQ(stream_bytewise("Größe 😀 日本", {}), "Größe 😀 日本");
}

TEST(TextStream, ReplacesBytesThatAreNoText) {
  EXPECT_EQ(stream_bytewise("a\xff"
                            "b\xc3",
                            {}),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD");
}

TEST(TextStream, StopsAtTheFirstStopString) {
  struct Case {
    const char* name;
    std::string input;
    std::vector<std::string> stops;
    std::string expected;
    bool stopped;
  };
  const Case cases[] = {{"one stop", "hello END world", {"END"}, "hello ", true},
                        {"the earlier of two", "a;b|c", {"|", ";"}, "a", true},
                        {"only begun", "hello EN", {"END"}, "hello EN", false},
                        {"begun twice", "EEND", {"END"}, "E", true},
                        {"overlapping beginnings", "aabaac", {"aac"}, "aab", true},
                        {"at once", "\nx", {"\n"}, "", true},
                        {"empty stops are ignored", "abc", {""}, "abc", false},
                        {"a stop of several bytes a character", "xäöy", {"äö"}, "x", true}};
  for (const Case& c : cases) {
    bool stopped = false;
    EXPECT_EQ(stream_bytewise(c.input, c.stops, &stopped), c.expected) << c.name;
    EXPECT_EQ(stopped, c.stopped) << c.name;
  }
}

TEST(TextStream, NeverShowsThePartOfAStopThatCame) {
  TextStream stream({"STOP"});
  EXPECT_EQ(stream.push("xST"), "x");
  EXPECT_EQ(stream.push("OP after"), "");
  EXPECT_TRUE(stream.stopped());
  EXPECT_EQ(stream.push("more"), "");
}

}  // namespace
}  // namespace suffice::engine
