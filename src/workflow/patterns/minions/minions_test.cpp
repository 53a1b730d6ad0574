// MINIONS from end to end with a scripted frontier and workers of a few lines: every way a run can end.

#include "workflow/patterns/minions/minions.hpp"

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "workflow/patterns/minions/map_jobs.hpp"
#include "workflow/patterns/minions/minions_fixture.hpp"
#include "workflow/patterns/minions/model_worker.hpp"
#include "workflow/patterns/minions/remote_prompts.hpp"

namespace suffice::workflow::minions {
namespace {

using namespace test;
using testing::HasSubstr;
using testing::SizeIs;

constexpr std::string_view kManifest =
    R"({"tasks":[{"name":"price","instruction":"Find the price"}],"chunking":{"unit":"lines","size":2,"overlap":1},"samples":1})";
constexpr std::string_view kAnswer = R"({"decision":"answer","answer":"It costs 12 euros.","evidence":[1]})";
constexpr std::string_view kMore = R"({"decision":"more","feedback":"look for numbers","scratchpad":"nothing yet"})";

const std::string kText = "first line\nit costs 12 euros\nlast line\nanother one\n";

Completion usual(std::string_view prompt) {
  switch (asked_of(prompt)) {
    case Asked::Advice:
      return said("Look for euros.");
    case Asked::Plan:
      return said(std::string(kManifest));
    case Asked::Decision:
      return said(std::string(kAnswer));
  }
  return {};
}

/// Cites the line with "12 euros" of a chunk that has it.
Result<WorkerReply> honest(const ChunkQuestion& question) {
  constexpr std::string_view kFact = "it costs 12 euros";
  const bool there = question.chunk.find(kFact) != std::string_view::npos;
  return WorkerReply{.text = there ? found_json(kFact, "12") : R"({"explanation":"","citation":null,"answer":null})"};
}

TEST(Minions, AnswersFromCitationsThatWorkersFound) {
  const auto spy = std::make_shared<RemoteSpy>(usual);
  const Ran ran = run_minions({}, worker_of(honest), hosted(spy), question_of(kText).message());

  ASSERT_TRUE(ran.outcome.has_value()) << describe(ran.outcome.error());
  EXPECT_EQ(ran.outcome->output.type, kAnswerType);
  EXPECT_EQ(ran.body.at("answer").as_string(), "It costs 12 euros.");
  EXPECT_TRUE(ran.body.at("found").as_bool());
  ASSERT_THAT(ran.body.at("evidence").as_array(), SizeIs(1));
  EXPECT_EQ(ran.body.at("evidence").at(0).at("text").as_string(), "it costs 12 euros");
  EXPECT_EQ(ran.body.at("map").at("jobs").as_int64(), 3) << "chunks of lines 1-2, 2-3, 3-4";
  EXPECT_EQ(ran.body.at("map").at("abstained").as_int64(), 1);
  EXPECT_EQ(ran.body.at("cited_bytes").as_int64(), 17);
  EXPECT_THAT(spy->calls, SizeIs(3)) << "advice, plan, decision";
}

TEST(Minions, CountsRemoteTokensExactlyAndBeforeTheyAreSent) {
  const auto spy = std::make_shared<RemoteSpy>(usual);
  MinionsSpec spec;
  spec.count_remote = [](std::string_view text) { return static_cast<std::int64_t>(text.size()); };
  const Ran ran = run_minions(spec, worker_of(honest), hosted(spy), question_of(kText).message());

  ASSERT_TRUE(ran.outcome.has_value());
  std::int64_t sent = 0;
  for (const providers::ModelCall& call : spy->calls) sent += prefill_tokens(call.request.messages, spec.count_remote);
  EXPECT_EQ(ran.body.at("remote_tokens").as_int64(), sent);
  EXPECT_EQ(ran.body.at("document_tokens").as_int64(), static_cast<std::int64_t>(kText.size()));

  // The last prompt, computed from its parts alone.
  RunState state;
  state.kept = {
      {.round = 1, .task = "price", .range = {.begin = 11, .end = 28}, .votes = 2, .answer = {}, .explanation = {}}};
  const RemoteView view = view_of(question_of(kText), state, spec.limits);
  EXPECT_EQ(reduce_prefill_tokens(view, spec.count_remote),
            prefill_tokens(spy->calls.back().request.messages, spec.count_remote));
}

TEST(Minions, AsksForMoreOnlyAsOftenAsRoundsAllowAndThenAnswers) {
  int decisions = 0;
  const auto spy = std::make_shared<RemoteSpy>([&](const std::string& prompt) -> Result<Completion> {
    if (asked_of(prompt) != Asked::Decision) return usual(prompt);
    ++decisions;
    const bool last = prompt.find("last round") != std::string::npos;
    return said(std::string(last ? kAnswer : kMore));
  });
  MinionsSpec spec;
  spec.limits.rounds_max = 5;
  const Ran ran = run_minions(spec, worker_of(honest), hosted(spy), question_of(kText).message());

  ASSERT_TRUE(ran.outcome.has_value()) << describe(ran.outcome.error());
  EXPECT_EQ(ran.body.at("rounds").as_int64(), 5);
  EXPECT_EQ(decisions, 5);
  EXPECT_THAT(ran.body.at("citations").as_array(), SizeIs(1)) << "the same citation of every round is one";
  EXPECT_THAT(RemoteSpy::text_of(spy->calls.at(3)),
              AllOf(HasSubstr("look for numbers"), HasSubstr("nothing yet"), HasSubstr("Round 2 of 5")));
}

TEST(Minions, AFrontierThatNeverStopsAskingEndsUnansweredInTheLastRound) {
  const auto spy = std::make_shared<RemoteSpy>([&](const std::string& prompt) -> Result<Completion> {
    return asked_of(prompt) == Asked::Decision ? said(std::string(kMore)) : usual(prompt);
  });
  const Ran ran = run_minions({}, worker_of(honest), hosted(spy), question_of(kText).message());

  ASSERT_TRUE(ran.outcome.has_value());
  EXPECT_EQ(ran.outcome->output.type, kUnansweredType);
  EXPECT_TRUE(ran.body.at("answer").is_null());
  EXPECT_EQ(ran.body.at("error").at("code").as_string(), "output_rejected");
  EXPECT_THAT(ran.body.at("citations").as_array(), SizeIs(1));
}

TEST(Minions, NotFoundIsAnAnswer) {
  const auto spy = std::make_shared<RemoteSpy>([&](const std::string& prompt) -> Result<Completion> {
    return asked_of(prompt) == Asked::Decision ? said(R"({"decision":"answer","answer":"Not found."})") : usual(prompt);
  });
  const Ran ran = run_minions({}, worker_of(honest), hosted(spy), question_of(kText).message());
  ASSERT_TRUE(ran.outcome.has_value());
  EXPECT_EQ(ran.outcome->output.type, kAnswerType);
  EXPECT_TRUE(ran.body.at("answer").is_null());
  EXPECT_FALSE(ran.body.at("found").as_bool());
}

TEST(Minions, WithNothingFoundTheLastRoundAnswersWithoutPayingTheFrontier) {
  const auto spy = std::make_shared<RemoteSpy>(usual);
  MinionsSpec spec;
  spec.limits.rounds_max = 1;
  const auto silent =
      worker_of([](const ChunkQuestion&) -> Result<WorkerReply> { return WorkerReply{.text = "none"}; });
  // A question in a language that the document is not in: workers that compare words find nothing, and nothing is made up.
  const Ran ran = run_minions(spec, silent, hosted(spy), question_of(kText, "¿Cuánto cuesta? いくらですか").message());

  ASSERT_TRUE(ran.outcome.has_value()) << describe(ran.outcome.error());
  EXPECT_FALSE(ran.body.at("found").as_bool());
  EXPECT_THAT(spy->calls, SizeIs(2)) << "advice and plan only";
  EXPECT_THAT(RemoteSpy::text_of(spy->calls.front()), HasSubstr("¿Cuánto cuesta? いくらですか"));
}

TEST(Minions, AWorkerThatAlwaysReturnsRubbishIsAnErrorAndNotAnAnswer) {
  const auto spy = std::make_shared<RemoteSpy>(usual);
  int asked = 0;
  const auto rubbish = worker_of([&](const ChunkQuestion&) -> Result<WorkerReply> {
    ++asked;
    return WorkerReply{.text = "Sure! I would be happy to help."};
  });
  const Ran ran = run_minions({}, rubbish, hosted(spy), question_of(kText).message());

  ASSERT_FALSE(ran.outcome.has_value());
  EXPECT_EQ(ran.outcome.error().code, ErrorCode::OutputRejected);
  EXPECT_THAT(ran.outcome.error().message, HasSubstr("none of 3 jobs"));
  EXPECT_EQ(asked, 6) << "every job twice, no more";
  EXPECT_THAT(spy->calls, SizeIs(2)) << "no decision is paid for";
}

TEST(Minions, MalformedAndTruncatedAnswersAreRetriedOnceAndReported) {
  const auto spy = std::make_shared<RemoteSpy>(usual);
  const auto flaky = worker_of([](const ChunkQuestion& question) -> Result<WorkerReply> {
    if (question.number == 0 && question.attempt == 0)
      return WorkerReply{.text = found_json("it costs 12 euros"), .ending = Ending::Truncated};
    if (question.number == 1 && question.attempt == 0) return fail(ErrorCode::ConnectionClosed, "cut");
    if (question.number == 2) return WorkerReply{.text = "{\"answer\":"};
    return honest(question);
  });
  const Ran ran = run_minions({}, flaky, hosted(spy), question_of(kText).message());

  ASSERT_TRUE(ran.outcome.has_value()) << describe(ran.outcome.error());
  EXPECT_EQ(ran.body.at("map").at("retried").as_int64(), 3);
  EXPECT_EQ(ran.body.at("map").at("malformed").as_int64(), 1);
  EXPECT_EQ(ran.body.at("map").at("verified").as_int64(), 2);
  EXPECT_EQ(ran.body.at("map").at("failed").as_int64(), 0);
}

TEST(Minions, AManifestThatDoesNotParseIsAskedForOnceMoreThenEndsUnanswered) {
  int plans = 0;
  const auto spy = std::make_shared<RemoteSpy>([&](const std::string& prompt) -> Result<Completion> {
    if (asked_of(prompt) != Asked::Plan) return usual(prompt);
    return said(++plans == 1 ? "import os" : R"({"tasks":[]})");
  });
  const Ran ran = run_minions({}, worker_of(honest), hosted(spy), question_of(kText).message());

  ASSERT_TRUE(ran.outcome.has_value());
  EXPECT_EQ(ran.outcome->output.type, kUnansweredType);
  EXPECT_EQ(ran.body.at("error").at("where").as_string(), "manifest");
  EXPECT_THAT(std::string(ran.body.at("error").at("message").as_string()), HasSubstr("/tasks"));
  EXPECT_EQ(plans, 2);
  EXPECT_THAT(RemoteSpy::text_of(spy->calls.back()), HasSubstr("it is not one JSON object"))
      << "the second asking says what was wrong";
}

TEST(Minions, APlanOfTooManyJobsIsRefusedBeforeAnyIsRun) {
  const auto spy = std::make_shared<RemoteSpy>(usual);
  MinionsSpec spec;
  spec.limits.jobs_max = 2;
  int asked = 0;
  const auto counted = worker_of([&](const ChunkQuestion& question) {
    ++asked;
    return honest(question);
  });
  const Ran ran = run_minions(spec, counted, hosted(spy), question_of(kText).message());
  ASSERT_TRUE(ran.outcome.has_value());
  EXPECT_EQ(ran.outcome->output.type, kUnansweredType);
  EXPECT_THAT(std::string(ran.body.at("error").at("message").as_string()), HasSubstr("3 jobs, 2 are allowed"));
  EXPECT_EQ(asked, 0);
}

TEST(Minions, AFrontierThatIsGoneKeepsWhatTheWorkersFound) {
  const auto spy = std::make_shared<RemoteSpy>([&](const std::string& prompt) -> Result<Completion> {
    if (asked_of(prompt) == Asked::Decision) return fail(ErrorCode::ConnectFailed, "no route");
    return usual(prompt);
  });
  const Ran ran = run_minions({}, worker_of(honest), hosted(spy), question_of(kText).message());

  ASSERT_TRUE(ran.outcome.has_value());
  EXPECT_EQ(ran.outcome->output.type, kUnansweredType);
  EXPECT_EQ(ran.body.at("error").at("code").as_string(), "connect_failed");
  EXPECT_EQ(answer_text(ran.outcome->output).error().code, ErrorCode::ConnectFailed)
      << "no surface takes it for an answer";
  ASSERT_THAT(ran.body.at("citations").as_array(), SizeIs(1));
  EXPECT_EQ(ran.body.at("citations").at(0).at("text").as_string(), "it costs 12 euros");
}

TEST(Minions, BudgetsEndTheRunAndNothingBeyondThemIsAsked) {
  const auto spy = std::make_shared<RemoteSpy>(usual);
  RunLedger ledger(RunLimits{.cost_max = {}, .calls_max = 2, .tokens_max = 0});
  FlowOptions options;
  options.ledger = &ledger;
  const Ran ran = run_minions({}, worker_of(honest), hosted(spy), question_of(kText).message(), std::move(options));
  ASSERT_FALSE(ran.outcome.has_value());
  EXPECT_EQ(ran.outcome.error().code, ErrorCode::BudgetExhausted);
  EXPECT_THAT(spy->calls, SizeIs(2));
}

TEST(Minions, ARefusedLocalModelIsNeverAsked) {
  const auto spy = std::make_shared<RemoteSpy>(usual);
  const auto worker =
      std::make_shared<RemoteSpy>([](const std::string&) -> Result<Completion> { return said("none"); });
  PortModel local = hosted(worker);
  local.model.name = "small";
  local.model.local = true;
  FlowOptions options;
  options.refused = [](const policy::Model& model) -> std::optional<Reason> {
    if (!model.is_local()) return std::nullopt;
    return Reason::KillSwitch;
  };
  const Ran ran = run_minions({}, model_reader(std::make_shared<const PortModel>(local), {}).value(), hosted(spy),
                              question_of(kText).message(), std::move(options));
  ASSERT_FALSE(ran.outcome.has_value());
  EXPECT_EQ(ran.outcome.error().code, ErrorCode::ModelUnavailable);
  EXPECT_TRUE(worker->calls.empty());
}

TEST(Minions, AWorkerOutsideTheMachineIsRefusedWhenTheFlowIsBuilt) {
  const PortModel model = hosted(nullptr);
  const auto reader = model_reader(std::make_shared<const PortModel>(model), {});
  ASSERT_FALSE(reader.has_value());
  EXPECT_EQ(reader.error().where, "models.worker");
}

TEST(Minions, ALocalModelReadsChunksThroughItsPort) {
  const auto spy = std::make_shared<RemoteSpy>(usual);
  const auto worker = std::make_shared<RemoteSpy>([](const std::string& prompt) -> Result<Completion> {
    const bool there = prompt.find("it costs 12 euros") != std::string::npos;
    return said(there ? found_json("it costs 12 euros") : "null");
  });
  PortModel local = hosted(worker);
  local.model.name = "small";
  local.model.local = true;
  RunLedger ledger;
  FlowOptions options;
  options.ledger = &ledger;
  const Ran ran = run_minions({}, model_reader(std::make_shared<const PortModel>(local), {}).value(), hosted(spy),
                              question_of(kText).message(), std::move(options));
  ASSERT_TRUE(ran.outcome.has_value()) << describe(ran.outcome.error());
  EXPECT_TRUE(ran.body.at("found").as_bool());
  ASSERT_THAT(ledger.used(), SizeIs(2));
  EXPECT_EQ(ledger.used()[0].calls + ledger.used()[1].calls, 6) << "three jobs, three remote calls";
  EXPECT_THAT(RemoteSpy::text_of(worker->calls.front()), testing::Not(HasSubstr("What does it cost?")))
      << "a worker sees its task only";
}

TEST(Minions, BadInputIsOneClearError) {
  const auto spy = std::make_shared<RemoteSpy>(usual);
  struct Case {
    std::string_view name;
    std::string body;
    ErrorCode code;
  };
  MinionsSpec spec;
  spec.document.bytes_max = 100;
  const Case cases[] = {
      {.name = "no JSON", .body = "text", .code = ErrorCode::MalformedJson},
      {.name = "no question", .body = R"({"documents":[{"name":"d","text":"x"}]})", .code = ErrorCode::InvalidArgument},
      {.name = "no document", .body = R"({"query":"q"})", .code = ErrorCode::InvalidArgument},
      {.name = "an empty document",
       .body = R"({"query":"q","documents":[{"name":"d","text":" \n"}]})",
       .code = ErrorCode::InvalidArgument},
      {.name = "a document over the limit",
       .body = R"({"query":"q","documents":[{"name":"d","text":")" + std::string(101, 'x') + R"("}]})",
       .code = ErrorCode::PayloadTooLarge},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Ran ran =
        run_minions(spec, worker_of(honest), hosted(spy), {.type = std::string(kRequestType), .body = {c.body}});
    ASSERT_FALSE(ran.outcome.has_value());
    EXPECT_EQ(ran.outcome.error().code, c.code);
  }
  EXPECT_TRUE(spy->calls.empty()) << "nothing is paid for";
}

TEST(Minions, AManifestOfTheTaskItselfNeedsNoPlanner) {
  const auto spy = std::make_shared<RemoteSpy>(usual);
  MinionsSpec spec;
  spec.manifest = parse_manifest(kManifest, {}).value();
  const Ran ran = run_minions(spec, worker_of(honest), hosted(spy), question_of(kText).message());
  ASSERT_TRUE(ran.outcome.has_value());
  EXPECT_TRUE(ran.body.at("found").as_bool());
  EXPECT_THAT(spy->calls, SizeIs(1));
}

TEST(Minions, FitsTheFrontiersWindowByLeavingTheWeakestOut) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "fact number " + std::to_string(i) + " is here\n";
  const auto spy = std::make_shared<RemoteSpy>(usual);
  MinionsSpec spec;
  spec.remote_tokens_max = 600;
  const auto citing = worker_of([](const ChunkQuestion& question) -> Result<WorkerReply> {
    return WorkerReply{.text = found_json(question.chunk.substr(0, question.chunk.find('\n')))};
  });
  const Ran ran = run_minions(spec, citing, hosted(spy), question_of(text).message());
  ASSERT_TRUE(ran.outcome.has_value()) << describe(ran.outcome.error());
  EXPECT_LE(prefill_tokens(spy->calls.back().request.messages, spec.count_remote), 600);
  EXPECT_GT(ran.body.at("map").at("left_out").as_int64(), 0);
}

}  // namespace
}  // namespace suffice::workflow::minions
