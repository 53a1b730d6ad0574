#include "audit/recorder.hpp"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/chain.hpp"
#include "audit/sample_events.hpp"

namespace suffice::audit {
namespace {

using namespace std::chrono_literals;
using ::testing::Each;
using ::testing::HasSubstr;
using testing::numbered_event;
using ::testing::SizeIs;

/// What a scripted store holds and how it behaves, shared with the test. Any thread.
struct Shelf {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<StoredEvent> events;
  std::vector<std::size_t> batches;
  bool failing = false;
  bool losing_answers = false;  ///< writes, and then says that it did not
  bool held = false;            ///< append() waits while set
  int attempts = 0;

  void set(bool Shelf::* flag, bool value) {
    {
      const std::lock_guard lock(mutex);
      this->*flag = value;
    }
    changed.notify_all();
  }
  void wait_for_attempts(int count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return attempts >= count; });
  }
};

class ShelfStore final : public AuditStore {
 public:
  explicit ShelfStore(Shelf& shelf) : shelf_(shelf) {}

  Result<void> append(const std::vector<StoredEvent>& batch) override {
    std::unique_lock lock(shelf_.mutex);
    ++shelf_.attempts;
    shelf_.changed.notify_all();
    shelf_.changed.wait(lock, [&] { return !shelf_.held; });
    if (shelf_.failing) return fail(ErrorCode::StoreFailed, "disk full");
    shelf_.events.insert(shelf_.events.end(), batch.begin(), batch.end());
    shelf_.batches.push_back(batch.size());
    if (std::exchange(shelf_.losing_answers, false)) return fail(ErrorCode::StoreFailed, "connection lost");
    return {};
  }
  Result<std::optional<StoredEvent>> last() override {
    const std::lock_guard lock(shelf_.mutex);
    if (shelf_.events.empty()) return std::nullopt;
    return shelf_.events.back();
  }
  Result<void> read(const EventFilter&, const std::function<bool(const StoredEvent&)>&) override {
    return fail(ErrorCode::Internal, "not scripted");
  }

  Result<std::map<std::string, Usd>> spent_since(std::string_view) override { return std::map<std::string, Usd>{}; }

 private:
  Shelf& shelf_;
};

std::unique_ptr<Recorder> recorder_on(Shelf& shelf, RecorderOptions options = {}) {
  options.retry_wait_first = 1ms;
  options.retry_wait_max = 1ms;
  auto recorder = Recorder::create(std::make_unique<ShelfStore>(shelf), std::move(options));
  EXPECT_TRUE(recorder) << describe(recorder.error());
  return std::move(recorder).value();
}

void expect_whole_chain(const std::vector<StoredEvent>& events, std::size_t count) {
  ASSERT_THAT(events, SizeIs(count));
  std::string previous(kFirstPreviousHash);
  for (std::size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].sequence, static_cast<std::int64_t>(i) + 1);
    EXPECT_EQ(events[i].previous_hash, previous);
    EXPECT_TRUE(hash_matches(events[i]));
    previous = events[i].hash;
  }
}

TEST(Recorder, ChainsEventsInTheOrderTheyCame) {
  Shelf shelf;
  const auto recorder = recorder_on(shelf);
  for (int i = 1; i <= 20; ++i) ASSERT_TRUE(recorder->record(numbered_event(i)));

  ASSERT_TRUE(recorder->flush(10s));

  expect_whole_chain(shelf.events, 20);
  EXPECT_EQ(shelf.events[6].id, numbered_event(7).id);
  EXPECT_EQ(recorder->stats().durable, 20U);
  EXPECT_EQ(recorder->stats().queued, 0U);
}

TEST(Recorder, ContinuesTheChainOfTheStore) {
  Shelf shelf;
  {
    const auto recorder = recorder_on(shelf);
    ASSERT_TRUE(recorder->record(numbered_event(1)));
  }
  {
    const auto recorder = recorder_on(shelf);
    ASSERT_TRUE(recorder->record(numbered_event(2)));
  }

  expect_whole_chain(shelf.events, 2);
}

TEST(Recorder, CommitsInOneBatchWhatCameDuringTheLastCommit) {
  Shelf shelf;
  shelf.held = true;
  const auto recorder = recorder_on(shelf, RecorderOptions{.batch_max = 4});
  ASSERT_TRUE(recorder->record(numbered_event(1)));
  shelf.wait_for_attempts(1);
  for (int i = 2; i <= 7; ++i) ASSERT_TRUE(recorder->record(numbered_event(i)));

  shelf.set(&Shelf::held, false);
  ASSERT_TRUE(recorder->flush(10s));

  EXPECT_THAT(shelf.batches, ::testing::ElementsAre(1U, 4U, 2U));
}

TEST(Recorder, SaysDoneOnlyAfterTheCommit) {
  Shelf shelf;
  shelf.held = true;
  std::atomic<int> done = 0;
  std::atomic<bool> stored_first = false;
  const auto recorder = recorder_on(shelf);
  ASSERT_TRUE(recorder->record_durably(numbered_event(1), [&](Result<void> result) {
    const std::lock_guard lock(shelf.mutex);
    stored_first = result.has_value() && shelf.events.size() == 1;
    ++done;
  }));
  shelf.wait_for_attempts(1);
  EXPECT_EQ(done, 0);

  shelf.set(&Shelf::held, false);
  ASSERT_TRUE(recorder->flush(10s));
  shelf.set(&Shelf::held, false);
  while (done == 0) std::this_thread::yield();

  EXPECT_TRUE(stored_first);
  EXPECT_EQ(done, 1);
}

