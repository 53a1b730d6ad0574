// suffice models add, list, show, verify, remove: the model store.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/settings.hpp"
#include "cli/models_commands.hpp"
#include "models/model_file.hpp"
#include "policy/policy_store.hpp"

namespace suffice::cli {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using models::ModelFacts;
using models::ModelStore;
using models::StoredModel;

struct StoreFlags {
  std::string store;
  std::string policy;
  std::string file;
  std::string name;
  std::vector<std::string> names;
  bool json = false;
  bool force = false;
  bool from_parent = false;
};

json::object to_json(const StoredModel& model, const ModelStore& store) {
  return {{"name", model.name},     {"sha256", model.sha256}, {"bytes", model.bytes},
          {"source", model.source}, {"added", model.added},   {"path", store.blob(model.sha256).string()}};
}

json::object to_json(const ModelFacts& facts) {
  json::object provenance;
  for (const auto& [key, value] : facts.provenance) provenance.insert_or_assign(key, value);
  return {{"name", facts.name},
          {"kind", facts.kind},
          {"architecture", facts.architecture},
          {"quantisation", facts.quantisation},
          {"parameters", facts.parameters},
          {"context_length", facts.context_length},
          {"embedding_length", facts.embedding_length},
          {"layers", facts.layers},
          {"vocabulary", facts.vocabulary},
          {"tensors", facts.tensors},
          {"bytes", facts.file_bytes},
          {"chat_template", facts.chat_template},
          {"licence", facts.licence},
          {"provenance", std::move(provenance)}};
}

// ---- add ----

Exit add(const StoreFlags& flags) {
  const Result<ModelStore> store = open_store(flags.store);
  if (!store) return report(store.error());
  const models::NewModel entry{.name = flags.name.empty() ? models::model_name_from(flags.file) : flags.name,
                               .source = fs::absolute(flags.file).lexically_normal().string()};
  std::error_code ignored;
  const std::uint64_t size = fs::file_size(flags.file, ignored);
  const InterruptWatch watch;
  ProgressBar bar("copying");
  const Result<StoredModel> added = store->add(flags.file, entry, SystemClock(), [&](std::uint64_t done) {
    bar.show(done, ignored ? 0 : size);
    return !InterruptWatch::interrupted();
  });
  if (!added) return report(added.error());
  if (flags.json) {
    fmt::print("{}\n", json::serialize(to_json(*added, *store)));
  } else {
    fmt::print("{} is in the store: {}, sha256 {}\nUse it in a policy:  model: store:{}\n", added->name,
               bytes_in_words(added->bytes), added->sha256, added->name);
  }
  return Exit::Ok;
}

// ---- list ----

Exit list(const StoreFlags& flags) {
  const Result<ModelStore> store = open_store(flags.store);
  if (!store) return report(store.error());
  const Result<std::vector<StoredModel>> models = store->list();
  if (!models) return report(models.error());
  if (flags.json) {
    json::array array;
    for (const StoredModel& model : *models) array.push_back(to_json(model, *store));
    fmt::print("{}\n", json::serialize(array));
    return Exit::Ok;
  }
  if (models->empty()) {
    fmt::print(
        "The model store is empty ({}).\nFill it:  suffice models add FILE.gguf  or  suffice models pull REPO FILE\n",
        store->folder().string());
    return Exit::Ok;
  }
  fmt::print("{:<32} {:>10}  {:<12}  {:<20}  {}\n", "NAME", "SIZE", "SHA256", "ADDED", "FROM");
  for (const StoredModel& model : *models) {
    fmt::print("{:<32} {:>10}  {:<12}  {:<20}  {}\n", model.name, bytes_in_words(model.bytes),
               model.sha256.substr(0, 12), model.added, printable(model.source, 80));
  }
  return Exit::Ok;
}

// ---- show ----

struct Shown {
  std::string path;
  std::optional<StoredModel> stored;
};

/// A path when there is such a file, else a name of the store.
Result<Shown> find_shown(const std::string& what, const ModelStore& store) {
  std::error_code error;
  if (what.contains('/') || fs::exists(what, error)) return Shown{.path = what, .stored = std::nullopt};
  SUFFICE_TRY(StoredModel stored, store.find(what));
  std::string path = store.blob(stored.sha256).string();
  return Shown{.path = std::move(path), .stored = std::move(stored)};
}

void print_facts(const Shown& shown, const ModelFacts& facts, const std::string& sha256) {
  const auto line = [](std::string_view key, const std::string& value) {
    if (!value.empty()) fmt::print("{:<16} {}\n", key, printable(value));
  };
  const auto number = [](std::uint64_t value) { return value == 0 ? std::string() : fmt::format("{}", value); };
  line("name", shown.stored ? shown.stored->name : fs::path(shown.path).filename().string());
  line("calls itself", facts.name);
  line("kind", facts.kind);
  line("architecture", facts.architecture);
  line("quantisation", facts.quantisation);
  line("parameters", fmt::format("{} in {} tensors", facts.parameters, facts.tensors));
  line("context length", number(facts.context_length));
  line("layers", number(facts.layers));
  line("vocabulary", number(facts.vocabulary));
  line("chat template", facts.chat_template ? "yes" : "no");
  line("licence", facts.licence.empty() ? "the file does not say" : facts.licence);
  line("size", fmt::format("{} ({} bytes)", bytes_in_words(facts.file_bytes), facts.file_bytes));
  line("sha256", sha256);
  if (shown.stored) line("from", shown.stored->source);
  line("path", shown.path);
  if (!facts.provenance.empty()) fmt::print("\nIn the file's own words:\n");
  for (const auto& [key, value] : facts.provenance) fmt::print("  {} = {}\n", printable(key), printable(value));
}

Exit show(const StoreFlags& flags) {
  const Result<ModelStore> store = open_store(flags.store);
  if (!store) return report(store.error());
  const Result<Shown> shown = find_shown(flags.file, *store);
  if (!shown) return report(shown.error());
  const Result<models::GgufHeader> header = models::read_gguf_file(shown->path);
  if (!header) return report(header.error());
  const Result<models::ModelFile> file = models::ModelFile::open(shown->path);
  if (!file) return report(file.error());
  ProgressBar bar("hashing");
  const Result<std::string> digest = models::digest_of(*file, [&](std::uint64_t done) {
    bar.show(done, file->size());
    return true;
  });
  if (!digest) return report(digest.error());
  const ModelFacts facts = models::facts_of(*header);
  if (!flags.json) {
    print_facts(*shown, facts, *digest);
    return Exit::Ok;
  }
  json::object object = to_json(facts);
  object.insert_or_assign("sha256", *digest);
  object.insert_or_assign("path", shown->path);
  if (shown->stored) object.insert_or_assign("stored", to_json(*shown->stored, *store));
  fmt::print("{}\n", json::serialize(object));
  return Exit::Ok;
}

// ---- verify ----

Result<std::vector<StoredModel>> chosen_models(const StoreFlags& flags, const ModelStore& store) {
  if (flags.names.empty()) return store.list();
  std::vector<StoredModel> models;
  for (const std::string& name : flags.names) {
    SUFFICE_TRY(StoredModel model, store.find(name));
    models.push_back(std::move(model));
  }
  return models;
}

Exit verify(const StoreFlags& flags) {
  const Result<ModelStore> store = open_store(flags.store);
  if (!store) return report(store.error());
  const Result<std::vector<StoredModel>> models = chosen_models(flags, *store);
  if (!models) return report(models.error());
  bool all_good = true;
  const bool colour = colours(STDOUT_FILENO);
  json::array array;
  for (const StoredModel& model : *models) {
    models::Verdict verdict;
    {
      ProgressBar bar("checking " + model.name);
      verdict = store->verify(model, [&](std::uint64_t done) {
        bar.show(done, model.bytes);
        return true;
      });
    }
    const bool good = verdict.problem.empty();
    all_good = all_good && good;
    if (flags.json) {
      array.push_back(json::object{{"name", model.name}, {"ok", good}, {"problem", verdict.problem}});
    } else if (good) {
      fmt::print("{} {}\n", paint("ok     ", "32", colour), model.name);
    } else {
      fmt::print("{} {}: {}; remove it and add or pull it again\n", paint("damaged", "31", colour), model.name,
                 verdict.problem);
    }
  }
  if (flags.json) fmt::print("{}\n", json::serialize(array));
  return all_good ? Exit::Ok : Exit::Usage;
}

// ---- remove ----

/// Models of the policy that are this entry; none when there is no policy to ask.
Result<std::vector<std::string>> used_by(const StoreFlags& flags, const StoredModel& model, const ModelStore& store) {
  const fs::path file = flags.policy.empty() ? app::default_policy_file() : fs::path(flags.policy);
  if (file.empty()) return std::vector<std::string>{};
  const policy::Loaded loaded = policy::load_policy(file, policy::process_environment());
  if (loaded.policy == nullptr) {
    return fail(
        ErrorCode::PolicyInvalid,
        "cannot tell whether the policy uses the model: `suffice check` says what is wrong with it; or say --force",
        file.string());
  }
  std::vector<std::string> names;
  for (const auto& [name, used] : loaded.policy->models) {
    if (used.provider != policy::ProviderKind::Embedded) continue;
    std::error_code error;
    const bool same_name = used.model == std::string(policy::kStorePrefix) + model.name;
    if (same_name || fs::equivalent(used.model, store.blob(model.sha256), error)) names.push_back(name);
  }
  return names;
}

Exit remove(const StoreFlags& flags) {
  const Result<ModelStore> store = open_store(flags.store);
  if (!store) return report(store.error());
  const Result<StoredModel> model = store->find(flags.name);
  if (!model) return report(model.error());
  if (!flags.force) {
    const Result<std::vector<std::string>> users = used_by(flags, *model, *store);
    if (!users) return report(users.error());
    if (!users->empty()) {
      return report(Error{.code = ErrorCode::InvalidArgument,
                          .message = fmt::format("the policy uses it as {}; change the policy first, or say --force",
                                                 fmt::join(*users, ", ")),
                          .where = model->name});
    }
  }
  const Result<StoredModel> removed = store->remove(flags.name);
  if (!removed) return report(removed.error());
  if (flags.json) {
    fmt::print("{}\n", json::serialize(to_json(*removed, *store)));
  } else {
    fmt::print("{} is removed.\n", removed->name);
  }
  return Exit::Ok;
}

/// Options that every subcommand here has.
std::shared_ptr<StoreFlags> common(CLI::App* command, Command& chosen, Exit (*run)(const StoreFlags&)) {
  auto flags = std::make_shared<StoreFlags>();
  command->add_option("--store", flags->store, kStoreHelp);
  command->add_flag("--json", flags->json, "JSON");
  command->callback([flags, run, &chosen] { chosen.run = [flags, run] { return run(*flags); }; });
  return flags;
}

}  // namespace

