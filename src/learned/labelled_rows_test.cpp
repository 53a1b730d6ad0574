#include "learned/labelled_rows.hpp"

#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace suffice::learned {
namespace {

using ::testing::HasSubstr;

TEST(LabelledRows, ReadCsvAsRfc4180Writes) {
  const Result<std::vector<LabelledText>> rows = read_labelled_rows(
      "\xef\xbb\xbfid,text,label\r\n1,plain,a\r\n\n2,\"with, comma and \"\"quotes\"\"\nand a line\",b\n3,,c",
      RowFormat::Csv, "text", "label");

  ASSERT_TRUE(rows) << describe(rows.error());
  ASSERT_EQ(rows->size(), 3U);
  EXPECT_EQ((*rows)[0].text, "plain");
  EXPECT_EQ((*rows)[1].text, "with, comma and \"quotes\"\nand a line");
  EXPECT_EQ((*rows)[1].label, "b");
  EXPECT_EQ((*rows)[2].text, "");
}

TEST(LabelledRows, ReadJsonLines) {
  const Result<std::vector<LabelledText>> rows =
      read_labelled_rows("{\"input\":\"a\\nb\",\"label\":\"x\",\"more\":1}\n\n  {\"label\":\"y\",\"input\":\"c\"}",
                         RowFormat::JsonLines, "input", "label");

  ASSERT_TRUE(rows) << describe(rows.error());
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[0].text, "a\nb");
  EXPECT_EQ((*rows)[1].label, "y");
}

TEST(LabelledRows, SayWhereTheyAreWrong) {
  struct Case {
    std::string_view name, content;
    RowFormat format;
    std::string_view where, what;
  };
  const Case cases[] = {
      {"nothing", "", RowFormat::Csv, "line 1", "empty"},
      {"no such column", "a,label\n1,2", RowFormat::Csv, "line 1", "no column \"text\"; there are a, label"},
      {"a field too many", "text,label\nx,y\n\"a\nb\",c,d", RowFormat::Csv, "line 3",
       "3 fields, where the header has 2"},
      {"an open quote", "text,label\nx,\"y", RowFormat::Csv, "line 2", "never closed"},
      {"text behind a quote", "text,label\n\"x\"y,z", RowFormat::Csv, "line 2", "closing quote"},
      {"no object", "{\"text\":\"a\",\"label\":\"b\"}\n[1]", RowFormat::JsonLines, "line 2", "not a JSON object"},
      {"no label", "{\"text\":\"a\",\"Label\":\"b\"}", RowFormat::JsonLines, "line 1",
       "no text \"label\"; there are text, Label"},
      {"a label that is no text", "{\"text\":\"a\",\"label\":3}", RowFormat::JsonLines, "line 1", "no text \"label\""},
  };
  for (const Case& c : cases) {
    const Result<std::vector<LabelledText>> rows = read_labelled_rows(c.content, c.format, "text", "label");
    ASSERT_FALSE(rows) << c.name;
    EXPECT_EQ(rows.error().where, c.where) << c.name;
    EXPECT_THAT(rows.error().message, HasSubstr(c.what)) << c.name;
  }
}

}  // namespace
}  // namespace suffice::learned
