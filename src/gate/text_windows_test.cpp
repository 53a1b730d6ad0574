#include "gate/text_windows.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.hpp"
#include "core/text.hpp"

namespace suffice::gate {
namespace {

using testing::ElementsAre;

TEST(TextWindows, CutAfterWhiteSpaceOfTheSecondHalfElseBeforeACharacter) {
  struct Case {
    const char* name;
    std::string text;
    std::vector<std::string_view> windows;
  };
  const Case cases[] = {
      {"empty", "", {""}},
      {"just fits", "12345678", {"12345678"}},
      {"at a space", "12345 78901", {"12345 ", "78901"}},
      {"at the last of them", "123 56 8901", {"123 56 ", "8901"}},
      {"a space too early counts nothing", "12 45678901", {"12 45678", "901"}},
      {"at a line break", "1234\n6789012", {"1234\n", "6789012"}},
      {"never within a character", "1234567éab", {"1234567", "éab"}},
      {"several", "aaaaaaaaaaaaaaaaaaaa", {"aaaaaaaa", "aaaaaaaa", "aaaa"}},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(text_windows(one.text, 8), one.windows) << one.name;
  }
}

TEST(TextWindows, AreAllOfTheTextWhateverItsBytes) {
  SeededRandom random(7);
  for (int round = 0; round < 300; ++round) {
    std::string text;
    const std::uint64_t size = random.below(400);
    for (std::uint64_t i = 0; i < size; ++i) text.push_back(static_cast<char>(random.below(256)));

    std::string joined;
    for (const std::string_view window : text_windows(text, 16)) {
      EXPECT_LE(window.size(), 16U);
      joined += window;
    }

    EXPECT_EQ(joined, text);
  }
}

}  // namespace
}  // namespace suffice::gate
