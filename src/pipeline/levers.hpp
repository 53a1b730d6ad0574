#pragma once
// Levers: what an operator changes in seconds, without a restart and without a new policy.

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "policy/policy.hpp"

namespace suffice::pipeline {

/// The levers' position, as a value.
struct LeverState {
  policy::KillSwitch kill_switch = policy::KillSwitch::Off;
  std::set<std::string> frontier_only_tasks;  ///< tasks that an operator keeps off local models
  bool operator==(const LeverState&) const = default;
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
