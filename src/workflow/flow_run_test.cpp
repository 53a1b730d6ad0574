// Runs without a journal: edges, fan-outs and joins, loops, budgets, state, cancellation.

#include "workflow/flow_run.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/run_sync.hpp"
#include "testing/manual_clock.hpp"
#include "testing/scripted_model.hpp"

namespace suffice::workflow {
namespace {

using suffice::testing::ManualClock;
using suffice::testing::ScriptedModel;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Task<void> asio_yield() {
  const auto executor = co_await boost::asio::this_coro::executor;
  co_await boost::asio::post(executor, boost::asio::use_awaitable);
}

FlowMessage text(std::string value) { return {.type = "text", .body = {"\"" + std::move(value) + "\""}}; }

/// Answers with its own name behind what came.
Executor append(std::string name) {
  return Executor{.name = name, .run = [name](const FlowMessage& in, FlowRun&) -> Task<Result<FlowMessage>> {
                    std::string body = in.body.text;
                    body.insert(body.size() - 1, name);
                    co_return FlowMessage{.type = in.type, .body = {body}};
                  }};
}

Executor always(std::string name, FlowMessage answer) {
  return Executor{.name = std::move(name),
                  .run = [answer](const FlowMessage&, FlowRun&) -> Task<Result<FlowMessage>> { co_return answer; }};
}

Executor failing(std::string name, ErrorCode code = ErrorCode::UpstreamFailed) {
  return Executor{.name = std::move(name), .run = [code](const FlowMessage&, FlowRun&) -> Task<Result<FlowMessage>> {
                    co_return fail(code, "scripted");
                  }};
}

/// Ends only when it is cancelled, and counts that.
Executor hanging(std::string name, int& cancelled) {
  return Executor{.name = std::move(name),
                  .run = [&cancelled](const FlowMessage&, FlowRun& run) -> Task<Result<FlowMessage>> {
                    ScriptedModel model;
                    model.hang();
                    const providers::ModelCall call{};
                    Result<Completion> never = co_await model.complete(call, nullptr, run.deadline());
                    ++cancelled;
                    co_return fail(std::move(never).error());
                  }};
}

Executor counting(std::string name) {
  return Executor{.name = std::move(name), .run = [](const FlowMessage& in, FlowRun& run) -> Task<Result<FlowMessage>> {
                    const std::optional<JsonText> before = run.state("count");
                    const int count = before ? std::stoi(before->text) + 1 : 1;
                    run.set_state("count", {std::to_string(count)});
                    co_return FlowMessage{.type = in.type, .body = {std::to_string(count)}};
                  }};
}

std::shared_ptr<const Flow> build(const FlowBuilder& builder) {
  Result<std::shared_ptr<const Flow>> flow = builder.build();
  EXPECT_TRUE(flow) << describe(flow.error());
  return flow ? *flow : nullptr;
}

Result<FlowOutcome> run_now(const FlowBuilder& builder, FlowMessage input, FlowOptions options = {}) {
  const std::shared_ptr<const Flow> flow = build(builder);
  return net::run_sync(run(*flow, std::move(input), std::move(options)));
}

FlowCondition body_is(std::string body) {
  return [body = std::move(body)](const FlowMessage& message) { return message.body.text == body; };
}

TEST(FlowRun, TakesTheFirstOpenEdgeInTheOrderTheyWereAdded) {
  FlowBuilder builder("flow");
  builder.add(append("a")).add(append("b")).add(append("c"));
  builder.connect("a", "b", {.when = body_is("never")}).connect("a", "c").connect("a", "b");

  const Result<FlowOutcome> outcome = run_now(builder, text(""));

  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->output, text("ac"));
  EXPECT_EQ(outcome->steps, 2U);
}

TEST(FlowRun, SendsAMessageWhereItsTypeIsTaken) {
  FlowBuilder builder("flow");
  Executor plan = append("plan");
  plan.takes = {"plan"};
  Executor words = append("words");
  words.takes = {"text"};
  builder.add(append("a")).add(plan).add(words).connect("a", "plan").connect("a", "words");

  const Result<FlowOutcome> outcome = run_now(builder, text(""));

  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->output, text("awords"));
}

