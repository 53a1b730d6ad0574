#include "workflow/flow_machine.hpp"

#include <algorithm>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace suffice::workflow {

using Node = Flow::Node;

FlowMachine::FlowMachine(const Flow& flow, OnEdge on_edge)
    : flow_(flow), on_edge_(std::move(on_edge)), rounds_(flow.loops().size(), 0) {}

Result<void> FlowMachine::begin(FlowMessage input) { return enter(flow_.start(), std::move(input), {}); }

Result<void> FlowMachine::complete(std::uint64_t step, FlowMessage output) {
  auto done = due_.extract(step);
  if (done.empty()) return fail(ErrorCode::Internal, fmt::format("step {} is not due", step));
  const FlowItem& item = done.mapped();
  const Executor& executor = flow_.nodes()[item.node].executor;
  if (!executor.gives.empty() && std::ranges::find(executor.gives, output.type) == executor.gives.end()) {
    return fail(
        ErrorCode::Internal,
        fmt::format("gave a message of type '{}'; it declares {}", output.type, fmt::join(executor.gives, ", ")),
        executor.name);
  }
  SUFFICE_TRY_VOID(pass_on(item.node, std::move(output), item.fans));
  return check_waiting(item.fans);
}

Result<void> FlowMachine::fail_step(std::uint64_t step, Error error) {
  auto done = due_.extract(step);
  if (done.empty()) return fail(std::move(error));
  const FlowItem& item = done.mapped();
  if (item.fans.empty()) return fail(std::move(error));
  for (std::size_t i = 0; i < flow_.fan_ins().size(); ++i) {
    const Flow::FanIn& fan_in = flow_.fan_ins()[i];
    if (fan_in.join.at_least == 0 || !fan_in.branches[item.node]) continue;
    Waiting& waiting = waiting_[{item.fans.back(), i}];
    if (!waiting.failed) waiting.failed = std::move(error);
    return check_waiting(item.fans);
  }
  return fail(std::move(error));
}

bool FlowMachine::takes(Node node, std::string_view type) const {
  const std::vector<std::string>& types = flow_.nodes()[node].executor.takes;
  return types.empty() || std::ranges::find(types, type) != types.end();
}

Result<const Flow::Edge*> FlowMachine::open_edge(const Flow::NodeSpec& node, const FlowMessage& message) {
  const Flow::Edge* used_up = nullptr;
  for (const Flow::Edge& edge : node.edges) {
    if (!takes(edge.to, message.type) || (edge.when && !edge.when(message))) continue;
    if (edge.loop == Flow::kNoLoop) return &edge;
    if (rounds_[edge.loop] < flow_.loops()[edge.loop].times_max) {
      ++rounds_[edge.loop];
      return &edge;
    }
    used_up = &edge;
  }
  if (used_up == nullptr) return nullptr;
  const Flow::Loop& loop = flow_.loops()[used_up->loop];
  return fail(ErrorCode::BudgetExhausted,
              fmt::format("the loop '{}' has used up its {} rounds", loop.name, loop.times_max), node.executor.name);
}

Result<void> FlowMachine::pass_on(Node at, FlowMessage output, const Fans& fans) {
  for (;;) {
    const Flow::NodeSpec& node = flow_.nodes()[at];
    SUFFICE_TRY(const Flow::Edge* edge, open_edge(node, output));
    if (edge != nullptr) {
      tell(at, edge->label, edge->to);
      return enter(edge->to, std::move(output), fans);
    }
    if (!node.fan_out.empty()) {
      Fans inside = fans;
      inside.push_back(++fan_);
      for (const Node to : node.fan_out) {
        tell(at, {}, to);
        SUFFICE_TRY_VOID(enter(to, output, inside));
      }
      return {};
    }
    if (node.fan_in != Flow::kNone) {
      tell(at, {}, flow_.fan_ins()[node.fan_in].to);
      return arrive(node.fan_in, at, std::move(output), fans);
    }
    if (node.owner == Flow::kNone) break;
    at = node.owner;
  }
  ends_.push_back(std::move(output));
  return {};
}

