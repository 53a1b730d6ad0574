// A classifier beside the patterns of a group: it adds stops, takes none away, and a file that is not the one meant is refused.
#include "gate/stop_classifier.hpp"

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gate/hard_stops.hpp"
#include "gate/judge.hpp"
#include "learned/fit_classifier.hpp"
#include "learned/linear_classifier.hpp"

namespace suffice::gate {
namespace {

using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

/// Knows two kinds of text, by words that no pattern below names.
class StopClassifierTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::vector<learned::LabelledText> rows = {
        {.text = "overflow in the parser lets a remote user run code", .label = "security"},
        {.text = "remote user may run code through the parser", .label = "security"},
        {.text = "a remote user can read files through the parser", .label = "security"},
        {.text = "downloaded from central in two seconds", .label = "ordinary"},
        {.text = "compiling module, downloaded from central", .label = "ordinary"},
        {.text = "please order a new printer for my desk", .label = "ordinary"}};
    learned::FitOptions options;
    options.spec.bucket_bits = 10;
    options.document_frequency_min = 1;
    std::ofstream(file_, std::ios::binary) << learned::fit_classifier(rows, options).value();
    group_.name = "security";
    group_.reason = Reason::HardStopSecurity;
    group_.words = {"vulnerability"};
    group_.classifier =
        policy::HardStopClassifier{.file = file_.string(), .sha256 = {}, .label = "security", .threshold = 0.6};
  }
  void TearDown() override { std::filesystem::remove(file_); }

  std::vector<HardStops::Match> matches(std::string_view text, Side side = Side::Input) const {
    const auto stops = HardStops::compile({group_});
    EXPECT_TRUE(stops.has_value()) << (stops ? "" : describe(stops.error()));
    return stops ? (*stops)->match(text, side) : std::vector<HardStops::Match>{};
  }

  std::filesystem::path file_ =
      std::filesystem::temp_directory_path() / ("suffice_stop_classifier_" + std::to_string(::getpid()) + ".lin");
  policy::HardStopGroup group_;
};

TEST_F(StopClassifierTest, StopsWhatNoWordNamesAndSaysSoWithoutText) {
  const std::string text = "a remote user may run code";
  const auto by_patterns = [&] {
    policy::HardStopGroup patterns = group_;
    patterns.classifier.reset();
    return HardStops::compile({patterns}).value()->match(text, Side::Input);
  };
  ASSERT_THAT(by_patterns(), SizeIs(0));

  const auto found = matches(text);

  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].group, "security");
  EXPECT_EQ(found[0].reason, Reason::HardStopSecurity);
  EXPECT_THAT(found[0].rule, StartsWith("classifier " + file_.stem().string() + ": security 0."));
  EXPECT_THAT(found[0].rule, HasSubstr("stops from 0.600"));
  EXPECT_THAT(found[0].rule, testing::Not(HasSubstr("remote")));
}

TEST_F(StopClassifierTest, LeavesOrdinaryTextAlone) {
  EXPECT_THAT(matches("a new printer, downloaded from central"), SizeIs(0));
}

TEST_F(StopClassifierTest, NeverTakesAPatternsStopAway) {
  group_.classifier->threshold = 1;
  const auto found = matches("order a printer for the vulnerability desk");
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].rule, "vulnerability");
}

TEST_F(StopClassifierTest, FindsAPartOfALongLog) {
  std::string log;
  for (int line = 0; line < 2000; ++line) log += "downloaded from central in two seconds\n";
  EXPECT_THAT(matches(log), SizeIs(0));
  std::string part;
  for (int line = 0; line < 40; ++line) part += "a remote user may run code through the parser\n";
  log.insert(log.size() / 2, part);
  EXPECT_THAT(matches(log), SizeIs(1));
}

TEST_F(StopClassifierTest, SeesThroughSpellingTricksAsPatternsDo) {
  EXPECT_THAT(matches("a rem\u200Bote us\u200Ber may r\u200Bun co\u200Bde thr\u200Bough the par\u200Bser"), SizeIs(1));
}

TEST_F(StopClassifierTest, LooksOnlyAtTheSidesOfItsGroup) {
  group_.check_output = false;
  EXPECT_THAT(matches("a remote user may run code", Side::Output), SizeIs(0));
  EXPECT_THAT(matches("a remote user may run code", Side::Input), SizeIs(1));
}

TEST_F(StopClassifierTest, RefusesAFileThatIsNotTheOneMeant) {
  struct Case {
    const char* name;
    std::function<void(policy::HardStopClassifier&)> change;
    const char* says;
  };
  const Case cases[] = {
      {"no such file", [](auto& classifier) { classifier.file = "/nowhere/x.lin"; }, "/nowhere/x.lin"},
      {"not a classifier", [](auto& classifier) { classifier.file = "/dev/null"; }, "/dev/null"},
      {"another digest", [](auto& classifier) { classifier.sha256 = std::string(64, '0'); },
       "the policy names another"},
      {"no such label", [](auto& classifier) { classifier.label = "harm"; },
       "no label 'harm'; it has ordinary, security"},
  };
  for (const Case& one : cases) {
    policy::HardStopGroup group = group_;
    one.change(*group.classifier);
    const auto stops = HardStops::compile({group});
    ASSERT_FALSE(stops.has_value()) << one.name;
    EXPECT_EQ(stops.error().code, ErrorCode::PolicyInvalid) << one.name;
    EXPECT_EQ(stops.error().where, "hard_stops.security.classifier") << one.name;
    EXPECT_THAT(stops.error().message, HasSubstr(one.says)) << one.name;
  }
}

TEST_F(StopClassifierTest, IsMappedOncePerPolicy) {
  policy::Policy policy;
  policy.hard_stops["security"] = group_;
  policy.hard_stops["other"] = group_;
  policy.hard_stops["other"].name = "other";
  policy::Task one;
  one.hard_stops = {"security"};
  policy::Task two;
  two.hard_stops = {"security", "other"};

  HardStopCache cache;
  ASSERT_TRUE(compile_rules(policy, one, cache).has_value());
  ASSERT_TRUE(compile_rules(policy, two, cache).has_value());

  EXPECT_THAT(cache.classifiers, SizeIs(1));
}

TEST_F(StopClassifierTest, IsInTheRecordOfTheInput) {
  policy::Policy policy;
  policy.hard_stops["security"] = group_;
  policy::Task task;
  task.hard_stops = {"security"};
  const GateRules rules = compile_rules(policy, task).value();

  const Admission admission = check_input(rules, "a remote user may run code");

  EXPECT_THAT(admission.reasons, testing::ElementsAre(Reason::HardStopSecurity));
  ASSERT_FALSE(admission.checks.empty());
  EXPECT_EQ(admission.checks.back().check, "hard_stop:security");
  EXPECT_THAT(admission.checks.back().detail, StartsWith("classifier "));
}

}  // namespace
}  // namespace suffice::gate