TEST(FlowRun, RefusesAnInputThatItsStartDoesNotTake) {
  FlowBuilder builder("flow");
  Executor plan = append("plan");
  plan.takes = {"plan"};
  builder.add(plan);

  const Result<FlowOutcome> outcome = run_now(builder, text(""));

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(outcome.error().where, "plan");
}

TEST(FlowRun, RefusesAnAnswerOfATypeThatWasNotDeclared) {
  FlowBuilder builder("flow");
  Executor liar = append("liar");
  liar.gives = {"plan"};
  builder.add(liar);

  const Result<FlowOutcome> outcome = run_now(builder, text(""));

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::Internal);
}

FlowBuilder two_branches(Join join, Executor left, Executor right) {
  FlowBuilder builder("flow");
  builder.add(append("begin")).add(std::move(left)).add(std::move(right)).add(append("sum"));
  builder.fan_out("begin", {"left", "right"}).fan_in({"left", "right"}, "sum", join);
  return builder;
}

TEST(FlowRun, JoinsAllBranchesInTheOrderOfTheFanIn) {
  const FlowBuilder builder = two_branches(Join::all(), append("left"), always("right", {.type = "n", .body = {"2"}}));

  const Result<FlowOutcome> outcome = run_now(builder, text(""));

  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_EQ(outcome->output.type, "joined");
  EXPECT_EQ(outcome->output.body.text,
            R"([{"from":"left","type":"text","body":"beginleft"},{"from":"right","type":"n","body":2}sum])");
}

TEST(FlowRun, JoinOfAnyEndsTheBranchesItDoesNotWaitFor) {
  int cancelled = 0;
  const FlowBuilder builder = two_branches(Join::any(), hanging("left", cancelled), append("right"));

  const Result<FlowOutcome> outcome = run_now(builder, text(""));

  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_THAT(outcome->output.body.text, HasSubstr(R"([{"from":"right")"));
  EXPECT_EQ(cancelled, 1);
}

TEST(FlowRun, JoinOfAnyForgivesAFailureWhileAnotherBranchMayAnswer) {
  const FlowBuilder builder = two_branches(Join::any(), failing("left"), append("right"));

  EXPECT_TRUE(run_now(builder, text("")));
}

TEST(FlowRun, AJoinThatCanNoLongerBeMetFailsWithTheFirstFailure) {
  const FlowBuilder builder = two_branches(Join::any(), failing("left"), failing("right", ErrorCode::RateLimited));

  const Result<FlowOutcome> outcome = run_now(builder, text(""));

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::UpstreamFailed);
  EXPECT_THAT(outcome.error().message, HasSubstr("only 0 of the 1 answers"));
}

TEST(FlowRun, JoinOfAllFailsWithItsFirstBranchAndEndsTheOthers) {
  int cancelled = 0;
  const FlowBuilder builder = two_branches(Join::all(), hanging("left", cancelled), failing("right"));

  const Result<FlowOutcome> outcome = run_now(builder, text(""));

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::UpstreamFailed);
  EXPECT_EQ(cancelled, 1);
}

TEST(FlowRun, JoinOfAtLeastTwoOfThreeWaitsForTwo) {
  int cancelled = 0;
  FlowBuilder builder("flow");
  builder.add(append("begin")).add(append("a")).add(hanging("b", cancelled)).add(append("c")).add(append("sum"));
  builder.fan_out("begin", {"a", "b", "c"}).fan_in({"a", "b", "c"}, "sum", Join::of(2));

  const Result<FlowOutcome> outcome = run_now(builder, text(""));

  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_THAT(outcome->output.body.text, HasSubstr(R"("from":"a")"));
  EXPECT_THAT(outcome->output.body.text, HasSubstr(R"("from":"c")"));
  EXPECT_EQ(cancelled, 1);
}

