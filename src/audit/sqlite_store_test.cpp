#include "audit/sqlite_store.hpp"

#include <fstream>
#include <iterator>
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/migrations.hpp"
#include "audit/sample_events.hpp"
#include "audit/sqlite.hpp"

namespace suffice::audit {
namespace {

using testing::chained_events;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TemporaryFolder;

std::vector<std::int64_t> sequences(AuditReader& reader, const EventFilter& filter) {
  std::vector<std::int64_t> found;
  const auto read = reader.read(filter, [&](const StoredEvent& event) {
    found.push_back(event.sequence);
    return true;
  });
  EXPECT_TRUE(read) << describe(read.error());
  return found;
}

TEST(SqliteStore, GivesBackWhatWasAppendedAfterReopening) {
  const TemporaryFolder folder;
  const std::vector<StoredEvent> events = chained_events(3);
  {
    auto store = open_sqlite_store(folder / "audit.db");
    ASSERT_TRUE(store) << describe(store.error());
    EXPECT_FALSE((*store)->last().value().has_value());
    ASSERT_TRUE((*store)->append(events));
  }

  auto store = open_sqlite_store(folder / "audit.db");

  ASSERT_TRUE(store) << describe(store.error());
  const auto last = (*store)->last();
  ASSERT_TRUE(last && *last);
  EXPECT_EQ((*last)->sequence, 3);
  EXPECT_EQ((*last)->json, events[2].json);
  EXPECT_EQ((*last)->hash, events[2].hash);
  EXPECT_TRUE(hash_matches(**last));
}

TEST(SqliteStore, BeginsItsLogAnewWhileItIsWritten) {
  const TemporaryFolder folder;
  auto store = open_sqlite_store(folder / "audit.db", SqliteOptions{.log_pages = 50});
  ASSERT_TRUE(store) << describe(store.error());
  StoredEvent event = chained_events(1).front();
  std::uintmax_t size = 0;
  int appends_without_growth = 0;

  // How long a copy takes is the disk's business; that the log stops growing is ours.
  for (std::int64_t n = 1; n <= 200'000 && appends_without_growth < 200; ++n) {
    event.sequence = n;
    event.id = "event-" + std::to_string(n);
    ASSERT_TRUE((*store)->append({event}));
    const std::uintmax_t now = std::filesystem::file_size(folder / "audit.db-wal");
    appends_without_growth = now > size ? 0 : appends_without_growth + 1;
    size = now;
  }

  EXPECT_EQ(appends_without_growth, 200) << "the log has " << size << " bytes and still grows";
  EXPECT_EQ(sequences(**store, EventFilter{.limit = 1, .newest_first = true}), std::vector{event.sequence});
}

TEST(SqliteStore, KeepsNothingOfABatchThatFails) {
  const TemporaryFolder folder;
  auto store = open_sqlite_store(folder / "audit.db");
  ASSERT_TRUE(store);
  std::vector<StoredEvent> events = chained_events(3);
  events[2].sequence = 1;

  const auto appended = (*store)->append(events);

  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().code, ErrorCode::StoreFailed);
  EXPECT_THAT(appended.error().where, HasSubstr("audit.db"));
  EXPECT_THAT(sequences(**store, EventFilter{}), IsEmpty());
  EXPECT_TRUE((*store)->append(chained_events(3)));
}

TEST(SqliteStore, FiltersAndOrders) {
  const TemporaryFolder folder;
  auto store = open_sqlite_store(folder / "audit.db");
  ASSERT_TRUE(store);
  std::vector<StoredEvent> events = chained_events(5);
  events[1].task = "summarize_log";
  events[2].route = "local";
  events[2].reason = "";
  events[3].kind = "kill_switch";
  events[4].time = "2030-01-01T00:00:00.000Z";
  events[4].request_id = "zzzzzz-1";
  ASSERT_TRUE((*store)->append(events));

  struct Case {
    const char* name;
    EventFilter filter;
    std::vector<std::int64_t> expected;
  };
  const std::vector<Case> cases = {
      {"everything", {}, {1, 2, 3, 4, 5}},
      {"task", {.task = "summarize_log"}, {2}},
      {"route", {.route = "local"}, {3}},
      {"reason", {.reason = "confidence_low"}, {1, 2, 4, 5}},
      {"kind", {.kind = "kill_switch"}, {4}},
      {"since, inclusive", {.since = "2030-01-01T00:00:00.000Z"}, {5}},
      {"full id", {.id_or_request_id = events[2].id}, {3}},
      {"full request id", {.id_or_request_id = "zzzzzz-1"}, {5}},
      {"prefix", {.id_or_request_id = "zzzzzz"}, {5}},
      {"too short for a prefix", {.id_or_request_id = "zzzzz"}, {}},
      {"a pattern is no prefix", {.id_or_request_id = "%%%%%%"}, {}},
      {"after", {.after_sequence = 3}, {4, 5}},
      {"newest two", {.limit = 2, .newest_first = true}, {5, 4}},
      {"all together", {.task = "classify_issue", .route = "escalated", .after_sequence = 1, .limit = 1}, {4}},
  };
  for (const Case& c : cases) EXPECT_EQ(sequences(**store, c.filter), c.expected) << c.name;
}

TEST(SqliteStore, SumsWhatEachKeySpentSinceATime) {
  const TemporaryFolder folder;
  auto store = open_sqlite_store(folder / "audit.db");
  ASSERT_TRUE(store);
  std::vector<StoredEvent> events = chained_events(5);
  const auto spent = [&](std::size_t i, const std::string& time, const std::string& json) {
    events[i].time = time;
    events[i].json = json;
  };
  spent(0, "2029-12-31T23:59:59.999Z", R"({"caller_key":"a","cost_nanodollars":1000})");
  spent(1, "2030-01-01T00:00:00.000Z", R"({"caller_key":"a","cost_nanodollars":20})");
  spent(2, "2030-01-01T10:00:00.000Z", R"({"caller_key":"b","cost_nanodollars":300})");
  spent(3, "2030-01-01T11:00:00.000Z", R"({"caller_key":"a","cost_nanodollars":4})");
  spent(4, "2030-01-01T12:00:00.000Z", R"({"cost_nanodollars":50000})");
  ASSERT_TRUE((*store)->append(events));

  const Result<std::map<std::string, Usd>> sums = (*store)->spent_since("2030-01-01T00:00:00.000Z");

  ASSERT_TRUE(sums);
  EXPECT_EQ(*sums, (std::map<std::string, Usd>{{"a", Usd{24}}, {"b", Usd{300}}}));
}

TEST(SqliteStore, StopsReadingWhenTheRowSaysSo) {
  const TemporaryFolder folder;
  auto store = open_sqlite_store(folder / "audit.db");
  ASSERT_TRUE(store && (*store)->append(chained_events(5)));
  std::vector<std::int64_t> seen;

  const auto read = (*store)->read(EventFilter{}, [&](const StoredEvent& event) {
    seen.push_back(event.sequence);
    return seen.size() < 2;
  });

  EXPECT_TRUE(read);
  EXPECT_THAT(seen, ElementsAre(1, 2));
}

TEST(SqliteStore, RefusesASecondWriterAndNamesTheFile) {
  const TemporaryFolder folder;
  auto first = open_sqlite_store(folder / "audit.db");
  ASSERT_TRUE(first);

  const auto second = open_sqlite_store(folder / "audit.db");

  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::ConfigInvalid);
  EXPECT_THAT(second.error().where, HasSubstr("audit.db"));
  EXPECT_THAT(second.error().message, HasSubstr("another gateway"));
  first->reset();
  EXPECT_TRUE(open_sqlite_store(folder / "audit.db"));
}

