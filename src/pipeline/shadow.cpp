#include "pipeline/shadow.hpp"

#include <chrono>
#include <utility>

#include <boost/json/parse.hpp>

#include "core/text.hpp"

namespace suffice::pipeline {
namespace {

std::int64_t day_of(WallTime now) { return std::chrono::floor<std::chrono::days>(now).time_since_epoch().count(); }

/// Runs of white space as one space, none at the ends.
std::string plain(std::string_view text) {
  std::string result;
  bool gap = false;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!space && gap && !result.empty()) result += ' ';
    gap = space;
    if (!space) result += c;
  }
  return result;
}

}  // namespace

ShadowBudget::Answer ShadowBudget::begin(const policy::ShadowLimits& limits, WallTime now) {
  const std::lock_guard lock(mutex_);
  turn_day(now);
  if (limits.usd_per_day && spent_ >= *limits.usd_per_day) return Answer::Spent;
  if (running_ >= limits.at_once) return Answer::Busy;
  ++running_;
  return Answer::Granted;
}

void ShadowBudget::end(Usd cost, WallTime now) {
  const std::lock_guard lock(mutex_);
  turn_day(now);
  --running_;
  spent_ += cost;
}

Usd ShadowBudget::spent_today(WallTime now) {
  const std::lock_guard lock(mutex_);
  turn_day(now);
  return spent_;
}

void ShadowBudget::turn_day(WallTime now) {
  const std::int64_t today = day_of(now);
  if (today == day_) return;
  day_ = today;
  spent_ = Usd{};
}

Task<audit::Event> run_shadow(const ShadowPlan& plan, const ShadowQuestion& question, Deadline deadline, WallTime now) {
  audit::Event event;
  event.kind = audit::Event::Kind::Shadow;
  event.refers_to = question.event_id;
  event.task = question.task;
  event.caller_group = question.caller_group;
  event.policy_version = question.policy_version;
  event.route = Route::EscalatedAfterValidation;
  event.outcome = "ok";
  event.reasons = question.input_reasons;
  if (!question.input_reasons.empty()) co_return event;

  workflow::CascadeRun run(question.chat, question.request_id, deadline);
  run.input = question.input;
  run.now = now;
  const workflow::RunContext context{.deadline = deadline};
  const Result<void> done = co_await plan.graph.run(run, context);
  event.attempts = std::move(run.attempts);
  event.cost = run.cost;
  event.reasons = std::move(run.reasons);
  if (!done) event.outcome = name(done.error().code);
  if (run.accepted) {
    event.route = Route::Local;
    event.label = says_the_same(run.accepted->verdict.served_text, question.served_text) ? "agrees" : "differs";
  } else if (run.rejected) {
    event.label = says_the_same(run.rejected->verdict.served_text, question.served_text) ? "agrees" : "differs";
  }
  co_return event;
}

bool says_the_same(std::string_view a, std::string_view b) {
  if (fold_case(plain(a)) == fold_case(plain(b))) return true;
  boost::system::error_code not_a;
  boost::system::error_code not_b;
  const boost::json::value left = boost::json::parse(boost::json::string_view(a.data(), a.size()), not_a);
  const boost::json::value right = boost::json::parse(boost::json::string_view(b.data(), b.size()), not_b);
  return !not_a && !not_b && left == right;
}

}  // namespace suffice::pipeline