TEST(FlowRun, ABranchThatEndsElsewhereLeavesAJoinOfAllUnmet) {
  FlowBuilder builder("flow");
  builder.add(append("begin")).add(append("a")).add(append("b")).add(append("sum")).add(append("exit"));
  builder.fan_out("begin", {"a", "b"}).fan_in({"a", "b"}, "sum").connect("b", "exit");

  const Result<FlowOutcome> outcome = run_now(builder, text(""));

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::OutputRejected);
  EXPECT_EQ(outcome.error().where, "sum");
}

TEST(FlowRun, BranchesWithoutAJoinAreEndsOfTheirOwn) {
  FlowBuilder builder("flow");
  builder.add(append("begin")).add(append("a")).add(append("b")).fan_out("begin", {"a", "b"});

  const Result<FlowOutcome> outcome = run_now(builder, text(""));

  ASSERT_TRUE(outcome);
  EXPECT_THAT(outcome->outputs, ElementsAre(text("begina"), text("beginb")));
}

TEST(FlowRun, FanOutsWithinFanOutsAreJoinedFromTheInside) {
  FlowBuilder builder("flow");
  for (const char* name : {"begin", "left", "right", "x", "y", "inner", "outer"}) builder.add(append(name));
  builder.fan_out("begin", {"left", "right"}).fan_out("left", {"x", "y"});
  builder.fan_in({"x", "y"}, "inner").fan_in({"inner", "right"}, "outer");

  const Result<FlowOutcome> outcome = run_now(builder, text(""));

  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_EQ(outcome->steps, 7U);
  EXPECT_THAT(outcome->output.body.text, HasSubstr(R"([{"from":"inner","type":"joined","body":[{"from":"x")"));
}

TEST(FlowRun, RunsNoMoreBranchesAtOnceThanAllowed) {
  int now = 0;
  int most = 0;
  const auto busy = [&](std::string name) {
    return Executor{.name = std::move(name), .run = [&](const FlowMessage& in, FlowRun&) -> Task<Result<FlowMessage>> {
                      most = std::max(most, ++now);
                      for (int i = 0; i < 3; ++i) co_await asio_yield();
                      --now;
                      co_return in;
                    }};
  };
  FlowBuilder builder("flow");
  builder.add(append("begin")).add(busy("a")).add(busy("b")).add(busy("c")).add(append("sum"));
  builder.fan_out("begin", {"a", "b", "c"}).fan_in({"a", "b", "c"}, "sum");

  ASSERT_TRUE(run_now(builder, text(""), {.at_once_max = 2}));

  EXPECT_EQ(most, 2);
}

FlowBuilder counting_loop(std::size_t rounds) {
  FlowBuilder builder("flow");
  builder.add(counting("count")).loop("again", rounds).connect("count", "count", {.loop = "again"});
  return builder;
}

TEST(FlowRun, ALoopEndsWithItsBudget) {
  const Result<FlowOutcome> outcome = run_now(counting_loop(3), text(""));

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::BudgetExhausted);
  EXPECT_THAT(outcome.error().message, HasSubstr("'again'"));
}

TEST(FlowRun, ALoopThatIsUsedUpLeavesTheWayToALaterEdge) {
  FlowBuilder builder = counting_loop(3);
  builder.add(append("give_up")).connect("count", "give_up");

  const Result<FlowOutcome> outcome = run_now(builder, text(""));

  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->state.at("count").text, "4");
}

TEST(FlowRun, EndsAtItsStepBudgetAndSaysSo) {
  std::vector<std::string> budgets;
  FlowOptions options{.steps_max = 5};
  options.on_event = [&](const FlowEvent& event) {
    if (event.kind == FlowEvent::Kind::Budget) budgets.emplace_back(event.text);
  };

  const Result<FlowOutcome> outcome = run_now(counting_loop(100), text(""), options);

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::BudgetExhausted);
  EXPECT_THAT(budgets, ElementsAre(HasSubstr("5 steps")));
}

