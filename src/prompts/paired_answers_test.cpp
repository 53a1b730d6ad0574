// Suites, and the comparison of two versions on one.

#include "prompts/paired_answers.hpp"

#include <gmock/gmock.h>

#include "prompts/text_diff.hpp"

namespace suffice::prompts {
namespace {

using ::testing::HasSubstr;
using Kind = DiffLine::Kind;

TEST(ReadSuite, ReadsLabelsAndFields) {
  const auto cases = read_suite(
      "{\"id\": \"a\", \"input\": \"x\", \"expected\": \"BILLING\"}\n\n"
      "{\"id\": 7, \"input\": \"y\", \"expected\": {\"k\": 1}}\n"
      "{\"input\": \"z\", \"fields\": {\"k\": 2}}\n",
      "s.jsonl");

  ASSERT_TRUE(cases) << cases.error().message;
  ASSERT_EQ(cases->size(), 3U);
  EXPECT_EQ((*cases)[0].id, "a");
  EXPECT_EQ((*cases)[0].test.output, "BILLING");
  EXPECT_EQ((*cases)[1].id, "7");
  EXPECT_EQ((*cases)[1].test.output, R"({"k":1})");
  EXPECT_EQ((*cases)[2].id, "4") << "a case without id is called by its line";
  EXPECT_EQ((*cases)[2].test.fields.text, R"({"k":2})");
}

TEST(ReadSuite, NamesTheLineThatIsWrong) {
  const struct {
    const char* text;
    const char* problem;
  } cases[] = {{"{\"input\": \"x\", \"expected\": \"y\"}\n{}", "no input"},
               {"\n{\"input\": \"x\"}", "neither expected nor fields"},
               {"\n[1]", "a case is a JSON object"}};
  for (const auto& one : cases) {
    const auto read = read_suite(one.text, "s.jsonl");
    ASSERT_FALSE(read);
    EXPECT_THAT(read.error().message, HasSubstr(one.problem));
    EXPECT_EQ(read.error().where, "s.jsonl:2");
  }
  EXPECT_FALSE(read_suite("\n", "s.jsonl"));
}

TEST(McNemar, IsTheTwoSidedBinomialProbabilityOfTheDiscordantCases) {
  EXPECT_DOUBLE_EQ(mcnemar_exact(0, 0), 1.0);
  EXPECT_DOUBLE_EQ(mcnemar_exact(3, 3), 1.0);
  EXPECT_NEAR(mcnemar_exact(0, 1), 1.0, 1e-12);
  EXPECT_NEAR(mcnemar_exact(0, 5), 2.0 / 32, 1e-12);
  EXPECT_NEAR(mcnemar_exact(1, 9), 2.0 * 11 / 1024, 1e-12);
  EXPECT_NEAR(mcnemar_exact(9, 1), mcnemar_exact(1, 9), 1e-15);
  EXPECT_NEAR(mcnemar_exact(400, 600), 2.7e-10, 0.2e-10) << "scipy.stats.binomtest(400, 1000).pvalue";
}

TEST(DiffLines, KeepsWhatIsCommonAndMarksTheRest) {
  EXPECT_EQ(diff_lines("a\nb\nc\n", "a\nx\nc\nd\n"), (std::vector<DiffLine>{{.kind = Kind::Same, .text = "a"},
                                                                            {.kind = Kind::Removed, .text = "b"},
                                                                            {.kind = Kind::Added, .text = "x"},
                                                                            {.kind = Kind::Same, .text = "c"},
                                                                            {.kind = Kind::Added, .text = "d"}}));
  EXPECT_TRUE(diff_lines("", "").empty());
}

TEST(DiffLines, GivesTextsThatAreTooLongWhole) {
  std::string longer;
  for (std::size_t i = 0; i <= kDiffLinesMax; ++i) longer += "x\n";

  EXPECT_EQ(diff_lines(longer, "x\n").size(), kDiffLinesMax + 2);
}

}  // namespace
}  // namespace suffice::prompts
