// A killed gateway loses nothing that it acknowledged. A child process records events as fast as it can and says over a pipe which are
// durable; the parent kills it with SIGKILL in the middle, reads what was said, and looks for each in the record.
#include <csignal>
#include <fstream>
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
#include "audit/verify.hpp"

namespace suffice::audit {
namespace {

using testing::numbered_event;
using testing::TemporaryFolder;

/// Runs in the child: never returns.
[[noreturn]] void record_for_ever(const std::filesystem::path& file, int acknowledge) {
  auto store = open_sqlite_store(file);
  if (!store) ::_exit(2);
  auto recorder = Recorder::create(std::move(*store), RecorderOptions{});
  if (!recorder) ::_exit(3);
  for (std::int64_t number = 1;; ++number) {
    const auto acknowledged = [acknowledge, number](const Result<void>& result) {
      if (result && ::write(acknowledge, &number, sizeof number) != sizeof number) ::_exit(4);
    };
    while (!(*recorder)->record_durably(numbered_event(number), acknowledged))
      static_cast<void>((*recorder)->flush(std::chrono::seconds(1)));
  }
}

std::set<std::int64_t> acknowledged_before_kill(const std::filesystem::path& file, std::size_t enough) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe(ends.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    record_for_ever(file, ends[1]);
  }
  ::close(ends[1]);
  std::set<std::int64_t> acknowledged;
  std::int64_t number = 0;
  while (::read(ends[0], &number, sizeof number) == sizeof number) {
    acknowledged.insert(number);
    if (acknowledged.size() == enough) ::kill(child, SIGKILL);
  }
  ::close(ends[0]);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself, with " << WEXITSTATUS(status);
  return acknowledged;
}

TEST(Crash, LosesNothingAcknowledgedWhenKilledUnderLoad) {
  for (const std::size_t enough : {1U, 100U, 1'000U}) {
    const TemporaryFolder folder;
    const std::set<std::int64_t> acknowledged = acknowledged_before_kill(folder / "audit.db", enough);
    ASSERT_GE(acknowledged.size(), enough);

    auto reader = open_sqlite_reader(folder / "audit.db");
    ASSERT_TRUE(reader) << describe(reader.error());
    const auto report = verify(**reader);
    ASSERT_TRUE(report && report->ok()) << report->problem->message;
    std::set<std::string> stored;
    ASSERT_TRUE(
        (*reader)->read(EventFilter{}, [&](const StoredEvent& event) { return stored.insert(event.id).second; }));
    for (const std::int64_t number : acknowledged) EXPECT_TRUE(stored.contains(numbered_event(number).id)) << number;

    auto store = open_sqlite_store(folder / "audit.db");
    ASSERT_TRUE(store) << "the lock of a killed process is gone";
    auto recorder = Recorder::create(std::move(*store), RecorderOptions{});
    ASSERT_TRUE(recorder && (*recorder)->record(testing::request_event("after-the-crash")));
    ASSERT_TRUE((*recorder)->flush(std::chrono::seconds(10)));
    EXPECT_EQ(verify(**reader)->events, report->events + 1);
  }
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