TEST(FlowRun, BeginsNoStepAfterItsDeadline) {
  ManualClock clock;
  FlowBuilder builder("flow");
  builder.add(append("a"))
      .add(Executor{.name = "slow", .run = [&](const FlowMessage& in, FlowRun& run) -> Task<Result<FlowMessage>> {
                      clock.advance(std::chrono::milliseconds(11));
                      EXPECT_TRUE(run.stopping());
                      co_return in;
                    }});
  builder.add(append("late")).connect("a", "slow").connect("slow", "late");

  const Result<FlowOutcome> outcome =
      run_now(builder, text(""),
              {.deadline = Deadline::after(std::chrono::milliseconds(10), clock.steady_now()), .clock = &clock});

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::DeadlineExceeded);
}

TEST(FlowRun, AStepCanShortenItsOwnDeadlineOnly) {
  const Deadline whole = Deadline::at(SteadyTime(std::chrono::hours(100)));
  std::vector<SteadyTime> seen;
  const auto look = [&](std::string name) {
    return Executor{.name = std::move(name),
                    .run = [&](const FlowMessage& in, FlowRun& run) -> Task<Result<FlowMessage>> {
                      run.shorten(Deadline::at(SteadyTime(std::chrono::hours(200))));
                      seen.push_back(run.deadline().when());
                      run.shorten(Deadline::at(SteadyTime(std::chrono::hours(50))));
                      seen.push_back(run.deadline().when());
                      co_return in;
                    }};
  };
  ManualClock clock;
  FlowBuilder builder("flow");
  builder.add(look("a")).add(look("b")).connect("a", "b");

  ASSERT_TRUE(run_now(builder, text(""), {.deadline = whole, .clock = &clock}));

  using std::chrono::hours;
  EXPECT_THAT(seen, ElementsAre(whole.when(), SteadyTime(hours(50)), whole.when(), SteadyTime(hours(50))));
}

TEST(FlowRun, TwoRunsAtOnceHaveStatesOfTheirOwn) {
  FlowBuilder builder = counting_loop(20);
  builder.add(append("end")).connect("count", "end");
  const std::shared_ptr<const Flow> flow = build(builder);
  boost::asio::io_context io;
  std::vector<FlowOutcome> outcomes;
  for (int i = 0; i < 2; ++i) {
    boost::asio::co_spawn(io, run(*flow, text(""), {}), [&](std::exception_ptr, Result<FlowOutcome> outcome) {
      ASSERT_TRUE(outcome);
      outcomes.push_back(*outcome);
    });
  }

  io.run();

  ASSERT_EQ(outcomes.size(), 2U);
  for (const FlowOutcome& outcome : outcomes) EXPECT_EQ(outcome.state.at("count").text, "21");
  EXPECT_NE(outcomes[0].run_id, outcomes[1].run_id);
}

TEST(FlowRun, BranchesDoNotSeeEachOthersWritesBeforeTheyEnd) {
  std::vector<bool> seen;
  const auto write = [&](std::string name) {
    return Executor{.name = std::move(name),
                    .run = [&](const FlowMessage& in, FlowRun& run) -> Task<Result<FlowMessage>> {
                      run.set_state("key", {"1"});
                      co_await asio_yield();
                      co_await asio_yield();
                      EXPECT_TRUE(run.state("key"));
                      seen.push_back(run.state("other").has_value());
                      run.set_state("other", {"2"});
                      co_await asio_yield();
                      co_return in;
                    }};
  };

  ASSERT_TRUE(run_now(two_branches(Join::all(), write("left"), write("right")), text("")));

  EXPECT_THAT(seen, ElementsAre(false, false));
}

TEST(FlowRun, ASubFlowGoesOnAlongItsNamesEdgesWithKeysOfItsOwn) {
  FlowBuilder inner("inner");
  inner.add(counting("count")).loop("again", 2).connect("count", "count", {.loop = "again"});
  inner.add(append("done")).connect("count", "done");
  // "done" puts its name before the last byte of the number: still one JSON text to the machine, which does not read it.
  FlowBuilder outer("outer");
  outer.add(counting("count")).sub_flow("sub", build(inner)).add(counting("after"));
  outer.connect("count", "sub").connect("sub", "after");

  const Result<FlowOutcome> outcome = run_now(outer, text(""));

  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_EQ(outcome->steps, 6U);
  EXPECT_EQ(outcome->state.at("sub/count").text, "3");
  EXPECT_EQ(outcome->state.at("count").text, "2");
  EXPECT_THAT(build(outer)->to_mermaid(), HasSubstr("n1[[\"sub\"]]"));
}

