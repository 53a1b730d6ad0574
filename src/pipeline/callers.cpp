#include "pipeline/callers.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "providers/quota_meter.hpp"

namespace suffice::pipeline {
namespace {

constexpr double kMillisecondsPerHour = 3'600'000;

std::chrono::sys_days day_of(WallTime time) { return std::chrono::floor<std::chrono::days>(time); }

/// "2027-01-31", which sorts as text.
std::string day_text(WallTime time) {
  const std::chrono::year_month_day day{day_of(time)};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                     static_cast<unsigned>(day.day()));
}

std::unexpected<Error> limited(std::string message, std::int64_t retry_after_ms) {
  std::unexpected<Error> refused = fail(ErrorCode::RateLimited, std::move(message));
  refused.error().retry_after_ms = retry_after_ms;
  return refused;
}

std::int64_t ms_to_midnight(WallTime now) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(day_of(now) + std::chrono::days(1) - now).count();
}

}  // namespace

/// What one key has used. Any thread.
class CallerUse {
 public:
  explicit CallerUse(policy::Quota quota) : meter_(std::make_shared<providers::QuotaMeter>(quota)) {}

  struct Grant {
    bool may_escalate = true;
  };

  Result<Grant> reserve(const policy::AccessKey& key, const Demand& demand, SteadyTime now, WallTime wall) {
    const std::lock_guard lock(mutex_);
    if (key.quota != meter_->quota()) meter_ = std::make_shared<providers::QuotaMeter>(key.quota);
    if (key.requests_at_once != 0 && in_work_ >= key.requests_at_once) {
      return limited(fmt::format("key {} has {} requests in work, its limit", key.name, in_work_), 1'000);
    }
    SUFFICE_TRY_VOID(check_budget(key, demand, wall));
    SUFFICE_TRY_VOID(meter_->reserve(demand.tokens, now));
    ++in_work_;
    reserved_ += demand.cost;
    return Grant{.may_escalate = take_escalation(key.escalations_per_hour, now)};
  }

  void settle(const Demand& reserved, bool had_escalation, const Demand& used, bool escalated, SteadyTime now,
              WallTime wall) {
    const std::lock_guard lock(mutex_);
    --in_work_;
    reserved_ = reserved_ - reserved.cost;
    turn_day(wall);
    spent_ += used.cost;
    if (had_escalation && !escalated) escalations_ = std::min(escalations_ + 1, escalations_max_);
    meter_->settle(reserved.tokens, used.tokens, now);
  }

  void release(const Demand& reserved, bool had_escalation, SteadyTime since) {
    const std::lock_guard lock(mutex_);
    --in_work_;
    reserved_ = reserved_ - reserved.cost;
    if (had_escalation) escalations_ = std::min(escalations_ + 1, escalations_max_);
    meter_->give_back(reserved.tokens, since);
  }

  void add_spent(Usd cost, WallTime wall) {
    const std::lock_guard lock(mutex_);
    turn_day(wall);
    spent_ += cost;
  }

 private:
  /// What is reserved counts as spent: two requests at once must not both take the last dollar.
  Result<void> check_budget(const policy::AccessKey& key, const Demand& demand, WallTime wall) {
    if (!key.budget_per_day) return {};
    turn_day(wall);
    if (spent_ + reserved_ + demand.cost <= *key.budget_per_day) return {};
    std::unexpected<Error> refused =
        fail(ErrorCode::BudgetExhausted,
             fmt::format("key {} has ${:.4f} left of ${:.2f} for today (UTC), this request may cost ${:.4f}", key.name,
                         std::max(0.0, (*key.budget_per_day - spent_ - reserved_).dollars()),
                         key.budget_per_day->dollars(), demand.cost.dollars()));
    refused.error().retry_after_ms = ms_to_midnight(wall);
    return refused;
  }

  void turn_day(WallTime wall) {
    if (const std::chrono::sys_days today = day_of(wall); today != std::exchange(day_, today)) spent_ = Usd{};
  }

  /// A bucket of one hour's escalations that starts full and fills evenly.
  bool take_escalation(std::int64_t per_hour, SteadyTime now) {
    if (per_hour == 0) return true;
    const auto most = static_cast<double>(per_hour);
    if (most != escalations_max_) {
      escalations_max_ = most;
      escalations_ = most;
    } else if (now > escalations_at_) {
      const double hours =
          std::chrono::duration<double, std::milli>(now - escalations_at_).count() / kMillisecondsPerHour;
      escalations_ = std::min(most, escalations_ + most * hours);
    }
    escalations_at_ = now;
    if (escalations_ < 1) return false;
    escalations_ -= 1;
    return true;
  }

  std::mutex mutex_;
  std::shared_ptr<providers::QuotaMeter> meter_;
  std::int64_t in_work_ = 0;
  std::chrono::sys_days day_{};
  Usd spent_;
  Usd reserved_;
  double escalations_max_ = 0;
  double escalations_ = 0;
  SteadyTime escalations_at_{};
};

Admitted::Admitted(std::shared_ptr<CallerUse> use, const Demand& reserved, bool may_escalate, SteadyTime now)
    : use_(std::move(use)), reserved_(reserved), may_escalate_(may_escalate), since_(now) {}

Admitted& Admitted::operator=(Admitted&& other) noexcept {
  release();
  use_ = std::move(other.use_);
  reserved_ = other.reserved_;
  may_escalate_ = other.may_escalate_;
  since_ = other.since_;
  return *this;
}

Admitted::~Admitted() { release(); }

void Admitted::release() {
  if (const std::shared_ptr<CallerUse> use = std::move(use_)) use->release(reserved_, may_escalate_, since_);
}

void Admitted::settle(std::int64_t tokens, Usd cost, bool escalated, const Clock& clock) {
  const std::shared_ptr<CallerUse> use = std::move(use_);
  if (use == nullptr) return;
  use->settle(reserved_, may_escalate_, {.tokens = tokens, .cost = cost}, escalated, clock.steady_now(),
              clock.wall_now());
}

Result<const policy::AccessKey*> Callers::identify(const policy::Policy& policy, std::string_view credential) const {
  if (policy.keys.empty()) return nullptr;
  if (credential.empty()) {
    return fail(ErrorCode::Unauthorized, "no key: send Authorization: Bearer KEY, or x-api-key: KEY");
  }
  const auto found = policy.keys.find(std::string(credential));
  if (found == policy.keys.end()) return fail(ErrorCode::Unauthorized, "this key is not known here");
  const policy::AccessKey& key = found->second;
  if (!key.expires.empty() && day_text(clock_.wall_now()) > key.expires) {
    return fail(ErrorCode::Unauthorized, fmt::format("key {} was valid until {}", key.name, key.expires));
  }
  return &key;
}

std::shared_ptr<CallerUse> Callers::use_of(const policy::AccessKey& key) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<CallerUse>& use = use_[key.name];
  if (use == nullptr) use = std::make_shared<CallerUse>(key.quota);
  return use;
}

Result<Admitted> Callers::admit(const policy::AccessKey& key, std::string_view task, const Demand& demand) {
  if (!key.tasks.empty() && std::ranges::find(key.tasks, task) == key.tasks.end()) {
    return fail(ErrorCode::Forbidden, fmt::format("key {} may only ask for: {}", key.name, fmt::join(key.tasks, ", ")),
                "task");
  }
  std::shared_ptr<CallerUse> use = use_of(key);
  const SteadyTime now = clock_.steady_now();
  const Result<CallerUse::Grant> granted = use->reserve(key, demand, now, clock_.wall_now());
  if (!granted) return fail(granted.error());
  return Admitted(std::move(use), demand, granted->may_escalate, now);
}

void Callers::add_spent(const std::string& key_name, Usd cost) {
  policy::AccessKey named;
  named.name = key_name;
  use_of(named)->add_spent(cost, clock_.wall_now());
}

}  // namespace suffice::pipeline
