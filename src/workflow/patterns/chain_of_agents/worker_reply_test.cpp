#include "workflow/patterns/chain_of_agents/worker_reply.hpp"

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/json.hpp"

namespace suffice::workflow::chain {
namespace {

TEST(WorkerReply, IsFactsAndASummary) {
  const auto reply = parse_worker_reply(
      R"({"facts": [{"fact": "Zed has it", "quote": "The key is with Zed."}, {"quote": "He left."}], "summary": "Found the holder."})",
      {});
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->facts.size(), 2U);
  EXPECT_EQ(reply->facts[0], (ProposedFact{.text = "Zed has it", .quote = "The key is with Zed."}));
  EXPECT_EQ(reply->facts[1].text, "");
  EXPECT_EQ(reply->summary, "Found the holder.");
}

TEST(WorkerReply, MayComeInACodeFence) {
  EXPECT_TRUE(parse_worker_reply("```json\n{\"facts\": [], \"summary\": \"x\"}\n```\n", {}));
  EXPECT_FALSE(parse_worker_reply("Here it is:\n```json\n{\"facts\": []}\n```", {}));
}

TEST(WorkerReply, NothingFoundIsAnAnswer) {
  for (const char* nothing : {R"({"facts": []})", R"({"facts": null, "summary": null})",
                              R"({"facts": [], "summary": "None"})", R"({"summary": " n/a "})"}) {
    const auto reply = parse_worker_reply(nothing, {});
    ASSERT_TRUE(reply) << nothing;
    EXPECT_EQ(*reply, WorkerReply{}) << nothing;
  }
}

struct Case {
  std::string_view name;
  std::string_view text;
  std::string_view where;
};

TEST(WorkerReply, IsRefusedWholeWithThePlaceAndNoWordOfIt) {
  const ReplyLimits limits{.facts_max = 2, .fact_bytes_max = 20, .summary_bytes_max = 20};
  for (const Case& each : {
           Case{"prose", "The SECRET is in part two.", ""},
           Case{"cut off", R"({"facts": [{"fact": "SECRET)", ""},
           Case{"an array", R"([])", ""},
           Case{"nothing that was asked for", R"({})", ""},
           Case{"a member too many", R"({"facts": [], "SECRET": 1})", ""},
           Case{"facts that are no list", R"({"facts": "SECRET"})", "/facts"},
           Case{"too many facts", R"({"facts": [{"quote":"a"},{"quote":"b"},{"quote":"SECRET"}]})", "/facts"},
           Case{"a fact that is text", R"({"facts": ["SECRET"]})", "/facts/0"},
           Case{"a fact without a quote", R"({"facts": [{"quote":"a"},{"fact":"SECRET"}]})", "/facts/1"},
           Case{"a quote that is a number", R"({"facts": [{"quote": 7}]})", "/facts/0/quote"},
           Case{"a long fact", R"({"facts": [{"fact":"SECRET SECRET SECRET SECRET","quote":"a"}]})", "/facts/0/fact"},
           Case{"a member too many in a fact", R"({"facts": [{"quote":"a","SECRET":1}]})", "/facts/0"},
           Case{"a long summary", R"({"summary": "SECRET SECRET SECRET SECRET"})", "/summary"},
       }) {
    const auto reply = parse_worker_reply(each.text, limits);
    ASSERT_FALSE(reply) << each.name;
    EXPECT_EQ(reply.error().code, ErrorCode::OutputRejected) << each.name;
    EXPECT_EQ(reply.error().where, each.where) << each.name;
    EXPECT_THAT(reply.error().message, ::testing::Not(::testing::HasSubstr("SECRET"))) << each.name;
  }
}

TEST(WorkerReply, TheSchemaIsJson) { EXPECT_TRUE(wire::parse_json(worker_reply_schema({}).text)); }

class TakingFacts : public ::testing::Test {
 protected:
  TakenFacts take(std::vector<ProposedFact> facts, std::size_t facts_max = 10) {
    return take_facts({.facts = std::move(facts), .summary = {}}, document_, {.begin = 10, .end = 36}, 1, {}, facts_max,
                      state_);
  }
  std::string document_ = "Part one. The key is with Zed. no\nThe end.";
  CarriedState state_;
};

TEST_F(TakingFacts, KeepsTheDocumentsBytesAndWhereTheyStand) {
  EXPECT_EQ(take({{.text = "", .quote = " The key is with Zed. "}}).added, 1U);
  ASSERT_EQ(state_.facts().size(), 1U);
  EXPECT_EQ(state_.facts()[0],
            (LedgerFact{.text = "The key is with Zed.", .quote = "The key is with Zed.", .chunk = 1, .begin = 10}));
}

TEST_F(TakingFacts, RefusesQuotesThatDoNotStandInThePart) {
  const TakenFacts taken =
      take({{.text = "invented", .quote = "The key is with Yves."}, {.text = "of another part", .quote = "Part one."}});
  EXPECT_EQ(taken.unverified, 2U);
  EXPECT_TRUE(state_.empty());
}

TEST_F(TakingFacts, CountsWhatAFullLedgerRefuses) {
  const TakenFacts taken = take({{.text = "", .quote = "The key"}, {.text = "", .quote = "with Zed."}}, 1);
  EXPECT_EQ(taken.added, 1U);
  EXPECT_EQ(taken.refused, 1U);
}

TEST_F(TakingFacts, CountsRepetitions) {
  take({{.text = "x", .quote = "The key"}});
  EXPECT_EQ(take({{.text = "y", .quote = "The key"}}).known, 1U);
}

}  // namespace
}  // namespace suffice::workflow::chain
