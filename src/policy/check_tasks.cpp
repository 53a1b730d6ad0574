// What the schema cannot say about tasks, labels, tiers and hard stops.

#include <algorithm>
#include <map>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <re2/re2.h>

#include "core/text.hpp"
#include "policy/policy_checks.hpp"
#include "policy/policy_reader.hpp"
#include "policy/schema_check.hpp"

namespace suffice::policy {

namespace json = boost::json;

namespace {

/// One task under examination: where each of its settings is written.
struct Subject {
  const Policy& policy;
  const Task& task;
  const Environment& environment;
  Findings& findings;

  [[nodiscard]] Pointer at(std::string_view key) const { return task_setting(findings.document, task.name, key); }
  [[nodiscard]] Pointer whole() const { return child("/tasks", task.name); }
  [[nodiscard]] const Model* model(const Tier& tier) const {
    const auto found = policy.models.find(tier.model);
    return found == policy.models.end() ? nullptr : &found->second;
  }
};

std::vector<std::string> model_names(const Policy& policy) {
  std::vector<std::string> names = keys_of(policy.models);
  for (const auto& alias : policy.aliases) names.push_back(alias.first);
  return names;
}

void check_tier_adapters(const Subject& subject, std::size_t tier) {
  const Model& model = *subject.model(subject.task.tiers[tier]);
  for (const AdapterUse& use : subject.task.tiers[tier].adapters) {
    if (model.adapters.contains(use.name)) continue;
    subject.findings.problem(child(child(child(subject.at("tiers"), tier), "adapters"), use.name),
                             fmt::format("models.{}.adapters has no such adapter{}", model.name,
                                         did_you_mean(use.name, keys_of(model.adapters))));
  }
}

/// Whether every tier names a model; the rest of the ladder's checks make sense only then.
bool check_tier_names(const Subject& subject) {
  bool known = true;
  std::map<std::string, std::size_t> seen;
  const auto& tiers = subject.task.tiers;
  for (std::size_t i = 0; i < tiers.size(); ++i) {
    const Pointer at = child(subject.at("tiers"), i);
    if (subject.model(tiers[i]) == nullptr) {
      known = false;
      // An alias of unknown candidates has been reported where it stands.
      if (!std::ranges::any_of(subject.policy.aliases,
                               [&](const auto& alias) { return alias.second == tiers[i].model; })) {
        subject.findings.problem(at, fmt::format("no model or alias has this name{}",
                                                 did_you_mean(tiers[i].model, model_names(subject.policy))));
      }
      continue;
    }
    std::string tier = tiers[i].model + "\n" + tiers[i].prompt;
    for (const AdapterUse& use : tiers[i].adapters) tier += fmt::format("\n{} {}", use.name, use.scale);
    const auto [first, is_new] = seen.emplace(std::move(tier), i);
    if (!is_new) {
      subject.findings.problem(
          at, fmt::format("the same model as tiers[{}] with the same prompt and adapters", first->second));
    }
    check_tier_adapters(subject, i);
  }
  return known;
}

bool has_local_tier(const Subject& subject) {
  return std::ranges::any_of(subject.task.tiers, [&](const Tier& tier) { return subject.model(tier)->local; });
}

void check_ladder(const Subject& subject) {
  if (subject.task.tiers.empty()) {
    subject.findings.problem(subject.whole(), "no tiers; name the models that may answer, cheapest first");
    return;
  }
  if (!check_tier_names(subject)) return;
  const Model& last = *subject.model(subject.task.tiers.back());
  if (!subject.task.local && last.local) {
    subject.findings.problem(subject.at("tiers"),
                             "the task says local: no, but its last tier is a local model; "
                             "add a model that is not");
  }
  if (!is_usable(last, subject.environment)) {
    subject.findings.warning(
        child(subject.at("tiers"), subject.task.tiers.size() - 1),
        fmt::format("the secret or endpoint of \"{}\" is not set; escalations will fail until it is", last.name));
  }
}

void check_labels(const Subject& subject) {
  const Task& task = subject.task;
  std::map<std::string, std::size_t> seen;
  for (std::size_t i = 0; i < task.labels.size(); ++i) {
    const auto [first, is_new] = seen.emplace(fold_case(trim(task.labels[i])), i);
    if (!is_new) {
      subject.findings.problem(
          child(subject.at("labels"), i),
          fmt::format("the same label as labels[{}]: case and surrounding space do not count", first->second));
    }
  }
  const auto is_label = [&](const std::string& label) { return seen.contains(fold_case(trim(label))); };
  for (std::size_t i = 0; i < task.escalate_labels.size(); ++i) {
    if (is_label(task.escalate_labels[i])) continue;
    subject.findings.problem(child(subject.at("escalate_labels"), i),
                             fmt::format("not among labels{}", did_you_mean(task.escalate_labels[i], task.labels)));
  }
  if (task.unknown_label && !is_label(*task.unknown_label)) {
    subject.findings.problem(subject.at("unknown_label"),
                             fmt::format("not among labels{}", did_you_mean(*task.unknown_label, task.labels)));
  }
}

void check_schema(const Subject& subject) {
  if (subject.task.schema.empty()) return;
  if (!subject.task.labels.empty()) {
    subject.findings.problem(subject.at("schema"), "a task has labels or a schema, not both");
  }
  if (const auto defect = schema_defect(json::parse(subject.task.schema.text))) {
    subject.findings.problem(subject.at("schema"), fmt::format("not a JSON Schema: {}", *defect));
  }
}

void check_regex(const Subject& subject) {
  const Task& task = subject.task;
  if (task.regex.empty()) return;
  if (!task.labels.empty() || !task.schema.empty()) {
    subject.findings.problem(subject.at("regex"), "a task has labels, a schema or a regex, not two of them");
  }
  re2::RE2::Options options;
  options.set_log_errors(false);
  const re2::RE2 compiled(task.regex, options);
  if (!compiled.ok())
    subject.findings.problem(subject.at("regex"), fmt::format("not an RE2 expression: {}", compiled.error()));
}

void check_hard_stop_names(const Subject& subject) {
  const auto& names = subject.task.hard_stops;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (subject.policy.hard_stops.contains(names[i])) continue;
    subject.findings.problem(child(subject.at("hard_stops"), i),
                             fmt::format("no group of hard_stops has this name{}",
                                         did_you_mean(names[i], keys_of(subject.policy.hard_stops))));
  }
}

/// A certificate brings its own threshold and its own doubts; a raw one beside it would outlive them.
void check_proof(const Subject& subject) {
  const Task& task = subject.task;
  if (task.min_confidence && !task.proof.certificate.empty()) {
    subject.findings.problem(subject.at("certificate"),
                             "the certificate brings its own threshold; remove it or min_confidence");
  }
  for (std::size_t i = 0; i < task.tiers.size(); ++i) {
    const Proof& proof = task.tiers[i].proof;
    const Pointer at = child(subject.at("tiers"), i);
    if (task.min_confidence && !proof.certificate.empty()) {
      subject.findings.problem(child(at, "certificate"),
                               "the certificate brings its own threshold; remove it or the task's min_confidence");
    }
    if (!proof.calibrator.empty() && proof.certificate.empty() && !task.proof.certificate.empty()) {
      subject.findings.problem(child(at, "calibrator"),
                               "the tier has a calibrator of its own, so it needs a certificate of its own");
    }
  }
}

/// Whether a local tier of the task could be trusted by a certificate.
bool has_certificate(const Subject& subject) {
  const auto certified = [](const Tier& tier) { return !tier.proof.certificate.empty(); };
  return !subject.task.proof.certificate.empty() || std::ranges::any_of(subject.task.tiers, certified);
}

void check_confidence(const Subject& subject) {
  using enum ConfidenceSignal;
  const Task& task = subject.task;
  const bool of_labels = task.confidence == LabelProbability || task.confidence == LabelMargin;
  if (of_labels && task.labels.empty()) {
    subject.findings.problem(subject.at("confidence"), fmt::format("{} needs labels", name(task.confidence)));
  }
  if (task.confidence == Agreement && task.samples < 2) {
    subject.findings.problem(subject.at("confidence"), "agreement needs several answers; set samples: 5");
  }
  if (task.samples > 1 && !task.labels.empty()) {
    subject.findings.problem(subject.at("samples"), "labels are scored exactly, so samples of them add nothing");
  }
  if (task.min_confidence && task.confidence == None && task.proof.calibrator.empty()) {
    subject.findings.problem(subject.at("min_confidence"),
                             "nothing to compare with it; say which signal, such as confidence: label_probability");
  }
  const bool known = std::ranges::all_of(task.tiers, [&](const Tier& tier) { return subject.model(tier) != nullptr; });
  if (!task.local || !known || !has_local_tier(subject)) return;
  if (!task.min_confidence && !has_certificate(subject)) {
    subject.findings.warning(
        subject.whole(), "has a local tier but neither a certificate nor a min_confidence; no local answer is served");
  }
  for (std::size_t i = 0; of_labels && i < task.tiers.size(); ++i) {
    const Model& model = *subject.model(task.tiers[i]);
    if (!model.local || model.provider == ProviderKind::Embedded || model.provider == ProviderKind::Classifier)
      continue;
    subject.findings.warning(
        child(subject.at("tiers"), i),
        fmt::format("only embedded models and classifiers give {}; answers of this one end as logprobs_missing",
                    name(task.confidence)));
  }
}

void check_rest(const Subject& subject) {
  const Task& task = subject.task;
  if (task.sampling.temperature == 0.0 && task.sampling.top_p == 0.0) {
    subject.findings.warning(subject.at("sampling"), "temperature and top_p are both 0; set one of them");
  }
  if (task.validators.chars_max > 0 && task.validators.chars_min > task.validators.chars_max) {
    subject.findings.problem(subject.at("validators"), "chars_min is more than chars_max, so every answer fails");
  }
  if (task.candidate && subject.model(*task.candidate) == nullptr) {
    subject.findings.problem(subject.at("candidate"),
                             fmt::format("no model has the name {}{}", task.candidate->model,
                                         did_you_mean(task.candidate->model, model_names(subject.policy))));
  }
  if (task.rollout == RolloutStage::Canary && task.rollout_groups.empty() && task.rollout_percent == 0) {
    subject.findings.warning(subject.at("rollout"), "a canary of no groups and 0 percent serves nobody");
  }
}

}  // namespace

void check_tasks(const Policy& policy, const Environment& environment, Findings& findings) {
  for (const auto& entry : policy.tasks) {
    const Subject subject{.policy = policy, .task = entry.second, .environment = environment, .findings = findings};
    check_ladder(subject);
    check_labels(subject);
    check_schema(subject);
    check_regex(subject);
    check_hard_stop_names(subject);
    check_proof(subject);
    check_confidence(subject);
    check_rest(subject);
  }
}

}  // namespace suffice::policy
