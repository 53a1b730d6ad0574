// The chain as a flow: hops, retries, unread parts, managers, several paths, bad input. Workers are simulated (simulated_worker.hpp).
#include "workflow/patterns/chain_of_agents/chain.hpp"

#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/text.hpp"
#include "net/run_sync.hpp"
#include "testing/scripted_model.hpp"
#include "workflow/patterns/chain_of_agents/simulated_worker.hpp"

namespace suffice::workflow::chain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr const char* kNothing = R"({"facts": [], "summary": null})";

/// Quotes the first sentence of the part that has `word`.
SimulatedWorker::Reader quotes_sentence_with(std::string word) {
  return [word](const HopInput& input) -> Result<std::string> {
    const std::size_t at = input.chunk.find(word);
    if (at == std::string_view::npos) return kNothing;
    const std::size_t begin = input.chunk.find_last_of(".\n", at);
    const std::size_t end = input.chunk.find('.', at) + 1;
    std::string_view quote = input.chunk.substr(0, end);
    if (begin != std::string_view::npos) quote.remove_prefix(begin + 1);
    return fmt::format(R"({{"facts": [{{"fact": "it has {}", "quote": "{}"}}], "summary": "seen"}})", word,
                       trim(quote));
  };
}

std::string document_of(std::size_t parts, const std::vector<std::pair<std::size_t, std::string>>& needles) {
  std::string text;
  for (std::size_t part = 0; part < parts; ++part) {
    for (const auto& [at, needle] : needles) {
      if (at == part) text += needle + " ";
    }
    for (int i = 0; i < 8; ++i) text += fmt::format("Filler sentence {} of part {} says nothing. ", i, part);
    text += "\n";
  }
  return text;
}

FlowMessage input_of(std::string_view document, std::string_view query) {
  FlowRequest request;
  request.query = query;
  request.documents = {{.name = "notes.txt", .text = std::string(document)}};
  return to_message(request);
}

