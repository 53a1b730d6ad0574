#include "gate/confidence_rule.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "gate/confidence.hpp"
#include "policy/adapters.hpp"

namespace suffice::gate {
namespace {

policy::Proof proof_of(const policy::Task& task, const policy::Tier& tier) {
  policy::Proof proof = task.proof;
  if (!tier.proof.calibrator.empty()) proof.calibrator = tier.proof.calibrator;
  if (!tier.proof.certificate.empty()) {
    proof.certificate = tier.proof.certificate;
    proof.data_sha256 = tier.proof.data_sha256;
  }
  return proof;
}

template <class Loaded>
Result<std::shared_ptr<const Loaded>> load(const std::string& file, std::string_view key) {
  Result<Loaded> loaded = Loaded::load(file);
  if (loaded) return std::make_shared<const Loaded>(*std::move(loaded));
  return fail(ErrorCode::PolicyInvalid, fmt::format("{}: {}", file, loaded.error().message), std::string(key));
}

/// A calibrator that was fitted on rows of the same file must have left alone those that were certified on.
bool shares_rows(const learned::Calibrator& calibrator, const learned::Derivation& derivation) {
  const learned::CalibratorProvenance& fitted = calibrator.provenance();
  if (fitted.data_sha256 != derivation.data_sha256) return false;
  return fitted.seed != derivation.seed || fitted.share > derivation.share;
}

std::vector<std::string> foreign_parts(const policy::Policy& policy, const policy::Task& task, std::size_t tier,
                                       const policy::Proof& proof, const ConfidenceRule& rule) {
  const learned::Certificate& certificate = *rule.certificate;
  const learned::CertificateScope here = scope_of(policy, task, tier, rule.calibrator.get());
  std::vector<std::string> parts;
  if (here.model.empty() && here.model_sha256.empty()) {
    parts.push_back(fmt::format("model: models.{} has no sha256, so it may be any file; `suffice models pin` writes it",
                                task.tiers[tier].model));
  }
  const std::vector<std::string> others = differences(certificate.scope, here);
  parts.insert(parts.end(), others.begin(), others.end());
  if (!proof.data_sha256.empty() && proof.data_sha256 != certificate.derivation.data_sha256) {
    parts.push_back(fmt::format("data: certified from {}, the policy wants {}", certificate.derivation.data_sha256,
                                proof.data_sha256));
  }
  if (rule.calibrator != nullptr && shares_rows(*rule.calibrator, certificate.derivation)) {
    parts.emplace_back("data: the calibrator was fitted on rows that the threshold was certified on");
  }
  return parts;
}

bool of_tokens(std::string_view signal) { return signal == "mean_logprob" || signal == "min_token_probability"; }

}  // namespace

learned::CertificateScope scope_of(const policy::Policy& policy, const policy::Task& task, std::size_t tier,
                                   const learned::Calibrator* calibrator) {
  using policy::ProviderKind;
  const policy::Tier& step = task.tiers[tier];
  learned::CertificateScope scope;
  scope.task = task.name;
  scope.prompt = step.prompt.empty() ? task.prompt : step.prompt;
  if (const auto model = policy.models.find(step.model); model != policy.models.end()) {
    const policy::Model& used = model->second;
    scope.adapter = policy::describe(policy::adapters_in_force(used, task, step.adapters));
    if (used.provider == ProviderKind::Recorded) {
      scope.model = std::filesystem::path(used.model).filename().string();
    } else if (policy::is_file(used.provider)) {
      scope.model_sha256 = used.sha256;
    } else {
      scope.model = used.model;
    }
  }
  if (calibrator != nullptr) {
    scope.calibrator_sha256 = calibrator->sha256();
  } else {
    scope.signal = signal_name(task.confidence);
  }
  return scope;
}

Result<std::shared_ptr<const ConfidenceRule>> compile_confidence(const policy::Policy& policy, const policy::Task& task,
                                                                 std::size_t tier) {
  const policy::Tier& step = task.tiers[tier];
  const policy::Proof proof = proof_of(task, step);
  const auto model = policy.models.find(step.model);
  const bool local = model != policy.models.end() && model->second.local;
  if (proof.empty() || (!local && step.proof.empty())) return nullptr;

  auto rule = std::make_shared<ConfidenceRule>();
  if (!proof.calibrator.empty()) {
    SUFFICE_TRY(rule->calibrator, load<learned::Calibrator>(proof.calibrator, "calibrator"));
    const std::vector<std::string>& read = rule->calibrator->signals();
    const std::string_view compared = signal_name(task.confidence);
    if (!compared.empty() && rule->calibrator->kind() != learned::CalibratorKind::Logistic &&
        read.front() != compared) {
      return fail(
          ErrorCode::PolicyInvalid,
          fmt::format("{} was fitted on {}, the task says confidence: {}", proof.calibrator, read.front(), compared),
          "calibrator");
    }
  }
  if (!proof.certificate.empty()) {
    SUFFICE_TRY(rule->certificate, load<learned::Certificate>(proof.certificate, "certificate"));
    rule->foreign = foreign_parts(policy, task, tier, proof, *rule);
  }
  return std::shared_ptr<const ConfidenceRule>(std::move(rule));
}

std::vector<std::string> doubts(const ConfidenceRule& rule, WallTime now) {
  std::vector<std::string> all = rule.foreign;
  if (rule.certificate != nullptr && rule.certificate->expired(now)) {
    all.push_back(fmt::format("it expired on {}", rule.certificate->expires));
  }
  return all;
}

const ConfidenceRule* rule_of(const GateRules& rules, std::size_t tier) {
  return tier < rules.confidence.size() ? rules.confidence[tier].get() : nullptr;
}

double raw_floor(const GateRules& rules, std::size_t tier) {
  const ConfidenceRule* rule = rule_of(rules, tier);
  if (rule == nullptr) return rules.task.min_confidence.value_or(0);
  if (rule->calibrator != nullptr || rule->certificate == nullptr || !rule->foreign.empty()) return 0;
  return rule->certificate->threshold;
}

bool needs_logprobs(const GateRules& rules, std::size_t tier) {
  const ConfidenceRule* rule = rule_of(rules, tier);
  if (rule != nullptr && rule->calibrator != nullptr)
    return std::ranges::any_of(rule->calibrator->signals(), of_tokens);
  return of_tokens(signal_name(rules.task.confidence));
}

}  // namespace suffice::gate
