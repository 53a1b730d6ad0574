// Shadow runs of the gateway: begun when the caller has its answer, recorded as events of their own.

#include <chrono>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "core/ids.hpp"
#include "pipeline/gateway.hpp"
#include "pipeline/gateway_metrics.hpp"

namespace suffice::pipeline {
namespace {

namespace asio = boost::asio;

/// Nobody waits for a shadow run; a model that hangs must not hold its place for ever.
constexpr std::chrono::minutes kShadowTimeMax{2};

std::string_view result_of(const audit::Event& event) {
  if (event.route == Route::Local) return event.label;
  const bool failed = !event.attempts.empty() && !event.attempts.back().error.empty();
  return failed ? "failed" : "escalated";
}

}  // namespace

void Gateway::begin_shadows(const std::shared_ptr<const Snapshot>& snapshot, const TaskPlan& task,
                            const std::shared_ptr<const ShadowQuestion>& question,
                            const asio::any_io_executor& executor) {
  for (const std::shared_ptr<const ShadowPlan>& plan : task.shadows) {
    using enum ShadowBudget::Answer;
    const ShadowBudget::Answer may = shadow_budget_.begin(snapshot->policy->shadow, parts_.clock.wall_now());
    if (may != Granted) {
      parts_.metrics.count_shadow(question->task, may == Spent ? "over_budget" : "busy");
      continue;
    }
    Task<void> running = shadow(snapshot, plan, question);
    asio::co_spawn(executor, std::move(running), asio::detached);
  }
}

Task<void> Gateway::shadow(std::shared_ptr<const Snapshot> /*kept alive*/, std::shared_ptr<const ShadowPlan> plan,
                           std::shared_ptr<const ShadowQuestion> question) {
  Task<audit::Event> running = run_shadow(*plan, *question, Deadline::after(kShadowTimeMax), parts_.clock.wall_now());
  audit::Event event = co_await std::move(running);
  event.id = new_uuid7(parts_.clock, parts_.random);
  event.time = parts_.clock.wall_now();
  shadow_budget_.end(event.cost, event.time);
  parts_.metrics.count_shadow(event.task, result_of(event));
  // A full queue drops it and counts that; no caller depends on it.
  static_cast<void>(parts_.recorder.record(std::move(event)));
}

}  // namespace suffice::pipeline
