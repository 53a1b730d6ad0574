#pragma once
// FlowMachine: which executor is to run with which message, and what its answer leads to. No I/O, no waiting: the same answers in the
// same order lead to the same items with the same numbers, which is what makes a run resumable.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.hpp"
#include "workflow/flow.hpp"

namespace suffice::workflow {

/// One executor to run once.
struct FlowItem {
  std::uint64_t step = 0;  ///< from 1, in the order they became due
  Flow::Node node = Flow::kNone;
  FlowMessage input;
  std::vector<std::uint64_t> fans;  ///< the fan-outs it came through and that are not joined yet, innermost last
};

/// One run's. Belongs to one thread.
class FlowMachine {
 public:
  /// `flow` outlives it. `on_edge` (may be empty) hears of each edge taken.
  using OnEdge = std::function<void(Flow::Node from, std::string_view label, Flow::Node to)>;
  explicit FlowMachine(const Flow& flow, OnEdge on_edge = {});

  /// InvalidArgument when the first executor does not take the input's type.
  Result<void> begin(FlowMessage input);
  /// The answer of a due step. Errors end the run: an answer of a type that the executor does not declare, a fan-in that can no
  /// longer be met, loops that are used up.
  Result<void> complete(std::uint64_t step, FlowMessage output);
  /// The failure of a due step: the run's, unless a fan-in can do without it.
  Result<void> fail_step(std::uint64_t step, Error error);

  /// Due steps, by number. Those that a met fan-in no longer waits for disappear from here.
  [[nodiscard]] const std::map<std::uint64_t, FlowItem>& due() const { return due_; }
  /// Answers that led nowhere, in the order they came.
  [[nodiscard]] const std::vector<FlowMessage>& ends() const { return ends_; }
  [[nodiscard]] std::uint64_t steps() const { return step_; }

 private:
  using Fans = std::vector<std::uint64_t>;
  /// What has come to one fan-in out of one fan-out.
  struct Waiting {
    std::map<Flow::Node, FlowMessage> arrived;
    std::optional<Error> failed;  ///< the first
  };
  using WaitingKey = std::pair<std::uint64_t, std::size_t>;  ///< fan-out's number, fan-in

  /// Where an answer goes: the first open edge of `at`, else of the sub-flow around it.
  Result<void> pass_on(Flow::Node at, FlowMessage output, const Fans& fans);
  Result<const Flow::Edge*> open_edge(const Flow::NodeSpec& node, const FlowMessage& message);
  Result<void> enter(Flow::Node node, FlowMessage input, Fans fans);
  Result<void> arrive(std::size_t fan_in, Flow::Node source, FlowMessage output, const Fans& fans);
  Result<void> join(std::size_t fan_in, const WaitingKey& key, Fans fans);
  [[nodiscard]] bool takes(Flow::Node node, std::string_view type) const;
  /// An error when some fan-in of these fan-outs waits and nothing that is due can come to it any more.
  Result<void> check_waiting(const Fans& fans);
  [[nodiscard]] bool may_still_come(const WaitingKey& key) const;
  void drop_feeders(const WaitingKey& key);
  [[nodiscard]] FlowMessage joined(const Flow::FanIn& fan_in, const Waiting& waiting) const;
  void tell(Flow::Node from, std::string_view label, Flow::Node to) const {
    if (on_edge_) on_edge_(from, label, to);
  }

  const Flow& flow_;
  OnEdge on_edge_;
  std::uint64_t step_ = 0;
  std::uint64_t fan_ = 0;
  std::map<std::uint64_t, FlowItem> due_;
  std::map<WaitingKey, Waiting> waiting_;
  std::vector<std::size_t> rounds_;  ///< per loop
  std::vector<FlowMessage> ends_;
};

}  // namespace suffice::workflow