class Chain : public ::testing::Test {
 protected:
  Chain() {
    spec_.budget = {.window = 100'000, .headroom = 100, .state = 300, .chunk_max = 130};
    manager_->model.name = "manager";
    manager_->client = client_;
  }

  Result<FlowOutcome> run_flow(std::string_view document, std::string_view query = "Who has the key?") {
    ChainModels models{.worker = worker_, .manager = {}};
    if (with_manager_) models.manager = manager_;
    Result<std::shared_ptr<const Flow>> flow = chain_flow(spec_, models);
    if (!flow) return fail(flow.error());
    FlowOptions options;
    options.ledger = &ledger_;
    return net::run_sync(run(**flow, input_of(document, query), options));
  }
  Result<ChainOutcome> ask(std::string_view document, std::string_view query = "Who has the key?") {
    const Result<FlowOutcome> outcome = run_flow(document, query);
    if (!outcome) return fail(outcome.error());
    EXPECT_EQ(outcome->output.type, kAnswerType);
    return ChainOutcome::of(outcome->output);
  }
  void worker(SimulatedWorker::Reader reader, std::int64_t window = 100'000) {
    worker_ = std::make_shared<SimulatedWorker>(std::move(reader), window);
  }

  ChainSpec spec_;
  std::shared_ptr<SimulatedWorker> worker_ = std::make_shared<SimulatedWorker>(quotes_sentence_with("key"));
  std::shared_ptr<testing::ScriptedModel> client_ = std::make_shared<testing::ScriptedModel>();
  std::shared_ptr<PortModel> manager_ = std::make_shared<PortModel>();
  bool with_manager_ = true;
  RunLedger ledger_;
  std::string document_ = document_of(4, {{2, "Zed has the key to it."}});
};

TEST_F(Chain, ReadsEveryPartInOrderAndTheManagerAnswersFromTheLastState) {
  client_->answer("Zed [1]");
  const auto outcome = ask(document_);
  ASSERT_TRUE(outcome) << outcome.error().message;

  EXPECT_EQ(outcome->answer, "Zed [1]");
  EXPECT_TRUE(outcome->found);
  std::string read;
  for (const SeenHop& hop : worker_->seen()) read += hop.chunk;
  EXPECT_EQ(read, document_);
  EXPECT_EQ(outcome->chunks, worker_->seen().size());
  ASSERT_THAT(outcome->facts, SizeIs(1));
  EXPECT_EQ(document_.substr(outcome->facts[0].begin, outcome->facts[0].quote.size()), "Zed has the key to it.");
  EXPECT_EQ(outcome->paths.front().report.read, outcome->chunks);
}

TEST_F(Chain, LaterPartsSeeWhatEarlierOnesFound) {
  client_->answer("Zed");
  ASSERT_TRUE(ask(document_));
  const std::vector<SeenHop>& seen = worker_->seen();
  EXPECT_THAT(seen.front().state, IsEmpty());
  EXPECT_THAT(seen.back().state, HasSubstr("Zed has the key to it."));
  EXPECT_THAT(seen.back().state, HasSubstr("Summary: seen"));
}

TEST_F(Chain, AHostedManagerSeesQuotesAndMetadataAndNothingElse) {
  client_->answer("Zed");
  ASSERT_TRUE(ask(document_));
  const std::vector<providers::ModelCall> calls = client_->calls();
  const std::string sent = joined_text(calls.front().request.messages);
  EXPECT_THAT(sent, HasSubstr("\"Zed has the key to it.\""));
  EXPECT_THAT(sent, HasSubstr("notes.txt"));
  EXPECT_THAT(sent, Not(HasSubstr("Filler")));
  EXPECT_THAT(sent, Not(HasSubstr("Summary: seen")));
  EXPECT_THAT(sent, Not(HasSubstr("it has key")));
}

TEST_F(Chain, ALocalManagerSeesTheSummaryAndTheWorkersWords) {
  manager_->model.local = true;
  client_->answer("Zed");
  ASSERT_TRUE(ask(document_));
  EXPECT_THAT(client_->calls().front().request.messages.back().text(), HasSubstr("Summary: seen"));
  EXPECT_THAT(client_->calls().front().request.messages.back().text(), HasSubstr("it has key"));
}

TEST_F(Chain, WithoutAManagerTheQuotesAreTheAnswer) {
  with_manager_ = false;
  const auto outcome = ask(document_);
  ASSERT_TRUE(outcome);
  EXPECT_THAT(outcome->answer, HasSubstr("Zed has the key to it."));
  EXPECT_EQ(ledger_.calls(), 0);
}

TEST_F(Chain, AsksNoManagerAboutNothing) {
  const auto outcome = ask(document_of(4, {}));
  ASSERT_TRUE(outcome);
  EXPECT_FALSE(outcome->found);
  EXPECT_EQ(outcome->answer, "not found");
}

TEST_F(Chain, NotFoundIsAnAnswer) {
  client_->answer("Not found.");
  const auto outcome = ask(document_);
  ASSERT_TRUE(outcome);
  EXPECT_FALSE(outcome->found);
}

TEST_F(Chain, AsksAgainForWhatItCannotUseAndReportsWhatStaysUnread) {
  const auto good = quotes_sentence_with("key");
  worker([&](const HopInput& input) -> Result<std::string> {
    if (input.chunk.find("of part 1 ") != std::string_view::npos) return "I would rather talk about SECRET things";
    if (input.chunk.find("of part 3 ") != std::string_view::npos && input.attempt == 0)
      return R"({"facts": [{"quote": "inven)";
    return good(input);
  });
  spec_.unread_in_a_row_max = 100;
  client_->answer("Zed");
  const Result<FlowOutcome> flow = run_flow(document_of(4, {{0, "Zed has the key to it."}}));
  ASSERT_TRUE(flow);
  const auto outcome = ChainOutcome::of(flow->output);
  ASSERT_TRUE(outcome);

  const PathReport& report = outcome->paths.front().report;
  EXPECT_THAT(report.unread, Not(IsEmpty()));
  EXPECT_GT(report.retried, report.unread.size()) << "those of part 3 were read at the second time";
  EXPECT_EQ(report.read + report.unread.size(), outcome->chunks);
  EXPECT_EQ(outcome->answer, "Zed");
  EXPECT_THAT(flow->output.body.text, Not(HasSubstr("SECRET")));
  EXPECT_THAT(report.unread.front().why, HasSubstr("no JSON"));
}

