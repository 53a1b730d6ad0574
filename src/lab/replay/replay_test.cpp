#include "lab/replay/replay.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.hpp"

namespace suffice::lab {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::Not;

OutcomeSet sample(int rows, bool reversed = false) {
  SeededRandom random(1);
  std::vector<std::string> lines;
  for (int i = 0; i < rows; ++i) {
    const double hard = random.uniform();
    const bool right = random.uniform() > hard;
    lines.push_back(fmt::format(
        R"({{"id":"{}","text":"<b>{}{}","task":"t{}","models":{{"small":{{"correct":{},"confidence":{:.3f},"valid":{},"cost":0.001}},)"
        R"("large":{{"correct":{},"cost":0.01}}}}}})"
        "\n",
        i, std::string(static_cast<std::size_t>(hard * 50), 'x'), i, i % 2, right, 1 - hard,
        right || random.below(3) == 0, random.uniform() > hard / 5));
  }
  if (reversed) std::ranges::reverse(lines);
  std::string content;
  for (const std::string& line : lines) content += line;
  return read_outcomes(content).value();
}

ReplayOptions quick() {
  ReplayOptions options;
  options.file = "<file>";
  options.sha256 = std::string(64, 'a');
  options.repetitions = 40;
  options.random_runs = 20;
  options.splits = 2;
  options.folds = 2;
  return options;
}

TEST(Replay, GivesEverySectionThatTheDataAllow) {
  const Result<Replay> result = replay(sample(150), quick());
  ASSERT_TRUE(result) << result.error().message;
  const json::value value = json::parse(result->json);

  for (const char* section : {"input", "options", "models", "pair", "routers", "gates", "verifiers", "confidence"}) {
    EXPECT_TRUE(value.as_object().contains(section)) << section;
  }
  for (const char* router : {"length", "table", "linear", "oracle", "random"}) {
    EXPECT_TRUE(value.at("routers").as_object().contains(router)) << router;
  }
  const json::object& gate = value.at("gates").at("confidence").as_object();
  for (const char* figure :
       {"acceptance", "accuracy_accepted", "false_accepts_of_all", "false_accepts_of_accepted", "quality",
        "strong_calls", "random_at_same_share", "oracle_at_same_share", "length_at_same_share", "cost_usd"}) {
    EXPECT_TRUE(gate.contains(figure)) << figure;
  }
  EXPECT_FALSE(value.as_object().contains("many_models"));
}

TEST(Replay, GivesTheSameFiguresForRowsInAnotherOrder) {
  ReplayOptions options = quick();
  options.routers = {"length", "table"};
  const json::value forwards = json::parse(replay(sample(120), options).value().json);
  const json::value backwards = json::parse(replay(sample(120, true), options).value().json);

  for (const char* router : {"length", "table", "oracle"}) {
    EXPECT_NEAR(forwards.at("routers").at(router).at("apgr").at("value").as_double(),
                backwards.at("routers").at(router).at("apgr").at("value").as_double(), 1e-9);
  }
  EXPECT_EQ(forwards.at("gates").at("confidence").at("accepted"),
            backwards.at("gates").at("confidence").at("accepted"));
}

TEST(Replay, RepeatsItselfByItsSeed) {
  EXPECT_EQ(replay(sample(80), quick()).value().json, replay(sample(80), quick()).value().json);
}

TEST(Replay, WritesAPageWithPlotsAndNoMarkupOfTheData) {
  const Replay result = replay(sample(100), quick()).value();
  const std::string page = report_of(result, "Replay of <file>");
  EXPECT_THAT(page, HasSubstr("Quality by share of strong calls"));
  EXPECT_THAT(page, HasSubstr("Risk by coverage: confidence"));
  EXPECT_THAT(page, HasSubstr("Threshold sweep: confidence"));
  EXPECT_THAT(page, HasSubstr("Reliability: small"));
  EXPECT_THAT(page, Not(HasSubstr("<file>")));
}

TEST(Replay, RefusesWhatCannotBe) {
  ReplayOptions same = quick();
  same.weak = "small";
  same.strong = "small";
  EXPECT_THAT(replay(sample(50), same).error().message, HasSubstr("both small"));
  ReplayOptions router = quick();
  router.routers = {"magic"};
  EXPECT_THAT(replay(sample(50), router).error().message, HasSubstr("there are length, table, linear"));
  EXPECT_THAT(replay(sample(5), quick()).error().message, HasSubstr("only 5 requests"));
}

TEST(Differences, ListsWhatChangedCameAndWent) {
  const ReplayTable table =
      differences(R"({"replay":1,"a":{"x":1,"y":2},"old":3})", R"({"replay":1,"a":{"x":1,"y":2.5},"new":4})").value();
  ASSERT_EQ(table.rows.size(), 3U);
  EXPECT_EQ(table.rows[0], (std::vector<std::string>{"a/y", "2", "2.5", "+0.5"}));
  EXPECT_EQ(table.rows[1], (std::vector<std::string>{"new", "-", "4", "new"}));
  EXPECT_EQ(table.rows[2], (std::vector<std::string>{"old", "3", "-", "gone"}));
  EXPECT_FALSE(differences("{}", "{\"replay\":1}"));
  EXPECT_FALSE(differences("nonsense", "{\"replay\":1}"));
}

}  // namespace
}  // namespace suffice::lab
