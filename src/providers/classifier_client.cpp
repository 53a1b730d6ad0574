#include "providers/classifier_client.hpp"

#include <algorithm>
#include <functional>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include "learned/linear_classifier.hpp"

namespace suffice::providers {
namespace {

/// What is classified: the text as the prompt left it, with nothing around it.
std::string text_of(const ChatRequest& request) {
  const auto last = std::ranges::find(request.messages | std::views::reverse, Role::User, &Message::role);
  return last == request.messages.rend() ? std::string() : last->text();
}

class ClassifierClient final : public ModelClient {
 public:
  ClassifierClient(learned::LinearClassifier classifier, std::string name)
      : classifier_(std::move(classifier)), name_(std::move(name)) {}

  Task<Result<Completion>> complete(const ModelCall& call, TokenSink* sink, Deadline /*microseconds*/) override {
    Result<Completion> answer = classify(call);
    if (answer && sink != nullptr) {
      Delta delta;
      delta.text = answer->text;
      const SinkAction action = co_await sink->on_delta(delta);
      if (action == SinkAction::Stop) co_return fail(ErrorCode::Cancelled, "the receiver stopped the answer");
    }
    co_return answer;
  }

  [[nodiscard]] Capabilities capabilities() const override {
    return Capabilities{.logprobs = false,
                        .json_schema = false,
                        .labels = true,
                        .tools = false,
                        .streaming = true,
                        .context_window = 0};
  }
  [[nodiscard]] std::string_view provider_name() const override { return "suffice.classifier"; }
  [[nodiscard]] std::string quantisation() const override { return "Q8"; }

 private:
  [[nodiscard]] Result<Completion> classify(const ModelCall& call) const {
    if (!call.request.tools.empty()) return fail(ErrorCode::UnsupportedField, "a classifier calls no tools", "tools");
    if (call.constraint.kind == OutputConstraint::Kind::JsonSchema) {
      return fail(ErrorCode::UnsupportedField, "a classifier answers with a label, not with JSON", "schema");
    }
    SUFFICE_TRY(const std::vector<std::size_t> allowed, places_of(call.constraint.labels));
    const learned::LabelScores scores = classifier_.score(text_of(call.request));
    Completion completion;
    completion.labels = distribution(scores, allowed);
    completion.text = completion.labels->entries.front().label;
    completion.finish = FinishReason::Stop;
    completion.usage = Usage{};
    completion.model = name_;
    return completion;
  }

  [[nodiscard]] Result<std::vector<std::size_t>> places_of(const std::vector<std::string>& wanted) const {
    std::vector<std::size_t> places;
    const std::vector<std::string>& known = classifier_.labels();
    if (wanted.empty()) {
      for (std::size_t i = 0; i < known.size(); ++i) places.push_back(i);
    }
    for (const std::string& label : wanted) {
      const auto found = std::ranges::lower_bound(known, label);
      if (found == known.end() || *found != label) {
        return fail(ErrorCode::UnsupportedField, "the classifier was not fitted for one of the task's labels",
                    "labels");
      }
      places.push_back(static_cast<std::size_t>(found - known.begin()));
    }
    return places;
  }

  [[nodiscard]] LabelDistribution distribution(const learned::LabelScores& scores,
                                               const std::vector<std::size_t>& allowed) const {
    LabelDistribution labels;
    labels.method = LabelDistribution::Method::OneVsRest;
    labels.outside_mass = scores.none;
    double total = 0;
    for (const std::size_t place : allowed) total += scores.probability[place];
    for (const std::size_t place : allowed) {
      const double share = total > 0 ? scores.probability[place] / total : 1.0 / static_cast<double>(allowed.size());
      labels.entries.push_back({.label = classifier_.labels()[place], .probability = share});
    }
    std::ranges::sort(labels.entries, std::greater<>(), &LabelDistribution::Entry::probability);
    return labels;
  }

  learned::LinearClassifier classifier_;
  std::string name_;
};

}  // namespace

Result<std::unique_ptr<ModelClient>> make_classifier_client(const policy::Model& model) {
  SUFFICE_TRY(learned::LinearClassifier classifier, learned::LinearClassifier::load(model.model));
  if (!model.sha256.empty() && model.sha256 != classifier.sha256()) {
    return fail(
        ErrorCode::ModelInvalid,
        "the file's SHA-256 is " + classifier.sha256() + ", the policy names another; check where it comes from",
        model.model);
  }
  return std::make_unique<ClassifierClient>(std::move(classifier), model.name);
}

}  // namespace suffice::providers