TEST(FlowRun, ASubFlowInABranchIsJoinedLikeAnExecutor) {
  FlowBuilder inner("inner");
  inner.add(append("x")).add(append("y")).connect("x", "y");
  FlowBuilder outer("outer");
  outer.add(append("begin")).sub_flow("left", build(inner)).add(append("right")).add(append("sum"));
  outer.fan_out("begin", {"left", "right"}).fan_in({"left", "right"}, "sum");

  const Result<FlowOutcome> outcome = run_now(outer, text(""));

  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_THAT(outcome->output.body.text, HasSubstr(R"({"from":"left","type":"text","body":"beginxy"})"));
}

TEST(FlowRun, DrawsTheSameRandomNumbersForTheSameSeedAndStep) {
  const auto draw = [](std::uint64_t seed) {
    FlowBuilder builder("flow");
    const auto drawing = [](std::string name) {
      return Executor{
          .name = std::move(name), .run = [](const FlowMessage& in, FlowRun& run) -> Task<Result<FlowMessage>> {
            co_return FlowMessage{.type = "n", .body = {in.body.text + " " + std::to_string(run.random().next())}};
          }};
    };
    builder.add(drawing("a")).add(drawing("b")).connect("a", "b");
    return run_now(builder, text(""), {.seed = seed})->output.body.text;
  };

  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
}

TEST(FlowRun, TellsWhatHappensInOrder) {
  FlowBuilder builder("flow");
  builder.add(Executor{.name = "a", .run = [](const FlowMessage& in, FlowRun& run) -> Task<Result<FlowMessage>> {
                         run.progress("half");
                         run.token("tok");
                         co_return in;
                       }});
  builder.add(failing("b")).connect("a", "b", {.label = "on"});
  std::vector<std::string> seen;
  FlowOptions options;
  options.on_event = [&](const FlowEvent& event) {
    seen.push_back(std::to_string(event.step) + " " + std::string(name(event.kind)) + " " +
                   std::string(event.executor) + " " + std::string(event.text));
  };

  const Result<FlowOutcome> outcome = run_now(builder, text(""), options);

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::UpstreamFailed);
  EXPECT_THAT(seen,
              ElementsAre("1 executor_started a ", "1 progress a half", "1 token a tok", "1 executor_finished a text",
                          "0 edge_taken a on", "2 executor_started b ", "2 executor_failed b upstream_failed"));
}

TEST(FlowRun, EveryBudgetOfTheLedgerEndsARunBeforeAnythingIsSent) {
  struct Case {
    std::string budget;
    RunLimits limits;
  };
  const std::vector<Case> cases = {{"budget.usd", {.cost_max = Usd{1}}},
                                   {"budget.calls", {.cost_max = {}, .calls_max = 1}},
                                   {"budget.tokens", {.cost_max = {}, .tokens_max = 10}}};
  for (const Case& one : cases) {
    SCOPED_TRACE(one.budget);
    const auto client = std::make_shared<ScriptedModel>();
    if (one.limits.calls_max == 1) client->answer("once");
    PortModel model{.model = {}, .client = client};
    model.model.price.input_per_million = 1;
    FlowBuilder builder("flow");
    builder.add(Executor{.name = "ask", .run = [&](const FlowMessage& in, FlowRun& run) -> Task<Result<FlowMessage>> {
                           providers::ModelCall call;
                           call.request.messages.push_back(Message::of(Role::User, "a question of some length"));
                           ModelPort port = run.port(model);
                           Result<Completion> answer = co_await port.ask(call, run.deadline());
                           if (!answer) co_return fail(std::move(answer).error());
                           co_return in;
                         }});
    builder.loop("again", 5).connect("ask", "ask", {.loop = "again"});
    RunLedger ledger(one.limits);

    const Result<FlowOutcome> outcome = run_now(builder, text(""), {.ledger = &ledger});

    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::BudgetExhausted);
    EXPECT_EQ(outcome.error().where, one.budget);
  }
}

