// `pattern: router` of workflow files.
#include "workflow/patterns/router/router_pattern.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "learned/fit_classifier.hpp"
#include "net/run_sync.hpp"
#include "testing/scripted_model.hpp"
#include "workflow/flow_io.hpp"
#include "workflow/workflow_file.hpp"

namespace suffice::workflow::router {
namespace {

namespace fs = std::filesystem;
using suffice::testing::ScriptedModel;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class RouterFile : public ::testing::Test {
 protected:
  RouterFile() {
    std::string pattern = (fs::temp_directory_path() / "suffice-router-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~RouterFile() override { fs::remove_all(folder_); }

  /// A classifier of texts that hold their label's word.
  void fit(const std::string& name, const std::vector<std::pair<std::string, std::string>>& word_of_label) {
    std::vector<learned::LabelledText> texts;
    for (const char* around : {"please {} this", "can you {} it now", "{} today", "I want to {} again", "{} at once"}) {
      for (const auto& [label, word] : word_of_label) {
        std::string text = around;
        text.replace(text.find("{}"), 2, word);
        texts.push_back({.text = text, .label = label});
      }
    }
    learned::FitOptions options;
    options.spec.bucket_bits = 12;
    std::ofstream(folder_ / name, std::ios::binary) << learned::fit_classifier(texts, options).value();
  }
  LoadedWorkflow load(const std::string& block, const std::string& models = "{weak: small, strong: big}") {
    const WorkflowParts parts{.models = [this](const std::string& name) -> Result<std::shared_ptr<const PortModel>> {
                                if (name != "small" && name != "big") return fail(ErrorCode::NotFound, "no such model");
                                policy::Model model;
                                model.name = name;
                                model.local = name == "small";
                                return std::make_shared<const PortModel>(
                                    PortModel{.model = model, .client = name == "small" ? small_ : big_});
                              },
                              .prompts = nullptr};
    return parse_workflow(fmt::format("version: 1\npattern: router\nmodels: {}\nrouter: {}\n", models, block),
                          folder_ / "r.yaml", parts);
  }
  std::string answer_of(const LoadedWorkflow& loaded, std::string_view query) {
    EXPECT_TRUE(loaded.workflow) << policy::to_lines(loaded.problems);
    if (!loaded.workflow) return {};
    FlowRequest request;
    request.query = query;
    RunLedger ledger(loaded.workflow->budget.limits);
    const FlowOptions options = options_for(*loaded.workflow, ledger, Deadline::never());
    const auto outcome = net::run_sync(run(*loaded.workflow->flow, to_message(request), options));
    EXPECT_TRUE(outcome) << describe(outcome.error());
    return outcome ? answer_text(outcome->output).value() : "";
  }

  fs::path folder_;
  std::shared_ptr<ScriptedModel> small_ = std::make_shared<ScriptedModel>();
  std::shared_ptr<ScriptedModel> big_ = std::make_shared<ScriptedModel>();
};

TEST_F(RouterFile, RoutesByRules) {
  fit("tasks.lin", {{"billing", "invoice"}, {"legal", "contract"}});
  const LoadedWorkflow loaded = load("{rules: {classifier: tasks.lin, weak_tasks: [billing]}}");
  small_->answer("from small");
  EXPECT_EQ(answer_of(loaded, "please invoice this"), "from small");
  big_->answer("from big");
  EXPECT_EQ(answer_of(loaded, "please contract this"), "from big");
}

TEST_F(RouterFile, RoutesByGain) {
  fit("gain.lin", {{"strong", "prove"}, {"weak", "label"}, {"same", "greet"}});
  const LoadedWorkflow loaded = load("{gain: {file: gain.lin, gain_max: 0.3}}");
  big_->answer("from big");
  EXPECT_EQ(answer_of(loaded, "please prove this"), "from big");
  small_->answer("from small");
  EXPECT_EQ(answer_of(loaded, "please label this"), "from small");
}

TEST_F(RouterFile, RoutesByAQuestionToTheWeakModel) {
  const LoadedWorkflow loaded = load("{question: {}}");
  small_->answer("simple").answer("from small");
  EXPECT_EQ(answer_of(loaded, "what is two and two?"), "from small");
}

TEST_F(RouterFile, RoutesByQualityAmongModelsOfThePolicy) {
  fit("small.lin", {{"right", "label"}, {"wrong", "prove"}});
  fit("big.lin", {{"right", "prove"}, {"wrong", "label"}});
  const LoadedWorkflow loaded = load("{quality: {models: {small: small.lin, big: big.lin}}}", "{strong: big}");
  small_->answer("from small");
  EXPECT_EQ(answer_of(loaded, "please label this"), "from small");
}

TEST_F(RouterFile, SaysWhatIsWrongAndWhere) {
  fit("tasks.lin", {{"billing", "invoice"}, {"legal", "contract"}});
  const auto said = [&](const std::string& block, const std::string& models = "{weak: small, strong: big}") {
    const LoadedWorkflow loaded = load(block, models);
    EXPECT_FALSE(loaded.workflow) << block;
    return policy::to_lines(loaded.problems);
  };
  EXPECT_THAT(said("{}"), HasSubstr("exactly one form"));
  EXPECT_THAT(said("{question: {}, rules: {}}"), HasSubstr("exactly one form"));
  EXPECT_THAT(said("{gain: {file: absent.lin}}"), HasSubstr("r.yaml:4"));
  EXPECT_THAT(said("{gain: {file: tasks.lin}}"), HasSubstr("suffice fit router"));
  EXPECT_THAT(said("{rules: {classifier: tasks.lin, weak_tasks: [biling]}}"),
              HasSubstr("is no label of the classifier"));
  EXPECT_THAT(said("{rules: {weak_tasks: [billing]}}"), HasSubstr("no task is known"));
  EXPECT_THAT(said("{rules: {classifier: tasks.lin, sha256: \"" + std::string(64, '0') + "\"}}"), HasSubstr("SHA-256"));
  EXPECT_THAT(said("{question: {}}", "{strong: big}"), HasSubstr("judge or weak"));
  EXPECT_THAT(said("{rules: {}}", "{strong: big}"), HasSubstr("'weak'"));
  EXPECT_THAT(said("{rules: {}}", "{weak: small}"), HasSubstr("strong"));
  EXPECT_THAT(said("{quality: {models: {absent: tasks.lin}}}"), HasSubstr("no such model"));
}

}  // namespace
}  // namespace suffice::workflow::router