TEST_F(Chain, AWorkerThatInventsQuotesIsRubbish) {
  worker([](const HopInput&) -> Result<std::string> { return R"({"facts": [{"quote": "Yves has the key."}]})"; });
  const auto outcome = ask(document_);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::OutputRejected);
  EXPECT_THAT(outcome.error().message, HasSubstr("none of its quotes stands in the part"));
  EXPECT_THAT(worker_->seen(), SizeIs(6)) << "three parts, twice each: the cost of rubbish is bounded";
}

TEST_F(Chain, ModelsThatCannotBeAskedEndTheRunAtOnce) {
  for (const ErrorCode code :
       {ErrorCode::ModelUnavailable, ErrorCode::BudgetExhausted, ErrorCode::DeadlineExceeded, ErrorCode::NoFrontier}) {
    worker([code](const HopInput&) -> Result<std::string> { return fail(code, "scripted"); });
    EXPECT_EQ(ask(document_).error().code, code);
    EXPECT_THAT(worker_->seen(), SizeIs(1));
  }
}

TEST_F(Chain, OtherFailuresOfAModelCostTheirPartOnly) {
  bool failed = false;
  worker([&](const HopInput& input) -> Result<std::string> {
    if (input.chunk.find("of part 0 ") != std::string_view::npos) {
      failed = true;
      return fail(ErrorCode::UpstreamFailed, "the provider failed");
    }
    return quotes_sentence_with("key")(input);
  });
  spec_.unread_in_a_row_max = 100;
  client_->answer("Zed");
  const auto outcome = ask(document_);
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(failed);
  EXPECT_THAT(outcome->paths.front().report.unread.front().why, HasSubstr("the provider failed"));
}

TEST_F(Chain, AManagerWithoutAnAnswerIsAskedTwiceAndThenAnError) {
  Completion cut;
  cut.text = "Zed has";
  cut.finish = FinishReason::Length;
  client_->answer("  ").answer(cut);
  const auto outcome = ask(document_);
  EXPECT_EQ(outcome.error().code, ErrorCode::OutputRejected);
  EXPECT_EQ(outcome.error().where, "manager");
}

TEST_F(Chain, AFullLedgerSaysWhatItRefused) {
  spec_.facts_max = 2;
  worker(quotes_sentence_with("Filler"));
  client_->answer("x");
  const auto outcome = ask(document_);
  ASSERT_TRUE(outcome);
  EXPECT_THAT(outcome->facts, SizeIs(2));
  EXPECT_EQ(outcome->paths.front().report.facts_refused, outcome->chunks - 2);
}

TEST_F(Chain, ReadsFromTheEndWhenAsked) {
  spec_.paths = {ReadingOrder::Backward};
  client_->answer("Zed");
  ASSERT_TRUE(ask(document_));
  EXPECT_THAT(worker_->seen().front().chunk, HasSubstr("part 3"));
  EXPECT_THAT(worker_->seen().back().chunk, HasSubstr("part 0"));
}

TEST_F(Chain, ReadsEveryPartOnceInAShuffledOrder) {
  spec_.paths = {ReadingOrder::Shuffled};
  client_->answer("Zed");
  ASSERT_TRUE(ask(document_));
  std::vector<std::string> chunks;
  for (const SeenHop& hop : worker_->seen()) chunks.push_back(hop.chunk);
  std::ranges::sort(chunks, {}, [&](const std::string& chunk) { return document_.find(chunk); });
  std::string whole;
  for (const std::string& chunk : chunks) whole += chunk;
  EXPECT_EQ(whole, document_);
}

TEST_F(Chain, PathsThatAgreeDecide) {
  spec_.paths = {ReadingOrder::Forward, ReadingOrder::Backward, ReadingOrder::Shuffled};
  client_->answer("Zed.").answer("not found").answer(" ZED ");
  const auto outcome = ask(document_);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->agreeing, 2U);
  EXPECT_EQ(canonical_answer(outcome->answer), "zed");
  EXPECT_THAT(outcome->paths, SizeIs(3));
  EXPECT_THAT(outcome->facts, SizeIs(1)) << "the same fact of three paths";
}

