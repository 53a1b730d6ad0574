// What the schema cannot say about models, aliases and prices.

#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <re2/re2.h>

#include "policy/fields.hpp"
#include "policy/policy_checks.hpp"
#include "policy/policy_reader.hpp"
#include "policy/secrets.hpp"

namespace suffice::policy {

namespace json = boost::json;

namespace {

constexpr std::string_view kNoSecrets =
    "this looks like a secret; a secret never stands in this file: write {env: VARIABLE} or {file: PATH}, "
    "and replace the key, for it has been written down";

constexpr std::int64_t kPatternMemoryMax = 1 << 20;  // bytes RE2 may use for one pattern

bool is_service(ProviderKind provider) { return !is_file(provider); }

bool is_openai(ProviderKind provider) { return provider == ProviderKind::OpenAi || provider == ProviderKind::Azure; }

void check_provider_keys(const Model& model, const Fields& fields, const Pointer& at, Findings& findings) {
  const auto only_for = [&](std::string_view key, bool fits, std::string_view providers) {
    if (fields.has(key) && !fits) {
      findings.problem(child(at, key), fmt::format("means nothing for provider {}; only {} models have it",
                                                   name(model.provider), providers));
    }
  };
  const bool embedded = model.provider == ProviderKind::Embedded;
  only_for("threads", embedded, "embedded");
  only_for("contexts", embedded, "embedded");
  only_for("sha256", embedded || model.provider == ProviderKind::Classifier, "embedded and classifier");
  only_for("trust", embedded, "embedded");
  only_for("adapters", embedded, "embedded");
  only_for("adapter_missing", embedded, "embedded");
  if (embedded && !model.adapter.empty() && !model.adapters.contains(model.adapter)) {
    findings.problem(child(at, "adapter"), fmt::format("adapters does not list {}; add it with the path of its file, "
                                                       "such as adapters: {{{}: models/{}.gguf}}",
                                                       model.adapter, model.adapter, model.adapter));
  }
  only_for("endpoint", is_service(model.provider), "openai, azure, anthropic and ollama");
  only_for("api_key", is_service(model.provider), "openai, azure, anthropic and ollama");
  only_for("api_version", model.provider == ProviderKind::Azure || model.provider == ProviderKind::Anthropic,
           "azure and anthropic");
  only_for("embeddings", embedded || is_openai(model.provider) || model.provider == ProviderKind::Ollama,
           "embedded, openai, azure and ollama");
  only_for("stand_in", model.provider == ProviderKind::Recorded, "recorded");
}

void check_embedded(const Model& model, const Fields& fields, const Pointer& at, Findings& findings) {
  if (model.trust && fields.has("sha256")) {
    findings.problem(child(at, "trust"), "the file is pinned by sha256 already; remove one of the two");
  }
}

void check_service(const Model& model, const Fields& fields, const Pointer& at, Findings& findings) {
  const bool keyed = model.api_key.kind != SecretRef::Kind::None;
  if ((model.provider == ProviderKind::Azure || model.provider == ProviderKind::Anthropic) && !keyed) {
    findings.problem(at,
                     fmt::format("{} needs api_key, such as api_key: {{env: {}}}", name(model.provider),
                                 model.provider == ProviderKind::Azure ? "AZURE_OPENAI_API_KEY" : "ANTHROPIC_API_KEY"));
  }
  if (model.provider == ProviderKind::Azure && !fields.has("endpoint")) {
    findings.problem(at, "azure needs endpoint, such as endpoint: {env: AZURE_OPENAI_ENDPOINT}");
  }
  if (keyed && !model.local && model.endpoint.starts_with("http://")) {
    findings.warning(child(at, "endpoint"), "the key travels unencrypted; use https://");
  }
}

void check_price(const Model& model, const Pointer& at, Findings& findings) {
  if (model.price_known || model.local || model.stand_in) return;
  findings.problem(at,
                   "no price; write price: {input: ..., output: ...} in dollars per million tokens, or local: yes "
                   "when its text stays inside your data boundary");
}

void check_sampling(const Sampling& sampling, const Pointer& at, Findings& findings) {
  if (sampling.temperature == 0.0 && sampling.top_p == 0.0) {
    findings.warning(at, "temperature and top_p are both 0; set one of them");
  }
}

void check_secrets(const json::value& value, const Pointer& at, Findings& findings) {
  if (const json::object* mapping = value.if_object()) {
    for (const auto& member : *mapping) {
      if (member.key() != "sha256") check_secrets(member.value(), child(at, std::string_view(member.key())), findings);
    }
  } else if (const json::string* text = value.if_string(); text != nullptr && looks_like_secret(*text)) {
    findings.problem(at, std::string(kNoSecrets));
  }
}

bool is_model(const Policy& policy, std::string_view name) { return policy.models.contains(std::string(name)); }

void check_alias(const Policy& policy, const Environment& environment, const std::string& alias,
                 const json::value& candidates, Findings& findings) {
  const Pointer at = child("/aliases", alias);
  if (is_model(policy, alias)) findings.problem(at, "is also the name of a model; choose another name");
  bool usable = false;
  bool known = true;
  const json::array& names = candidates.as_array();
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string name(names[i].as_string());
    const auto model = policy.models.find(name);
    if (model == policy.models.end()) {
      known = false;
      findings.problem(child(at, i),
                       fmt::format("no model has this name{}", did_you_mean(name, keys_of(policy.models))));
    } else {
      usable = usable || is_usable(model->second, environment);
    }
  }
  if (known && !usable) {
    findings.warning(at, "no candidate has its secret and endpoint; calls will fail until one is set");
  }
}

std::optional<std::string> pattern_defect(const std::string& pattern) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_case_sensitive(false);
  options.set_max_mem(kPatternMemoryMax);
  const re2::RE2 compiled(pattern, options);
  if (!compiled.ok()) return fmt::format("not an RE2 expression: {}", compiled.error());
  if (re2::RE2::FullMatch("", compiled)) return "matches the empty text, so it would always fire";
  return std::nullopt;
}

