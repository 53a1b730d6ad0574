#include "engine/job_queue.hpp"

#include <iterator>
#include <utility>

namespace suffice::engine {
namespace {

bool dead_at(const Job& job, SteadyTime now) { return job.cancelled() || now >= job.deadline(); }

}  // namespace

JobQueue::Pushed JobQueue::push(std::shared_ptr<Job> job) {
  {
    const std::lock_guard lock(mutex_);
    if (size_ >= total_max_) return Pushed::QueueFull;
    std::deque<std::shared_ptr<Job>>& line = waiting_[job->task()];
    if (line.size() >= task_max_) return Pushed::TaskFull;
    line.push_back(std::move(job));
    ++size_;
  }
  wake_.notify_one();
  return Pushed::Yes;
}

std::shared_ptr<Job> JobQueue::take(Wait wait, const MayTake& may_take) {
  std::vector<std::shared_ptr<Job>> dead;
  std::shared_ptr<Job> job;
  {
    std::unique_lock lock(mutex_);
    if (wait == Wait::No) {
      if (stopped_ || size_ <= idle_) return nullptr;
      job = next(may_take, dead);
    } else {
      ++idle_;
      while (!stopped_ && !(job = next(may_take, dead)) && dead.empty()) wake_.wait(lock);
      --idle_;
    }
  }
  bury(dead);
  if (job || dead.empty() || wait == Wait::No) return job;
  return take(wait, may_take);
}

std::shared_ptr<Job> JobQueue::next(const MayTake& may_take, std::vector<std::shared_ptr<Job>>& dead) {
  const SteadyTime now = clock_.steady_now();
  // Each task is looked at once, from the one after the last on.
  auto line = waiting_.upper_bound(last_);
  for (std::size_t looked_at = waiting_.size(); looked_at > 0; --looked_at) {
    if (line == waiting_.end()) line = waiting_.begin();
    std::deque<std::shared_ptr<Job>>& jobs = line->second;
    while (!jobs.empty() && dead_at(*jobs.front(), now)) {
      dead.push_back(std::move(jobs.front()));
      jobs.pop_front();
      --size_;
    }
    if (jobs.empty()) {
      line = waiting_.erase(line);
      continue;
    }
    if (may_take(line->first)) {
      std::shared_ptr<Job> job = std::move(jobs.front());
      jobs.pop_front();
      --size_;
      last_ = line->first;
      if (jobs.empty()) waiting_.erase(line);
      return job;
    }
    ++line;
  }
  return nullptr;
}

void JobQueue::sweep() {
  std::vector<std::shared_ptr<Job>> dead;
  {
    const std::lock_guard lock(mutex_);
    const SteadyTime now = clock_.steady_now();
    for (auto line = waiting_.begin(); line != waiting_.end();) {
      std::deque<std::shared_ptr<Job>>& jobs = line->second;
      std::deque<std::shared_ptr<Job>> alive;
      for (std::shared_ptr<Job>& job : jobs) {
        if (dead_at(*job, now)) {
          dead.push_back(std::move(job));
        } else {
          alive.push_back(std::move(job));
        }
      }
      jobs = std::move(alive);
      line = jobs.empty() ? waiting_.erase(line) : std::next(line);
    }
    size_ -= dead.size();
  }
  bury(dead);
}

/// Outside the lock: an end is written to the gateway.
void JobQueue::bury(std::vector<std::shared_ptr<Job>>& dead) const {
  for (const std::shared_ptr<Job>& job : dead) {
    if (job->cancelled()) {
      job->failed({.code = ErrorCode::Cancelled, .message = "the call was cancelled", .where = {}});
    } else {
      job->failed({.code = ErrorCode::DeadlineExceeded,
                   .message = "the call's deadline passed while it waited for the embedded model",
                   .where = {}});
    }
  }
}

std::size_t JobQueue::size() const {
  const std::lock_guard lock(mutex_);
  return size_;
}

void JobQueue::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    waiting_.clear();
    size_ = 0;
  }
  wake_.notify_all();
}

}  // namespace suffice::engine
