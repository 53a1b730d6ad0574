// Learned ladders from recorded outcomes, and what the public sets give.
#include "lab/ladder/ladder_report.hpp"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/random.hpp"

namespace suffice::lab {
namespace {

std::optional<std::string> data_file(const std::string& name) {
  const char* folder = std::getenv("SUFFICE_DATA_DIR");  // NOLINT(concurrency-mt-unsafe)
  if (folder == nullptr) return std::nullopt;
  std::ifstream in(std::string(folder) + "/" + name, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

/// Requests of two kinds told apart by a word: the small model is right on the easy kind only, the large one nearly always.
OutcomeSet worded_world(int rows) {
  SeededRandom random(3);
  std::string lines;
  for (int i = 0; i < rows; ++i) {
    const bool easy = random.uniform() < 0.6;
    const bool large = random.uniform() < 0.95;
    lines += fmt::format(
        R"({{"id":"{0}","text":"please {1} the thing number {0}","models":{{"small":{{"correct":{2},"cost":0.001}},"large":{{"correct":{3},"cost":0.01}}}}}})"
        "\n",
        i, easy ? "greet" : "prove", easy, large);
  }
  return read_outcomes(lines).value();
}

TEST(LadderReport, LearnsAScoreWhereNoneIsRecorded) {
  const auto report = ladder_report(worded_world(600), {});
  ASSERT_TRUE(report) << report.error().message;

  EXPECT_EQ(report->source, ScoreSource::Learned);
  ASSERT_TRUE(report->matching);
  // 60 % stay for 0.001, the rest pay both.
  EXPECT_NEAR(report->matching->test.cost.value, 0.001 + 0.4 * 0.01, 0.0006);
  EXPECT_GT(report->matching->test.quality.value, 0.94);
  EXPECT_GT(report->matching->beside.saved.interval.low, 0.4);
}

TEST(LadderReport, TheOracleAndTheSinglesStandBeside) {
  const auto report = ladder_report(worded_world(600), {});
  ASSERT_TRUE(report);

  EXPECT_EQ(report->train_rows + report->test_rows, 600U);
  EXPECT_EQ(report->models[report->best_single], "large");
  EXPECT_GE(report->oracle.quality.value, report->matching->test.quality.value);
  EXPECT_LE(report->oracle.cost.value, report->matching->test.cost.value);
  EXPECT_EQ(report->budgets.size(), 10U);
  double before = 0;
  for (const BudgetLine& line : report->budgets) {
    ASSERT_TRUE(line.line);
    EXPECT_LE(line.line->train.cost, line.budget + 1e-12);
    EXPECT_GE(line.line->train.quality, before - 1e-12) << "more money never learns a worse ladder";
    before = line.line->train.quality;
  }
}

/// A leak test: outcomes that have nothing to do with the words leave a learned score nothing to know.
TEST(LadderReport, PermutedOutcomesSaveNothing) {
  SeededRandom random(4);
  std::string lines;
  for (int i = 0; i < 2000; ++i) {
    lines += fmt::format(
        R"({{"id":"{0}","text":"please {1} the thing number {0}","models":{{"small":{{"correct":{2},"cost":0.001}},"large":{{"correct":{3},"cost":0.01}}}}}})"
        "\n",
        i, i % 2 == 0 ? "greet" : "prove", random.uniform() < 0.5, random.uniform() < 0.9);
  }
  const auto report = ladder_report(read_outcomes(lines).value(), {});
  ASSERT_TRUE(report);

  // Half right for 0.001; each escalated request adds 0.4 on average. A ladder of cost c can reach 0.5 + 0.4 * (c - 0.001) / 0.01.
  for (const BudgetLine& line : report->budgets) {
    const double by_chance = 0.5 + 0.4 * (line.line->test.cost.value - 0.001) / 0.01;
    EXPECT_NEAR(line.line->test.quality.value, std::min(by_chance, 0.9), 0.06) << line.budget;
  }
}

TEST(LadderReport, SaysWhatIsMissing) {
  const auto code = [](std::string_view lines, const LadderReportOptions& options) {
    return ladder_report(read_outcomes(lines).value(), options).error();
  };
  std::string no_cost;
  std::string no_text;
  for (int i = 0; i < 100; ++i) {
    no_cost += fmt::format(R"({{"id":"{}","models":{{"a":1,"b":0}}}})"
                           "\n",
                           i);
    no_text += fmt::format(R"({{"id":"{}","models":{{"a":{{"correct":1,"cost":1}},"b":{{"correct":0,"cost":2}}}}}})"
                           "\n",
                           i);
  }
  EXPECT_NE(code(no_cost, {}).message.find("--price 'a=USD'"), std::string::npos);
  EXPECT_NE(code(no_text, {}).message.find("neither text, form nor length"), std::string::npos);
  LadderReportOptions gate;
  gate.data.source = ScoreSource::Gate;
  EXPECT_EQ(code(no_text, gate).where, "--score");
  EXPECT_NE(code(R"({"id":1,"models":{"a":1,"b":0}})", {}).message.find("rows to learn on"), std::string::npos);
}

TEST(Budget, IsMoneyOrAShare) {
  EXPECT_DOUBLE_EQ(budget_named("0.002")->amount, 0.002);
  EXPECT_DOUBLE_EQ(budget_named("30%")->amount, 0.3);
  EXPECT_TRUE(budget_named("30%")->is_share);
  for (const char* wrong : {"", "%", "-1", "0", "x", "1 USD", "nan", "inf"}) EXPECT_FALSE(budget_named(wrong)) << wrong;
}

TEST(ScoreSource, IsNamed) {
  for (const char* name : {"auto", "confidence", "gate", "judge", "valid", "learned"})
    EXPECT_EQ(name_of(score_source_named(name).value()), name);
  EXPECT_FALSE(score_source_named("oracle"));
}

/// Gate-scored cascade of two models on 974 coding tasks: prices and a gate are recorded, nothing is assumed.
TEST(LadderData, OnRecordedCodingTasksTheGateSavesMostOfTheMoney) {
  const auto content = data_file("firstpass_mbpp_cascade/mbpp-974-opus.checkpoint.jsonl.gz");
  if (!content) GTEST_SKIP() << "SUFFICE_DATA_DIR names no folder with firstpass_mbpp_cascade/";
  const auto report = ladder_report(read_outcomes(*content).value(), {});
  ASSERT_TRUE(report) << report.error().message;

  EXPECT_EQ(report->source, ScoreSource::Gate);
  ASSERT_TRUE(report->matching || !report->budgets.empty());
  const LadderLine& half = *report->budgets[4].line;
  EXPECT_EQ(half.test.share.size(), 2U);
  EXPECT_GT(half.beside.saved.interval.low, 0.5) << "the dear model is asked for one request in five";
  EXPECT_GT(half.beside.quality.interval.low, -0.04);
}

/// 44 models on 1,319 questions, prices by size class as assumed in docs/evidence_patterns.md; the score is learned from words, form and length.
TEST(LadderData, OnRecordedMathQuestionsALadderCostsLessThanTheBestModel) {
  const auto content = data_file("zeroeval_outputs/gsm_matrix.jsonl.gz");
  if (!content) GTEST_SKIP() << "SUFFICE_DATA_DIR names no folder with zeroeval_outputs/";
  OutcomeColumns columns;
  columns.models = {"Qwen2-7B-Instruct", "Meta-Llama-3.1-70B-Instruct", "claude-3-5-sonnet-20241022"};
  const auto set = read_outcomes(*content, columns);
  ASSERT_TRUE(set) << set.error().message;
  LadderReportOptions options;
  options.data.prices = {
      {"Qwen2-7B-Instruct", 0.0001}, {"Meta-Llama-3.1-70B-Instruct", 0.0009}, {"claude-3-5-sonnet-20241022", 0.009}};
  const auto report = ladder_report(*set, options);
  ASSERT_TRUE(report) << report.error().message;

  ASSERT_TRUE(report->matching);
  EXPECT_GT(report->matching->beside.saved.interval.low, 0.05);
  EXPECT_GT(report->matching->beside.quality.interval.high, -0.005);
}

}  // namespace
}  // namespace suffice::lab
