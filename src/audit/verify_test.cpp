// Tampering is a table: each row does to a sound export what someone might do, and says what verification must answer. The same for the
// records of both stores: store_contract_test.cpp.
#include "audit/verify.hpp"

#include <algorithm>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/export.hpp"
#include "audit/sample_events.hpp"
#include "audit/sqlite_store.hpp"

namespace suffice::audit {
namespace {

using testing::chained_events;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;
using testing::TemporaryFolder;
using Lines = std::vector<std::string>;
using Kind = ChainProblem::Kind;

std::string exported(AuditReader& reader, const EventFilter& filter, ExportFormat format) {
  std::string text;
  const auto events = export_events(reader, filter, format, [&](std::string_view piece) {
    text += piece;
    return true;
  });
  EXPECT_TRUE(events);
  return text;
}

Lines lines_of(const std::string& text) {
  Lines lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

VerifyReport verify_lines(const Lines& lines, const VerifyOptions& options = {}) {
  std::size_t next = 0;
  return verify_export(
      [&]() -> std::optional<std::string> { return next < lines.size() ? std::optional(lines[next++]) : std::nullopt; },
      options);
}

std::unique_ptr<AuditStore> store_of(const TemporaryFolder& folder, const std::vector<StoredEvent>& events) {
  auto store = open_sqlite_store(folder / "audit.db");
  EXPECT_TRUE(store && (*store)->append(events));
  return std::move(store).value();
}

void replace_in(std::string& text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
}

TEST(Verify, AcceptsASoundExportAndASoundRecord) {
  const TemporaryFolder folder;
  const std::vector<StoredEvent> events = chained_events(5);
  const auto store = store_of(folder, events);

  const auto of_record = verify(*store);
  const VerifyReport of_export = verify_lines(lines_of(exported(*store, {}, ExportFormat::Jsonl)));

  ASSERT_TRUE(of_record && of_record->ok()) << of_record->problem->message;
  EXPECT_EQ(of_record->events, 5);
  EXPECT_EQ(of_record->last_hash, events[4].hash);
  ASSERT_TRUE(of_export.ok()) << of_export.problem->message;
  EXPECT_EQ(of_export.events, 5);
  EXPECT_EQ(of_export.last_hash, events[4].hash);
  EXPECT_TRUE(of_export.complete);
}

TEST(Verify, AcceptsAnEmptyRecord) {
  const TemporaryFolder folder;
  const auto store = store_of(folder, {});

  EXPECT_TRUE(verify(*store)->ok());
  EXPECT_TRUE(verify_lines(lines_of(exported(*store, {}, ExportFormat::Jsonl))).ok());
}

TEST(Verify, FindsEveryKindOfTamperingInAnExport) {
  const TemporaryFolder folder;
  const auto store = store_of(folder, chained_events(5));
  const Lines sound = lines_of(exported(*store, {}, ExportFormat::Jsonl));
  ASSERT_THAT(sound, SizeIs(7));

  // Line 1 is the head, lines 2 to 6 the events, line 7 the end.
  const auto forged = [] {
    StoredEvent event = stored_form(testing::numbered_event(6));
    event.sequence = 6;
    event.previous_hash = std::string(64, '1');
    event.hash = chain_hash(event.previous_hash, event.json);
    return export_line(event);
  };
  struct Case {
    const char* name;
    std::function<void(Lines&)> tamper;
    Kind kind;
    std::int64_t position;
    std::int64_t good;
  };
  const std::vector<Case> cases = {
      {"text altered", [](Lines& l) { replace_in(l[2], "frontier", "frontjer"); }, Kind::Altered, 3, 1},
      {"white space put into the event",
       [](Lines& l) { replace_in(l[2], "\"event_version\":1", "\"event_version\": 1"); }, Kind::Altered, 3, 1},
      {"hash altered", [](Lines& l) { l[3].replace(l[3].find("hash\":\"") + 7, 4, "0000"); }, Kind::Altered, 4, 2},
      {"hash recomputed after altering",
       [](Lines& l) {
         StoredEvent event = chained_events(2)[1];
         replace_in(event.json, "dependency", "build");
         event.hash = chain_hash(event.previous_hash, event.json);
         l[2] = export_line(event);
       },
       Kind::BrokenLink, 4, 2},
      {"dropped in the middle", [](Lines& l) { l.erase(l.begin() + 3); }, Kind::Gap, 4, 2},
      {"dropped and renumbered",
       [](Lines& l) {
         l.erase(l.begin() + 3);
         for (std::size_t i = 3; i < 5; ++i)
           replace_in(l[i], fmt::format("\"sequence\":{}", i + 1), fmt::format("\"sequence\":{}", i));
       },
       Kind::BrokenLink, 4, 2},
      {"first dropped", [](Lines& l) { l.erase(l.begin() + 1); }, Kind::Gap, 2, 0},
      {"swapped", [](Lines& l) { std::swap(l[2], l[3]); }, Kind::Gap, 3, 1},
      {"doubled", [](Lines& l) { l.insert(l.begin() + 2, l[2]); }, Kind::Reordered, 4, 2},
      {"forged and appended", [&](Lines& l) { l.insert(l.end() - 1, forged()); }, Kind::BrokenLink, 7, 5},
      {"tail cut at a line", [](Lines& l) { l.resize(5); }, Kind::Truncated, 5, 4},
      {"tail cut within a line", [](Lines& l) { l.resize(6), l[5].resize(300); }, Kind::Unreadable, 6, 4},
      {"last events cut out", [](Lines& l) { l.erase(l.begin() + 4, l.begin() + 6); }, Kind::Truncated, 5, 3},
      {"not JSON", [](Lines& l) { l[2].insert(l[2].size() - 1, "}"); }, Kind::Unreadable, 3, 1},
      {"not an export", [](Lines& l) { l[0] = "hello"; }, Kind::Unreadable, 1, 0},
      {"empty file", [](Lines& l) { l.clear(); }, Kind::Unreadable, 1, 0},
      {"text behind the end", [](Lines& l) { l.push_back(l[1]); }, Kind::Unreadable, 8, 5},
  };
  for (const Case& c : cases) {
    Lines lines = sound;
    c.tamper(lines);
    const VerifyReport report = verify_lines(lines);
    ASSERT_FALSE(report.ok()) << c.name;
    EXPECT_EQ(name(report.problem->kind), name(c.kind)) << c.name;
    EXPECT_EQ(report.problem->position, c.position) << c.name;
    EXPECT_EQ(report.events, c.good) << c.name;
  }
}

TEST(Verify, FindsACutTailByAHashThatWasNotedBefore) {
  const TemporaryFolder folder;
  std::vector<StoredEvent> events = chained_events(5);
  const VerifyOptions noted{.expected_hash = events[4].hash};
  events.resize(3);
  const auto store = store_of(folder, events);

  EXPECT_TRUE(verify(*store)->ok());
  const auto report = verify(*store, noted);

  ASSERT_TRUE(report && !report->ok());
  EXPECT_EQ(report->problem->kind, Kind::Truncated);
  EXPECT_TRUE(verify(*store, VerifyOptions{.expected_hash = events[1].hash})->ok());
}

TEST(Verify, ChecksAFilteredExportWithoutItsGaps) {
  const TemporaryFolder folder;
  std::vector<StoredEvent> events = chained_events(6);
  const auto store = store_of(folder, events);
  Lines lines = lines_of(exported(*store, EventFilter{.id_or_request_id = events[3].id}, ExportFormat::Jsonl));
  ASSERT_THAT(lines, SizeIs(3));

  const VerifyReport report = verify_lines(lines);
  replace_in(lines[1], "frontier", "frontjer");

  EXPECT_TRUE(report.ok());
  EXPECT_FALSE(report.complete);
  EXPECT_EQ(report.first_sequence, 4);
  EXPECT_FALSE(verify_lines(lines).ok());
}

TEST(Export, WritesTheEventAsItWasHashed) {
  const StoredEvent event = chained_events(1)[0];
  const std::string line = export_line(event);

  EXPECT_THAT(
      line, StartsWith("{\"sequence\":1,\"hash\":\"" + event.hash + "\",\"previous_hash\":\"" + std::string(64, '0')));
  EXPECT_THAT(line, HasSubstr("\"event\":" + event.json + "}"));
}

TEST(Export, WritesFlatRowsForASpreadsheet) {
  const TemporaryFolder folder;
  std::vector<StoredEvent> events = chained_events(2);
  events[1].request_id = "=1+\"2\",3";
  const auto store = store_of(folder, events);

  const Lines lines = lines_of(exported(*store, {}, ExportFormat::Csv));

  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_THAT(lines[0], StartsWith("sequence,id,time,kind,task,route,reason,request_id,caller_group,"));
  EXPECT_THAT(lines[1], HasSubstr(",2023-11-14T22:13:20.123Z,request,classify_issue,escalated,confidence_low,"));
  EXPECT_THAT(lines[1], HasSubstr(",123450,123000,900000,900,"));
  EXPECT_THAT(lines[2], HasSubstr(",\"'=1+\"\"2\"\",3\","));
  EXPECT_EQ(std::ranges::count(lines[0], ','), std::ranges::count(lines[1], ','));
}

TEST(Export, SaysWhenItCouldNotBeWritten) {
  const TemporaryFolder folder;
  const auto store = store_of(folder, chained_events(3));
  int pieces = 0;

  const auto result = export_events(*store, {}, ExportFormat::Jsonl, [&](std::string_view) { return ++pieces < 3; });

  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::IoFailed);
}

}  // namespace
}  // namespace suffice::audit
