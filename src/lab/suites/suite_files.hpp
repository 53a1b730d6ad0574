#pragma once
// The two readers behind parse_suite(). Internal to lab/suites.

#include <string>
#include <string_view>
#include <vector>

#include "lab/suites/suite.hpp"
#include "policy/problem.hpp"

namespace suffice::lab {

/// Everything but name, folder, cases and sha256. Problems are appended; what could be read is returned.
[[nodiscard]] Suite read_suite_yaml(std::string_view yaml, const std::string& file,
                                    std::vector<policy::Problem>& problems);

/// The cases of JSON Lines. Empty lines are skipped. Problems are appended, one or more a bad line.
[[nodiscard]] std::vector<SuiteCase> read_cases(std::string_view lines, const std::string& file,
                                                std::vector<policy::Problem>& problems);

}  // namespace suffice::lab
