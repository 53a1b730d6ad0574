#pragma once
// What tends to hurt small models in a prompt, with the place in its file.

#include <string>
#include <vector>

#include "policy/problem.hpp"
#include "prompts/prompt.hpp"

namespace suffice::prompts {

struct LintFinding {
  std::string rule;     ///< "no_reminder", ...: stable, for scripts
  std::string at;       ///< JSON pointer of the part it is about; "" for the whole file
  std::string message;  ///< what is wrong and what to do
  bool operator==(const LintFinding&) const = default;
};

/// Findings in the order of the rules; empty when there is nothing to say. Of a specialist only missing tests are said:
/// its prompt is what it was trained with. Pure; any thread.
[[nodiscard]] std::vector<LintFinding> lint(const Prompt& prompt);

/// The same with line and column: reads `prompt.file` once more.
[[nodiscard]] std::vector<policy::Problem> lint_with_places(const Prompt& prompt);

}  // namespace suffice::prompts
