#include "policy/policy_reader.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/json/serialize.hpp>

#include "policy/fields.hpp"

namespace suffice::policy {

namespace json = boost::json;

namespace {

/// The enumerator of `all` whose name() is `word`.
template <class Enum, std::size_t N>
Enum named(const std::string& word, const std::array<Enum, N>& all, Enum otherwise) {
  const auto found = std::ranges::find_if(all, [&](Enum value) { return name(value) == word; });
  return found != all.end() ? *found : otherwise;
}

std::string resolved(const std::filesystem::path& base, const std::string& path) {
  return path.empty() ? path : (base / path).lexically_normal().string();
}

SecretRef read_secret(const json::value* value, const std::filesystem::path& base) {
  const Fields fields(value);
  if (fields.has("env")) return {.kind = SecretRef::Kind::Env, .source = fields.text("env")};
  if (fields.has("file")) return {.kind = SecretRef::Kind::File, .source = resolved(base, fields.text("file"))};
  return {};
}

Sampling read_sampling(const Fields& fields) {
  return {.temperature = fields.number("temperature"),
          .top_p = fields.number("top_p"),
          .presence_penalty = fields.number("presence_penalty"),
          .frequency_penalty = fields.number("frequency_penalty"),
          .max_tokens = fields.integer("max_tokens"),
          .seed = fields.integer("seed"),
          .stop = fields.texts("stop")};
}

Price read_price(const Fields& fields) {
  const double input = fields.number("input").value_or(0);
  return {.input_per_million = input,
          .cached_per_million = fields.number("cached").value_or(input),
          .output_per_million = fields.number("output").value_or(0),
          .hardware_per_hour = fields.number("hardware_per_hour").value_or(0)};
}

Timeouts read_timeouts(const Fields& fields) {
  const Timeouts usual;
  return {.connect = fields.duration("connect", usual.connect),
          .first_token = fields.duration("first_token", usual.first_token),
          .idle = fields.duration("idle", usual.idle),
          .total = fields.duration("total", usual.total)};
}

Retries read_retries(const Fields& fields) {
  const Retries usual;
  return {.attempts_max = static_cast<int>(fields.integer("attempts_max", usual.attempts_max)),
          .backoff_first = fields.duration("backoff_first", usual.backoff_first),
          .backoff_max = fields.duration("backoff_max", usual.backoff_max)};
}

Breaker read_breaker(const Fields& fields) {
  const Breaker usual;
  return {.failures_to_open = static_cast<int>(fields.integer("failures_to_open", usual.failures_to_open)),
          .open_for = fields.duration("open_for", usual.open_for)};
}

Quota read_quota(const Fields& fields) {
  return {.tokens_per_minute = fields.integer("tokens_per_minute", 0),
          .requests_per_minute = fields.integer("requests_per_minute", 0)};
}

std::string_view usual_endpoint(ProviderKind provider) {
  if (provider == ProviderKind::OpenAi) return "https://api.openai.com/v1";
  if (provider == ProviderKind::Anthropic) return "https://api.anthropic.com";
  if (provider == ProviderKind::Ollama) return "http://127.0.0.1:11434";
  return {};
}

std::string_view usual_api_version(ProviderKind provider) {
  if (provider == ProviderKind::Azure) return "2024-10-21";
  if (provider == ProviderKind::Anthropic) return "2023-06-01";
  return {};
}

std::string read_endpoint(const Fields& fields, ProviderKind provider, const Environment& environment) {
  if (const json::value* value = fields.find("endpoint"); value != nullptr && value->is_object()) {
    return environment(fields.below("endpoint").text("env")).value_or("");
  }
  return fields.text("endpoint", usual_endpoint(provider));
}

/// 127.0.0.0/8, ::1 and localhost as the host of a URL.
bool is_loopback(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return false;
  const std::string_view host = url.substr(scheme + 3);
  const auto is_host = [&](std::string_view name) {
    return host.starts_with(name) &&
           (host.size() == name.size() || host[name.size()] == ':' || host[name.size()] == '/');
  };
  const std::string_view digits = host.substr(0, host.find_first_not_of("0123456789."));
  return is_host("localhost") || is_host("[::1]") || (host.starts_with("127.") && is_host(digits));
}

void read_adapters(const Fields& fields, const std::filesystem::path& base, Model& model) {
  model.adapter = fields.text("adapter");
  model.adapter_scale = fields.number("adapter_scale").value_or(1);
  model.adapter_or_base = fields.text("adapter_missing") == "base";
  for (const auto& member : fields.below("adapters").object()) {
    const std::string adapter(member.key());
    if (const json::string* path = member.value().if_string()) {
      model.adapters.emplace(adapter, resolved(base, std::string(*path)));
      continue;
    }
    const Fields pinned(&member.value());
    model.adapters.emplace(adapter, resolved(base, pinned.text("file")));
    if (pinned.has("sha256")) model.adapter_sha256.emplace(adapter, pinned.text("sha256"));
  }
}

Model read_model(const std::string& model_name, const Fields& fields, const std::filesystem::path& base,
                 const Environment& environment) {
  using enum ProviderKind;
  Model model;
  model.name = model_name;
  model.provider = named(fields.text("provider"),
                         std::array{Embedded, OpenAi, Azure, Anthropic, Ollama, Recorded, Classifier}, OpenAi);
  model.model = fields.text("model");
  if (is_file(model.provider) && !model.model.starts_with(kStorePrefix)) model.model = resolved(base, model.model);
  model.endpoint = read_endpoint(fields, model.provider, environment);
  model.api_version = fields.text("api_version", usual_api_version(model.provider));
  model.api_key = read_secret(fields.find("api_key"), base);
  read_adapters(fields, base, model);
  model.sha256 = fields.text("sha256");
  model.trust = fields.flag("trust", false);
  model.price = read_price(fields.below("price"));
  model.price_known = fields.has("price");
  model.context_window = fields.integer("context_window", 0);
  model.quota = read_quota(fields.below("quota"));
  model.timeouts = read_timeouts(fields.below("timeouts"));
  model.retries = read_retries(fields.below("retries"));
  model.breaker = read_breaker(fields.below("breaker"));
  model.sampling = read_sampling(fields.below("sampling"));
  model.threads = static_cast<int>(fields.integer("threads", 1));
  model.contexts = static_cast<int>(fields.integer("contexts", 1));
  model.stand_in = fields.flag("stand_in", false);
  model.embeddings = fields.flag("embeddings", false);
  const bool inside = model.provider == Embedded || model.provider == Classifier ||
                      (model.provider == Ollama && is_loopback(model.endpoint));
  model.local = fields.flag("local", inside);
  return model;
}

std::optional<Router> read_router(const Fields& fields, const std::filesystem::path& base) {
  if (!fields.has("router")) return std::nullopt;
  const Fields router = fields.below("router");
  return Router{.file = resolved(base, router.text("file")),
                .sha256 = router.text("sha256"),
                .gain_max = router.number("gain_max").value_or(1)};
}

std::optional<TaskClassifier> read_task_classifier(const Fields& fields, const std::filesystem::path& base) {
  if (!fields.has("task_classifier")) return std::nullopt;
  const Fields classifier = fields.below("task_classifier");
  return TaskClassifier{.file = resolved(base, classifier.text("file")),
                        .sha256 = classifier.text("sha256"),
                        .min_probability = classifier.number("min_probability").value_or(1),
                        .none_probability = classifier.number("none_probability").value_or(1)};
}

std::optional<HardStopClassifier> read_hard_stop_classifier(const Fields& fields, const std::filesystem::path& base) {
  if (!fields.has("classifier")) return std::nullopt;
  const Fields classifier = fields.below("classifier");
  return HardStopClassifier{.file = resolved(base, classifier.text("file")),
                            .sha256 = classifier.text("sha256"),
                            .label = classifier.text("label"),
                            .threshold = classifier.number("threshold").value_or(1)};
}

HardStopGroup read_hard_stop(const std::string& group_name, const Fields& fields, const std::filesystem::path& base) {
  return {.name = group_name,
          .reason = reason_from_name(fields.text("reason")).value_or(Reason::HardStopNovel),
          .words = fields.texts("words"),
          .phrases = fields.texts("phrases"),
          .patterns = fields.texts("patterns"),
          .except = fields.texts("except"),
          .check_input = fields.flag("check_input", true),
          .check_output = fields.flag("check_output", true),
          .classifier = read_hard_stop_classifier(fields, base)};
}

Proof read_proof(const Fields& fields, const std::filesystem::path& base) {
  Proof proof{.calibrator = resolved(base, fields.text("calibrator")), .certificate = {}, .data_sha256 = {}};
  const json::value* certificate = fields.find("certificate");
  if (certificate != nullptr && certificate->is_object()) {
    const Fields pinned(certificate);
    proof.certificate = resolved(base, pinned.text("file"));
    proof.data_sha256 = pinned.text("data_sha256");
  } else {
    proof.certificate = resolved(base, fields.text("certificate"));
  }
  return proof;
}

Tier read_tier(const json::value& entry, const std::map<std::string, std::string>& aliases,
               const std::filesystem::path& base) {
  Tier tier;
  if (const json::string* word = entry.if_string()) {
    tier.model = std::string(*word);
  } else {
    const Fields fields(&entry);
    tier = {.model = fields.text("model"), .prompt = fields.text("prompt")};
    tier.proof = read_proof(fields, base);
    const Fields adapters = fields.below("adapters");
    for (const auto& member : adapters.object()) {
      tier.adapters.push_back({.name = std::string(member.key()), .scale = adapters.number(member.key()).value_or(1)});
    }
  }
  if (const auto alias = aliases.find(tier.model); alias != aliases.end()) tier.model = alias->second;
  return tier;
}

std::vector<Tier> read_tiers(const json::value* value, const std::map<std::string, std::string>& aliases,
                             const std::filesystem::path& base) {
  std::vector<Tier> tiers;
  if (value == nullptr || !value->is_array()) return tiers;
  for (const json::value& entry : value->get_array()) tiers.push_back(read_tier(entry, aliases, base));
  return tiers;
}

std::optional<Tier> read_candidate(const Fields& fields, const std::map<std::string, std::string>& aliases,
                                   const std::filesystem::path& base) {
  if (!fields.has("candidate")) return std::nullopt;
  return read_tier(*fields.find("candidate"), aliases, base);
}

Validators read_validators(const Fields& fields) {
  const Validators usual;
  return {.refusal = fields.flag("refusal", usual.refusal),
          .chars_min = fields.integer("chars_min", usual.chars_min),
          .chars_max = fields.integer("chars_max", usual.chars_max),
          .code_fence_tolerated = fields.flag("code_fence", usual.code_fence_tolerated),
          .tool_calls = fields.flag("tool_calls", usual.tool_calls),
          .evidence = {.required = fields.has("evidence"), .pointer = fields.below("evidence").text("pointer")}};
}

std::vector<MatchRule> read_match(const json::value* value) {
  std::vector<MatchRule> rules;
  if (value == nullptr || !value->is_array()) return rules;
  for (const json::value& entry : value->get_array()) {
    const Fields fields(&entry);
    rules.push_back({.system_contains = fields.text("system_contains"),
                     .tool_names = fields.texts("tool_names"),
                     .input_chars_max = fields.integer("input_chars_max", 0)});
  }
  return rules;
}

RolloutStage stage_named(const std::string& word) {
  using enum RolloutStage;
  return named(word, std::array{Off, Shadow, Canary, On}, On);
}

void read_rollout(const Fields& fields, Task& task) {
  const json::value* value = fields.find("rollout");
  if (value == nullptr) return;
  if (const json::string* word = value->if_string()) {
    task.rollout = stage_named(std::string(*word));
    return;
  }
  const Fields rollout(value);
  task.rollout = stage_named(rollout.text("stage"));
  task.rollout_groups = rollout.texts("groups");
  task.rollout_percent = static_cast<int>(rollout.integer("percent", task.rollout_percent));
}

void read_decision(const Fields& fields, const std::filesystem::path& base, Task& task) {
  task.labels = fields.texts("labels");
  task.escalate_labels = fields.texts("escalate_labels");
  if (fields.has("unknown_label")) task.unknown_label = fields.text("unknown_label");
  if (const json::value* schema = fields.find("schema")) task.schema.text = json::serialize(*schema);
  task.regex = fields.text("regex");
  task.min_confidence = fields.number("min_confidence");
  task.proof = read_proof(fields, base);
  using enum ConfidenceSignal;
  task.confidence = named(
      fields.text("confidence"),
      std::array{None, LabelProbability, LabelMargin, MeanLogprob, MinTokenProbability, SelfReported, Agreement}, None);
  task.confidence_marker = fields.flag("confidence_marker", task.confidence == SelfReported);
  task.validators = read_validators(fields.below("validators"));
  task.hard_stops = fields.texts("hard_stops");
}

Task read_task(const std::string& task_name, const Fields& fields, const std::map<std::string, std::string>& aliases,
               const std::filesystem::path& base) {
  Task task;
  task.name = task_name;
  task.description = fields.text("description");
  task.owner = fields.text("owner");
  task.suite = fields.text("suite");
  task.impact = named(fields.text("impact"), std::array{Impact::Low, Impact::Medium, Impact::High}, Impact::Low);
  task.local = fields.flag("local", true);
  task.tiers = read_tiers(fields.find("tiers"), aliases, base);
  task.prompt = fields.text("prompt");
  task.adapter = fields.text("adapter");
  read_decision(fields, base, task);
  task.router = read_router(fields, base);
  task.max_input_chars = fields.integer("max_input_chars", task.max_input_chars);
  if (fields.text("reduce") == "build_log") task.reduce = InputReduction::BuildLog;
  task.max_output_tokens = fields.integer("max_output_tokens", task.max_output_tokens);
  task.sampling = read_sampling(fields.below("sampling"));
  task.samples = static_cast<int>(fields.integer("samples", task.samples));
  task.retry_local = static_cast<int>(fields.integer("retry_local", task.retry_local));
  read_rollout(fields, task);
  if (fields.text("on_frontier_unavailable") == "local_with_warning") {
    task.on_frontier_unavailable = OnFrontierUnavailable::LocalWithWarning;
  }
  if (const auto dollars = fields.below("budget").number("usd_per_request")) {
    task.budget_per_request = Usd::from_dollars(*dollars);
  }
  task.match = read_match(fields.find("match"));
  task.candidate = read_candidate(fields, aliases, base);
  if (const Fields vault = fields.below("vault"); vault.has("ttl")) {
    task.vault_ttl = vault.duration("ttl", std::chrono::milliseconds(0));
  }
  return task;
}

WorkflowEntry read_workflow(const std::string& workflow_name, const json::value& value,
                            const std::filesystem::path& base) {
  WorkflowEntry entry;
  entry.name = workflow_name;
  if (const json::string* file = value.if_string()) {
    entry.file = resolved(base, std::string(*file));
    return entry;
  }
  const Fields fields(&value);
  entry.file = resolved(base, fields.text("file"));
  entry.description = fields.text("description");
  entry.hard_stops = fields.texts("hard_stops");
  if (fields.text("on_hard_stop") == "frontier") entry.on_hard_stop = OnHardStop::Frontier;
  return entry;
}

ShadowLimits read_shadow(const Fields& fields) {
  ShadowLimits limits;
  if (const auto dollars = fields.number("usd_per_day")) limits.usd_per_day = Usd::from_dollars(*dollars);
  limits.at_once = static_cast<int>(fields.integer("at_once", limits.at_once));
  return limits;
}

AccessKey read_access_key(const std::string& key_name, const Fields& fields) {
  AccessKey key;
  key.name = key_name;
  key.sha256 = fields.text("sha256");
  key.group = fields.text("group", key_name);
  key.tasks = fields.texts("tasks");
  key.quota = read_quota(fields.below("quota"));
  key.requests_at_once = fields.integer("requests_at_once", 0);
  key.escalations_per_hour = fields.integer("escalations_per_hour", 0);
  if (const auto dollars = fields.below("budget").number("usd_per_day")) {
    key.budget_per_day = Usd::from_dollars(*dollars);
  }
  key.expires = fields.text("expires");
  return key;
}

/// The first usable candidate; else the first that exists; else the first named.
std::string choose(const json::value& candidates, const std::map<std::string, Model>& models,
                   const Environment& environment) {
  if (!candidates.is_array()) return {};
  std::string fallback;
  for (const json::value& candidate : candidates.get_array()) {
    const json::string* word = candidate.if_string();
    if (word == nullptr) continue;
    const auto model = models.find(std::string(*word));
    if (model != models.end() && is_usable(model->second, environment)) return model->first;
    if (fallback.empty() || (model != models.end() && !models.contains(fallback))) fallback = std::string(*word);
  }
  return fallback;
}

json::object merged(const json::object& defaults, const json::object& own) {
  json::object result = defaults;
  for (const auto& member : own) result.insert_or_assign(member.key(), member.value());
  return result;
}

}  // namespace

bool is_usable(const Model& model, const Environment& environment) {
  using enum ProviderKind;
  if (is_file(model.provider)) return true;
  if (model.endpoint.empty()) return false;
  if (model.api_key.kind == SecretRef::Kind::Env) return environment(model.api_key.source).has_value();
  if (model.api_key.kind == SecretRef::Kind::File) {
    std::error_code error;
    const auto size = std::filesystem::file_size(model.api_key.source, error);
    return !error && size > 0;
  }
  return true;
}

Pointer task_setting(const YamlDocument& document, const std::string& task, std::string_view key) {
  Pointer own = child(child("/tasks", task), key);
  const Fields tasks = Fields(&document.root()).below("tasks");
  if (tasks.below(task).has(key) || !Fields(&document.root()).below("defaults").has(key)) return own;
  return child("/defaults", key);
}

Policy read_policy(const YamlDocument& document, const std::filesystem::path& base, const Environment& environment) {
  Policy policy;
  const Fields root(&document.root());
  for (const std::string& folder : root.has("prompts") ? root.texts("prompts") : std::vector<std::string>{"prompts"}) {
    policy.prompt_dirs.push_back(resolved(base, folder));
  }
  for (const auto& member : root.below("models").object()) {
    const std::string key(member.key());
    Model model = read_model(key, Fields(&member.value()), base, environment);
    if (model.provider == ProviderKind::Embedded) model.digests_allowed = root.texts("allowed_models");
    policy.models.emplace(key, std::move(model));
  }
  for (const auto& member : root.below("aliases").object()) {
    policy.aliases.emplace(member.key(), choose(member.value(), policy.models, environment));
  }
  for (const auto& member : root.below("hard_stops").object()) {
    const std::string key(member.key());
    policy.hard_stops.emplace(key, read_hard_stop(key, Fields(&member.value()), base));
  }
  for (const auto& member : root.below("tasks").object()) {
    const std::string key(member.key());
    const json::object settings = merged(root.below("defaults").object(), Fields(&member.value()).object());
    policy.tasks.emplace(key, read_task(key, Fields(settings), policy.aliases, base));
  }
  for (const auto& member : root.below("workflows").object()) {
    const std::string key(member.key());
    policy.workflows.emplace(key, read_workflow(key, member.value(), base));
  }
  policy.shadow = read_shadow(root.below("shadow"));
  policy.task_classifier = read_task_classifier(root, base);
  policy.default_task = root.text("default_task");
  policy.frontier = root.text("frontier");
  if (const auto alias = policy.aliases.find(policy.frontier); alias != policy.aliases.end()) {
    policy.frontier = alias->second;
  }
  using enum KillSwitch;
  policy.kill_switch = named(root.text("kill_switch"), std::array{Off, FrontierOnly, LocalOnly}, Off);
  for (const auto& member : root.below("keys").object()) {
    AccessKey key = read_access_key(std::string(member.key()), Fields(&member.value()));
    policy.keys.emplace(key.sha256, std::move(key));
  }
  policy.approval_tools = root.below("business").texts("approval");
  return policy;
}

}  // namespace suffice::policy
