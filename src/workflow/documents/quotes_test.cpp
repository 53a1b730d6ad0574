#include "workflow/documents/quotes.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace suffice::workflow {
namespace {

constexpr std::string_view kText = "Grad G: We will buy twelve\n  microphones. PhD A: Twelve? Sí, doce.";
constexpr QuoteRules kTolerant{.match = QuoteRules::Match::AnyWhiteSpace};

TEST(CheckQuote, FindsWhatStandsThereByteForByte) {
  const CheckedQuote found = check_quote(kText, "We will buy twelve");
  ASSERT_EQ(found.verdict, QuoteVerdict::Verified);
  EXPECT_EQ(found.range.of(kText), "We will buy twelve");
  EXPECT_EQ(check_quote(kText, "  We will buy\t").verdict, QuoteVerdict::Verified)
      << "white space around it is not part of it";
}

TEST(CheckQuote, RefusesWhatIsOnlyNearly) {
  EXPECT_EQ(check_quote(kText, "we will buy twelve").verdict, QuoteVerdict::NotFound);
  EXPECT_EQ(check_quote(kText, "We will buy 12").verdict, QuoteVerdict::NotFound);
  EXPECT_EQ(check_quote(kText, "buy twelve microphones").verdict, QuoteVerdict::NotFound) << "the line break differs";
  EXPECT_EQ(check_quote("", "x").verdict, QuoteVerdict::NotFound);
}

TEST(CheckQuote, TakesAnyWhiteSpaceOnlyWhereAsked) {
  const CheckedQuote found = check_quote(kText, "buy twelve microphones.", kTolerant);
  ASSERT_EQ(found.verdict, QuoteVerdict::Verified);
  EXPECT_EQ(found.range.of(kText), "buy twelve\n  microphones.") << "the text's own bytes";
  EXPECT_EQ(check_quote(kText, "buytwelve", kTolerant).verdict, QuoteVerdict::NotFound);
  EXPECT_EQ(check_quote(kText, "twel ve", kTolerant).verdict, QuoteVerdict::NotFound);
}

TEST(CheckQuote, CapsItsLengthByTheBytesOfTheText) {
  const QuoteRules rules{.match = QuoteRules::Match::AnyWhiteSpace, .bytes_min = 4, .bytes_max = 12};
  EXPECT_EQ(check_quote(kText, "Sí", rules).verdict, QuoteVerdict::TooShort);
  EXPECT_EQ(check_quote(kText, "We will buy twelve", rules).verdict, QuoteVerdict::TooLong);
  const std::string spread = "ab" + std::string(100, ' ') + "cd";
  EXPECT_EQ(check_quote(spread, "ab cd", rules).verdict, QuoteVerdict::TooLong) << "102 bytes would be sent";
  EXPECT_EQ(check_quote(kText, " \n", rules).verdict, QuoteVerdict::Empty);
}

TEST(CheckQuote, NeverCutsACharacter) {
  EXPECT_EQ(check_quote(kText, "S\xc3").verdict, QuoteVerdict::NotFound);
  EXPECT_EQ(check_quote(kText, "\xad, doce").verdict, QuoteVerdict::NotFound);
  EXPECT_EQ(check_quote(kText, "Sí, doce").verdict, QuoteVerdict::Verified);
}

}  // namespace
}  // namespace suffice::workflow
