#pragma once
// Callers: who is calling, and what each key has used of its limits.

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "core/units.hpp"
#include "policy/policy.hpp"

namespace suffice::pipeline {

class CallerUse;

/// The most that a request can cost its caller, known before any model is asked.
struct Demand {
  std::int64_t tokens = 0;
  Usd cost;
};

/// One request that was let in: what it may use at most is reserved until settle(). Without settle() nothing was used.
/// One thread at a time. Empty for a caller without a key.
class Admitted {
 public:
  Admitted() = default;
  Admitted(std::shared_ptr<CallerUse> use, const Demand& reserved, bool may_escalate, SteadyTime now);
  Admitted(Admitted&&) noexcept = default;
  Admitted& operator=(Admitted&&) noexcept;
  ~Admitted();

  /// False when the key's hosted calls of this hour are used up.
  [[nodiscard]] bool may_escalate() const { return may_escalate_; }
  void settle(std::int64_t tokens, Usd cost, bool escalated, const Clock& clock);

 private:
  void release();

  std::shared_ptr<CallerUse> use_;
  Demand reserved_;
  bool may_escalate_ = true;
  SteadyTime since_{};
};

/// Any thread. Use survives a reload of the policy; limits are those of the policy that is asked with.
class Callers {
 public:
  explicit Callers(const Clock& clock) : clock_(clock) {}

  /// The key whose SHA-256 is `credential` (hex; empty: none was sent), or null when the policy has no keys. Unauthorized when it is
  /// missing, unknown or expired; never says which keys there are.
  [[nodiscard]] Result<const policy::AccessKey*> identify(const policy::Policy& policy,
                                                          std::string_view credential) const;
  /// Forbidden for a task the key may not ask for, RateLimited (quota, requests at once), BudgetExhausted.
  [[nodiscard]] Result<Admitted> admit(const policy::AccessKey& key, std::string_view task, const Demand& demand);

  /// What a key spent on the current UTC day before this process began; from the record.
  void add_spent(const std::string& key_name, Usd cost);

 private:
  std::shared_ptr<CallerUse> use_of(const policy::AccessKey& key);

  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<CallerUse>> use_;  ///< by the key's name
};

}  // namespace suffice::pipeline