TEST_F(Chain, PathsThatDifferAreSettledFromAllFactsTogether) {
  spec_.paths = {ReadingOrder::Forward, ReadingOrder::Backward};
  client_->answer("Zed").answer("Yves").answer("Zed, as both say");
  const auto outcome = ask(document_);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->agreeing, 0U);
  EXPECT_EQ(outcome->answer, "Zed, as both say");
  EXPECT_EQ(client_->calls().size(), 3U);
}

TEST_F(Chain, RefusesInputThatCannotBeRead) {
  EXPECT_EQ(ask("  \n ").error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(ask(document_, "").error().code, ErrorCode::InvalidArgument);
  spec_.hops_max = 2;
  EXPECT_EQ(ask(document_).error().code, ErrorCode::PayloadTooLarge);
  spec_ = {};
  spec_.budget.window = 100;
  EXPECT_EQ(ask(document_).error().code, ErrorCode::InvalidArgument);
  EXPECT_THAT(worker_->seen(), IsEmpty()) << "nothing was paid";
  spec_.paths = {};
  EXPECT_EQ(ask(document_).error().where, "paths");
  spec_.paths = {ReadingOrder::Forward, ReadingOrder::Forward};
  EXPECT_EQ(ask(document_).error().where, "paths");
}

TEST_F(Chain, AQuestionInAnotherLanguageFindsNothingWithoutAModel) {
  ChainModels models;
  const auto flow = chain_flow(spec_, models);
  ASSERT_TRUE(flow);
  const auto run_query = [&](std::string_view query) {
    FlowOptions options;
    const auto outcome = net::run_sync(run(**flow, input_of(document_, query), options));
    return ChainOutcome::of(outcome->output).value();
  };
  EXPECT_THAT(run_query("Who has the key?").answer, HasSubstr("Zed has the key"));
  EXPECT_FALSE(run_query("\xE8\xB0\x81\xE6\x9C\x89\xE9\x92\xA5\xE5\x8C\x99\xEF\xBC\x9F").found);
}

/// A model that needs many more tokens than estimated, and one whose state grows: no prompt ever overruns the window.
TEST_F(Chain, PlansAgainForAModelThatNeedsMoreTokensThanEstimated) {
  const std::int64_t window = 2400;
  spec_.budget = {.window = window, .headroom = 100, .state = 200, .chunk_max = 0};
  worker(
      [&](const HopInput& input) -> Result<std::string> {
        const auto sent =
            static_cast<std::int64_t>(joined_text(worker_messages(input.query, input.state, input.chunk)).size());
        EXPECT_LE(sent + 100, window);
        return quotes_sentence_with("Filler")(input);
      },
      window);
  client_->answer("x");
  const auto outcome = ask(document_of(60, {}));
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_GT(outcome->chunks, 5U);
  EXPECT_GT(outcome->paths.front().report.facts_hidden, 0U) << "facts that are kept and not shown are counted";
  EXPECT_EQ(outcome->facts.size(), outcome->chunks) << "and none of them is lost";
}

TEST_F(Chain, OutcomesSurviveJson) {
  spec_.paths = {ReadingOrder::Forward, ReadingOrder::Backward};
  client_->answer("Zed").answer("Zed");
  const auto outcome = ask(document_);
  ASSERT_TRUE(outcome);
  const auto again = ChainOutcome::of(outcome->to_message());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->paths, outcome->paths);
  EXPECT_EQ(again->facts, outcome->facts);
  for (const char* wrong : {"", "[]", "{}", R"({"answer":1})"})
    EXPECT_FALSE(ChainOutcome::of({.type = "answer", .body = {wrong}})) << wrong;
}

TEST(ChainAnswers, ThatSayTheSameAreTheSame) {
  EXPECT_EQ(canonical_answer(" **The  Key.**\n"), "the key");
  EXPECT_EQ(canonical_answer("16.0"), "16.0");
  for (const char* nothing : {"", "None", "not found.", "N/A", "null", " \"Not  found\" "})
    EXPECT_TRUE(says_not_found(nothing)) << nothing;
  EXPECT_FALSE(says_not_found("not found in the shed"));
}

}  // namespace
}  // namespace suffice::workflow::chain
