#include "wire/sse.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "wire/ndjson.hpp"

namespace suffice::wire {
namespace {

using Events = std::vector<SseEvent>;

Events read_whole(std::string_view bytes) {
  SseReader reader;
  Events events;
  EXPECT_TRUE(reader.feed(bytes, events).has_value());
  return events;
}

struct StreamCase {
  std::string_view name;
  std::string bytes;
  Events events;
};

std::vector<StreamCase> streams() {
  return {
      {"one event", "data: x\n\n", {{"", "x", ""}}},
      {"CRLF", "data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", {{"", "a\nb", ""}, {"", "c", ""}}},
      {"CR", "data: a\rdata: b\r\rdata: c\r\r", {{"", "a\nb", ""}, {"", "c", ""}}},
      {"mixed line ends", "data: a\rdata: b\ndata: c\r\n\n", {{"", "a\nb\nc", ""}}},
      {"BOM at the start only",
       "\xef\xbb\xbf"
       "data: a\n\n\xef\xbb\xbf"
       "data: b\n\n",
       {{"", "a", ""}}},
      {"partial BOM is text",
       "\xef\xbb"
       "data: a\n\ndata: b\n\n",
       {{"", "b", ""}}},
      {"comments", ": keep-alive\n\n:\n: x\ndata: a\n: y\n\n", {{"", "a", ""}}},
      {"names and ids", "event: ping\nid: 7\ndata: a\n\ndata: b\n\n", {{"ping", "a", "7"}, {"", "b", "7"}}},
      {"one leading space goes", "data:  a\ndata:b\n\n", {{"", " a\nb", ""}}},
      {"field without colon", "data\n\ndata\ndata\n\n", {{"", "", ""}, {"", "\n", ""}}},
      {"no data, no event", "event: x\n\nid: 1\n\n", {}},
      {"unknown fields", "retry: 10\nfoo: bar\ndata: a\n\n", {{"", "a", ""}}},
      {"id with NUL is ignored", std::string("id: a\0b\ndata: x\n\n", 17), {{"", "x", ""}}},
      {"colon in data", "data: {\"a\": \"b:c\"}\n\n", {{"", "{\"a\": \"b:c\"}", ""}}},
      {"unfinished event is not given", "data: a\n\ndata: b\n", {{"", "a", ""}}},
  };
}

TEST(SseReader, ReadsWhatTheStandardSays) {
  for (const StreamCase& c : streams()) EXPECT_EQ(read_whole(c.bytes), c.events) << c.name;
}

TEST(SseReader, GivesTheSameEventsHoweverTheBytesAreSplit) {
  for (const StreamCase& c : streams()) {
    for (std::size_t split = 0; split <= c.bytes.size(); ++split) {
      SseReader reader;
      Events events;
      ASSERT_TRUE(reader.feed(std::string_view(c.bytes).substr(0, split), events).has_value());
      ASSERT_TRUE(reader.feed(std::string_view(c.bytes).substr(split), events).has_value());
      EXPECT_EQ(events, c.events) << c.name << " split at " << split;
    }
    SseReader reader;
    Events events;
    for (const char byte : c.bytes) ASSERT_TRUE(reader.feed(std::string_view(&byte, 1), events).has_value());
    EXPECT_EQ(events, c.events) << c.name << " byte by byte";
  }
}

TEST(SseReader, KnowsWhetherAnEventIsHalfRead) {
  SseReader reader;
  Events events;
  EXPECT_TRUE(reader.at_boundary());
  for (const std::string_view piece : {"d", "ata: x", "\n"}) {
    ASSERT_TRUE(reader.feed(piece, events).has_value());
    EXPECT_FALSE(reader.at_boundary()) << piece;
  }
  ASSERT_TRUE(reader.feed("\n: ping\n", events).has_value());
  EXPECT_TRUE(reader.at_boundary());
}

TEST(SseReader, RefusesAnEventOverItsLimit) {
  SseReader one_line(16);
  Events events;
  EXPECT_EQ(one_line.feed("data: 0123456789abcdef", events).error().code, ErrorCode::ProtocolError);

  SseReader many_lines(16);
  ASSERT_TRUE(many_lines.feed("data: 01234\n", events).has_value());
  EXPECT_EQ(many_lines.feed("data: 01234\ndata: 56789\n", events).error().code, ErrorCode::ProtocolError);

  SseReader many_events(16);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(many_events.feed("data: 0123\n\n", events).has_value());
}

TEST(SseWriter, IsReadBackAsWritten) {
  const std::vector<std::string> texts = {"",       "x",  "{\"a\":1}",      "two\nlines",
                                          "ends\n", "\n", " leading space", ": colon"};
  for (const std::string& text : texts) {
    EXPECT_EQ(read_whole(sse_event("", text)), (Events{{"", text, ""}}));
    EXPECT_EQ(read_whole(sse_event("name", text)), (Events{{"name", text, ""}}));
  }
  EXPECT_EQ(sse_event("done", "a\r\nb\rc"), "event: done\ndata: a\ndata: b\ndata: c\n\n");
}

TEST(SseWriter, CommentsAreNoEventsEvenWithLineBreaks) {
  EXPECT_EQ(sse_comment("wait"), ": wait\n\n");
  EXPECT_TRUE(read_whole(sse_comment("a\ndata: injected")).empty());
}

TEST(NdjsonReader, GivesWholeLinesHoweverTheBytesAreSplit) {
  const std::string bytes = "{\"a\":1}\r\n\n{\"b\":2}\n\r\nrest";
  for (std::size_t split = 0; split <= bytes.size(); ++split) {
    NdjsonReader reader;
    std::vector<std::string> lines;
    ASSERT_TRUE(reader.feed(std::string_view(bytes).substr(0, split), lines).has_value());
    ASSERT_TRUE(reader.feed(std::string_view(bytes).substr(split), lines).has_value());
    EXPECT_EQ(lines, (std::vector<std::string>{"{\"a\":1}", "{\"b\":2}"})) << split;
    EXPECT_FALSE(reader.at_boundary());
    EXPECT_EQ(reader.rest(), "rest");
  }
}

TEST(NdjsonReader, RefusesALineOverItsLimit) {
  NdjsonReader reader(4);
  std::vector<std::string> lines;
  ASSERT_TRUE(reader.feed("1234\n123", lines).has_value());
  EXPECT_EQ(reader.feed("45", lines).error().code, ErrorCode::ProtocolError);
}

}  // namespace
}  // namespace suffice::wire
