#pragma once
// For the tests of this module: each kind of store behind one face, so that what the port promises is tested on both.

#include <cctype>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "audit/postgres_server.hpp"
#include "audit/postgres_store.hpp"
#include "audit/sqlite.hpp"
#include "audit/sqlite_store.hpp"

namespace suffice::audit::testing {

/// An empty record of one test.
class RecordPlace {
 public:
  virtual ~RecordPlace() = default;
  virtual Result<std::unique_ptr<AuditStore>> open() = 0;
  /// A second writer beside the first.
  virtual Result<std::unique_ptr<AuditStore>> open_beside() = 0;
  virtual Result<std::unique_ptr<AuditReader>> open_reader() = 0;
  /// Runs SQL as somebody who has the database's password; EVENTS stands for the table of the day 2023-11-14.
  virtual void tamper(std::string sql) = 0;
};

class SqlitePlace final : public RecordPlace {
 public:
  Result<std::unique_ptr<AuditStore>> open() override { return open_sqlite_store(folder_ / "audit.db"); }
  Result<std::unique_ptr<AuditStore>> open_beside() override {
    return open_sqlite_store(folder_ / "audit.db", SqliteOptions{.beside_a_gateway = true});
  }
  Result<std::unique_ptr<AuditReader>> open_reader() override { return open_sqlite_reader(folder_ / "audit.db"); }
  void tamper(std::string sql) override {
    for (std::size_t at = sql.find("EVENTS"); at != std::string::npos; at = sql.find("EVENTS"))
      sql.replace(at, 6, "event_20231114");
    auto database = Database::open((folder_ / "audit.db").string(), SQLITE_OPEN_READWRITE);
    ASSERT_TRUE(database);
    const auto done = database->execute(sql);
    ASSERT_TRUE(done) << describe(done.error());
  }
  [[nodiscard]] std::filesystem::path file() const { return folder_ / "audit.db"; }

 private:
  TemporaryFolder folder_;
};

class PostgresPlace final : public RecordPlace {
 public:
  explicit PostgresPlace(std::string url) : url_(std::move(url)) {}
  Result<std::unique_ptr<AuditStore>> open() override { return open_postgres_store(url_); }
  Result<std::unique_ptr<AuditStore>> open_beside() override { return open_postgres_store(url_); }
  Result<std::unique_ptr<AuditReader>> open_reader() override { return open_postgres_reader(url_); }
  void tamper(std::string sql) override {
    for (std::size_t at = sql.find("EVENTS"); at != std::string::npos; at = sql.find("EVENTS"))
      sql.replace(at, 6, "suffice.event_20231114");
    auto connection = PostgresConnection::open(url_, std::chrono::seconds{10});
    ASSERT_TRUE(connection);
    const auto done = connection->execute(sql, std::chrono::seconds{10});
    ASSERT_TRUE(done) << describe(done.error());
  }
  [[nodiscard]] const std::string& url() const { return url_; }

 private:
  std::string url_;
};

/// Tests of this fixture run on both stores.
class BothStores : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "Sqlite") {
      place_ = std::make_unique<SqlitePlace>();
      return;
    }
    std::string why;
    PostgresServer* const server = shared_postgres(&why);
    if (server == nullptr) GTEST_SKIP() << why;
    const auto* const info = ::testing::UnitTest::GetInstance()->current_test_info();
    std::string database = "t_";
    for (const char c : std::string(info->name()))
      database += std::isalnum(static_cast<unsigned char>(c)) != 0
                      ? static_cast<char>(std::tolower(static_cast<unsigned char>(c)))
                      : '_';
    place_ = std::make_unique<PostgresPlace>(server->url(database.substr(0, 60)));
  }

  RecordPlace& place() { return *place_; }

  std::unique_ptr<AuditStore> store() {
    auto opened = place_->open();
    EXPECT_TRUE(opened) << describe(opened.error());
    return std::move(opened).value();
  }
  std::unique_ptr<AuditReader> reader() {
    auto opened = place_->open_reader();
    EXPECT_TRUE(opened) << describe(opened.error());
    return std::move(opened).value();
  }

 private:
  std::unique_ptr<RecordPlace> place_;
};

}  // namespace suffice::audit::testing
