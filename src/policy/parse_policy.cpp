// From the text of a policy file to a Policy, or to every problem of it.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "core/hash.hpp"
#include "policy/fields.hpp"
#include "policy/policy_checks.hpp"
#include "policy/policy_reader.hpp"
#include "policy/policy_store.hpp"
#include "policy/prompt_files.hpp"
#include "policy/read_file.hpp"
#include "policy/schema_check.hpp"

namespace suffice::policy {

namespace {

/// In the order of the file, each once: a fault of the defaults is found once for every task.
void tidy(std::vector<Problem>& problems) {
  sort_by_place(problems);
  const auto repeated = std::ranges::unique(problems);
  problems.erase(repeated.begin(), repeated.end());
}

/// A parsed file before it is shared, with its document: the file checks still want to place what they find.
struct Draft {
  YamlDocument document;
  std::optional<Policy> policy;
  Loaded loaded;
};

Draft draft_policy(std::string_view yaml, const std::filesystem::path& file, const Environment& environment) {
  Draft draft;
  std::vector<Problem>& problems = draft.loaded.problems;
  draft.document = YamlDocument::parse(yaml, file.string(), problems);
  if (problems.empty() && draft.document.root().is_null()) {
    problems.push_back({file.string(), 0, 0, "", "the file is empty; examples/policy.yaml shows a whole policy"});
  }
  if (draft.document.root().is_null() || !policy_schema().check(draft.document, problems)) return draft;
  draft.policy = read_policy(draft.document, file.parent_path(), environment);
  draft.policy->version = sha256_hex(yaml).substr(0, 12);
  draft.policy->source_path = file.string();
  Findings findings{.document = draft.document, .problems = problems, .warnings = draft.loaded.warnings};
  check_models(*draft.policy, findings);
  check_names(*draft.policy, environment, findings);
  check_hard_stops(*draft.policy, findings);
  check_tasks(*draft.policy, environment, findings);
  check_keys(*draft.policy, findings);
  check_workflows(*draft.policy, findings);
  return draft;
}

Loaded finished(Draft draft) {
  tidy(draft.loaded.problems);
  tidy(draft.loaded.warnings);
  if (draft.loaded.problems.empty()) {
    draft.loaded.policy = std::make_shared<const Policy>(*std::move(draft.policy));
  }
  return std::move(draft.loaded);
}

void check_prompt_files(const Policy& policy, Findings& findings) {
  const auto check = [&](const std::string& prompt, const Pointer& at) {
    if (auto defect = missing_prompt(policy.prompt_dirs, prompt)) findings.problem(at, *std::move(defect));
  };
  for (const auto& [name, task] : policy.tasks) {
    if (!task.prompt.empty()) check(task.prompt, task_setting(findings.document, name, "prompt"));
    const Pointer tiers = task_setting(findings.document, name, "tiers");
    for (std::size_t i = 0; i < task.tiers.size(); ++i) {
      if (!task.tiers[i].prompt.empty()) check(task.tiers[i].prompt, child(child(tiers, i), "prompt"));
    }
  }
}

void check_model_files(const Policy& policy, Findings& findings) {
  for (const auto& [name, model] : policy.models) {
    std::error_code error;
    const bool stored = model.model.starts_with(kStorePrefix);
    if (!is_file(model.provider) || stored || std::filesystem::is_regular_file(model.model, error)) continue;
    findings.warning(child(child("/models", name), "model"),
                     fmt::format("no file {}; the model is unavailable until it is there", model.model));
  }
}

}  // namespace

Environment process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value =
        std::getenv(std::string(name).c_str());  // NOLINT(concurrency-mt-unsafe): nothing sets variables
    if (value == nullptr || *value == '\0') return std::nullopt;
    return std::string(value);
  };
}

Loaded parse_policy(std::string_view yaml, const std::filesystem::path& file, const Environment& environment) {
  return finished(draft_policy(yaml, file, environment));
}

Loaded load_policy(const std::filesystem::path& file, const Environment& environment) {
  const Result<std::string> yaml = read_file(file, YamlLimits().bytes_max);
  if (!yaml) return {.policy = nullptr, .problems = {{file.string(), 0, 0, "", yaml.error().message}}, .warnings = {}};
  return load_policy_text(*yaml, file, environment);
}

Loaded load_policy_text(std::string_view yaml, const std::filesystem::path& file, const Environment& environment) {
  Draft draft = draft_policy(yaml, file, environment);
  if (draft.policy) {
    Findings findings{.document = draft.document, .problems = draft.loaded.problems, .warnings = draft.loaded.warnings};
    check_prompt_files(*draft.policy, findings);
    check_model_files(*draft.policy, findings);
  }
  return finished(std::move(draft));
}

}  // namespace suffice::policy
