#include "gate/stop_classifier.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "gate/text_windows.hpp"
#include "learned/linear_classifier.hpp"

namespace suffice::gate {
namespace {

std::unexpected<Error> refuse(const policy::HardStopGroup& group, const std::string& why) {
  return fail(ErrorCode::PolicyInvalid, fmt::format("hard stop '{}': {}", group.name, why),
              fmt::format("hard_stops.{}.classifier", group.name));
}

}  // namespace

Result<std::shared_ptr<const StopClassifier>> StopClassifier::load(const policy::HardStopGroup& group,
                                                                   ClassifierCache& cache) {
  const policy::HardStopClassifier& wanted = *group.classifier;
  std::shared_ptr<const learned::LinearClassifier>& file = cache[wanted.file];
  if (file == nullptr) {
    Result<learned::LinearClassifier> loaded = learned::LinearClassifier::load(wanted.file);
    if (!loaded) return refuse(group, describe(loaded.error()));
    file = std::make_shared<const learned::LinearClassifier>(*std::move(loaded));
  }
  if (!wanted.sha256.empty() && wanted.sha256 != file->sha256()) {
    return refuse(
        group, fmt::format("{} has the SHA-256 {}, the policy names another; check where it comes from, then write it",
                           wanted.file, file->sha256()));
  }
  const auto label = std::ranges::lower_bound(file->labels(), wanted.label);
  if (label == file->labels().end() || *label != wanted.label) {
    return refuse(group, fmt::format("{} has no label '{}'; it has {}", wanted.file, wanted.label,
                                     fmt::join(file->labels(), ", ")));
  }
  std::shared_ptr<StopClassifier> made(new StopClassifier);
  made->classifier_ = file;
  made->name_ = std::filesystem::path(wanted.file).stem().string();
  made->label_ = wanted.label;
  made->place_ = static_cast<std::size_t>(label - file->labels().begin());
  made->threshold_ = wanted.threshold;
  return made;
}

double StopClassifier::score(std::string_view piece) const { return classifier_->score(piece).probability[place_]; }

double StopClassifier::probability(std::string_view folded) const {
  double most = 0;
  for (const std::string_view piece : text_windows(folded)) most = std::max(most, score(piece));
  return most;
}

std::optional<std::string> StopClassifier::match(std::string_view folded) const {
  for (const std::string_view piece : text_windows(folded)) {
    const double found = score(piece);
    if (found < threshold_) continue;
    return fmt::format("classifier {}: {} {:.3f}, stops from {:.3f}", name_, label_, found, threshold_);
  }
  return std::nullopt;
}

}  // namespace suffice::gate
