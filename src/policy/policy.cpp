#include "policy/policy.hpp"

namespace suffice::policy {

std::string_view name(ProviderKind kind) noexcept {
  switch (kind) {
    case ProviderKind::Embedded:
      return "embedded";
    case ProviderKind::OpenAi:
      return "openai";
    case ProviderKind::Azure:
      return "azure";
    case ProviderKind::Anthropic:
      return "anthropic";
    case ProviderKind::Ollama:
      return "ollama";
    case ProviderKind::Recorded:
      return "recorded";
    case ProviderKind::Classifier:
      return "classifier";
  }
  return "unknown";
}

std::string_view name(Impact value) noexcept {
  switch (value) {
    case Impact::Low:
      return "low";
    case Impact::Medium:
      return "medium";
    case Impact::High:
      return "high";
  }
  return "unknown";
}

std::string_view name(ConfidenceSignal value) noexcept {
  switch (value) {
    case ConfidenceSignal::None:
      return "none";
    case ConfidenceSignal::LabelProbability:
      return "label_probability";
    case ConfidenceSignal::LabelMargin:
      return "label_margin";
    case ConfidenceSignal::MeanLogprob:
      return "mean_logprob";
    case ConfidenceSignal::MinTokenProbability:
      return "min_token_probability";
    case ConfidenceSignal::SelfReported:
      return "self_reported";
    case ConfidenceSignal::Agreement:
      return "agreement";
  }
  return "unknown";
}

std::string_view name(RolloutStage value) noexcept {
  switch (value) {
    case RolloutStage::Off:
      return "off";
    case RolloutStage::Shadow:
      return "shadow";
    case RolloutStage::Canary:
      return "canary";
    case RolloutStage::On:
      return "on";
  }
  return "unknown";
}

std::string_view name(KillSwitch value) noexcept {
  switch (value) {
    case KillSwitch::Off:
      return "off";
    case KillSwitch::FrontierOnly:
      return "frontier_only";
    case KillSwitch::LocalOnly:
      return "local_only";
  }
  return "unknown";
}

}  // namespace suffice::policy
