#pragma once
// Retries, a circuit breaker and the provider's quota around any client.

#include <memory>

#include "core/clock.hpp"
#include "core/random.hpp"
#include "policy/policy.hpp"
#include "providers/circuit_breaker.hpp"
#include "providers/model_client.hpp"
#include "providers/sleeper.hpp"

namespace suffice::providers {

struct ResilientRules {
  policy::Retries retries;
  std::chrono::milliseconds total{60'000};  ///< policy::Timeouts::total: all attempts and waits of one call together
  policy::Breaker breaker;
  policy::Quota
      quota;  ///< of the deployment; a call reserves its prompt and its longest answer, and settles what it used
};

/// Tries `inner` again as retry.hpp says, never after a delta has reached the sink, never past the deadline; the last error is the
/// answer, with the provider's Retry-After. While the breaker is open, calls fail at once with ModelUnavailable and available() is
/// false. A call over the quota waits as after a 429, or fails as one, without being made. `clock`, `random` (which must be one for any thread) and `sleeper` outlive the client; `sleeper` null: a timer.
[[nodiscard]] std::unique_ptr<ModelClient> make_resilient_client(std::unique_ptr<ModelClient> inner,
                                                                 const ResilientRules& rules, const Clock& clock,
                                                                 Random& random, Sleeper* sleeper = nullptr);

/// The rules of `model`.
[[nodiscard]] ResilientRules resilient_rules(const policy::Model& model);

}  // namespace suffice::providers
