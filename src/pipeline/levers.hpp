#pragma once
// Levers: what an operator changes in seconds, without a restart and without a new policy.

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "policy/policy.hpp"

namespace suffice::pipeline {

/// What an operator changed about one task. Absent: as the policy says.
struct TaskLever {
  std::optional<double> min_confidence;  ///< beside the task's threshold; the higher of the two counts
  std::optional<int> canary_percent;     ///< of a task in stage canary or on: only so many callers are answered locally
  std::optional<std::set<std::string>> canary_groups;  ///< and these groups
  bool candidate_serves = false;                       ///< the task's candidate takes its local rungs' place
  bool certificate_withdrawn = false;                  ///< its threshold counts as uncertified
  [[nodiscard]] bool is_off() const { return *this == TaskLever{}; }
  bool operator==(const TaskLever&) const = default;
};

/// The levers' position, as a value.
struct LeverState {
  policy::KillSwitch kill_switch = policy::KillSwitch::Off;
  std::set<std::string> frontier_only_tasks;                 ///< tasks that an operator keeps off local models
  std::map<std::string, TaskLever, std::less<>> tasks = {};  ///< those with a lever that is not off
  bool operator==(const LeverState&) const = default;

  /// The lever of `task`; all off when nobody touched it.
  [[nodiscard]] const TaskLever& of(std::string_view task) const {
    static const TaskLever off;
    const auto found = tasks.find(task);
    return found == tasks.end() ? off : found->second;
  }
};

/// Any thread. A request reads the state once; a change acts on the next request.
class Levers {
 public:
  explicit Levers(LeverState initial) : state_(std::make_shared<const LeverState>(std::move(initial))) {}

  [[nodiscard]] std::shared_ptr<const LeverState> current() const {
    const std::lock_guard lock(mutex_);
    return state_;
  }
  void set(LeverState next) {
    auto fresh = std::make_shared<const LeverState>(std::move(next));
    const std::lock_guard lock(mutex_);
    state_ = std::move(fresh);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const LeverState> state_;
};

}  // namespace suffice::pipeline
