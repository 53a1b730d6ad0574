#pragma once
// The demonstration of `suffice run maker --demo`: arithmetic with a SIMULATED worker of a known error rate, next to the known truth.

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "core/units.hpp"
#include "net/task.hpp"
#include "workflow/patterns/maker/planner_math.hpp"
#include "workflow/patterns/maker/steps.hpp"

namespace suffice::workflow::maker {

struct DemoOptions {
  double right = 0.9;                             ///< p of the simulated worker
  double valid = 0.9;                             ///< v
  double target = 0.95;                           ///< success of one chain
  std::string calculation = "5 +3 *10 /2 /4 +6";  ///< ((5+3)*10)/2, then /4, then +6
  std::size_t chains = 200;
  std::size_t length = 50;                           ///< of a chain
  Usd per_call = Usd::from_dollars(0.0001);          ///< assumed, of the worker
  Usd per_frontier_call = Usd::from_dollars(0.005);  ///< assumed
  std::uint64_t seed = 1;
};

/// One step of the calculation.
struct DemoStep {
  std::string instruction;
  std::string state;  ///< after it
  std::string truth;
  std::uint64_t votes = 0;
  std::uint64_t discarded = 0;
  bool escalated = false;
};

/// Many chains, made one way.
struct DemoChains {
  std::size_t right = 0;  ///< whose last value is the truth
  double expected = 0;    ///< share of chains that the formula expects to be right
  std::uint64_t steps = 0;
  std::uint64_t calls = 0;
  double expected_calls = 0;
  std::uint64_t discarded = 0;
  std::uint64_t escalated = 0;
  Usd cost;
};

struct DemoReport {
  RunForecast forecast;  ///< of one chain
  std::vector<DemoStep> calculation;
  Progress calculation_end;
  DemoChains voted;
  DemoChains alone;  ///< each step asked until one answer is of the format, and that is taken
};

/// Deterministic. Errors: a calculation that is none, and planner_math's.
[[nodiscard]] Task<Result<DemoReport>> run_demo(const DemoOptions& options);

}  // namespace suffice::workflow::maker