TEST(FlowRun, ARefusedModelIsNotAskedAndTheLedgerSaysWhy) {
  const PortModel model{.model = {}, .client = std::make_shared<ScriptedModel>()};
  FlowBuilder builder("flow");
  builder.add(Executor{.name = "ask", .run = [&](const FlowMessage& in, FlowRun& run) -> Task<Result<FlowMessage>> {
                         const providers::ModelCall call;
                         ModelPort port = run.port(model);
                         Result<Completion> answer = co_await port.ask(call, run.deadline());
                         if (!answer) co_return fail(std::move(answer).error());
                         co_return in;
                       }});
  RunLedger ledger;
  FlowOptions options{.ledger = &ledger};
  options.refused = [](const policy::Model&) { return Reason::KillSwitch; };

  const Result<FlowOutcome> outcome = run_now(builder, text(""), options);

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::NoFrontier);
  EXPECT_THAT(ledger.reasons(), ElementsAre(Reason::KillSwitch));
}

struct Cancelled {
  Result<FlowOutcome> outcome;
  bool ended = false;
};

/// Starts a run, cancels it once it waits, and gives what came back.
Cancelled cancel_when_waiting(const FlowBuilder& builder) {
  const std::shared_ptr<const Flow> flow = build(builder);
  boost::asio::io_context io;
  boost::asio::cancellation_signal signal;
  Cancelled result;
  boost::asio::co_spawn(
      io, run(*flow, text(""), {}),
      boost::asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr thrown, Result<FlowOutcome> outcome) {
        EXPECT_FALSE(thrown);
        result.outcome = std::move(outcome);
        result.ended = true;
      }));
  while (io.poll() > 0) {
  }
  signal.emit(boost::asio::cancellation_type::terminal);
  while (io.poll() > 0) {
  }
  return result;
}

TEST(FlowRun, CancellingEndsAStepInTheMiddle) {
  int cancelled = 0;
  FlowBuilder builder("flow");
  builder.add(append("a")).add(hanging("b", cancelled)).connect("a", "b");

  const Cancelled result = cancel_when_waiting(builder);

  ASSERT_TRUE(result.ended);
  ASSERT_FALSE(result.outcome);
  EXPECT_EQ(result.outcome.error().code, ErrorCode::Cancelled);
  EXPECT_EQ(cancelled, 1);
}

TEST(FlowRun, CancellingEndsEveryBranchBeforeItComesBack) {
  int cancelled = 0;

  const Cancelled result =
      cancel_when_waiting(two_branches(Join::all(), hanging("left", cancelled), hanging("right", cancelled)));

  ASSERT_TRUE(result.ended);
  ASSERT_FALSE(result.outcome);
  EXPECT_EQ(result.outcome.error().code, ErrorCode::Cancelled);
  EXPECT_EQ(cancelled, 2);
}

TEST(FlowRun, AStopRequestEndsARunBetweenSteps) {
  std::stop_source stop;
  FlowBuilder builder = counting_loop(100);
  FlowOptions options{.stop = stop.get_token()};
  int finished = 0;
  options.on_event = [&](const FlowEvent& event) {
    if (event.kind == FlowEvent::Kind::ExecutorFinished && ++finished == 3) stop.request_stop();
  };

  const Result<FlowOutcome> outcome = run_now(builder, text(""), options);

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::Cancelled);
  EXPECT_EQ(finished, 3);
}

TEST(FlowRun, PassesAnExceptionOnOnceTheOtherBranchesHaveEnded) {
  int cancelled = 0;
  const Executor throwing{.name = "right", .run = [](const FlowMessage&, FlowRun&) -> Task<Result<FlowMessage>> {
                            co_await asio_yield();
                            throw std::logic_error("a bug");
                          }};

  EXPECT_THROW(static_cast<void>(run_now(two_branches(Join::all(), hanging("left", cancelled), throwing), text(""))),
               std::logic_error);
  EXPECT_EQ(cancelled, 1);
}

}  // namespace
}  // namespace suffice::workflow
