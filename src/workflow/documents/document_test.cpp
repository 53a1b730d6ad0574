#include "workflow/documents/document.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/text.hpp"

namespace suffice::workflow {
namespace {

using testing::HasSubstr;

TEST(Document, TellsItsShapeWithoutItsText) {
  const auto document = Document::create("folder/meeting.txt", "PM: secret one\nUI: secret two\nID: secret three\n");
  ASSERT_TRUE(document.has_value());
  EXPECT_EQ(document->metadata().text, R"({"name":"meeting.txt","kind":"transcript","bytes":47,"lines":3})");
}

TEST(Document, IsKnownByItsNameFirst) {
  EXPECT_EQ(Document::create("build.log", "a: b")->kind, DocumentKind::Log);
  EXPECT_EQ(Document::create("x.md", "# a")->kind, DocumentKind::Markdown);
  EXPECT_EQ(Document::create("-", "plain words")->kind, DocumentKind::Text);
}

TEST(Document, OfNothingIsRefused) {
  for (const std::string text : {"", " \n\t "}) {
    const auto document = Document::create("a.txt", text);
    ASSERT_FALSE(document.has_value());
    EXPECT_EQ(document.error().code, ErrorCode::InvalidArgument);
    EXPECT_EQ(document.error().where, "a.txt");
  }
}

TEST(Document, OverTheLimitIsRefusedWithBothSizes) {
  const auto document = Document::create("a.txt", std::string(11, 'x'), {.bytes_max = 10});
  ASSERT_FALSE(document.has_value());
  EXPECT_EQ(document.error().code, ErrorCode::PayloadTooLarge);
  EXPECT_THAT(document.error().message, HasSubstr("11 bytes, 10 are allowed"));
}

TEST(Document, HoldsUtf8WhateverItWasMadeOf) {
  const auto document = Document::create("bad\xff\n.log", "ok \xff\xfe caf\xc3\xa9");
  ASSERT_TRUE(document.has_value());
  EXPECT_EQ(document->text, "ok ?? caf\xc3\xa9");
  EXPECT_EQ(document->replaced_bytes, 2U);
  EXPECT_EQ(document->name, "bad??.log");
}

TEST(Document, HasAShortName) {
  const auto document = Document::create(std::string(5000, 'n'), "x");
  ASSERT_TRUE(document.has_value());
  EXPECT_EQ(document->name.size(), 100U);
}

}  // namespace
}  // namespace suffice::workflow
