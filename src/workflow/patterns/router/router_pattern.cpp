#include "workflow/patterns/router/router_pattern.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "workflow/patterns/router/router.hpp"

namespace suffice::workflow::router {
namespace {

using Classifier = std::shared_ptr<const learned::LinearClassifier>;

constexpr std::array<std::string_view, 4> kForms = {"rules", "question", "gain", "quality"};

/// Reads one block; problems go to it.
class Reader {
 public:
  explicit Reader(PatternBlock& block) : block_(block), fields_(block.fields()) {}

  std::shared_ptr<const Flow> read() {
    if (!one_form()) return nullptr;
    for (const std::string_view role : {kStrong, kWeak}) {
      if (std::shared_ptr<const PortModel> model = block_.model(role))
        spec_.models[std::string(role)] = std::move(model);
    }
    spec_.answer_tokens_max = fields_.integer("answer_tokens", spec_.answer_tokens_max);
    read_form();
    if (failed_) return nullptr;
    Result<std::shared_ptr<const Flow>> flow = router_flow(spec_);
    if (flow) return *std::move(flow);
    block_.problem("", flow.error().message);
    return nullptr;
  }

 private:
  void problem(std::string_view where, std::string message) {
    failed_ = true;
    block_.problem(where, std::move(message));
  }

  bool one_form() {
    const auto forms = std::ranges::count_if(kForms, [&](std::string_view form) { return fields_.has(form); });
    if (forms != 1) problem("", "name exactly one form: rules, question, gain or quality");
    return forms == 1;
  }

  void read_form() {
    if (fields_.has("rules")) {
      read_rules(fields_.below("rules"));
    } else if (fields_.has("gain")) {
      read_gain(fields_.below("gain"));
    } else if (fields_.has("quality")) {
      read_quality(fields_.below("quality"));
    } else {
      std::shared_ptr<const PortModel> judge = block_.model("judge");
      if (judge == nullptr) judge = block_.model(kWeak);
      if (judge == nullptr) return problem("question", "needs a model for the role judge or weak");
      spec_.form = QuestionForm{.asked = std::move(judge)};
    }
  }

  void read_rules(const policy::Fields& rules) {
    RuleForm form;
    form.min_probability = rules.number("min_probability").value_or(form.min_probability);
    form.weak_tasks = rules.texts("weak_tasks");
    form.input_tokens_max = rules.integer("input_tokens_max", form.input_tokens_max);
    if (rules.has("classifier"))
      form.tasks = classifier(rules.text("classifier"), rules.text("sha256"), "rules/classifier");
    if (form.tasks == nullptr && !form.weak_tasks.empty() && !failed_)
      problem("rules/weak_tasks", "without a classifier no task is known");
    for (std::size_t i = 0; form.tasks != nullptr && i < form.weak_tasks.size(); ++i) {
      if (std::ranges::find(form.tasks->labels(), form.weak_tasks[i]) == form.tasks->labels().end())
        problem(fmt::format("rules/weak_tasks/{}", i), "is no label of the classifier");
    }
    spec_.form = std::move(form);
  }

  void read_gain(const policy::Fields& gain) {
    GainForm form;
    form.classifier = classifier(gain.text("file"), gain.text("sha256"), "gain/file");
    form.gain_max = gain.number("gain_max").value_or(form.gain_max);
    form.guard.words =
        static_cast<std::size_t>(gain.integer("prefix_words", static_cast<std::int64_t>(form.guard.words)));
    require_labels(form.classifier, {"strong", "weak", "same"}, "strong", "gain/file", "suffice fit router");
    spec_.form = std::move(form);
  }

  void read_quality(const policy::Fields& quality) {
    QualityForm form;
    form.lambda = quality.number("lambda").value_or(form.lambda);
    form.output_tokens = quality.integer("output_tokens", form.output_tokens);
    const policy::Fields files = quality.below("models");
    for (const auto& member : files.object()) {
      const std::string role(member.key());
      const std::string where = "quality/models/" + role;
      Classifier right = classifier(files.text(role), {}, where);
      require_labels(right, {"right", "wrong"}, "right", where, "suffice fit classifier");
      std::shared_ptr<const PortModel> model = block_.model_named(role, where);
      if (model == nullptr) {
        failed_ = true;
        continue;
      }
      form.choices.push_back({.model = role, .right = std::move(right), .price = model->model.price});
      spec_.models[role] = std::move(model);
    }
    spec_.form = std::move(form);
  }

  Classifier classifier(const std::string& file, const std::string& sha256, std::string_view where) {
    const std::filesystem::path path = block_.folder() / file;
    Result<learned::LinearClassifier> loaded = learned::LinearClassifier::load(path);
    if (!loaded) {
      problem(where, describe(loaded.error()));
      return nullptr;
    }
    if (!sha256.empty() && loaded->sha256() != sha256) {
      problem(where, "the file's SHA-256 is " + loaded->sha256() + ", not the one named here");
      return nullptr;
    }
    spec_.version += loaded->sha256() + " ";
    return std::make_shared<const learned::LinearClassifier>(*std::move(loaded));
  }

  void require_labels(const Classifier& classifier, const std::vector<std::string>& allowed, const std::string& needed,
                      std::string_view where, std::string_view made_by) {
    if (classifier == nullptr) return;
    const std::vector<std::string>& labels = classifier->labels();
    const bool known = std::ranges::all_of(
        labels, [&](const std::string& label) { return std::ranges::find(allowed, label) != allowed.end(); });
    if (!known || std::ranges::find(labels, needed) == labels.end())
      problem(where, fmt::format("has other labels than {}; {} makes such a file", fmt::join(allowed, ", "), made_by));
  }

  PatternBlock& block_;
  policy::Fields fields_;
  RouterSpec spec_;
  bool failed_ = false;
};

std::shared_ptr<const Flow> read(PatternBlock& block) { return Reader(block).read(); }

}  // namespace

Pattern router_pattern() {
  return {.name = "router", .roles_needed = {"strong"}, .roles_allowed = {"weak", "judge"}, .read = read};
}

}  // namespace suffice::workflow::router