void check_patterns(const std::vector<std::string>& patterns, const Pointer& at, Findings& findings) {
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    if (auto defect = pattern_defect(patterns[i])) findings.problem(child(at, i), *std::move(defect));
  }
}

}  // namespace

void check_models(const Policy& policy, Findings& findings) {
  const Fields models = Fields(&findings.document.root()).below("models");
  for (const auto& [name, model] : policy.models) {
    const Pointer at = child("/models", name);
    const Fields fields = models.below(name);
    check_provider_keys(model, fields, at, findings);
    if (is_service(model.provider)) check_service(model, fields, at, findings);
    if (model.provider == ProviderKind::Embedded) check_embedded(model, fields, at, findings);
    check_price(model, at, findings);
    check_sampling(model.sampling, child(at, "sampling"), findings);
    check_secrets(*models.find(name), at, findings);
  }
}

void check_names(const Policy& policy, const Environment& environment, Findings& findings) {
  const Fields root(&findings.document.root());
  for (const auto& member : root.below("aliases").object()) {
    check_alias(policy, environment, std::string(member.key()), member.value(), findings);
  }
  if (root.has("frontier") && !policy.aliases.contains(root.text("frontier")) && !is_model(policy, policy.frontier)) {
    auto known = keys_of(policy.models);
    for (const auto& alias : policy.aliases) known.push_back(alias.first);
    findings.problem("/frontier",
                     fmt::format("no model or alias has this name{}", did_you_mean(policy.frontier, known)));
  }
  if (!policy.default_task.empty() && !policy.tasks.contains(policy.default_task)) {
    findings.problem("/default_task",
                     fmt::format("no task has this name{}", did_you_mean(policy.default_task, keys_of(policy.tasks))));
  }
}

void check_hard_stops(const Policy& policy, Findings& findings) {
  for (const auto& [name, group] : policy.hard_stops) {
    const Pointer at = child("/hard_stops", name);
    if (group.words.empty() && group.phrases.empty() && group.patterns.empty()) {
      findings.problem(at, group.classifier ? "a classifier stands beside words, phrases or patterns, never alone"
                                            : "stops nothing; give it words, phrases or patterns");
    }
    if (!group.check_input && !group.check_output) {
      findings.problem(at, "looks at neither input nor output, so it stops nothing");
    }
    check_patterns(group.patterns, child(at, "patterns"), findings);
    check_patterns(group.except, child(at, "except"), findings);
  }
}

}  // namespace suffice::policy
