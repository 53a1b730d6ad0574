#include "audit/sqlite_store.hpp"

#include <fstream>
#include <iterator>
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/migrations.hpp"
#include "audit/rollups.hpp"
#include "audit/sample_events.hpp"
#include "audit/sqlite.hpp"
#include "audit/verify.hpp"

namespace suffice::audit {
namespace {

using testing::chained_events;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
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

TEST(SqliteStore, TakesOverARecordOfTheFirstSchema) {
  const TemporaryFolder folder;
  const std::vector<StoredEvent> events = chained_events(3);
  {
    auto old = Database::open((folder / "audit.db").string(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    ASSERT_TRUE(old && old->execute(std::string(kMigrations[0])));
    ASSERT_TRUE(old->execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = 1", kApplicationId)));
    for (const StoredEvent& e : events) {
      ASSERT_TRUE(old->execute(fmt::format(
          "INSERT INTO event VALUES ({}, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', "
          "'{}', '{}')",
          e.sequence, e.id, e.time, e.kind, e.task, e.route, e.reason, e.request_id, e.json, e.previous_hash, e.hash)));
    }
  }
  EXPECT_THAT(sequences(*open_sqlite_reader(folder / "audit.db").value(), {}), ElementsAre(1, 2, 3));
  EXPECT_EQ(open_sqlite_reader(folder / "audit.db").value()->rollups({})->at(0).sums.requests, 3);

  const auto store = open_sqlite_store(folder / "audit.db");

  ASSERT_TRUE(store) << describe(store.error());
  ASSERT_TRUE((*store)->append(chained_behind({.sequence = 3, .hash = events[2].hash}, {chained_events(4)[3]})));
  EXPECT_THAT(sequences(**store, {}), ElementsAre(1, 2, 3, 4));
  EXPECT_TRUE(verify(**store)->ok());
  EXPECT_EQ((*store)->rollups({})->at(0).sums.requests, 4);
}

TEST(SqliteStore, ShowsItsEventsToOtherProgramsAsOneView) {
  const TemporaryFolder folder;
  std::vector<StoredEvent> events = chained_events(3);
  events[2].time = "2023-11-20T00:00:00.000Z";
  ASSERT_TRUE(open_sqlite_store(folder / "audit.db").value()->append(events));
  auto database = Database::open((folder / "audit.db").string(), SQLITE_OPEN_READONLY);
  ASSERT_TRUE(database);

  EXPECT_EQ(database->integer("SELECT count(*) FROM event").value(), 3);
  EXPECT_EQ(database->integer("SELECT count(*) FROM event_20231120").value(), 1);
}

TEST(SqliteStore, LeavesNoTextOfPrunedEventsInItsFiles) {
  const TemporaryFolder folder;
  Event old = testing::numbered_event(1);
  old.note = "PRUNED-CANARY";
  Event young = testing::numbered_event(2);
  young.time += std::chrono::days{1};
  auto store = open_sqlite_store(folder / "audit.db");
  ASSERT_TRUE(store && (*store)->append(chained_behind({}, {stored_form(old), stored_form(young)})));

  ASSERT_EQ((*store)->prune("2023-11-15")->events, 1);

  for (const char* name : {"audit.db", "audit.db-wal"}) {
    std::ifstream file(folder / name, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    EXPECT_EQ(bytes.find("PRUNED-CANARY"), std::string::npos) << name;
  }
}

TEST(SqliteStore, ServesItsUsualQueriesByAnIndex) {
  const TemporaryFolder folder;
  ASSERT_TRUE(open_sqlite_store(folder / "audit.db").value()->append(chained_events(1)));
  auto database = Database::open((folder / "audit.db").string(), SQLITE_OPEN_READONLY);
  ASSERT_TRUE(database);
  for (const char* where :
       {"task = 'a' ORDER BY sequence DESC LIMIT 9", "reason = 'a' AND reason <> '' ORDER BY sequence DESC LIMIT 9",
        "id BETWEEN 'a' AND 'b' OR request_id BETWEEN 'a' AND 'b'", "time >= 'a'"}) {
    auto plan = database->prepare(fmt::format("EXPLAIN QUERY PLAN SELECT * FROM event_20231114 WHERE {}", where));
    ASSERT_TRUE(plan);
    std::string text;
    while (plan->step().value() == Statement::Step::Row) text += plan->text(3) + "\n";
    EXPECT_THAT(text, HasSubstr("USING INDEX")) << where << ": " << text;
  }
}

}  // namespace
}  // namespace suffice::audit
