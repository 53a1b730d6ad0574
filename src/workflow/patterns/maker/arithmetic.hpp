#pragma once
// Chains of one-step calculations: the smallest task with carried state and known truth. The demo's.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/random.hpp"
#include "core/result.hpp"
#include "workflow/patterns/maker/plan.hpp"
#include "workflow/patterns/maker/simulated_worker.hpp"

namespace suffice::workflow::maker {

/// "+3", "-7", "*10", "/2": applied to the value carried.
struct Operation {
  char sign = '+';
  std::int64_t by = 0;
  bool operator==(const Operation&) const = default;
};

/// A whole number and what is done to it, in order.
struct Chain {
  std::int64_t start = 0;
  std::vector<Operation> operations;
};

/// Reads "5 +3 *10 /2 /4 +6": a number, then operations. InvalidArgument for anything else.
[[nodiscard]] Result<Chain> read_chain(std::string_view text);
[[nodiscard]] Result<Operation> read_operation(std::string_view text);

/// InvalidArgument when a division has a remainder, or is by 0, or a value leaves +-10^15.
[[nodiscard]] Result<std::int64_t> apply(std::int64_t value, const Operation& operation);
/// The values after each operation. Errors: apply's.
[[nodiscard]] Result<std::vector<std::int64_t>> truth_of(const Chain& chain);

/// A chain that can be calculated, of `length` operations on values of 0 to 999: operands of +, - up to 99, of * and / up to 12.
[[nodiscard]] Chain random_chain(std::size_t length, Random& random);

/// The plan of a chain: its start is the state, each operation's text an instruction.
[[nodiscard]] Result<Plan> plan_of(const Chain& chain, const PlanLimits& limits);

/// Answers one calculation. The value is the whole answer ("80"); the wrong one is off by one.
[[nodiscard]] Oracle arithmetic_oracle();

}  // namespace suffice::workflow::maker
