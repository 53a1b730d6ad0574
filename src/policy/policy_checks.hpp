#pragma once
// What a schema cannot say: names that mean nothing, settings that contradict each other, secrets in the open.
// Internal to parse_policy.

#include <string>
#include <vector>

#include "policy/policy.hpp"
#include "policy/policy_store.hpp"
#include "policy/yaml_document.hpp"

namespace suffice::policy {

/// Where the checks of one document put what they find.
struct Findings {
  const YamlDocument& document;
  std::vector<Problem>& problems;
  std::vector<Problem>& warnings;

  void problem(const Pointer& at, std::string message) {
    problems.push_back(document.at_value(at, std::move(message)));
  }
  void warning(const Pointer& at, std::string message) {
    warnings.push_back(document.at_value(at, std::move(message)));
  }
};

/// Providers with keys and places they need, prices, secrets written inline.
void check_models(const Policy& policy, Findings& findings);
/// Aliases, the frontier and the default task name something; somebody's secret is present.
void check_names(const Policy& policy, const Environment& environment, Findings& findings);
/// Groups have patterns, and these compile.
void check_hard_stops(const Policy& policy, Findings& findings);
/// Keys name tasks that exist and do not share a hash; their dates are dates.
void check_keys(const Policy& policy, Findings& findings);
/// Names that clash with tasks or the program's own; hard stops that do not exist.
void check_workflows(const Policy& policy, Findings& findings);
/// Ladders, labels, schemas, thresholds of every task.
void check_tasks(const Policy& policy, const Environment& environment, Findings& findings);

/// Keys of a map, for did_you_mean().
template <class Map>
[[nodiscard]] std::vector<std::string> keys_of(const Map& map) {
  std::vector<std::string> keys;
  keys.reserve(map.size());
  for (const auto& entry : map) keys.push_back(entry.first);
  return keys;
}

}  // namespace suffice::policy
