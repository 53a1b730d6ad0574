#include "engine/job_queue.hpp"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "engine/fake_engine.hpp"

namespace suffice::engine {
namespace {

bool any(const std::string& /*task*/) { return true; }

class JobQueueTest : public testing::Test {
 protected:
  std::shared_ptr<FakeJob> push(std::string task, std::chrono::milliseconds left = std::chrono::hours(1)) {
    wire::EngineCall call;
    call.task = std::move(task);
    auto job = std::make_shared<FakeJob>(std::move(call), clock.now, clock.now + left);
    pushed = queue.push(job);
    return job;
  }
  std::string take_task() {
    const auto job = queue.take(JobQueue::Wait::No, any);
    return job ? job->task() : "";
  }

  FakeClock clock;
  JobQueue queue{8, 6, clock};
  JobQueue::Pushed pushed = JobQueue::Pushed::Yes;
};

TEST_F(JobQueueTest, GivesTasksTheirTurns) {
  for (int i = 0; i < 5; ++i) push("flood");
  push("a");
  push("b");
  push("a");
  std::vector<std::string> order;
  for (int i = 0; i < 8; ++i) order.push_back(take_task());
  EXPECT_EQ(order, (std::vector<std::string>{"a", "b", "flood", "a", "flood", "flood", "flood", "flood"}));
}

TEST_F(JobQueueTest, KeepsTheOrderWithinATask) {
  const auto first = push("a");
  const auto second = push("a");
  EXPECT_EQ(queue.take(JobQueue::Wait::No, any), first);
  EXPECT_EQ(queue.take(JobQueue::Wait::No, any), second);
}

TEST_F(JobQueueTest, IsBoundedInAllAndByTask) {
  for (int i = 0; i < 6; ++i) push("flood");
  EXPECT_EQ(pushed, JobQueue::Pushed::Yes);
  push("flood");
  EXPECT_EQ(pushed, JobQueue::Pushed::TaskFull);
  push("other");
  push("other");
  EXPECT_EQ(pushed, JobQueue::Pushed::Yes);
  push("third");
  EXPECT_EQ(pushed, JobQueue::Pushed::QueueFull);
  EXPECT_EQ(queue.size(), 8U);
}

TEST_F(JobQueueTest, EndsWhatNobodyWaitsForAndNeverGivesItOut) {
  const auto late = push("a", std::chrono::milliseconds(5));
  const auto unwanted = push("a");
  const auto good = push("a");
  unwanted->unwanted = true;
  clock.now += std::chrono::milliseconds(5);
  EXPECT_EQ(queue.take(JobQueue::Wait::No, any), good);
  EXPECT_EQ(late->error->code, ErrorCode::DeadlineExceeded);
  EXPECT_EQ(unwanted->error->code, ErrorCode::Cancelled);
}

TEST_F(JobQueueTest, SweepFreesThePlacesOfTheDead) {
  const auto late = push("a", std::chrono::milliseconds(5));
  const auto good = push("b");
  clock.now += std::chrono::milliseconds(5);
  queue.sweep();
  EXPECT_EQ(late->ends, 1);
  EXPECT_EQ(queue.size(), 1U);
  EXPECT_EQ(queue.take(JobQueue::Wait::No, any), good);
}

TEST_F(JobQueueTest, PassesOverTasksThatMayNotBeTaken) {
  push("a");
  push("b");
  const auto not_a = [](const std::string& task) { return task != "a"; };
  EXPECT_EQ(queue.take(JobQueue::Wait::No, not_a)->task(), "b");
  EXPECT_EQ(queue.take(JobQueue::Wait::No, not_a), nullptr);
  EXPECT_EQ(queue.size(), 1U);
}

TEST_F(JobQueueTest, WakesAnIdleThreadAndStopsIt) {
  std::atomic<int> taken{0};
  std::thread idle([&] {
    while (queue.take(JobQueue::Wait::Yes, any)) ++taken;
  });
  push("a");
  push("b");
  while (taken < 2) std::this_thread::yield();
  queue.stop();
  idle.join();
  EXPECT_EQ(queue.take(JobQueue::Wait::Yes, any), nullptr);
}

}  // namespace
}  // namespace suffice::engine
