#include "core/text.hpp"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace suffice {
namespace {

struct Utf8Case {
  const char* name;
  std::string bytes;
  std::optional<std::size_t> invalid_at;
};

class FirstInvalidUtf8 : public testing::TestWithParam<Utf8Case> {};

TEST_P(FirstInvalidUtf8, FindsTheOffendingByte) {
  EXPECT_EQ(first_invalid_utf8(GetParam().bytes), GetParam().invalid_at);
}

INSTANTIATE_TEST_SUITE_P(
    Rfc3629, FirstInvalidUtf8,
    testing::Values(Utf8Case{"Empty", "", std::nullopt}, Utf8Case{"LongAscii", std::string(100, 'a'), std::nullopt},
                    Utf8Case{"FourByteMaximum", "\xf4\x8f\xbf\xbf", std::nullopt},
                    Utf8Case{"AboveMaximum", "ab\xf4\x90\x80\x80", 2U}, Utf8Case{"Overlong2", "\xc0\xaf", 0U},
                    Utf8Case{"Overlong3", "\xe0\x80\xaf", 0U}, Utf8Case{"Surrogate", "12345678\xed\xa0\x80", 8U},
                    Utf8Case{"LoneContinuation", "a\x80", 1U}, Utf8Case{"CutSequence", "abcdefgh\xe2\x82", 8U},
                    Utf8Case{"InvalidLead", "\xff", 0U}),
    [](const testing::TestParamInfo<Utf8Case>& test) { return test.param.name; });

TEST(CodePoints, AreCountedAndCutWholly) {
  const std::string text = "a\u00e9\u4e2d\U0001F600z";
  EXPECT_EQ(count_code_points(text), 5U);
  EXPECT_EQ(first_code_points(text, 2), "a\u00e9");
  EXPECT_EQ(last_code_points(text, 2), "\U0001F600z");
  EXPECT_EQ(first_code_points(text, 99), text);
  EXPECT_EQ(last_code_points(text, 0), "");
}

TEST(CodePoints, AreCountedTheSameInWordsAndInBytes) {
  std::string text;
  for (std::size_t i = 0; i < 40; ++i) {
    EXPECT_EQ(count_code_points(text), i);
    text += i % 3 == 0 ? "a" : (i % 3 == 1 ? "\u00e9" : "\U0001F600");
  }
}

TEST(FoldCase, MakesEqualWhatPeopleReadAsEqual) {
  EXPECT_EQ(fold_case("ToKeN"), "token");
  EXPECT_EQ(fold_case("\uff34\uff2f\uff2b\uff25\uff2e"), "token") << "full-width letters";
  EXPECT_EQ(fold_case("Stra\u00dfe"), fold_case("STRASSE"));
}

TEST(FoldCase, LowersOnlyAsciiOfMalformedBytes) { EXPECT_EQ(fold_case("AB\xff\xfe"), "ab\xff\xfe"); }

TEST(Trim, RemovesAsciiWhiteSpaceOnly) {
  EXPECT_EQ(trim(" \t\r\n build \v\f"), "build");
  EXPECT_EQ(trim("   "), "");
}

}  // namespace
}  // namespace suffice