TEST(SqliteStore, IsReadWhileItIsWritten) {
  const TemporaryFolder folder;
  auto store = open_sqlite_store(folder / "audit.db");
  ASSERT_TRUE(store);
  const std::vector<StoredEvent> events = chained_events(2);
  ASSERT_TRUE((*store)->append({events[0]}));
  auto reader = open_sqlite_reader(folder / "audit.db");
  ASSERT_TRUE(reader) << describe(reader.error());
  EXPECT_THAT(sequences(**reader, EventFilter{}), ElementsAre(1));

  ASSERT_TRUE((*store)->append({events[1]}));

  EXPECT_THAT(sequences(**reader, EventFilter{}), ElementsAre(1, 2));
}

TEST(SqliteStore, KeepsItsFilesFromOtherUsers) {
  const TemporaryFolder folder;
  auto store = open_sqlite_store(folder / "audit.db");
  ASSERT_TRUE(store && (*store)->append(chained_events(1)));

  for (const char* name : {"audit.db", "audit.db-wal", "audit.db.lock"}) {
    struct stat status{};
    ASSERT_EQ(::stat((folder / name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 0777U, 0600U) << name;
  }
}

TEST(SqliteStore, SaysWhatIsWrongWithAFileItCannotUse) {
  const TemporaryFolder folder;
  std::ofstream(folder / "text.db") << std::string(5'000, 'x');
  {
    auto other = Database::open((folder / "other.db").string(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    ASSERT_TRUE(other && other->execute("CREATE TABLE t (a)"));
    ASSERT_TRUE(open_sqlite_store(folder / "newer.db"));
    auto newer = Database::open((folder / "newer.db").string(), SQLITE_OPEN_READWRITE);
    ASSERT_TRUE(newer && newer->execute("PRAGMA user_version = 99"));
  }
  struct Case {
    const char* file;
    ErrorCode code;
    const char* says;
  };
  const Case cases[] = {
      {"text.db", ErrorCode::ConfigInvalid, "not a SQLite database"},
      {"other.db", ErrorCode::ConfigInvalid, "another program"},
      {"newer.db", ErrorCode::ConfigInvalid, "schema version 99"},
      {"missing/audit.db", ErrorCode::IoFailed, "No such file or directory"},
  };
  for (const Case& c : cases) {
    const auto store = open_sqlite_store(folder / c.file);
    ASSERT_FALSE(store) << c.file;
    EXPECT_EQ(store.error().code, c.code) << c.file;
    EXPECT_THAT(store.error().message, HasSubstr(c.says)) << c.file;
    EXPECT_THAT(store.error().where, HasSubstr(c.file)) << c.file;
  }
  const auto reader = open_sqlite_reader(folder / "none.db");
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, ErrorCode::NotFound);
  EXPECT_FALSE(open_sqlite_reader(folder / "text.db"));
  EXPECT_FALSE(open_sqlite_reader(folder / "newer.db"));
}

TEST(SqliteStore, ServesItsUsualQueriesByAnIndex) {
  const TemporaryFolder folder;
  ASSERT_TRUE(open_sqlite_store(folder / "audit.db"));
  auto database = Database::open((folder / "audit.db").string(), SQLITE_OPEN_READONLY);
  ASSERT_TRUE(database);
  for (const char* where :
       {"task = 'a' ORDER BY sequence DESC LIMIT 9", "reason = 'a' AND reason <> '' ORDER BY sequence DESC LIMIT 9",
        "id BETWEEN 'a' AND 'b' OR request_id BETWEEN 'a' AND 'b'", "time >= 'a'"}) {
    auto plan = database->prepare(fmt::format("EXPLAIN QUERY PLAN SELECT * FROM event WHERE {}", where));
    ASSERT_TRUE(plan);
    std::string text;
    while (plan->step().value() == Statement::Step::Row) text += plan->text(3) + "\n";
    EXPECT_THAT(text, HasSubstr("USING INDEX")) << where << ": " << text;
  }
}

}  // namespace
}  // namespace suffice::audit
