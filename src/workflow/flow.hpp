#pragma once
// Flow: a workflow as a value: executors that pass typed messages along edges. Built once, checked as a whole, run any number of times.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/chat.hpp"
#include "core/result.hpp"
#include "net/task.hpp"

namespace suffice::workflow {

/// What goes from one executor to the next. The body is JSON text, so that every message can be checkpointed and replayed.
struct FlowMessage {
  std::string type;
  JsonText body;
  bool operator==(const FlowMessage&) const = default;
};

/// The type of what a fan-in gives: an array of {"from": executor, "type": ..., "body": ...}, in the order of the fan-in's sources;
/// those that did not come are left out.
inline constexpr std::string_view kJoinedType = "joined";

class FlowRun;

/// One node. `run` must be safe to call from any number of runs at once: what changes lives in the FlowRun. Both arguments outlive
/// the await. An Error ends the run, unless a fan-in can do without this branch.
struct Executor {
  std::string name;                     ///< letters, digits, '_' and '-'
  std::vector<std::string> takes = {};  ///< message types it understands; empty: any
  std::vector<std::string> gives = {};  ///< message types it may answer with; empty: any
  std::function<Task<Result<FlowMessage>>(const FlowMessage&, FlowRun&)> run = {};
  /// What its answers depend on besides its input (a prompt's version, a model's name): a journal is not resumed by another version.
  std::string version = {};
};

using FlowCondition = std::function<bool(const FlowMessage&)>;

struct EdgeOptions {
  std::string label = {};
  FlowCondition when = {};  ///< empty: always
  std::string loop = {};    ///< the loop that this edge closes; taking it uses up one of the loop's rounds
};

/// How many of its sources a fan-in waits for. The branches that are still running then are cancelled.
struct Join {
  std::size_t at_least = 0;  ///< 0: all of them
  static Join all() { return {}; }
  static Join any() { return {.at_least = 1}; }
  static Join of(std::size_t count) { return {.at_least = count}; }
  bool operator==(const Join&) const = default;
};

/// One thing wrong with a flow. `where` is a JSON pointer into the file form: "/edges/2", "/executors/plan", "/start".
struct FlowProblem {
  std::string where;
  std::string message;
  bool operator==(const FlowProblem&) const = default;
};

/// A checked flow. Immutable; any thread. Made by FlowBuilder; sub-flows are laid out in place, their executors named "sub/inner".
class Flow {
 public:
  using Node = std::size_t;
  static constexpr Node kNone = static_cast<Node>(-1);
  static constexpr std::size_t kNoLoop = static_cast<std::size_t>(-1);

  struct Edge {
    Node to = kNone;
    std::string label;
    FlowCondition when;
    std::size_t loop = kNoLoop;
  };
  /// What happens to an answer, in this order: the first open edge; else the fan-out; else the fan-in; else it leaves the sub-flow as
  /// the owner's answer; else it is an end of the run.
  struct NodeSpec {
    Executor executor;
    std::vector<Edge> edges;
    std::vector<Node> fan_out;
    std::size_t fan_in = kNone;  ///< the fan-in that this node is a source of
    Node owner = kNone;          ///< the sub-flow it is in
    Node sub_start = kNone;      ///< a sub-flow: where it begins. Such a node has no function of its own
    std::string scope;           ///< "sub/": before the state keys of a sub-flow's executors
  };
  struct FanIn {
    std::vector<Node> from;
    Node to = kNone;
    Join join;
    std::vector<bool> feeders;   ///< per node: whether its answer can still reach a source
    std::vector<bool> branches;  ///< the same without passing another fan-out or fan-in
  };
  struct Loop {
    std::string name;
    std::size_t times_max = 0;
  };

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::vector<NodeSpec>& nodes() const { return nodes_; }
  [[nodiscard]] const std::vector<FanIn>& fan_ins() const { return fan_ins_; }
  [[nodiscard]] const std::vector<Loop>& loops() const { return loops_; }
  [[nodiscard]] Node start() const { return start_; }
  /// SHA-256 of everything but the functions: names, versions, types, edges, joins, loops. What a journal is bound to.
  [[nodiscard]] const std::string& shape() const { return shape_; }
  /// Mermaid's flowchart text.
  [[nodiscard]] std::string to_mermaid() const;

 private:
  friend class FlowBuilder;
  Flow() = default;
  std::string name_;
  std::vector<NodeSpec> nodes_;
  std::vector<FanIn> fan_ins_;
  std::vector<Loop> loops_;
  Node start_ = 0;
  std::string shape_;
};

/// Collects a flow's parts by name; nothing is checked before problems() or build().
class FlowBuilder {
 public:
  explicit FlowBuilder(std::string name) : name_(std::move(name)) {}

  /// The first one added is where a run starts, unless start() says otherwise.
  FlowBuilder& add(Executor executor);
  FlowBuilder& start(std::string name);
  /// Edges of an executor are tried in the order they were added. One is open when its condition holds, its loop has rounds left, and
  /// its target takes the message's type. When only used-up loops keep a run from going on, it fails with BudgetExhausted.
  FlowBuilder& connect(std::string from, std::string to, EdgeOptions options = {});
  /// The answer goes to all of `to` at once.
  FlowBuilder& fan_out(std::string from, std::vector<std::string> to);
  /// Answers of `from` that belong to one fan-out are handed to `to` together, as one kJoinedType message.
  FlowBuilder& fan_in(std::vector<std::string> from, std::string to, Join join = Join::all());
  /// A whole flow as one executor. Its ends go on along this name's edges.
  FlowBuilder& sub_flow(std::string name, std::shared_ptr<const Flow> flow);
  /// Every cycle must hold an edge of some loop. Rounds count over the whole run.
  FlowBuilder& loop(std::string name, std::size_t times_max);

  /// Everything wrong, never only the first: unknown and doubled names, unreachable executors, types that do not fit, cycles without
  /// a loop, no start, fan-ins without a fan-out.
  [[nodiscard]] std::vector<FlowProblem> problems() const;
  /// InvalidArgument with all problems, one a line.
  [[nodiscard]] Result<std::shared_ptr<const Flow>> build() const;

 private:
  friend class FlowCheck;
  struct Part {
    Executor executor;
    std::shared_ptr<const Flow> flow;  ///< a sub-flow, else null
  };
  struct NamedEdge {
    std::string from;
    std::string to;
    EdgeOptions options;
  };
  struct NamedFanOut {
    std::string from;
    std::vector<std::string> to;
  };
  struct NamedFanIn {
    std::vector<std::string> from;
    std::string to;
    Join join;
  };

  void lay_out(Flow& flow) const;
  static void lay_out_sub(Flow& flow, Flow::Node owner, const Flow& sub);

  std::string name_;
  std::string start_;
  std::vector<Part> parts_;
  std::vector<NamedEdge> edges_;
  std::vector<NamedFanOut> fan_outs_;
  std::vector<NamedFanIn> fan_ins_;
  std::vector<Flow::Loop> loops_;
};

}  // namespace suffice::workflow
