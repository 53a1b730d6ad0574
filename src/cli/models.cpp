// suffice models: the models of the policy and whether they can be used here and now; its subcommands keep the model store.

#include <algorithm>
#include <filesystem>
#include <memory>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "app/model_clients.hpp"
#include "cli/models_commands.hpp"
#include "policy/policy_store.hpp"

namespace suffice::cli {
namespace {

namespace json = boost::json;

struct ModelsFlags {
  std::string policy;
  bool json = false;
};

struct Row {
  std::string name;
  std::string provider;
  std::string model;
  bool local = false;
  bool usable = false;
  std::string note;  ///< why not usable, or what to know
  std::vector<std::string> tasks;
};

bool secret_present(const policy::SecretRef& secret, const policy::Environment& environment) {
  switch (secret.kind) {
    case policy::SecretRef::Kind::None:
      return true;
    case policy::SecretRef::Kind::Env:
      return environment(secret.source).has_value();
    case policy::SecretRef::Kind::File:
      return std::filesystem::exists(secret.source);
  }
  return false;
}

Row row_of(const policy::Model& model, const policy::Policy& policy, const policy::Environment& environment,
           const models::ModelStore& store) {
  Row row;
  row.name = model.name;
  row.provider = name(model.provider);
  row.model = model.model;
  row.local = model.local;
  const bool file_needed =
      model.provider == policy::ProviderKind::Embedded || model.provider == policy::ProviderKind::Recorded;
  const bool stored = model.model.starts_with(policy::kStorePrefix);
  const Result<policy::Model> admitted = app::admit(model, store);
  if (file_needed && !stored && !std::filesystem::exists(model.model)) {
    row.note = "file is missing";
  } else if (!admitted) {
    row.note = admitted.error().message;
  } else if (!secret_present(model.api_key, environment)) {
    row.note = (model.api_key.kind == policy::SecretRef::Kind::Env ? "set " : "no file ") + model.api_key.source;
  } else {
    row.usable = true;
    if (model.stand_in) row.note = "a recording, not a model";
  }
  for (const auto& [task_name, task] : policy.tasks) {
    if (std::ranges::find(task.tiers, model.name, &policy::Tier::model) != task.tiers.end())
      row.tasks.push_back(task_name);
  }
  return row;
}

void print_table(const std::vector<Row>& rows) {
  const bool colour = colours(STDOUT_FILENO);
  fmt::print("{:<20} {:<10} {:<8} {:<8} {:<34} {}\n", "NAME", "PROVIDER", "WHERE", "USABLE", "MODEL", "NOTE");
  for (const Row& row : rows) {
    const std::string usable = paint(fmt::format("{:<8}", row.usable ? "yes" : "no"), row.usable ? "32" : "31", colour);
    fmt::print("{:<20} {:<10} {:<8} {} {:<34} {}\n", row.name, row.provider, row.local ? "local" : "hosted", usable,
               std::filesystem::path(row.model).filename().string(), row.note);
  }
}

}  // namespace

Exit list_policy_models(const std::string& policy, bool as_json) {
  const Result<std::filesystem::path> file = policy_file(policy);
  if (!file) return report(file.error());
  const policy::Environment environment = policy::process_environment();
  const policy::Loaded loaded = policy::load_policy(*file, environment);
  if (loaded.policy == nullptr) {
    for (const policy::Problem& problem : loaded.problems) fmt::print(stderr, "{}\n", problem.to_string());
    return Exit::Usage;
  }
  const models::ModelStore store = open_store({}).value_or(models::ModelStore({}));
  std::vector<Row> rows;
  for (const auto& [model_name, model] : loaded.policy->models)
    rows.push_back(row_of(model, *loaded.policy, environment, store));
  if (!as_json) {
    print_table(rows);
    return Exit::Ok;
  }
  json::array array;
  for (const Row& row : rows) {
    array.push_back(json::object{{"name", row.name},
                                 {"provider", row.provider},
                                 {"model", row.model},
                                 {"local", row.local},
                                 {"usable", row.usable},
                                 {"note", row.note},
                                 {"tasks", json::value_from(row.tasks)}});
  }
  fmt::print("{}\n", json::serialize(array));
  return Exit::Ok;
}

void add_models(CLI::App& program, Command& chosen) {
  auto flags = std::make_shared<ModelsFlags>();
  CLI::App* command = program.add_subcommand(
      "models",
      "Without a subcommand: the policy's models, where they run, whether they can be used now, and what is missing.\n\n"
      "The subcommands keep the model store, the folder of GGUF files that embedded models may load:\n"
      "  suffice models pull Qwen/Qwen2.5-0.5B-Instruct-GGUF qwen2.5-0.5b-instruct-q4_k_m.gguf --name qwen\n"
      "  suffice models show qwen\n"
      "and in the policy:  provider: embedded, model: store:qwen");
  command->add_option("--policy", flags->policy, "Policy file [examples/policy.yaml]");
  command->add_flag("--json", flags->json, "A JSON array");
  command->require_subcommand(0, 1);
  add_models_list(*command, chosen);
  add_models_add(*command, chosen);
  add_models_pull(*command, chosen);
  add_models_show(*command, chosen);
  add_models_verify(*command, chosen);
  add_models_remove(*command, chosen);
  add_models_pin(*command, chosen);
  // CLI11 calls this after a subcommand's own.
  command->callback([flags, command, &chosen] {
    if (command->get_subcommands().empty())
      chosen.run = [flags] { return list_policy_models(flags->policy, flags->json); };
  });
}

}  // namespace suffice::cli
