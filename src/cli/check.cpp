// suffice check: every problem of policy files, with its place and what to do.

#include <cstddef>
#include <cstdio>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/model_clients.hpp"
#include "cli/command.hpp"
#include "core/clock.hpp"
#include "gate/confidence_rule.hpp"
#include "gate/judge.hpp"
#include "models/model_store.hpp"
#include "pipeline/learned_routing.hpp"
#include "policy/policy_reader.hpp"
#include "policy/policy_store.hpp"
#include "policy/yaml_document.hpp"
#include "providers/classifier_client.hpp"
#include "providers/recorded_client.hpp"

namespace suffice::cli {
namespace {

namespace json = boost::json;

struct CheckFlags {
  std::vector<std::string> files;
  bool json = false;
};

/// Whether a file that the gateway reads itself is one it can use. An embedded model's is read by app::admit.
Result<void> opens(const policy::Model& model) {
  if (model.provider == policy::ProviderKind::Classifier) {
    SUFFICE_TRY_VOID(providers::make_classifier_client(model));
  } else if (model.provider == policy::ProviderKind::Recorded) {
    SUFFICE_TRY_VOID(providers::make_recorded_client(model));
  }
  return {};
}

/// Problems that show only when the model files are looked at and the gates are compiled.
std::vector<policy::Problem> deep_problems(const policy::Policy& policy, const std::filesystem::path& file) {
  std::vector<policy::Problem> problems;
  const auto add = [&](std::string path, const Error& error) {
    problems.push_back(policy::Problem{
        .file = file.string(), .line = 0, .column = 0, .path = std::move(path), .message = describe(error)});
  };
  const models::ModelStore store(
      models::default_store_folder(policy::process_environment()).value_or(std::filesystem::path()));
  for (const auto& [name, model] : policy.models) {
    // A file that is not there yet is a warning: the policy may be meant for another machine.
    std::error_code error;
    const bool stored = model.model.starts_with(policy::kStorePrefix);
    if (!policy::is_file(model.provider) || (!stored && !std::filesystem::exists(model.model, error))) continue;
    const Result<policy::Model> admitted = app::admit(model, store);
    if (!admitted) add("models." + name, admitted.error());
    const Result<void> opened = opens(model);
    if (!opened) add("models." + name, opened.error());
  }
  gate::HardStopCache hard_stops;
  for (const auto& [name, task] : policy.tasks) {
    policy::Task unproved = task;  // its proofs are looked at by check_proofs, which knows their places
    unproved.proof = {};
    for (policy::Tier& tier : unproved.tiers) tier.proof = {};
    const Result<gate::GateRules> rules = gate::compile_rules(policy, unproved, hard_stops);
    if (!rules) add("tasks." + name, rules.error());
    if (!task.router) continue;
    const auto router = pipeline::GainRouter::load(*task.router);
    if (!router) add("tasks." + name + ".router", router.error());
  }
  if (policy.task_classifier) {
    const auto namer = pipeline::TaskNamer::load(*policy.task_classifier, policy);
    if (!namer) add("task_classifier", namer.error());
  }
  return problems;
}

/// Where a tier's calibrator or certificate is named: at the tier, else at its task.
policy::Pointer place_of_proof(const policy::YamlDocument& document, const policy::Task& task, std::size_t tier,
                               std::string_view key) {
  const policy::Proof& own = task.tiers[tier].proof;
  if ((key == "calibrator" ? own.calibrator : own.certificate).empty()) {
    return policy::task_setting(document, task.name, key);
  }
  return policy::child(policy::child(policy::task_setting(document, task.name, "tiers"), tier), key);
}

/// Opens every calibrator and certificate: one that cannot be used is a problem; one that is not believed keeps its task on the frontier
/// and is a warning.
void check_proofs(const policy::YamlDocument& document, const policy::Policy& policy, WallTime now,
                  policy::Loaded& loaded) {
  for (const auto& entry : policy.tasks) {
    const policy::Task& task = entry.second;
    for (std::size_t tier = 0; tier < task.tiers.size(); ++tier) {
      const auto rule = gate::compile_confidence(policy, task, tier);
      if (!rule) {
        loaded.problems.push_back(
            document.at_value(place_of_proof(document, task, tier, rule.error().where), rule.error().message));
      } else if (*rule != nullptr) {
        for (const std::string& doubt : gate::doubts(**rule, now)) {
          loaded.warnings.push_back(
              document.at_value(place_of_proof(document, task, tier, "certificate"),
                                fmt::format("the certificate is not believed, so no answer of {} is served: {}",
                                            task.tiers[tier].model, doubt)));
        }
      }
    }
  }
}

json::array to_json(const std::vector<policy::Problem>& problems) {
  json::array array;
  for (const policy::Problem& problem : problems) {
    array.push_back(json::object{{"file", problem.file},
                                 {"line", problem.line},
                                 {"column", problem.column},
                                 {"path", problem.path},
                                 {"message", problem.message}});
  }
  return array;
}

/// Prints what is wrong with one file; true when nothing is.
bool check_file(const std::string& file, bool as_json) {
  policy::Loaded loaded = policy::load_policy(file, policy::process_environment());
  if (loaded.policy != nullptr) {
    std::vector<policy::Problem> deep = deep_problems(*loaded.policy, file);
    loaded.problems.insert(loaded.problems.end(), std::make_move_iterator(deep.begin()),
                           std::make_move_iterator(deep.end()));
    std::vector<policy::Problem> unread;
    const Result<std::string> yaml = read_input(file);
    if (yaml) {
      check_proofs(policy::YamlDocument::parse(*yaml, file, unread), *loaded.policy, SystemClock().wall_now(), loaded);
    }
  }
  const bool good = loaded.policy != nullptr && loaded.problems.empty();
  if (as_json) {
    const json::object line{{"file", file},
                            {"ok", good},
                            {"version", loaded.policy != nullptr ? loaded.policy->version : ""},
                            {"problems", to_json(loaded.problems)},
                            {"warnings", to_json(loaded.warnings)}};
    fmt::print("{}\n", json::serialize(line));
    return good;
  }
  const bool colour = colours(STDOUT_FILENO);
  for (const policy::Problem& problem : loaded.problems)
    fmt::print("{} {}\n", paint("error  ", "31", colour), problem.to_string());
  for (const policy::Problem& problem : loaded.warnings)
    fmt::print("{} {}\n", paint("warning", "33", colour), problem.to_string());
  if (good) {
    fmt::print("{} {}: version {}, {} models, {} tasks\n", paint("ok     ", "32", colour), file, loaded.policy->version,
               loaded.policy->models.size(), loaded.policy->tasks.size());
  }
  return good;
}

Exit check(const CheckFlags& flags) {
  bool all_good = true;
  for (const std::string& file : flags.files) all_good = check_file(file, flags.json) && all_good;
  return all_good ? Exit::Ok : Exit::Usage;
}

}  // namespace

void add_check(CLI::App& program, Command& chosen) {
  auto flags = std::make_shared<CheckFlags>();
  CLI::App* command = program.add_subcommand(
      "check",
      "Find every problem of policy files: line, column, what is wrong, what to do.\n\nExit 0 when all are usable, 2 when one is not.");
  command->add_option("FILE", flags->files, "Policy files (YAML)")->required();
  command->add_flag("--json", flags->json, "One JSON object per file");
  command->callback([flags, &chosen] { chosen.run = [flags] { return check(*flags); }; });
}

}  // namespace suffice::cli
