#include "lab/evaluation/outcomes.hpp"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace suffice::lab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A file below SUFFICE_DATA_DIR, or nothing when the folder is not there.
std::optional<std::string> data_file(const std::string& name) {
  const char* folder = std::getenv("SUFFICE_DATA_DIR");  // NOLINT(concurrency-mt-unsafe)
  if (folder == nullptr) return std::nullopt;
  std::ifstream in(std::string(folder) + "/" + name, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

TEST(Outcomes, AreReadFromObjectsByModel) {
  const Result<OutcomeSet> set = read_outcomes(
      R"({"id":"a","text":"hello","task":"greet","models":{"small":{"correct":true,"confidence":0.9,"valid":false,"output":"hi",)"
      R"("input_tokens":3,"output_tokens":2,"cost":0.001},"large":{"score":0.5,"tokens":7,"cost_usd":0.1,"judge_score":4}}})"
      "\n\n"
      R"({"id":"b","text":"bye","models":{"large":{"correct":0},"small":null}})");

  ASSERT_TRUE(set) << set.error().message;
  EXPECT_EQ(set->shape, OutcomeShape::ByModel);
  EXPECT_THAT(set->models, ElementsAre("small", "large"));
  ASSERT_EQ(set->rows.size(), 2U);
  const OutcomeRow& row = set->rows[0];
  EXPECT_EQ(row.id, "a");
  EXPECT_EQ(row.text, "hello");
  EXPECT_EQ(row.task, "greet");
  ASSERT_TRUE(row.models[0] && row.models[1]);
  EXPECT_EQ(row.models[0]->quality, 1);
  EXPECT_EQ(row.models[0]->confidence, 0.9);
  EXPECT_EQ(row.models[0]->valid, false);
  EXPECT_EQ(row.models[0]->output, "hi");
  EXPECT_EQ(row.models[0]->tokens, 5);
  EXPECT_EQ(row.models[0]->cost_usd, 0.001);
  EXPECT_EQ(row.models[1]->quality, 0.5);
  EXPECT_EQ(row.models[1]->judge_score, 4);
  EXPECT_FALSE(row.models[1]->valid.has_value());
  EXPECT_FALSE(set->rows[1].models[0].has_value());
  EXPECT_EQ(set->rows[1].models[1]->quality, 0);
}

TEST(Outcomes, AreReadFromArraysAndPlainScores) {
  const Result<OutcomeSet> arrays =
      read_outcomes(R"({"id":"a","question":"q","models":{"x":[1,0,199],"y":[0,1],"z":[null,1,2]}})");
  ASSERT_TRUE(arrays) << arrays.error().message;
  EXPECT_THAT(arrays->models, ElementsAre("x", "y"));
  EXPECT_EQ(arrays->rows[0].models[0]->valid, false);
  EXPECT_EQ(arrays->rows[0].models[0]->tokens, 199);
  EXPECT_EQ(arrays->rows[0].models[1]->valid, true);

  const Result<OutcomeSet> scores = read_outcomes(R"({"task":"t","question":"q","scores":{"x":0.25,"y":1.0}})");
  ASSERT_TRUE(scores) << scores.error().message;
  EXPECT_EQ(scores->rows[0].models[0]->quality, 0.25);
  EXPECT_EQ(scores->rows[0].task, "t");
  EXPECT_EQ(scores->rows[0].id, "1");
}

TEST(Outcomes, AreReadFromALadderWithRungs) {
  const Result<OutcomeSet> set = read_outcomes(
      R"({"task_id":"t1","ladder":["cheap","dear"],"rungs":[{"gate_score":0.5,"gate_full_pass":false,"oracle_correct":false,)"
      R"("cost_usd":0.01,"judge_score":null}]})"
      "\n"
      R"({"task_id":"t2","ladder":["cheap","dear"],"rungs":[{"gate_score":1.0,"gate_full_pass":true,"oracle_correct":true},)"
      R"({"oracle_correct":true,"cost_usd":0.2}]})");

  ASSERT_TRUE(set) << set.error().message;
  EXPECT_EQ(set->shape, OutcomeShape::Ladder);
  EXPECT_EQ(set->rows[0].id, "t1");
  EXPECT_EQ(set->rows[0].models[0]->gate_score, 0.5);
  EXPECT_EQ(set->rows[0].models[0]->valid, false);
  EXPECT_FALSE(set->rows[0].models[0]->judge_score.has_value());
  EXPECT_FALSE(set->rows[0].models[1].has_value());
  EXPECT_EQ(set->rows[1].models[1]->cost_usd, 0.2);
}

TEST(Outcomes, AreReadFromMembersThatAreObjects) {
  const Result<OutcomeSet> set = read_outcomes(
      R"({"question":"q","ground_truth":"4","notes":{"by":"x"},"6b":{"is_correct":false,"solution":"5"},"175b":{"is_correct":true}})");

  ASSERT_TRUE(set) << set.error().message;
  EXPECT_EQ(set->shape, OutcomeShape::Members);
  EXPECT_THAT(set->models, ElementsAre("6b", "175b"));
  EXPECT_EQ(set->rows[0].models[0]->output, "5");
}

TEST(Outcomes, AreReadFromAColumnAModel) {
  const Result<OutcomeSet> set = read_outcomes(
      ",prompt,a/small,b-large,a/small_response,b-large.confidence,b-large.cost,note\n"
      "0,\"Is 1, or 2?\",True,False,\"It is\n1\",0.25,0.5,x\n"
      "1,other,False,,no,,,y\n");

  ASSERT_TRUE(set) << set.error().message;
  EXPECT_EQ(set->shape, OutcomeShape::Wide);
  EXPECT_THAT(set->models, ElementsAre("a/small", "b-large"));
  EXPECT_EQ(set->rows[0].text, "Is 1, or 2?");
  EXPECT_EQ(set->rows[0].models[0]->output, "It is\n1");
  EXPECT_EQ(set->rows[0].models[1]->confidence, 0.25);
  EXPECT_EQ(set->rows[0].models[1]->cost_usd, 0.5);
  EXPECT_FALSE(set->rows[1].models[1].has_value());
}

TEST(Outcomes, OfLinesAreJoinedToOneRowARequest) {
  const Result<OutcomeSet> set = read_outcomes(
      "dataset,model,prompt,q,confidence,correct\n"
      "arc,small,first,0,0.4,1\narc,small,second,0,0.5,0\narc,large,second,0,0.9,1\narc,large,first,0,0.8,1\n");

  ASSERT_TRUE(set) << set.error().message;
  EXPECT_EQ(set->shape, OutcomeShape::Long);
  ASSERT_EQ(set->rows.size(), 2U);
  EXPECT_EQ(set->rows[0].id, "arc/first/0");
  EXPECT_EQ(set->rows[0].task, "arc");
  EXPECT_EQ(set->rows[0].text, "");
  EXPECT_EQ(set->rows[0].models[1]->confidence, 0.8);
  EXPECT_EQ(set->rows[1].models[1]->confidence, 0.9);

  const Result<OutcomeSet> json = read_outcomes(
      "{\"model\":\"x\",\"id\":\"1\",\"correct\":1,\"confidence\":0.5}\n"
      "{\"model\":\"y\",\"id\":\"1\",\"correct\":0}");
  ASSERT_TRUE(json) << json.error().message;
  EXPECT_EQ(json->rows.size(), 1U);
  EXPECT_THAT(json->models, ElementsAre("x", "y"));
}

TEST(Outcomes, OfLinesIgnoreFurtherColumnsUnlessTheyTellRequestsApart) {
  const Result<OutcomeSet> latency = read_outcomes("model,q,latency,correct\nx,1,0.3,1\ny,1,0.7,0\n");
  ASSERT_TRUE(latency);
  EXPECT_EQ(latency->rows.size(), 1U);

  const Result<OutcomeSet> variant = read_outcomes("model,q,temperature,correct\nx,1,0,1\nx,1,1,0\ny,1,0,1\ny,1,1,1\n");
  ASSERT_TRUE(variant) << variant.error().message;
  EXPECT_EQ(variant->rows.size(), 2U);
}

TEST(Outcomes, HaveColumnsThatFlagsName) {
  const Result<OutcomeSet> set =
      read_outcomes("ask,kind,a,b,c\nhello,t,1,0,1\n", {.id = "", .text = "ask", .task = "kind", .models = {"a", "c"}});
  ASSERT_TRUE(set) << set.error().message;
  EXPECT_THAT(set->models, ElementsAre("a", "c"));
  EXPECT_EQ(set->rows[0].text, "hello");
  EXPECT_EQ(set->rows[0].task, "t");

  const Result<OutcomeSet> wrong =
      read_outcomes("ask,a\nhello,1\n", {.id = "", .text = "txt", .task = "", .models = {}});
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, HasSubstr("no column \"txt\"; there are ask, a"));
}

TEST(Outcomes, SayWhereAndWhatIsWrong) {
  struct Case {
    const char* name;
    const char* content;
    const char* where;
    const char* message;
  };
  const Case cases[] = {
      {"empty", " \n", "line 1", "empty"},
      {"no form", "{\"id\":1}", "line 1", "there are id"},
      {"not JSON", "{\"models\":{\"a\":1}}\n{", "line 2, byte 1", ""},
      {"not an object", "{\"models\":{\"a\":1}}\n[1]", "line 2", "not a JSON object"},
      {"a score of per cent", "{\"models\":{\"a\":{\"score\":87}}}", "line 1, a", "outside [0, 1]"},
      {"a confidence over one", "{\"models\":{\"a\":{\"correct\":1,\"confidence\":3}}}", "line 1, a, confidence",
       "outside"},
      {"a word for a score", "{\"models\":{\"a\":\"good\"}}", "line 1, a", "neither"},
      {"more rungs than models", "{\"ladder\":[\"a\"],\"rungs\":[{},{}]}", "line 1, rungs", "more rungs"},
      {"another form below", "{\"scores\":{\"a\":1}}\n{\"id\":\"x\"}", "line 2, models", "as the first line"},
      {"a short line", "prompt,a\nx,1\ny\n", "line 3", "1 fields"},
      {"no column of outcomes", "prompt,a\nx,hello\n", "line 1", "there are prompt, a"},
      {"a bad cell", "model,q,correct,confidence\nx,1,1,high\n", "line 2, confidence", "neither True"},
      {"twice the same", "model,q,correct\nx,1,1\nx,1,0\n", "line 3, x", "second outcome"},
      {"nothing recorded", "{\"models\":{\"a\":null}}", "", "no outcome"},
  };
  for (const Case& one : cases) {
    const Result<OutcomeSet> set = read_outcomes(one.content);
    ASSERT_FALSE(set) << one.name;
    EXPECT_EQ(set.error().where, one.where) << one.name;
    EXPECT_THAT(set.error().message, HasSubstr(one.message)) << one.name;
  }
}

TEST(Outcomes, FindAModelByAPartOfItsName) {
  const Result<OutcomeSet> set = read_outcomes("{\"scores\":{\"org/Small-7B\":1,\"large\":1,\"large-2\":0}}");
  ASSERT_TRUE(set);
  EXPECT_EQ(set->model("small").value(), 0U);
  EXPECT_EQ(set->model("large").value(), 1U);
  EXPECT_EQ(set->model("LARGE-2").value(), 2U);
  EXPECT_THAT(set->model("large-3").error().message,
              HasSubstr("no model is called \"large-3\"; there are org/Small-7B, large"));
  EXPECT_THAT(set->model("l").error().message, HasSubstr("more than one"));
}

TEST(ExcludeRows, DropsRowsByTextOrIdFromJsonLinesAndPlainLines) {
  const std::string content =
      "{\"id\":\"1\",\"text\":\"one\",\"scores\":{\"a\":1}}\n{\"id\":\"2\",\"text\":\"two \",\"scores\":{\"a\":1}}\n"
      "{\"id\":\"3\",\"text\":\"three\",\"scores\":{\"a\":1}}\n{\"id\":\"4\",\"text\":\"\",\"scores\":{\"a\":1}}";
  OutcomeSet set = *read_outcomes(content);
  EXPECT_EQ(exclude_rows(set, "{\"eval_prompt\":\"two\",\"eval_idx\":3}\n{\"other\":\"\"}\n").value(), 1U);
  EXPECT_EQ(exclude_rows(set, "three\n1\n").value(), 2U);
  ASSERT_EQ(set.rows.size(), 1U);
  EXPECT_EQ(set.rows[0].id, "4");
}

TEST(Unpacked, RefusesGzipThatIsCut) {
  EXPECT_EQ(unpacked("plain").value(), "plain");
  const std::string cut("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b", 11);
  ASSERT_FALSE(unpacked(cut));
  EXPECT_THAT(unpacked(cut).error().message, HasSubstr("cut or altered"));
}

TEST(Outcomes, OfThePublicSetsAreRead) {
  struct Case {
    const char* file;
    OutcomeShape shape;
    std::size_t rows;
    std::size_t models;
  };
  const Case cases[] = {
      {"routellm/gsm8k_responses.csv.gz", OutcomeShape::Wide, 1319, 2},
      {"zeroeval_outputs/gsm_matrix.jsonl.gz", OutcomeShape::ByModel, 1319, 44},
      {"llmrouter_9models/train.jsonl.gz", OutcomeShape::ByModel, 5608, 9},
      {"firstpass_mbpp_cascade/mbpp-974-opus.checkpoint.jsonl.gz", OutcomeShape::Ladder, 974, 2},
      {"gsm8k_openai/example_model_solutions.jsonl.gz", OutcomeShape::Members, 1319, 4},
      {"mcq_softmax_confidence/confidence.csv.gz", OutcomeShape::Long, 0, 14},
  };
  for (const Case& one : cases) {
    const std::optional<std::string> content = data_file(one.file);
    if (!content) GTEST_SKIP() << "SUFFICE_DATA_DIR names no folder with " << one.file;
    const Result<OutcomeSet> set = read_outcomes(*content);
    ASSERT_TRUE(set) << one.file << ": " << set.error().where << " " << set.error().message;
    EXPECT_EQ(set->shape, one.shape) << one.file;
    EXPECT_EQ(set->models.size(), one.models) << one.file;
    if (one.rows != 0) EXPECT_EQ(set->rows.size(), one.rows) << one.file;
  }
}

}  // namespace
}  // namespace suffice::lab
