#include "lab/operate/review_suite.hpp"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/hash.hpp"
#include "lab/operate/sample_decisions.hpp"
#include "lab/suites/suite.hpp"

namespace suffice::lab {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ReviewItem item_of(const std::string& id, const std::string& input, const std::string& output, ReviewLabel label,
                   const std::string& value = "") {
  return {.event_id = id,
          .task = "classify_issue",
          .input = {.bytes = std::ssize(input), .preview = input.substr(0, 240), .sha256 = sha256_hex(input)},
          .output = {.bytes = std::ssize(output), .preview = output, .sha256 = sha256_hex(output)},
          .labels = {{.reviewer = "ana", .label = label, .value = value}}};
}

TEST(ExportSuite, WritesASuiteThatSuiteReadersTake) {
  ReviewBook book;
  book.items = {item_of("b", "Build failed", "build", ReviewLabel::Accept),
                item_of("a", "Who am I", "test", ReviewLabel::Escalate),
                item_of("c", "Tests fail", "build", ReviewLabel::Escalate, "test")};

  const SuiteExport made = export_suite(book, "classify_issue", {});
  const LoadedSuite read = parse_suite(made.yaml, made.cases, "reviewed");

  EXPECT_EQ(made.written, 3U);
  EXPECT_EQ(made.missing, 0U);
  ASSERT_TRUE(read.suite) << policy::to_lines(read.problems);
  ASSERT_EQ(read.suite->cases.size(), 3U);
  EXPECT_EQ(read.suite->cases[0].id, "a");
  EXPECT_TRUE(read.suite->cases[0].must_escalate);
  EXPECT_EQ(read.suite->cases[1].expected.text, "build");
  EXPECT_FALSE(read.suite->cases[1].must_escalate);
  EXPECT_EQ(read.suite->cases[2].expected.text, "test") << "the reviewer's label, not the answer";
}

TEST(ExportSuite, KnowsATextOnlyByItsDigest) {
  const std::string whole(1'000, 'x');
  ReviewBook book;
  book.items = {item_of("a", whole, "build", ReviewLabel::Accept)};

  const SuiteExport without = export_suite(book, "classify_issue", {});
  const SuiteExport with = export_suite(book, "classify_issue", {{sha256_hex(whole), whole}});
  const SuiteExport wrong = export_suite(book, "classify_issue", {{sha256_hex("other"), "other"}});

  EXPECT_EQ(without.written, 0U);
  EXPECT_THAT(without.without_text, HasSubstr(sha256_hex(whole)));
  EXPECT_THAT(without.without_text, Not(HasSubstr("xxxx")));
  EXPECT_EQ(with.written, 1U);
  EXPECT_THAT(with.cases, HasSubstr(whole));
  EXPECT_EQ(wrong.written, 0U);
}

TEST(ExportSuite, LeavesOutOtherTasksAndWhatHasNoLabel) {
  ReviewBook book;
  book.items = {item_of("a", "x", "build", ReviewLabel::Accept), item_of("b", "y", "build", ReviewLabel::Accept)};
  book.items[0].task = "chat";
  book.items[1].labels.clear();

  EXPECT_EQ(export_suite(book, "classify_issue", {}).written, 0U);
}

}  // namespace
}  // namespace suffice::lab
