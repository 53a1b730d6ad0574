#include "workflow/graph.hpp"

#include <gtest/gtest.h>

#include "net/run_sync.hpp"

namespace suffice::workflow {
namespace {

struct Counting {
  std::vector<std::string> visited;
  int rounds = 0;
};

Graph<Counting>::Executor visit(const std::string& name) {
  return [name](Counting& state, const RunContext&) -> Task<Result<void>> {
    state.visited.push_back(name);
    ++state.rounds;
    co_return Result<void>{};
  };
}

Result<void> run(const Graph<Counting>& graph, Counting& state, const RunContext& context) {
  return net::run_sync(graph.run(state, context));
}

TEST(Graph, TakesTheFirstOpenEdgeInTheOrderTheyWereAdded) {
  Graph<Counting> graph;
  const auto a = graph.add("a", visit("a"));
  const auto b = graph.add("b", visit("b"));
  const auto c = graph.add("c", visit("c"));
  graph.connect(a, b, "never", [](const Counting&) { return false; });
  graph.connect(a, c);
  graph.connect(a, b);

  Counting state;
  ASSERT_TRUE(run(graph, state, {}));

  EXPECT_EQ(state.visited, (std::vector<std::string>{"a", "c"}));
}

TEST(Graph, EndsALoopAtItsStepBudget) {
  Graph<Counting> graph;
  const auto a = graph.add("a", visit("a"));
  graph.connect(a, a);

  Counting state;
  const Result<void> result = run(graph, state, RunContext{.steps_max = 5});

  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::BudgetExhausted);
  EXPECT_EQ(state.rounds, 5);
}

TEST(Graph, StartsNoExecutorAfterTheDeadline) {
  Graph<Counting> graph;
  graph.add("a", visit("a"));

  Counting state;
  const Result<void> result = run(graph, state, RunContext{.deadline = Deadline::at(SteadyTime::min())});

  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::DeadlineExceeded);
  EXPECT_TRUE(state.visited.empty());
}

TEST(Graph, StopsAtTheFirstFailedExecutorAndTellsEveryStep) {
  Graph<Counting> graph;
  const auto a = graph.add("a", visit("a"));
  const auto b = graph.add("b", [](Counting&, const RunContext&) -> Task<Result<void>> {
    co_return fail(ErrorCode::UpstreamFailed, "scripted");
  });
  const auto c = graph.add("c", visit("c"));
  graph.connect(a, b);
  graph.connect(b, c);
  std::vector<std::string> seen;
  RunContext context;
  context.on_event = [&](const RunEvent& event) {
    seen.push_back(std::to_string(static_cast<int>(event.kind)) + std::string(event.node));
  };

  Counting state;
  const Result<void> result = run(graph, state, context);

  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::UpstreamFailed);
  EXPECT_EQ(seen, (std::vector<std::string>{"0a", "1a", "3a", "0b", "2b"}));
  EXPECT_EQ(state.visited, std::vector<std::string>{"a"});
}

TEST(Graph, DrawsItselfAsMermaid) {
  Graph<Counting> graph;
  const auto a = graph.add("try local", visit("a"));
  const auto b = graph.add("frontier", visit("b"));
  graph.connect(a, b, "rejected", [](const Counting&) { return true; });

  EXPECT_EQ(graph.to_mermaid(), "flowchart TD\n  n0[\"try local\"]\n  n0 -->|rejected| n1\n  n1[\"frontier\"]\n");
}

}  // namespace
}  // namespace suffice::workflow
