#include "learned/linear_classifier.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/text.hpp"
#include "learned/fit_classifier.hpp"
#include "learned/split.hpp"

namespace suffice::learned {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<LabelledText> two_kinds() {
  std::vector<LabelledText> rows;
  for (const char* thing : {"login", "password", "account", "badge"}) {
    rows.push_back({.text = std::string("my ") + thing + " is locked", .label = "access"});
    rows.push_back({.text = std::string("cannot reset the ") + thing, .label = "access"});
  }
  for (const char* thing : {"laptop", "printer", "screen", "keyboard"}) {
    rows.push_back({.text = std::string("my ") + thing + " is broken", .label = "hardware"});
    rows.push_back({.text = std::string("please order a new ") + thing, .label = "hardware"});
  }
  return rows;
}

LinearClassifier fitted(const std::vector<LabelledText>& rows, FitOptions options = {}) {
  Result<std::string> bytes = fit_classifier(rows, options);
  EXPECT_TRUE(bytes) << describe(bytes.error());
  Result<LinearClassifier> made = LinearClassifier::from_bytes(*std::move(bytes));
  EXPECT_TRUE(made) << describe(made.error());
  return *std::move(made);
}

std::string best(const LinearClassifier& classifier, std::string_view text) {
  const LabelScores scores = classifier.score(text);
  return classifier
      .labels()[static_cast<std::size_t>(std::ranges::max_element(scores.probability) - scores.probability.begin())];
}

TEST(LinearClassifier, ScoresAsTheFormulaSays) {
  // One word in one bucket: both norms make its value 1, so the score is weight + bias, by hand.
  FeatureCounter counter{FeatureSpec{}};
  ClassifierParts parts;
  parts.labels = {"no", "yes"};
  for (const FeatureCount& feature : counter.count("ok")) {
    if (parts.spec.is_word(feature.bucket)) parts.rows.push_back({.bucket = feature.bucket, .idf = 3});
  }
  ASSERT_EQ(parts.rows.size(), 1U);
  parts.weights = {{-1.27F}, {2.54F}};
  parts.bias = {0.5F, -1};
  const LinearClassifier classifier = LinearClassifier::from_bytes(classifier_bytes(parts)).value();

  const LabelScores scores = classifier.score("ok ok ok");

  const double no = 1 / (1 + std::exp(0.77));
  const double yes = 1 / (1 + std::exp(-1.54));
  EXPECT_NEAR(scores.probability[0], no / (no + yes), 1e-6);
  EXPECT_NEAR(scores.probability[1], yes / (no + yes), 1e-6);
  EXPECT_NEAR(scores.none, (1 - no) * (1 - yes), 1e-6);
}

TEST(LinearClassifier, LearnsWhatPartsTheLabels) {
  const LinearClassifier classifier = fitted(two_kinds());

  EXPECT_THAT(classifier.labels(), ElementsAre("access", "hardware"));
  EXPECT_EQ(best(classifier, "the password is locked again"), "access");
  EXPECT_EQ(best(classifier, "a printer is broken"), "hardware");
}

TEST(LinearClassifier, AnswersATextItKnowsNothingOfByItsBiasAlone) {
  const LinearClassifier classifier = fitted(two_kinds());

  const LabelScores empty = classifier.score("");

  EXPECT_EQ(classifier.score("東京").probability, empty.probability);
  EXPECT_NEAR(empty.probability[0] + empty.probability[1], 1, 1e-12);
}

TEST(LinearClassifier, GivesTheSameFileWhateverTheThreads) {
  std::vector<LabelledText> rows = two_kinds();
  rows.push_back({.text = "when is the canteen open", .label = "other"});
  rows.push_back({.text = "the canteen is cold", .label = "other"});

  EXPECT_EQ(fit_classifier(rows, {.threads = 1}).value(), fit_classifier(rows, {.threads = 3}).value());
}

TEST(LinearClassifier, KeepsItsProvenance) {
  FitOptions options;
  options.provenance = {.data_sha256 = "ab", .seed = 7, .note = "tickets; CC BY 4.0"};

  const LinearClassifier classifier = fitted(two_kinds(), options);

  EXPECT_EQ(classifier.provenance().data_sha256, "ab");
  EXPECT_EQ(classifier.provenance().seed, 7U);
  EXPECT_EQ(classifier.provenance().examples, 16);
  EXPECT_EQ(classifier.provenance().note, "tickets; CC BY 4.0");
}

TEST(LinearClassifier, ScoresTheSameFromAFileAndFromMemoryAndOnEveryThread) {
  const std::string bytes = fit_classifier(two_kinds(), {}).value();
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("suffice_classifier_" + std::to_string(::getpid()) + ".lin");
  std::ofstream(file, std::ios::binary) << bytes;
  const LinearClassifier mapped = LinearClassifier::load(file).value();
  const LinearClassifier held = LinearClassifier::from_bytes(bytes).value();
  std::filesystem::remove(file);
  const std::vector<double> expected = held.score("my badge is broken").probability;

  std::vector<std::jthread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] { EXPECT_EQ(mapped.score("my badge is broken").probability, expected); });
  }
}

