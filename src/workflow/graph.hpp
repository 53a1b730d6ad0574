#pragma once
// Graph: executors joined by conditional edges, and the loop that runs one to its end within a budget.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "net/task.hpp"

namespace suffice::workflow {

/// What happened in a run, in order. Names are the graph's own.
struct RunEvent {
  enum class Kind : std::uint8_t { ExecutorStarted, ExecutorFinished, ExecutorFailed, EdgeTaken };
  Kind kind = Kind::ExecutorStarted;
  std::string_view node;
  std::string_view edge;  ///< EdgeTaken: its label
};

/// What bounds a run and who watches it. One run, one context; not shared.
struct RunContext {
  Deadline deadline = Deadline::never();
  std::size_t steps_max = 64;                       ///< executors started; a loop ends here at the latest
  std::function<void(const RunEvent&)> on_event{};  ///< may be empty; called on the run's executor
};

/// A graph over one run's State. Built once, immutable while it runs, shared by any number of runs at once: whatever changes lives
/// in the State.
template <class State>
class Graph {
 public:
  using Node = std::size_t;
  using Executor = std::function<Task<Result<void>>(State&, const RunContext&)>;
  using Condition = std::function<bool(const State&)>;

  /// The first node added is where a run starts.
  Node add(std::string_view name, Executor executor) {
    nodes_.push_back(NodeSpec{.name = std::string(name), .executor = std::move(executor), .edges = {}});
    return nodes_.size() - 1;
  }

  /// Edges of a node are tried in the order they were added; the first whose condition holds is taken. None: the run is over.
  void connect(Node from, Node to, std::string_view label, Condition when) {
    nodes_[from].edges.push_back(EdgeSpec{.to = to, .label = std::string(label), .when = std::move(when)});
  }
  void connect(Node from, Node to) {
    connect(from, to, "always", [](const State&) { return true; });
  }

  /// Mermaid's flowchart text, for the docs and `--help`.
  [[nodiscard]] std::string to_mermaid() const {
    std::string text = "flowchart TD\n";
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      text += "  n" + std::to_string(i) + "[\"" + nodes_[i].name + "\"]\n";
      for (const EdgeSpec& edge : nodes_[i].edges) {
        text += "  n" + std::to_string(i) + " -->|" + edge.label + "| n" + std::to_string(edge.to) + "\n";
      }
    }
    return text;
  }

  /// Runs from the first node until no edge can be taken. An executor's Error ends the run at once.
  /// BudgetExhausted after `steps_max` executors, DeadlineExceeded when the deadline passes between two of them.
  /// `state` and `context` must outlive the await.
  [[nodiscard]] Task<Result<void>> run(State& state, const RunContext& context) const {
    if (nodes_.empty()) co_return Result<void>{};
    Node at = 0;
    for (std::size_t steps = 0;; ++steps) {
      if (steps == context.steps_max) {
        co_return fail(ErrorCode::BudgetExhausted, "the workflow used up its step budget", nodes_[at].name);
      }
      if (!context.deadline.is_never() && context.deadline.expired()) {
        co_return fail(ErrorCode::DeadlineExceeded, "the request's time was over before this step", nodes_[at].name);
      }
      const NodeSpec& node = nodes_[at];
      tell(context, RunEvent::Kind::ExecutorStarted, node.name, {});
      Result<void> done = co_await node.executor(state, context);
      if (!done) {
        tell(context, RunEvent::Kind::ExecutorFailed, node.name, {});
        co_return done;
      }
      tell(context, RunEvent::Kind::ExecutorFinished, node.name, {});
      const EdgeSpec* next = first_open_edge(node, state);
      if (next == nullptr) co_return done;
      tell(context, RunEvent::Kind::EdgeTaken, node.name, next->label);
      at = next->to;
    }
  }

 private:
  struct EdgeSpec {
    Node to = 0;
    std::string label;
    Condition when;
  };
  struct NodeSpec {
    std::string name;
    Executor executor;
    std::vector<EdgeSpec> edges;
  };

  static const EdgeSpec* first_open_edge(const NodeSpec& node, const State& state) {
    for (const EdgeSpec& edge : node.edges) {
      if (edge.when(state)) return &edge;
    }
    return nullptr;
  }

  static void tell(const RunContext& context, RunEvent::Kind kind, std::string_view node, std::string_view edge) {
    if (context.on_event) context.on_event(RunEvent{.kind = kind, .node = node, .edge = edge});
  }

  std::vector<NodeSpec> nodes_;
};

}  // namespace suffice::workflow
