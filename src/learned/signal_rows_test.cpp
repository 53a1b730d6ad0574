#include "learned/signal_rows.hpp"

#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace suffice::learned {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kCsv =
    "model,set,q,confidence,correct\n"
    "a,x,0,0.5,1\n"
    "a,y,1,0.25,0\n"
    "b,x,0,0.75,true\n";

std::string refusal(std::string_view content, const RowQuery& query) {
  const auto rows = read_signal_rows(content, query);
  return rows ? "read" : rows.error().where + ": " + rows.error().message;
}

TEST(SignalRows, ReadsTheColumnsOfCsvThatAreAskedFor) {
  const auto rows = read_signal_rows(kCsv, {.signals = {"confidence"}});
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 3U);
  EXPECT_EQ((*rows)[1].row.signals, std::vector<double>{0.25});
  EXPECT_FALSE((*rows)[1].row.correct);
  EXPECT_TRUE((*rows)[2].row.correct);
}

TEST(SignalRows, KeepsRowsThatFitEveryColumnsConditions) {
  const auto count = [](std::vector<std::string> where) {
    const auto rows = read_signal_rows(kCsv, {.signals = {"confidence"}, .where = std::move(where)});
    return rows ? rows->size() : 0;
  };
  EXPECT_EQ(count({"model=a"}), 2U);
  EXPECT_EQ(count({"model=a", "set=x"}), 1U);
  EXPECT_EQ(count({"model=a", "model=b", "set=x"}), 2U);
  EXPECT_EQ(count({"model!=a"}), 1U);
  EXPECT_EQ(count({"model=a", "set!=x", "set!=z"}), 1U);
}

TEST(SignalRows, ReadsJsonLinesAndComparesTwoMembers) {
  const auto rows = read_signal_rows(
      "{\"label\":\"a\",\"predicted\":\"a\",\"p\":0.9,\"chars\":12}\n\n{\"label\":\"b\",\"predicted\":\"a\",\"p\":0.4}\n",
      {.signals = {"p", "chars"}, .correct = "label==predicted"});
  ASSERT_TRUE(rows);
  EXPECT_EQ((*rows)[0].row.signals, (std::vector<double>{0.9, 12}));
  EXPECT_TRUE((*rows)[0].row.correct);
  EXPECT_FALSE((*rows)[1].row.correct);
  EXPECT_TRUE(std::isnan((*rows)[1].row.signals[1])) << "a signal may be missing";
}

TEST(SignalRows, ARowsPlaceIsItsKeysAndTheSeeds) {
  const RowQuery by_question{.signals = {"confidence"}, .key = "q"};
  const auto rows = read_signal_rows(kCsv, by_question);
  ASSERT_TRUE(rows);
  EXPECT_EQ((*rows)[0].place, (*rows)[2].place) << "one question stays on one side, whoever answered it";
  EXPECT_NE((*rows)[0].place, (*rows)[1].place);
  RowQuery other = by_question;
  other.seed = 2;
  EXPECT_NE((*rows)[0].place, (*read_signal_rows(kCsv, other))[0].place);
}

TEST(SignalRows, SplitsByPlace) {
  std::string csv = "confidence,correct\n";
  for (int i = 0; i < 4'000; ++i) csv += std::to_string(i / 4'000.0) + ",1\n";
  const SplitRows split = split_rows(*read_signal_rows(csv, {.signals = {"confidence"}}), 0.25);
  EXPECT_NEAR(static_cast<double>(split.fitted.size()), 1'000, 100);
  EXPECT_EQ(split.fitted.size() + split.held_out.size(), 4'000U);
}

TEST(SignalRows, SaysWhatIsWrongAndWhere) {
  const RowQuery query{.signals = {"confidence"}};
  EXPECT_THAT(refusal("", query), HasSubstr("line 1: the file is empty"));
  EXPECT_THAT(refusal("a,b\n1,2\n", query), HasSubstr("no column \"confidence\"; there are a, b"));
  EXPECT_THAT(refusal("confidence,correct\nhigh,1\n", query), HasSubstr("line 2: \"confidence\" is no number"));
  EXPECT_THAT(refusal("confidence,correct\n0.5,1\n0.5,perhaps\n", query), HasSubstr("line 3: \"correct\" is neither"));
  EXPECT_THAT(refusal("confidence,correct\n0.5,1,2\n", query), HasSubstr("line 2: 3 fields"));
  EXPECT_THAT(refusal("{\"confidence\":1}\n", query), HasSubstr("line 1: no \"correct\"; there are confidence"));
  EXPECT_THAT(refusal("{\"confidence\":1}\nx\n", {.signals = {"confidence"}, .correct = "confidence"}),
              HasSubstr("line 2: not a JSON object"));
  EXPECT_THAT(refusal(kCsv, {.signals = {"confidence"}, .where = {"model=z"}}), HasSubstr("no row fits model=z"));
  EXPECT_THAT(refusal(kCsv, {.signals = {"confidence"}, .where = {"model"}}), HasSubstr("column=value"));
}

}  // namespace
}  // namespace suffice::learned