TEST(Recorder, CountsWhatAFullQueueRefuses) {
  Shelf shelf;
  shelf.held = true;
  const auto recorder = recorder_on(shelf, RecorderOptions{.queue_max = 3});
  for (int i = 1; i <= 3; ++i) EXPECT_TRUE(recorder->record(numbered_event(i)));

  EXPECT_FALSE(recorder->record(numbered_event(4)));
  EXPECT_FALSE(recorder->record_durably(numbered_event(5),
                                        [](const Result<void>&) { FAIL() << "a refused event is never done"; }));

  EXPECT_EQ(recorder->stats().dropped, 2U);
  EXPECT_EQ(recorder->stats().queued, 3U);
  EXPECT_FALSE(recorder->healthy());
  shelf.set(&Shelf::held, false);
  ASSERT_TRUE(recorder->flush(10s));
  EXPECT_TRUE(recorder->healthy());
  expect_whole_chain(shelf.events, 3);
}

TEST(Recorder, LosesNothingWhenTheStoreFailsAndComesBack) {
  Shelf shelf;
  shelf.failing = true;
  std::atomic<int> failures_told = 0;
  std::atomic<int> logged = 0;
  RecorderOptions options;
  options.on_store_failure = [&](const Error& error, std::size_t waiting) {
    EXPECT_EQ(error.message, "disk full");
    EXPECT_GE(waiting, 1U);
    ++logged;
  };
  const auto recorder = recorder_on(shelf, std::move(options));
  for (int i = 1; i <= 10; ++i) {
    ASSERT_TRUE(recorder->record_durably(numbered_event(i), [&](const Result<void>& result) {
      if (!result) ++failures_told;
    }));
  }
  shelf.wait_for_attempts(3);
  EXPECT_FALSE(recorder->healthy());
  EXPECT_EQ(recorder->flush(1ms).error().code, ErrorCode::DeadlineExceeded);
  EXPECT_EQ(recorder->stats().durable, 0U);

  shelf.set(&Shelf::failing, false);
  ASSERT_TRUE(recorder->flush(10s));

  expect_whole_chain(shelf.events, 10);
  EXPECT_TRUE(recorder->healthy());
  EXPECT_GE(recorder->stats().store_failures, 2U);
  EXPECT_GE(failures_told, 1);
  EXPECT_GE(logged, 2);
}

TEST(Recorder, DoesNotWriteTwiceWhenOnlyTheAnswerOfACommitWasLost) {
  Shelf shelf;
  shelf.losing_answers = true;
  const auto recorder = recorder_on(shelf);
  ASSERT_TRUE(recorder->record(numbered_event(1)));
  ASSERT_TRUE(recorder->flush(10s));
  ASSERT_TRUE(recorder->record(numbered_event(2)));
  ASSERT_TRUE(recorder->flush(10s));

  expect_whole_chain(shelf.events, 2);
}

TEST(Recorder, WritesWhatIsQueuedBeforeItGoesAway) {
  Shelf shelf;
  {
    const auto recorder = recorder_on(shelf);
    for (int i = 1; i <= 300; ++i) ASSERT_TRUE(recorder->record(numbered_event(i)));
  }

  expect_whole_chain(shelf.events, 300);
}

TEST(Recorder, SaysHowManyAreLostWhenTheStoreStaysAwayToTheEnd) {
  Shelf shelf;
  shelf.failing = true;
  std::size_t lost = 0;
  {
    RecorderOptions options;
    options.stop_limit = 5ms;
    options.on_lost = [&](const Error& error, std::size_t events) {
      EXPECT_EQ(error.code, ErrorCode::StoreFailed);
      lost = events;
    };
    const auto recorder = recorder_on(shelf, std::move(options));
    for (int i = 1; i <= 5; ++i) ASSERT_TRUE(recorder->record(numbered_event(i)));
  }

  EXPECT_EQ(lost, 5U);
}

TEST(Recorder, RefusesToContinueAnAlteredRecord) {
  Shelf shelf;
  shelf.events = testing::chained_events(2);
  shelf.events[1].json.replace(shelf.events[1].json.find("dependency"), 10, "build     ");

  const auto recorder = Recorder::create(std::make_unique<ShelfStore>(shelf), RecorderOptions{});

  ASSERT_FALSE(recorder);
  EXPECT_EQ(recorder.error().code, ErrorCode::ChainBroken);
  EXPECT_THAT(recorder.error().message, HasSubstr("sequence 2"));
}

TEST(Recorder, TakesEventsFromManyThreads) {
  Shelf shelf;
  const auto recorder = recorder_on(shelf);
  std::vector<std::thread> producers;
  for (int thread = 0; thread < 4; ++thread) {
    producers.emplace_back([&, thread] {
      for (int i = 0; i < 200; ++i) EXPECT_TRUE(recorder->record(numbered_event(thread * 1'000 + i)));
    });
  }
  for (std::thread& producer : producers) producer.join();

  ASSERT_TRUE(recorder->flush(30s));

  expect_whole_chain(shelf.events, 800);
}

}  // namespace
}  // namespace suffice::audit
