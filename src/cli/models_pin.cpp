// suffice models pin: the digests of the policy's model files, written into the policy.

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "cli/models_commands.hpp"
#include "models/model_file.hpp"
#include "models/store_files.hpp"
#include "policy/pin_models.hpp"
#include "policy/policy_store.hpp"

namespace suffice::cli {
namespace {

namespace fs = std::filesystem;

struct Digests {
  std::map<std::string, std::string> models;
  policy::AdapterDigests adapters;
  [[nodiscard]] bool empty() const { return models.empty() && adapters.empty(); }
  /// By what people call it: "suffice-mini", "suffice-mini.adapters.banking".
  [[nodiscard]] std::map<std::string, std::string> named() const {
    std::map<std::string, std::string> all = models;
    for (const auto& [place, digest] : adapters) all.emplace(place.first + ".adapters." + place.second, digest);
    return all;
  }
};

struct PinFlags {
  std::string policy;
  std::vector<std::string> names;
  bool check = false;
  bool json = false;
};

bool wanted(const PinFlags& flags, const policy::Model& model) {
  using enum policy::ProviderKind;
  if (model.provider != Embedded && model.provider != Classifier) return false;
  if (!flags.names.empty()) return std::ranges::find(flags.names, model.name) != flags.names.end();
  return !model.trust;  // a trusted one was meant to be unpinned
}

Result<std::string> digest_of_gguf(const std::string& path) {
  SUFFICE_TRY_VOID(models::read_gguf_file(path));
  SUFFICE_TRY(const models::ModelFile file, models::ModelFile::open(path));
  return models::digest_of(file);
}

Result<std::string> digest_of_model(const policy::Model& model) {
  if (model.provider == policy::ProviderKind::Embedded) return digest_of_gguf(model.model);
  SUFFICE_TRY(const models::ModelFile file, models::ModelFile::open(model.model));
  return models::digest_of(file);
}

/// Digests that differ from the policy's.
Result<Digests> changes(const PinFlags& flags, const policy::Policy& policy) {
  for (const std::string& name : flags.names) {
    if (!policy.models.contains(name))
      return fail(ErrorCode::NotFound, "the policy has no such model; `suffice models` lists them", name);
  }
  Digests digests;
  for (const auto& [name, model] : policy.models) {
    if (!wanted(flags, model)) continue;
    // A stored model keeps its content under its name.
    if (!model.model.starts_with(policy::kStorePrefix)) {
      SUFFICE_TRY(std::string digest, digest_of_model(model));
      if (digest != model.sha256) digests.models.emplace(name, std::move(digest));
    }
    for (const auto& [adapter, path] : model.adapters) {
      SUFFICE_TRY(std::string digest, digest_of_gguf(path));
      const auto pinned = model.adapter_sha256.find(adapter);
      if (pinned == model.adapter_sha256.end() || pinned->second != digest)
        digests.adapters.emplace(std::pair(name, adapter), std::move(digest));
    }
  }
  return digests;
}

Exit say(const PinFlags& flags, const Digests& digests) {
  if (flags.json) {
    boost::json::object object;
    for (const auto& [name, digest] : digests.named()) object.insert_or_assign(name, digest);
    fmt::print("{}\n", boost::json::serialize(boost::json::object{{"changed", object}, {"written", !flags.check}}));
  } else if (digests.empty()) {
    fmt::print("Every model is pinned to the file that is there.\n");
  } else {
    for (const auto& [name, digest] : digests.named())
      fmt::print("{} {} to sha256 {}\n", name, flags.check ? "is not pinned" : "pinned", digest);
  }
  return flags.check && !digests.empty() ? Exit::Usage : Exit::Ok;
}

Exit pin(const PinFlags& flags) {
  const Result<fs::path> file = policy_file(flags.policy);
  if (!file) return report(file.error());
  const policy::Loaded loaded = policy::load_policy(*file, policy::process_environment());
  if (loaded.policy == nullptr) {
    for (const policy::Problem& problem : loaded.problems) fmt::print(stderr, "{}\n", problem.to_string());
    return Exit::Usage;
  }
  const Result<Digests> digests = changes(flags, *loaded.policy);
  if (!digests) return report(digests.error());
  if (flags.check || digests->empty()) return say(flags, *digests);
  const Result<std::string> text = read_input(file->string());
  if (!text) return report(text.error());
  const Result<std::string> pinned = policy::with_pinned_models(*text, digests->models, digests->adapters);
  if (!pinned) return report(pinned.error());
  // A link stays a link: the file behind it is replaced.
  std::error_code error;
  const fs::path real = fs::canonical(*file, error);
  const Result<void> written = models::write_whole(error ? *file : real, *pinned);
  if (!written) return report(written.error());
  return say(flags, *digests);
}

}  // namespace

void add_models_pin(CLI::App& models, Command& chosen) {
  auto flags = std::make_shared<PinFlags>();
  CLI::App* command = models.add_subcommand(
      "pin",
      "Write the SHA-256 of each embedded model's, adapter's and classifier's file into the policy (sha256), so that no other file is ever\n"
      "loaded in its place. Run it after you have replaced a model file on purpose. Only these lines of the policy change.\n\n"
      "Example:  suffice models pin --policy examples/policy.yaml");
  command->add_option("NAME", flags->names, "Only these models of the policy [all that are files and not trusted]");
  command->add_option("--policy", flags->policy, "Policy file [examples/policy.yaml]");
  command->add_flag("--check", flags->check, "Change nothing; exit 2 when a pin is missing or old");
  command->add_flag("--json", flags->json, "A JSON object");
  command->callback([flags, &chosen] { chosen.run = [flags] { return pin(*flags); }; });
}

}  // namespace suffice::cli