Result<void> FlowMachine::enter(Node node, FlowMessage input, Fans fans) {
  while (flow_.nodes()[node].sub_start != Flow::kNone) node = flow_.nodes()[node].sub_start;
  if (!takes(node, input.type)) {
    const Executor& executor = flow_.nodes()[node].executor;
    return fail(
        ErrorCode::InvalidArgument,
        fmt::format("was sent a message of type '{}'; it takes {}", input.type, fmt::join(executor.takes, ", ")),
        executor.name);
  }
  const std::uint64_t step = ++step_;
  due_.emplace(step, FlowItem{.step = step, .node = node, .input = std::move(input), .fans = std::move(fans)});
  return {};
}

Result<void> FlowMachine::arrive(std::size_t fan_in, Node source, FlowMessage output, const Fans& fans) {
  if (fans.empty()) {
    return fail(ErrorCode::Internal, "an answer came to a fan-in by a way that leads through no fan-out",
                flow_.nodes()[source].executor.name);
  }
  const WaitingKey key{fans.back(), fan_in};
  Waiting& waiting = waiting_[key];
  waiting.arrived[source] = std::move(output);
  const Flow::FanIn& spec = flow_.fan_ins()[fan_in];
  const std::size_t needed = spec.join.at_least == 0 ? spec.from.size() : spec.join.at_least;
  if (waiting.arrived.size() < needed) return {};
  return join(fan_in, key, fans);
}

Result<void> FlowMachine::join(std::size_t fan_in, const WaitingKey& key, Fans fans) {
  auto met = waiting_.extract(key);
  const Flow::FanIn& spec = flow_.fan_ins()[fan_in];
  drop_feeders(key);
  fans.pop_back();
  return enter(spec.to, joined(spec, met.mapped()), std::move(fans));
}

void FlowMachine::drop_feeders(const WaitingKey& key) {
  const std::vector<bool>& feeders = flow_.fan_ins()[key.second].feeders;
  std::set<std::uint64_t> inner;
  std::erase_if(due_, [&](const auto& entry) {
    const FlowItem& item = entry.second;
    const auto fan = std::ranges::find(item.fans, key.first);
    if (fan == item.fans.end() || !feeders[item.node]) return false;
    inner.insert(fan + 1, item.fans.end());
    return true;
  });
  // What waited inside a dropped branch waits for nobody now.
  std::erase_if(waiting_, [&](const auto& entry) { return inner.contains(entry.first.first); });
}

bool FlowMachine::may_still_come(const WaitingKey& key) const {
  const std::vector<bool>& feeders = flow_.fan_ins()[key.second].feeders;
  return std::ranges::any_of(due_, [&](const auto& entry) {
    const FlowItem& item = entry.second;
    return feeders[item.node] && std::ranges::find(item.fans, key.first) != item.fans.end();
  });
}

Result<void> FlowMachine::check_waiting(const Fans& fans) {
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    const auto& [key, waiting] = *at;
    if (std::ranges::find(fans, key.first) == fans.end() || may_still_come(key)) {
      ++at;
      continue;
    }
    const Flow::FanIn& spec = flow_.fan_ins()[key.second];
    const std::size_t needed = spec.join.at_least == 0 ? spec.from.size() : spec.join.at_least;
    const std::string& where = flow_.nodes()[spec.to].executor.name;
    if (waiting.failed) {
      Error error = *waiting.failed;
      error.message = fmt::format("only {} of the {} answers needed came; the first failure: {}",
                                  waiting.arrived.size(), needed, describe(error));
      error.where = where;
      return fail(std::move(error));
    }
    return fail(ErrorCode::OutputRejected,
                fmt::format("only {} of the {} answers needed came; the other branches ended elsewhere",
                            waiting.arrived.size(), needed),
                where);
  }
  return {};
}

FlowMessage FlowMachine::joined(const Flow::FanIn& fan_in, const Waiting& waiting) const {
  std::string text = "[";
  for (const Node source : fan_in.from) {
    const auto found = waiting.arrived.find(source);
    if (found == waiting.arrived.end()) continue;
    const FlowMessage& message = found->second;
    if (text.size() > 1) text += ',';
    text += fmt::format(R"({{"from":{},"type":{},"body":{}}})",
                        boost::json::serialize(boost::json::string(flow_.nodes()[source].executor.name)),
                        boost::json::serialize(boost::json::string(message.type)),
                        message.body.empty() ? "null" : message.body.text);
  }
  text += ']';
  return FlowMessage{.type = std::string(kJoinedType), .body = {std::move(text)}};
}

}  // namespace suffice::workflow
