// A killed gateway loses nothing that it acknowledged, nor does a database server that is killed with it. A child process records events as
// fast as it can and says over a pipe which are durable; the parent kills it with SIGKILL in the middle, with PostgreSQL the server and all
// of its processes too, reads what was said, and looks for each in the record.
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <set>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "audit/recorder.hpp"
#include "audit/sample_events.hpp"
#include "audit/sample_secrets.hpp"
#include "audit/sqlite_store.hpp"
#include "audit/stores_for_tests.hpp"
#include "audit/verify.hpp"

namespace suffice::audit {
namespace {

using testing::numbered_event;
using testing::TemporaryFolder;

/// Runs in the child: never returns.
[[noreturn]] void record_for_ever(testing::RecordPlace& place, std::int64_t first, int acknowledge) {
  auto store = place.open();
  if (!store) ::_exit(2);
  auto recorder = Recorder::create(std::move(*store), RecorderOptions{});
  if (!recorder) ::_exit(3);
  for (std::int64_t number = first;; ++number) {
    const auto acknowledged = [acknowledge, number](const Result<void>& result) {
      if (result && ::write(acknowledge, &number, sizeof number) != sizeof number) ::_exit(4);
    };
    while (!(*recorder)->record_durably(numbered_event(number), acknowledged))
      static_cast<void>((*recorder)->flush(std::chrono::seconds(1)));
  }
}

class Crash : public testing::BothStores {
 protected:
  [[nodiscard]] testing::PostgresServer* server() const {
    return GetParam() == "Postgres" ? testing::shared_postgres() : nullptr;
  }

  std::set<std::int64_t> acknowledged_before_kill(std::int64_t first, std::size_t enough) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(ends[0]);
      record_for_ever(place(), first, ends[1]);
    }
    ::close(ends[1]);
    std::set<std::int64_t> acknowledged;
    std::int64_t number = 0;
    while (::read(ends[0], &number, sizeof number) == sizeof number) {
      acknowledged.insert(number);
      if (acknowledged.size() != enough) continue;
      if (server() != nullptr) server()->kill_all();
      ::kill(child, SIGKILL);
    }
    ::close(ends[0]);
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself, with " << WEXITSTATUS(status);
    if (server() != nullptr) EXPECT_TRUE(server()->launch());
    return acknowledged;
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, Crash, ::testing::Values("Sqlite", "Postgres"),
                         [](const auto& info) { return info.param; });

TEST_P(Crash, LosesNothingAcknowledgedWhenKilledUnderLoad) {
  std::int64_t first = 1;
  for (const std::size_t enough : {1U, 100U, 1'000U}) {
    const std::set<std::int64_t> acknowledged = acknowledged_before_kill(first, enough);
    ASSERT_GE(acknowledged.size(), enough);

    const auto report = verify(*reader());
    ASSERT_TRUE(report && report->ok()) << report->problem->message;
    std::set<std::string> stored;
    ASSERT_TRUE(
        reader()->read(EventFilter{}, [&](const StoredEvent& event) { return stored.insert(event.id).second; }));
    for (const std::int64_t number : acknowledged) EXPECT_TRUE(stored.contains(numbered_event(number).id)) << number;

    auto recorder = Recorder::create(store(), RecorderOptions{});
    first += 1'000'000;
    ASSERT_TRUE(recorder && (*recorder)->record(numbered_event(first - 1)));
    ASSERT_TRUE((*recorder)->flush(std::chrono::seconds(10)));
    EXPECT_EQ(verify(*reader())->events, report->events + 1) << "and the record goes on";
  }
}

TEST(PostgresLoss, IsToldAtOnceAndHealsByItself) {
  std::string why;
  testing::PostgresServer* const server = testing::shared_postgres(&why);
  if (server == nullptr) GTEST_SKIP() << why;
  const std::string url = server->url("loss");
  std::promise<void> failed;
  std::atomic<bool> said = false;
  RecorderOptions options;
  options.retry_wait_first = options.retry_wait_max = std::chrono::milliseconds{20};
  options.on_store_failure = [&](const Error&, std::size_t) {
    if (!said.exchange(true)) failed.set_value();
  };
  auto recorder = Recorder::create(open_postgres_store(url).value(), options);
  ASSERT_TRUE(recorder && (*recorder)->record(numbered_event(1)) && (*recorder)->flush(std::chrono::seconds{10}));
  server->kill_all();
  std::promise<Result<void>> told;

  ASSERT_TRUE((*recorder)->record_durably(numbered_event(2), [&](Result<void> result) { told.set_value(result); }));

  failed.get_future().wait();
  const Result<void> second = told.get_future().get();
  ASSERT_FALSE(second) << "nobody waits for a server that is gone";
  EXPECT_EQ(second.error().code, ErrorCode::StoreFailed);
  EXPECT_FALSE((*recorder)->healthy());
  EXPECT_GT((*recorder)->stats().store_failures, 0U);
  ASSERT_TRUE((*recorder)->record(numbered_event(3)));

  ASSERT_TRUE(server->launch());
  ASSERT_TRUE((*recorder)->flush(std::chrono::seconds{30}));
  EXPECT_TRUE((*recorder)->healthy());
  const auto report = verify(*open_postgres_reader(url).value());
  ASSERT_TRUE(report && report->ok());
  EXPECT_EQ(report->events, 3) << "what waited was written, once";
}

TEST(Record, NeverHoldsASecretInTheBytesOfItsFiles) {
  const TemporaryFolder folder;
  SeededRandom random(5);
  std::vector<std::string> canaries;
  {
    auto store = open_sqlite_store(folder / "audit.db");
    ASSERT_TRUE(store);
    auto recorder = Recorder::create(std::move(*store), RecorderOptions{});
    ASSERT_TRUE(recorder);
    int number = 0;
    for (const testing::SecretFormat& format : testing::kSecretFormats) {
      for (int i = 0; i < 4; ++i) {
        const testing::Planted planted = format.make(random);
        canaries.push_back(planted.secret);
        Event event = numbered_event(++number);
        (i % 2 == 0 ? event.input : event.output) = testing::in_a_sentence(random, planted.text);
        if (i == 2) event.note = planted.text;
        if (i == 3) event.attempts[0].checks[0].detail = planted.text;
        ASSERT_TRUE((*recorder)->record(std::move(event)));
      }
    }
    ASSERT_TRUE((*recorder)->flush(std::chrono::seconds(30)));

    for (const char* name : {"audit.db", "audit.db-wal"}) {
      std::ifstream file(folder / name, std::ios::binary);
      const std::string bytes((std::istreambuf_iterator<char>(file)), {});
      ASSERT_FALSE(bytes.empty()) << name;
      for (const std::string& canary : canaries)
        EXPECT_EQ(bytes.find(canary), std::string::npos) << canary << " in " << name;
    }
  }
}

}  // namespace
}  // namespace suffice::audit