void add_models_add(CLI::App& models, Command& chosen) {
  CLI::App* command = models.add_subcommand(
      "add",
      "Copy a GGUF file into the model store. What is in the store may be loaded: add only files whose source you trust.\n\n"
      "Example:  suffice models add ~/Downloads/qwen2.5-0.5b-instruct-q4_k_m.gguf --name qwen\n"
      "          and in the policy:  model: store:qwen");
  const auto flags = common(command, chosen, add);
  command->add_option("FILE", flags->file, "A GGUF file")->required();
  command->add_option("--name", flags->name, "Name in the store [made of the file's name]");
}

void add_models_list(CLI::App& models, Command& chosen) {
  CLI::App* command = models.add_subcommand("list", "What is in the model store.");
  common(command, chosen, list);
}

void add_models_show(CLI::App& models, Command& chosen) {
  CLI::App* command = models.add_subcommand(
      "show",
      "What a model file says about itself, read without running it: architecture, quantisation, size, licence, where it\n"
      "comes from. None of it is proof.\n\n"
      "Examples:  suffice models show qwen\n"
      "           suffice models show ./some.gguf --json");
  const auto flags = common(command, chosen, show);
  command->add_option("NAME_OR_FILE", flags->file, "A name in the store, or the path of a GGUF file")->required();
}

void add_models_verify(CLI::App& models, Command& chosen) {
  CLI::App* command = models.add_subcommand(
      "verify", "Hash every file of the model store again. Exit 2 when one is not what was added.");
  const auto flags = common(command, chosen, verify);
  command->add_option("NAME", flags->names, "Only these");
}

void add_models_remove(CLI::App& models, Command& chosen) {
  CLI::App* command = models.add_subcommand(
      "remove",
      "Take a model out of the store, and its file when no other name has it. Refused while the policy uses it.");
  const auto flags = common(command, chosen, remove);
  command->add_option("NAME", flags->name, "A name in the store")->required();
  command->add_option("--policy", flags->policy, "Policy file that may use it [examples/policy.yaml]");
  command->add_flag("--force", flags->force, "Also when the policy uses it");
}

}  // namespace suffice::cli
