// What the schema cannot say about access keys.

#include <charconv>
#include <chrono>
#include <map>
#include <optional>

#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "policy/fields.hpp"
#include "policy/policy_checks.hpp"

namespace suffice::policy {
namespace {

/// A day of the calendar from "2027-01-31", whose shape the schema has checked.
std::optional<std::chrono::year_month_day> day_of(std::string_view text) {
  int parts[3] = {};
  const std::size_t begins[] = {0, 5, 8};
  const std::size_t lengths[] = {4, 2, 2};
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string_view digits = text.substr(begins[i], lengths[i]);
    if (std::from_chars(digits.data(), digits.data() + digits.size(), parts[i]).ec != std::errc{}) return std::nullopt;
  }
  const std::chrono::year_month_day day{std::chrono::year(parts[0]),
                                        std::chrono::month(static_cast<unsigned>(parts[1])),
                                        std::chrono::day(static_cast<unsigned>(parts[2]))};
  return day.ok() ? std::optional(day) : std::nullopt;
}

void check_key(const Policy& policy, const std::string& name, const Fields& fields, Findings& findings) {
  const Pointer at = child("/keys", name);
  const std::vector<std::string> tasks = fields.texts("tasks");
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (policy.tasks.contains(tasks[i]) || policy.workflows.contains(tasks[i])) continue;
    findings.problem(child(child(at, "tasks"), i),
                     fmt::format("no task or workflow has this name{}", did_you_mean(tasks[i], keys_of(policy.tasks))));
  }
  const std::string expires = fields.text("expires");
  if (!expires.empty() && !day_of(expires)) {
    findings.problem(child(at, "expires"), "no such day; write the last valid day as 2027-01-31");
  }
}

}  // namespace

void check_keys(const Policy& policy, Findings& findings) {
  const Fields keys = Fields(&findings.document.root()).below("keys");
  std::map<std::string, std::string> seen;
  for (const auto& member : keys.object()) {
    const std::string name(member.key());
    const Fields fields(&member.value());
    const auto [first, is_new] = seen.emplace(fields.text("sha256"), name);
    if (!is_new) {
      findings.problem(child(child("/keys", name), "sha256"),
                       fmt::format("the same key as {}; nobody could tell the two callers apart", first->second));
    }
    check_key(policy, name, fields, findings);
  }
}

}  // namespace suffice::policy
