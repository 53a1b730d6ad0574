// Routing by fitted classifiers: each fitted here, on texts whose truth is in their words.
#include "pipeline/learned_routing.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "learned/fit_classifier.hpp"
#include "pipeline/plan.hpp"
#include "pipeline/task_resolution.hpp"
#include "testing/scripted_model.hpp"

namespace suffice::pipeline {
namespace {

class LearnedRouting : public ::testing::Test {
 protected:
  LearnedRouting() {
    std::string name = (std::filesystem::temp_directory_path() / "suffice_routing_XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~LearnedRouting() override { std::filesystem::remove_all(folder_); }

  /// A classifier of texts that say their label's word, in a file.
  std::string fitted(const std::vector<std::pair<std::string, std::string>>& word_of_label) {
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
    const Result<std::string> bytes = learned::fit_classifier(texts, options);
    EXPECT_TRUE(bytes);
    const std::string file = folder_ + "/" + std::to_string(++files_) + ".lin";
    std::ofstream(file, std::ios::binary) << *bytes;
    return file;
  }

  std::string router() { return fitted({{"strong", "prove"}, {"weak", "label"}, {"same", "greet"}}); }

  /// `policy_` compiled over models that nobody asks.
  Result<std::shared_ptr<const Snapshot>> snapshot() {
    const ClientSource clients = [](const policy::Model&) -> Result<std::shared_ptr<providers::ModelClient>> {
      return std::make_shared<testing::ScriptedModel>();
    };
    return make_snapshot(std::make_shared<const policy::Policy>(policy_), prompts::PromptLibrary{}, clients);
  }

  static ChatRequest said(std::string text) {
    ChatRequest request;
    request.messages.push_back(Message::of(Role::User, std::move(text)));
    return request;
  }

  policy::Policy policy_ = [] {
    policy::Policy policy;
    policy.models["small"].name = "small";
    policy.models["small"].local = true;
    policy.models["big"].name = "big";
    for (const char* name : {"refund", "upgrade"}) {
      policy::Task& task = policy.tasks[name];
      task.name = name;
      task.tiers = {{.model = "small", .prompt = {}}, {.model = "big", .prompt = {}}};
    }
    return policy;
  }();

 private:
  std::string folder_;
  int files_ = 0;
};

TEST_F(LearnedRouting, NamesTheTaskOfARequestThatNothingElseNames) {
  const std::string file = fitted({{"refund", "refund"}, {"upgrade", "upgrade"}, {"smalltalk", "chatter"}});
  const auto namer = TaskNamer::load({.file = file, .sha256 = {}, .min_probability = 0.6}, policy_);
  ASSERT_TRUE(namer);

  const TaskName learned = resolve_task(policy_, said("please refund me"), "", &*namer);
  EXPECT_EQ(learned.name, "refund");
  EXPECT_EQ(learned.by, NamedBy::Classifier);
  EXPECT_EQ(resolve_task(policy_, said("please refund me"), "upgrade", &*namer).by, NamedBy::Header);
  EXPECT_EQ(resolve_task(policy_, said("I want to chatter again"), "", &*namer).by, NamedBy::Nothing)
      << "the label is no task";
  EXPECT_EQ(resolve_task(policy_, said("refund or upgrade?"), "", &*namer).by, NamedBy::Nothing) << "not sure";
}

TEST_F(LearnedRouting, LeavesTextsOfAnotherKindUnnamed) {
  const std::string file = fitted({{"refund", "refund"}, {"upgrade", "upgrade"}});
  const auto any = TaskNamer::load({.file = file, .sha256 = {}, .min_probability = 0}, policy_);
  const auto strict =
      TaskNamer::load({.file = file, .sha256 = {}, .min_probability = 0, .none_probability = 0.2}, policy_);
  ASSERT_TRUE(any && strict);

  EXPECT_TRUE(any->name("xylophone quartz"));
  EXPECT_FALSE(strict->name("xylophone quartz"));
  EXPECT_TRUE(strict->name("please refund this"));
}

TEST_F(LearnedRouting, RefusesFilesThatAreNotWhatThePolicyMeans) {
  const std::string foreign = fitted({{"a", "apple"}, {"b", "banana"}});
  EXPECT_EQ(TaskNamer::load({.file = foreign, .sha256 = {}}, policy_).error().code, ErrorCode::PolicyInvalid);
  EXPECT_EQ(GainRouter::load({.file = foreign, .sha256 = {}}).error().code, ErrorCode::PolicyInvalid);
  EXPECT_EQ(GainRouter::load({.file = router(), .sha256 = std::string(64, '0')}).error().code, ErrorCode::ModelInvalid);
  EXPECT_EQ(GainRouter::load({.file = foreign + ".absent", .sha256 = {}}).error().code, ErrorCode::NotFound);
  policy_.tasks["refund"].router = policy::Router{.file = foreign, .sha256 = {}};
  EXPECT_EQ(snapshot().error().code, ErrorCode::PolicyInvalid);
}

TEST_F(LearnedRouting, SendsWhatIsPredictedHardToTheFrontierAtOnce) {
  policy_.tasks["refund"].router = policy::Router{.file = router(), .sha256 = {}, .gain_max = 0.3};
  const auto made = snapshot();
  ASSERT_TRUE(made);
  const auto plan = [&](std::string_view input) {
    return plan_route(**made, {}, {.task_name = "refund", .input = input});
  };

  const RoutePlan hard = plan("can you prove it now");
  EXPECT_EQ(hard.reasons, std::vector<Reason>{Reason::PredictedHard});
  EXPECT_EQ(hard.first_tier, 1U);
  EXPECT_EQ(hard.checks.back().check, "router");
  EXPECT_FALSE(hard.checks.back().passed);
  const RoutePlan easy = plan("can you label it now");
  EXPECT_TRUE(easy.reasons.empty());
  EXPECT_TRUE(easy.checks.back().passed);
}

TEST_F(LearnedRouting, AsksNoRouterAboutWhatMustLeaveAnyway) {
  policy_.tasks["refund"].router = policy::Router{.file = router(), .sha256 = {}, .gain_max = 0.3};
  const auto made = snapshot();
  ASSERT_TRUE(made);
  const RoutePlan route =
      plan_route(**made, {.kill_switch = policy::KillSwitch::FrontierOnly, .frontier_only_tasks = {}},
                 {.task_name = "refund", .input = "can you prove it now"});

  EXPECT_EQ(route.reasons, std::vector<Reason>{Reason::KillSwitch});
  EXPECT_NE(route.checks.back().check, "router");
}

TEST_F(LearnedRouting, ReadsLongTextsUpToALimitAndNeverHalfACharacter) {
  const auto rule = GainRouter::load({.file = router(), .sha256 = {}});
  ASSERT_TRUE(rule);
  std::string text = "prove " + std::string(kRoutedBytesMax - 7, 'x');
  text += "\xC3\xA4";  // a character across the limit

  EXPECT_DOUBLE_EQ(rule->gain(text), rule->gain(text + " label label label"));
}

}  // namespace
}  // namespace suffice::pipeline
