#include "audit/tables.hpp"

#include <algorithm>
#include <fstream>
#include <set>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/sample_events.hpp"
#include "audit/sqlite_store.hpp"

namespace suffice::audit {
namespace {

using testing::TemporaryFolder;

struct Tables {
  std::string events;
  std::string attempts;
  TableCounts counts;
};

Tables exported(const std::vector<StoredEvent>& events) {
  const TemporaryFolder folder;
  auto store = open_sqlite_store(folder / "audit.db");
  EXPECT_TRUE(store && (*store)->append(events));
  Tables tables;
  const auto into = [](std::string& text) {
    return [&text](std::string_view piece) {
      text += piece;
      return true;
    };
  };
  const auto counts = export_tables(**store, {}, into(tables.events), into(tables.attempts));
  EXPECT_TRUE(counts);
  tables.counts = counts.value_or(TableCounts{});
  return tables;
}

/// The rows of an RFC 4180 text, quotes undone.
std::vector<std::vector<std::string>> rows_of(const std::string& text) {
  std::vector<std::vector<std::string>> rows(1, {""});
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
      rows.back().back() += text[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && c == ',') {
      rows.back().emplace_back();
    } else if (!quoted && c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') {
      ++i;
      rows.push_back({""});
    } else {
      rows.back().back() += c;
    }
  }
  rows.pop_back();
  return rows;
}

std::string cell(const std::vector<std::vector<std::string>>& rows, std::size_t row, std::string_view column) {
  const auto found = std::ranges::find(rows[0], column);
  EXPECT_NE(found, rows[0].end()) << column;
  return rows.at(row).at(static_cast<std::size_t>(found - rows[0].begin()));
}

TEST(Tables, HaveARowAnEventAndARowAnAttempt) {
  Event event = testing::request_event("0189-a");
  event.task = "say \"hi\", then\r\nstop";
  Event start = testing::request_event("0189-b");
  start.kind = Event::Kind::Start;
  start.note = "=1+1";

  const Tables tables = exported(chained_behind({}, {stored_form(event), stored_form(start)}));

  EXPECT_EQ(tables.counts.events, 2);
  EXPECT_EQ(tables.counts.attempts, 2);
  const auto events = rows_of(tables.events);
  const auto attempts = rows_of(tables.attempts);
  ASSERT_EQ(events.size(), 3U);
  ASSERT_EQ(attempts.size(), 3U);
  EXPECT_EQ(cell(events, 1, "task"), event.task);
  EXPECT_EQ(cell(events, 1, "reason"), "confidence_low");
  EXPECT_EQ(cell(events, 1, "reasons"), "confidence_low;label_escalates");
  EXPECT_EQ(cell(events, 1, "cost_nanodollars"), "123450");
  EXPECT_EQ(cell(events, 1, "streamed"), "false");
  EXPECT_EQ(cell(events, 1, "attempts"), "2");
  EXPECT_EQ(cell(events, 1, "input_preview"), event.input);
  EXPECT_EQ(cell(events, 2, "kind"), "start");
  EXPECT_EQ(cell(events, 2, "note"), "=1+1") << "as recorded";
  EXPECT_EQ(cell(events, 2, "cost_nanodollars"), "") << "absent";
  EXPECT_EQ(cell(attempts, 1, "event_id"), "0189-a");
  EXPECT_EQ(cell(attempts, 1, "model"), "small");
  EXPECT_EQ(cell(attempts, 1, "confidence"), "6.25E-1") << "JSON's form of a number";
  EXPECT_EQ(cell(attempts, 1, "input_tokens"), "310");
  EXPECT_EQ(cell(attempts, 2, "attempt"), "1");
  EXPECT_EQ(cell(attempts, 2, "accepted"), "true");
  EXPECT_EQ(cell(attempts, 2, "confidence"), "");
}

TEST(Tables, HaveAsManyCellsInEveryRowAsInTheHeading) {
  const Tables tables = exported(testing::chained_events(3));
  for (const std::string& text : {tables.events, tables.attempts}) {
    const auto rows = rows_of(text);
    for (const auto& row : rows) EXPECT_EQ(row.size(), rows[0].size());
    EXPECT_EQ(std::set<std::string>(rows[0].begin(), rows[0].end()).size(), rows[0].size());
  }
}

/// Every scalar of the schema has its column: a field that is added there is added here.
TEST(Tables, LeaveNoFieldOfTheSchemaOut) {
  std::ifstream file(SUFFICE_AUDIT_SCHEMA_FILE);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const boost::json::value schema = boost::json::parse(text);
  const auto fields_of = [&](const char* definition) {
    std::set<std::string> names;
    for (const auto& [key, value] : schema.at("definitions").at(definition).at("properties").as_object())
      names.insert(std::string(key));
    return names;
  };
  const auto expect_covered = [](std::set<std::string> names, std::span<const TableColumn> columns,
                                 std::set<std::string> elsewhere) {
    for (const std::string& name : names) {
      const bool there = elsewhere.contains(name) || std::ranges::any_of(columns, [&](const TableColumn& column) {
                           return column.field == name || column.field.starts_with(name + ".");
                         });
      EXPECT_TRUE(there) << name;
    }
  };
  for (const char* kind : {"request", "state_change", "shadow"})
    expect_covered(fields_of(kind), event_columns(), {"event_version", "input_checks"});
  expect_covered(fields_of("attempt"), attempt_columns(), {"checks"});
}

TEST(Tables, SayWhenTheyCouldNotBeWritten) {
  const TemporaryFolder folder;
  auto store = open_sqlite_store(folder / "audit.db");
  ASSERT_TRUE(store && (*store)->append(testing::chained_events(3)));
  int pieces = 0;
  const auto stopping = [&](std::string_view) { return ++pieces < 3; };

  const auto counts = export_tables(**store, {}, stopping, [](std::string_view) { return true; });

  ASSERT_FALSE(counts);
  EXPECT_EQ(counts.error().code, ErrorCode::IoFailed);
}

}  // namespace
}  // namespace suffice::audit
