#pragma once
// Calls that wait for a context: bounded, fair between tasks, none computed after its deadline.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "wire/engine_frames.hpp"

namespace suffice::engine {

/// What the gateway asks for and a thread works on.
using Request = std::variant<wire::EngineCall, wire::EngineEmbed, wire::EngineCount>;

/// One call from its frame to its end, as those who compute it see it. `cancelled` any thread, the rest one at a time.
class Job {
 public:
  virtual ~Job() = default;
  [[nodiscard]] virtual const Request& request() const = 0;
  [[nodiscard]] virtual SteadyTime accepted() const = 0;
  /// Until when somebody waits for the answer; the frame's own time.
  [[nodiscard]] virtual SteadyTime deadline() const = 0;
  /// True once nobody wants the answer. Cheap.
  [[nodiscard]] virtual bool cancelled() const = 0;
  virtual void delta(const wire::EngineDelta& delta) = 0;
  /// The end, exactly one of the four.
  virtual void done(wire::EngineDone answer) = 0;
  virtual void embedded(wire::EngineEmbedded answer) = 0;
  virtual void counted(wire::EngineCounted answer) = 0;
  virtual void failed(Error error) = 0;

  [[nodiscard]] const std::string& task() const {
    return std::visit([](const auto& frame) -> const std::string& { return frame.task; }, request());
  }
};

/// The queue between the thread that reads frames and the threads that compute. Any thread.
///
/// Tasks take turns, whatever they have waiting, so a flood of one task delays another by one call a turn at most. Within
/// a task first come, first served.
class JobQueue {
 public:
  /// `total_max` calls wait at most, `task_max` of one task.
  JobQueue(std::size_t total_max, std::size_t task_max, const Clock& clock)
      : total_max_(total_max), task_max_(task_max), clock_(clock) {}

  enum class Pushed : std::uint8_t { Yes, QueueFull, TaskFull };
  Pushed push(std::shared_ptr<Job> job);

  using MayTake = std::function<bool(const std::string& task)>;
  enum class Wait : std::uint8_t { No, Yes };
  /// The next call of a task that `may_take` lets pass. Cancelled and expired ones are ended here and never given out.
  /// Without waiting nothing also comes while enough others are idle, who then get it: a busy context does not collect
  /// calls that a free one could start at once. Null when stopped, or nothing is there and Wait::No.
  std::shared_ptr<Job> take(Wait wait, const MayTake& may_take);

  /// Ends the calls that wait in vain (cancelled, deadline over). For a thread that looks every few milliseconds.
  void sweep();
  /// Calls waiting.
  [[nodiscard]] std::size_t size() const;
  /// Lets every take() return null and drops what waits.
  void stop();

 private:
  std::shared_ptr<Job> next(const MayTake& may_take, std::vector<std::shared_ptr<Job>>& dead);
  void bury(std::vector<std::shared_ptr<Job>>& dead) const;

  std::size_t total_max_;
  std::size_t task_max_;
  const Clock& clock_;
  mutable std::mutex mutex_;  ///< guards all below
  std::condition_variable wake_;
  std::map<std::string, std::deque<std::shared_ptr<Job>>> waiting_;  ///< no empty queues
  std::string last_;  ///< the task whose turn was last; the next one in order follows
  std::size_t size_ = 0;
  std::size_t idle_ = 0;  ///< threads in take(Wait::Yes)
  bool stopped_ = false;
};

}  // namespace suffice::engine
