#include "providers/classifier_client.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "learned/fit_classifier.hpp"
#include "net/run_sync.hpp"

namespace suffice::providers {
namespace {

using ::testing::HasSubstr;

/// A classifier of tickets in a file of its own.
class ClassifierClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::vector<learned::LabelledText> rows = {
        {.text = "my password is locked", .label = "access"},  {.text = "reset the password", .label = "access"},
        {.text = "my printer is broken", .label = "hardware"}, {.text = "order a printer", .label = "hardware"},
        {.text = "when is lunch", .label = "other"},           {.text = "lunch is cold", .label = "other"}};
    learned::FitOptions options;
    options.spec.bucket_bits = 10;
    options.document_frequency_min = 1;
    std::ofstream(file_, std::ios::binary) << learned::fit_classifier(rows, options).value();
    model_.name = "tickets";
    model_.provider = policy::ProviderKind::Classifier;
    model_.model = file_.string();
  }
  void TearDown() override { std::filesystem::remove(file_); }

  static ModelCall call_of(std::string text, std::vector<std::string> labels) {
    ModelCall call;
    call.request.messages = {Message::of(Role::System, "it_ticket"), Message::of(Role::User, std::move(text))};
    if (!labels.empty())
      call.constraint = {.kind = OutputConstraint::Kind::Labels, .labels = std::move(labels), .schema = {}};
    return call;
  }

  Result<Completion> ask(const ModelCall& call) {
    const std::unique_ptr<ModelClient> client = make_classifier_client(model_).value();
    return net::run_sync(client->complete(call, nullptr, Deadline::never()));
  }

  std::filesystem::path file_ =
      std::filesystem::temp_directory_path() / ("suffice_classifier_client_" + std::to_string(::getpid()) + ".lin");
  policy::Model model_;
};

TEST_F(ClassifierClientTest, AnswersWithTheMostProbableLabelAndAllProbabilities) {
  const Result<Completion> answer = ask(call_of("the password again", {"access", "hardware", "other"}));

  ASSERT_TRUE(answer) << describe(answer.error());
  EXPECT_EQ(answer->text, "access");
  EXPECT_EQ(answer->finish, FinishReason::Stop);
  ASSERT_TRUE(answer->labels);
  EXPECT_EQ(answer->labels->method, LabelDistribution::Method::OneVsRest);
  ASSERT_EQ(answer->labels->entries.size(), 3U);
  double sum = 0;
  for (const LabelDistribution::Entry& entry : answer->labels->entries) sum += entry.probability;
  EXPECT_NEAR(sum, 1, 1e-9);
  EXPECT_GT(answer->labels->margin(), 0);
}

TEST_F(ClassifierClientTest, ChoosesAmongTheAllowedLabelsOnly) {
  const Result<Completion> answer = ask(call_of("the password again", {"hardware", "other"}));

  ASSERT_TRUE(answer) << describe(answer.error());
  EXPECT_NE(answer->text, "access");
  EXPECT_EQ(answer->labels->entries.size(), 2U);
}

TEST_F(ClassifierClientTest, RefusesWhatItCannotDo) {
  ModelCall schema = call_of("x", {});
  schema.constraint = {.kind = OutputConstraint::Kind::JsonSchema, .labels = {}, .schema = JsonText{.text = "{}"}};
  EXPECT_EQ(ask(schema).error().code, ErrorCode::UnsupportedField);
  EXPECT_EQ(ask(call_of("x", {"access", "unheard_of"})).error().code, ErrorCode::UnsupportedField);
}

TEST_F(ClassifierClientTest, LoadsThePinnedFileOnly) {
  model_.sha256 = std::string(64, '0');
  EXPECT_THAT(describe(make_classifier_client(model_).error()), HasSubstr("the policy names another"));
  model_.model = "/nowhere.lin";
  EXPECT_EQ(make_classifier_client(model_).error().code, ErrorCode::NotFound);
}

}  // namespace
}  // namespace suffice::providers
