#pragma once
// Shadow: what a rung that is not served would have done with a request, run after the caller has the answer.

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "audit/event.hpp"
#include "core/chat.hpp"
#include "core/clock.hpp"
#include "core/reasons.hpp"
#include "core/units.hpp"
#include "net/task.hpp"
#include "policy/policy.hpp"
#include "workflow/patterns/cascade.hpp"

namespace suffice::pipeline {

/// Rungs of a task that are watched, not served. Immutable; shared.
struct ShadowPlan {
  bool candidate = false;  ///< the task's candidate; else the local part of its ladder, in rollout stage shadow
  std::shared_ptr<const workflow::CascadePlan> plan;
  workflow::Graph<workflow::CascadeRun> graph;
};

/// What shadow runs of all tasks may use together, and have used today (UTC). Any thread.
class ShadowBudget {
 public:
  /// Why a run is left out, or Granted; every Granted is followed by one end().
  enum class Answer : std::uint8_t { Granted, Spent, Busy };
  [[nodiscard]] Answer begin(const policy::ShadowLimits& limits, WallTime now);
  void end(Usd cost, WallTime now);
  [[nodiscard]] Usd spent_today(WallTime now);

 private:
  void turn_day(WallTime now);

  std::mutex mutex_;
  std::int64_t day_ = 0;
  Usd spent_;
  int running_ = 0;
};

/// What was served, and what the shadow run needs of the request. Owns all of it: the caller has left by then.
struct ShadowQuestion {
  ChatRequest chat;
  std::string input;  ///< as the gate looked at it
  std::string request_id;
  std::string task;
  std::string caller_group;
  std::string policy_version;
  std::string served_text;
  std::string event_id;               ///< of the request
  std::vector<Reason> input_reasons;  ///< why the input may not go local at all; no model is asked then
};

/// Runs `plan` on `question` and says what it would have done. Both outlive the await; cancelling it ends the run.
[[nodiscard]] Task<audit::Event> run_shadow(const ShadowPlan& plan, const ShadowQuestion& question, Deadline deadline,
                                            WallTime now);

/// Whether two answers say the same: equal labels up to case, equal JSON values, or equal texts but for white space.
[[nodiscard]] bool says_the_same(std::string_view a, std::string_view b);

}  // namespace suffice::pipeline