TEST(LinearClassifier, RefusesEveryFileThatIsNotWhole) {
  const std::string good = fit_classifier(two_kinds(), {.spec = {.bucket_bits = 10}}).value();
  for (std::size_t size = 0; size < good.size(); size += 7) {
    EXPECT_EQ(LinearClassifier::from_bytes(good.substr(0, size)).error().code, ErrorCode::ModelInvalid) << size;
  }
  for (std::size_t at = 0; at < good.size(); at += 11) {
    std::string altered = good;
    altered[at] = static_cast<char>(altered[at] ^ 0x10);
    EXPECT_EQ(LinearClassifier::from_bytes(altered).error().code, ErrorCode::ModelInvalid) << at;
  }
  EXPECT_EQ(LinearClassifier::load("/nowhere/at/all.lin").error().code, ErrorCode::NotFound);
  EXPECT_EQ(LinearClassifier::load("/").error().code, ErrorCode::ModelInvalid);
}

TEST(FitClassifier, SaysWhyItCannot) {
  EXPECT_THAT(describe(fit_classifier({}, {}).error()), HasSubstr("2 to 65,535 labels"));
  const std::vector<LabelledText> one_label(3, {.text = "x", .label = "same"});
  EXPECT_EQ(fit_classifier(one_label, {}).error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(fit_classifier(two_kinds(), {.spec = {.bucket_bits = 40}}).error().code, ErrorCode::InvalidArgument);
}

TEST(FitClassifier, StopsWhenItsProgressSaysSo) {
  FitOptions options;
  options.progress = [](std::size_t, std::size_t) { return false; };

  EXPECT_EQ(fit_classifier(two_kinds(), options).error().code, ErrorCode::Cancelled);
}

TEST(Split, PutsATextAndItsCopiesOnOneSide) {
  std::vector<LabelledText> rows;
  for (int i = 0; i < 1'000; ++i) rows.push_back({.text = "text " + std::to_string(i % 500), .label = "a"});

  const auto [fitted_on, held_out] = split(rows, 0.2, 1);

  EXPECT_EQ(fitted_on.size() + held_out.size(), 1'000U);
  EXPECT_NEAR(static_cast<double>(held_out.size()), 200, 60);
  for (const LabelledText& row : held_out) EXPECT_LT(place_of(row.text, 1), 0.2);
  EXPECT_EQ(place_of("Same ", 3), place_of("same", 3));
  EXPECT_NE(place_of("same", 3), place_of("same", 4));
}

/// CLINC150's rows of one side: [[text, label], ...].
std::vector<LabelledText> clinc(const boost::json::value& sets, std::string_view side) {
  std::vector<LabelledText> rows;
  for (const boost::json::value& pair : sets.at(side).as_array()) {
    rows.push_back({.text = std::string(pair.at(0).as_string()), .label = std::string(pair.at(1).as_string())});
  }
  return rows;
}

TEST(FitClassifier, ReachesOnThePublicIntentsWhatItIsKnownToReach) {
  const char* data = std::getenv("SUFFICE_DATA_DIR");
  if (data == nullptr) GTEST_SKIP() << "SUFFICE_DATA_DIR is not set";
  const std::string command = std::string("gzip -dc '") + data + "/clinc150/full_train_val.json.gz'";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
  std::string text;
  for (char buffer[65'536]; const std::size_t size = std::fread(buffer, 1, sizeof(buffer), pipe.get());) {
    text.append(buffer, size);
  }
  if (text.empty()) GTEST_SKIP() << "no clinc150 in SUFFICE_DATA_DIR";
  const boost::json::value sets = boost::json::parse(text);
  // Thirty of the 150 intents, so that the test is short under the sanitizers; all of them are in docs/evidence.md.
  std::vector<LabelledText> train = clinc(sets, "train");
  std::vector<LabelledText> held_out = clinc(sets, "val");
  std::vector<std::string> labels;
  for (const LabelledText& row : train) labels.push_back(row.label);
  std::ranges::sort(labels);
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  ASSERT_EQ(labels.size(), 150U);
  const auto other = [&](const LabelledText& row) { return row.label > labels[29]; };
  std::erase_if(train, other);
  std::erase_if(held_out, other);
  ASSERT_EQ(held_out.size(), 600U);

  const LinearClassifier classifier = fitted(train, {.threads = 2});

  const auto right =
      std::ranges::count_if(held_out, [&](const LabelledText& row) { return best(classifier, row.text) == row.label; });
  EXPECT_GT(static_cast<double>(right) / 600, 0.93) << right << " of 600";
}

}  // namespace
}  // namespace suffice::learned
