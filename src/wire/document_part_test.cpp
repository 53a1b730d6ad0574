#include "wire/document_part.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/embeddings.hpp"

namespace suffice::wire {
namespace {

using ::testing::HasSubstr;

Result<DocumentPart> read(std::string raw) {
  return read_document_part(ContentPart{.kind = ContentPart::Kind::File, .text = {}, .raw = {std::move(raw)}});
}

TEST(DocumentPart, ReadsWhatEachVendorsClientsSend) {
  const DocumentPart hello{.name = "a.txt", .text = "Hello"};
  EXPECT_EQ(*read(R"({"type":"file","file":{"filename":"a.txt","file_data":"data:text/plain;base64,SGVsbG8="}})"),
            hello);
  EXPECT_EQ(*read(R"({"type":"file","file":{"filename":"a.txt","file_data":"SGVsbG8="}})"), hello);
  EXPECT_EQ(
      *read(R"({"type":"document","title":"a.txt","source":{"type":"text","media_type":"text/plain","data":"Hello"}})"),
      hello);
  EXPECT_EQ(
      *read(
          R"({"type":"document","title":"a.txt","source":{"type":"base64","media_type":"text/plain","data":"SGVsbG8="}})"),
      hello);
  EXPECT_EQ(
      *read(
          R"({"type":"document","title":"a.txt","source":{"type":"content","content":[{"type":"text","text":"Hello"}]}})"),
      hello);
}

struct RefusedCase {
  const char* raw;
  ErrorCode code;
  const char* says;
};

TEST(DocumentPart, SaysWhatItCannotRead) {
  using enum ErrorCode;
  const std::vector<RefusedCase> cases{
      {R"({"type":"file","file":{"file_data":"data:application/pdf;base64,SGVsbG8="}})", UnsupportedField, "only text"},
      {R"({"type":"file","file":{"file_id":"file-1"}})", UnsupportedField, "no files are kept"},
      {R"({"type":"file","file":{"file_data":"data:text/plain,Hello"}})", UnsupportedField, "base64"},
      {R"({"type":"file","file":{"file_data":"data:text/plain;base64"}})", MalformedRequest, "comma"},
      {R"({"type":"file","file":{"file_data":"SGVsbG8"}})", MalformedRequest, "not base64"},
      {R"({"type":"file","file":{"file_data":"/w=="}})", UnsupportedField, "not UTF-8"},
      {R"({"type":"file"})", MalformedRequest, "expected an object"},
      {R"({"type":"document","source":{"type":"url","url":"https://example.com/a"}})", UnsupportedField, "fetched"},
      {R"({"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"SGVsbG8="}})",
       UnsupportedField, "only text"},
      {R"({"type":"document","source":{"type":"content","content":[{"type":"image"}]}})", UnsupportedField,
       "only text"},
  };
  for (const RefusedCase& one : cases) {
    const Result<DocumentPart> part = read(one.raw);
    ASSERT_FALSE(part) << one.raw;
    EXPECT_EQ(part.error().code, one.code) << one.raw;
    EXPECT_THAT(part.error().message, HasSubstr(one.says)) << one.raw;
  }
}

TEST(Base64, ReadsWhatItsWriterWrites) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(*decode_base64(base64(bytes)), bytes);
    bytes += static_cast<char>(i * 7);
  }
}

TEST(Base64, IsStrict) {
  for (const char* text :
       {"A", "AA", "AAA", "A===", "====", "AA=A", "AB==", "AAB=", "AA A", "AA==AAAA", "AA\n=", "A-_="})
    EXPECT_FALSE(decode_base64(text)) << text;
}

}  // namespace
}  // namespace suffice::wire
