// What is PostgreSQL's own; what every store promises is in store_contract_test.cpp.
#include "audit/postgres_store.hpp"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/recorder.hpp"
#include "audit/stores_for_tests.hpp"
#include "audit/verify.hpp"

namespace suffice::audit {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::numbered_event;

class PostgresStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    server_ = testing::shared_postgres(&why);
    if (server_ == nullptr) GTEST_SKIP() << why;
  }
  testing::PostgresServer* server_ = nullptr;
};

TEST(PostgresPlace, NamesHostAndDatabaseAndNothingSecret) {
  struct Case {
    const char* url;
    const char* place;
  };
  const Case cases[] = {
      {"postgres://ann:s3cret@db.example:6543/audit", "db.example:6543/audit"},
      {"postgresql://ann@db.example/audit?sslmode=require", "db.example:5432/audit"},
      {"postgres:///audit?host=/run/postgresql&password=s3cret", "/run/postgresql:5432/audit"},
  };
  for (const Case& c : cases) EXPECT_EQ(postgres_place(c.url).value(), c.place);
  for (const char* bad : {"", "mysql://ann:s3cret@db/audit", "postgres://ann:s3cret@db/audit?nosuch=1",
                          "postgres://ann:s3cret@[db/audit", "host=db password=s3cret"}) {
    const auto place = postgres_place(bad);
    ASSERT_FALSE(place) << bad;
    EXPECT_EQ(place.error().code, ErrorCode::ConfigInvalid) << bad;
    EXPECT_THAT(describe(place.error()), Not(HasSubstr("s3cret"))) << bad;
  }
}

TEST(PostgresConnection, SaysWhereItCouldNotConnectWithoutThePassword) {
  const testing::TemporaryFolder folder;
  const auto opened = open_postgres_store("postgres://ann:s3cret@/audit?host=" + (folder / "nobody").string());

  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::StoreFailed);
  EXPECT_THAT(opened.error().where, HasSubstr("/audit"));
  EXPECT_THAT(describe(opened.error()), Not(HasSubstr("s3cret")));
}

TEST(PostgresArray, QuotesWhatWouldEndAnItem) {
  EXPECT_EQ(postgres_array({}), "{}");
  EXPECT_EQ(postgres_array({"a", "", "NULL", "b\"c\\d,{e}"}), R"({"a","","NULL","b\"c\\d,{e}"})");
}

TEST_F(PostgresStoreTest, MakesItsSchemaOnceThoughManyOpenIt) {
  const std::string url = server_->url("many");
  std::vector<std::thread> openers;
  for (int i = 0; i < 6; ++i)
    openers.emplace_back([&url] { EXPECT_TRUE(open_postgres_store(url)) << "at the same time"; });
  for (std::thread& opener : openers) opener.join();
  EXPECT_TRUE(open_postgres_reader(url));
}

TEST_F(PostgresStoreTest, RefusesARecordOfANewerProgramAndOneThatIsNotThere) {
  const std::string url = server_->url("newer");
  const auto none = open_postgres_reader(url);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::NotFound);
  ASSERT_TRUE(open_postgres_store(url));
  auto connection = PostgresConnection::open(url, std::chrono::seconds{10});
  ASSERT_TRUE(connection && connection->execute("UPDATE suffice.record SET version = 99", std::chrono::seconds{10}));

  const auto newer = open_postgres_store(url);

  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().code, ErrorCode::ConfigInvalid);
  EXPECT_THAT(newer.error().message, HasSubstr("schema version 99"));
}

TEST_F(PostgresStoreTest, GivesUpAnAnswerThatDoesNotComeInTime) {
  const std::string url = server_->url("slow");
  auto store = open_postgres_store(url, PostgresOptions{.write_limit = std::chrono::milliseconds{200}});
  ASSERT_TRUE(store);
  auto other = PostgresConnection::open(url, std::chrono::seconds{10});
  ASSERT_TRUE(other && other->execute("BEGIN; SELECT * FROM suffice.chain FOR UPDATE", std::chrono::seconds{10}));

  const auto stuck = (*store)->append(testing::chained_events(1));

  ASSERT_FALSE(stuck);
  EXPECT_THAT(stuck.error().message, HasSubstr("no answer in time"));
  ASSERT_TRUE(other->execute("ROLLBACK", std::chrono::seconds{10}));
  EXPECT_TRUE((*store)->append(testing::chained_events(1))) << "by a new connection";
}

TEST_F(PostgresStoreTest, PrunesNothingWhileAReaderIsAtWorkAndSaysSo) {
  const std::string url = server_->url("busy");
  auto store = open_postgres_store(url, PostgresOptions{.prune_lock_limit = std::chrono::milliseconds{50}});
  ASSERT_TRUE(store);
  std::vector<StoredEvent> events = testing::chained_events(2);
  events[1].time = "2023-11-20T00:00:00.000Z";
  ASSERT_TRUE((*store)->append(events));
  auto reader = open_postgres_reader(url);
  ASSERT_TRUE(reader);

  const auto read = (*reader)->read({}, [&](const StoredEvent&) {
    const auto pruned = (*store)->prune("2023-11-20");
    EXPECT_FALSE(pruned);
    EXPECT_THAT(pruned.error().message, HasSubstr("lock timeout"));
    return false;
  });

  EXPECT_TRUE(read);
  EXPECT_EQ((*store)->prune("2023-11-20")->events, 1);
}

/// Three gateways, each with its recorder, into one database at once.
TEST_F(PostgresStoreTest, TakesTheEventsOfSeveralGateways) {
  const std::string url = server_->url("gateways");
  constexpr int kGateways = 3;
  constexpr int kEach = 200;
  std::vector<std::thread> gateways;
  for (int g = 0; g < kGateways; ++g) {
    gateways.emplace_back([&url, g] {
      auto recorder = Recorder::create(open_postgres_store(url).value(), RecorderOptions{});
      ASSERT_TRUE(recorder);
      for (int i = 0; i < kEach; ++i) ASSERT_TRUE((*recorder)->record(numbered_event(g * 10'000 + i)));
      EXPECT_TRUE((*recorder)->flush(std::chrono::seconds{60}));
    });
  }
  for (std::thread& gateway : gateways) gateway.join();

  const auto report = verify(*open_postgres_reader(url).value());

  ASSERT_TRUE(report && report->ok()) << report->problem->message;
  EXPECT_EQ(report->events, kGateways * kEach);
}

}  // namespace
}  // namespace suffice::audit
