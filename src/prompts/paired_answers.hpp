#pragma once
// Two versions of a prompt on the same cases: what changed, and whether it can be chance.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "prompts/prompt.hpp"

namespace suffice::prompts {

/// One line of a suite: an input and what its answer must be.
struct SuiteCase {
  std::string id;
  PromptTest test;
  bool operator==(const SuiteCase&) const = default;
};

/// A suite file, JSON Lines: {"id": "1", "input": "...", "expected": "BILLING"} or, of a JSON answer, "fields": {...};
/// "expected" may be a JSON value too. Blank lines are skipped. MalformedRequest with the line in `where`.
[[nodiscard]] Result<std::vector<SuiteCase>> read_suite(std::string_view json_lines, const std::string& name);

/// Counts of cases over both versions. The discordant ones are `fixed` and `broke`.
struct PairedCounts {
  std::int64_t cases = 0;
  std::int64_t both_right = 0;
  std::int64_t both_wrong = 0;
  std::int64_t fixed = 0;    ///< wrong before, right after
  std::int64_t broke = 0;    ///< right before, wrong after
  std::int64_t changed = 0;  ///< another answer, right or wrong
  bool operator==(const PairedCounts&) const = default;
};

/// McNemar's test in its exact form: the two-sided binomial probability, at 1/2, of a split of the discordant cases at
/// least as uneven as fixed : broke (McNemar 1947; exact conditional test as in Fagerland et al. 2013). 1 without any.
[[nodiscard]] double mcnemar_exact(std::int64_t fixed, std::int64_t broke);

}  // namespace suffice::prompts
