#include "workflow/flow.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/hash.hpp"
#include "workflow/flow_check.hpp"

namespace suffice::workflow {
namespace {

using Node = Flow::Node;

enum class Fans : std::uint8_t { Pass, Stop };

/// Whether an answer given at a node can still reach one of `sources`: backwards over every way an answer can go.
std::vector<bool> feeders_of(const std::vector<Flow::NodeSpec>& nodes, const std::vector<Flow::FanIn>& fan_ins,
                             const std::vector<Node>& sources, Fans fans) {
  std::vector<bool> feeds(nodes.size(), false);
  for (const Node source : sources) feeds[source] = true;
  const auto leads = [&](Node from) {
    const Flow::NodeSpec& node = nodes[from];
    const auto feeding = [&](Node to) { return feeds[to]; };
    if (std::ranges::any_of(node.edges, feeding, &Flow::Edge::to)) return true;
    if (fans == Fans::Pass) {
      if (std::ranges::any_of(node.fan_out, feeding)) return true;
      if (node.fan_in != Flow::kNone && feeds[fan_ins[node.fan_in].to]) return true;
    }
    if (node.owner != Flow::kNone && feeds[node.owner]) return true;
    return node.sub_start != Flow::kNone && feeds[node.sub_start];
  };
  for (bool grown = true; grown;) {
    grown = false;
    for (Node node = 0; node < nodes.size(); ++node) {
      if (feeds[node] || !leads(node)) continue;
      feeds[node] = true;
      grown = true;
    }
  }
  return feeds;
}

std::string shape_text(const Flow& flow) {
  std::string text = fmt::format("flow {} start {}\n", flow.name(), flow.start());
  for (const Flow::NodeSpec& node : flow.nodes()) {
    const Executor& executor = node.executor;
    text += fmt::format("node {} version {} takes {} gives {} out {} in {} owner {} sub {}\n", executor.name,
                        executor.version, fmt::join(executor.takes, ","), fmt::join(executor.gives, ","),
                        fmt::join(node.fan_out, ","), node.fan_in, node.owner, node.sub_start);
    for (const Flow::Edge& edge : node.edges) text += fmt::format("edge {} {} {}\n", edge.to, edge.label, edge.loop);
  }
  for (const Flow::FanIn& fan : flow.fan_ins()) {
    text += fmt::format("join {} to {} least {}\n", fmt::join(fan.from, ","), fan.to, fan.join.at_least);
  }
  for (const Flow::Loop& loop : flow.loops()) text += fmt::format("loop {} {}\n", loop.name, loop.times_max);
  return text;
}

/// Mermaid ends a quoted text at a quote, and reads these as markup.
std::string quoted(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '"':
        safe += "#quot;";
        break;
      case '<':
        safe += "#lt;";
        break;
      case '|':
        safe += "#124;";
        break;
      case '\n':
        safe += ' ';
        break;
      default:
        safe += c;
    }
  }
  return "\"" + safe + "\"";
}

}  // namespace

FlowBuilder& FlowBuilder::add(Executor executor) {
  parts_.push_back(Part{.executor = std::move(executor), .flow = nullptr});
  return *this;
}

FlowBuilder& FlowBuilder::start(std::string name) {
  start_ = std::move(name);
  return *this;
}

FlowBuilder& FlowBuilder::connect(std::string from, std::string to, EdgeOptions options) {
  edges_.push_back(NamedEdge{.from = std::move(from), .to = std::move(to), .options = std::move(options)});
  return *this;
}

FlowBuilder& FlowBuilder::fan_out(std::string from, std::vector<std::string> to) {
  fan_outs_.push_back(NamedFanOut{.from = std::move(from), .to = std::move(to)});
  return *this;
}

FlowBuilder& FlowBuilder::fan_in(std::vector<std::string> from, std::string to, Join join) {
  fan_ins_.push_back(NamedFanIn{.from = std::move(from), .to = std::move(to), .join = join});
  return *this;
}

FlowBuilder& FlowBuilder::sub_flow(std::string name, std::shared_ptr<const Flow> flow) {
  Part part;
  part.executor.name = std::move(name);
  if (flow) part.executor.takes = flow->nodes()[flow->start()].executor.takes;
  part.flow = std::move(flow);
  parts_.push_back(std::move(part));
  return *this;
}

FlowBuilder& FlowBuilder::loop(std::string name, std::size_t times_max) {
  loops_.push_back(Flow::Loop{.name = std::move(name), .times_max = times_max});
  return *this;
}

std::vector<FlowProblem> FlowBuilder::problems() const { return FlowCheck(*this).run(); }

Result<std::shared_ptr<const Flow>> FlowBuilder::build() const {
  const std::vector<FlowProblem> found = problems();
  if (!found.empty()) {
    std::string lines;
    for (const FlowProblem& problem : found)
      lines += fmt::format("{}{}: {}", lines.empty() ? "" : "\n", problem.where, problem.message);
    return fail(ErrorCode::InvalidArgument, std::move(lines), name_);
  }
  std::shared_ptr<Flow> flow(new Flow);
  flow->name_ = name_;
  lay_out(*flow);
  for (Flow::FanIn& fan : flow->fan_ins_) {
    fan.feeders = feeders_of(flow->nodes_, flow->fan_ins_, fan.from, Fans::Pass);
    fan.branches = feeders_of(flow->nodes_, flow->fan_ins_, fan.from, Fans::Stop);
  }
  flow->shape_ = sha256_hex(shape_text(*flow));
  return std::shared_ptr<const Flow>(std::move(flow));
}

void FlowBuilder::lay_out(Flow& flow) const {
  std::map<std::string, Node, std::less<>> at;
  std::map<std::string, std::size_t, std::less<>> loop_at;
  for (const Part& part : parts_) {
    at.emplace(part.executor.name, flow.nodes_.size());
    flow.nodes_.emplace_back().executor = part.executor;
  }
  flow.loops_ = loops_;
  for (std::size_t i = 0; i < loops_.size(); ++i) loop_at.emplace(loops_[i].name, i);
  for (const NamedEdge& edge : edges_) {
    const std::size_t loop = edge.options.loop.empty() ? Flow::kNoLoop : loop_at.at(edge.options.loop);
    flow.nodes_[at.at(edge.from)].edges.push_back(
        Flow::Edge{.to = at.at(edge.to), .label = edge.options.label, .when = edge.options.when, .loop = loop});
  }
  for (const NamedFanOut& fan : fan_outs_) {
    for (const std::string& to : fan.to) flow.nodes_[at.at(fan.from)].fan_out.push_back(at.at(to));
  }
  for (const NamedFanIn& fan : fan_ins_) {
    Flow::FanIn joined{.from = {}, .to = at.at(fan.to), .join = fan.join, .feeders = {}, .branches = {}};
    for (const std::string& from : fan.from) {
      joined.from.push_back(at.at(from));
      flow.nodes_[at.at(from)].fan_in = flow.fan_ins_.size();
    }
    flow.fan_ins_.push_back(std::move(joined));
  }
  flow.start_ = start_.empty() ? 0 : at.at(start_);
  for (const Part& part : parts_) {
    if (part.flow) lay_out_sub(flow, at.at(part.executor.name), *part.flow);
  }
}

/// Copies `sub` behind what is there, so that one machine, one journal and one budget serve all of it.
void FlowBuilder::lay_out_sub(Flow& flow, Node owner, const Flow& sub) {
  const Node first = flow.nodes_.size();
  const std::size_t first_fan_in = flow.fan_ins_.size();
  const std::size_t first_loop = flow.loops_.size();
  const std::string prefix = flow.nodes_[owner].executor.name + "/";
  const auto moved = [](std::size_t index, std::size_t by) { return index == Flow::kNone ? index : index + by; };
  for (const Flow::NodeSpec& inner : sub.nodes_) {
    Flow::NodeSpec node = inner;
    node.executor.name = prefix + inner.executor.name;
    node.scope = prefix + inner.scope;
    for (Flow::Edge& edge : node.edges) {
      edge.to += first;
      edge.loop = moved(edge.loop, first_loop);
    }
    for (Node& to : node.fan_out) to += first;
    node.fan_in = moved(node.fan_in, first_fan_in);
    node.owner = inner.owner == Flow::kNone ? owner : inner.owner + first;
    node.sub_start = moved(inner.sub_start, first);
    flow.nodes_.push_back(std::move(node));
  }
  for (Flow::FanIn fan : sub.fan_ins_) {
    for (Node& from : fan.from) from += first;
    fan.to += first;
    flow.fan_ins_.push_back(std::move(fan));
  }
  for (const Flow::Loop& loop : sub.loops_) {
    flow.loops_.push_back(Flow::Loop{.name = prefix + loop.name, .times_max = loop.times_max});
  }
  flow.nodes_[owner].sub_start = sub.start_ + first;
}

std::string Flow::to_mermaid() const {
  std::string text = "flowchart TD\n";
  const auto arrow = [&](Node from, Node to, std::string_view label) {
    text += label.empty() ? fmt::format("  n{} --> n{}\n", from, to)
                          : fmt::format("  n{} -->|{}| n{}\n", from, quoted(label), to);
  };
  for (Node i = 0; i < nodes_.size(); ++i) {
    const NodeSpec& node = nodes_[i];
    const bool sub = node.sub_start != kNone;
    text += fmt::format("  n{}{}{}{}\n", i, sub ? "[[" : (i == start_ ? "([" : "["), quoted(node.executor.name),
                        sub ? "]]" : (i == start_ ? "])" : "]"));
    for (const Edge& edge : node.edges) {
      std::string label = edge.label;
      if (edge.loop != kNoLoop)
        label += fmt::format("{}at most {}", label.empty() ? "" : ", ", loops_[edge.loop].times_max);
      arrow(i, edge.to, label);
    }
    for (const Node to : node.fan_out) text += fmt::format("  n{} ==> n{}\n", i, to);
    if (sub) text += fmt::format("  n{} -.- n{}\n", i, node.sub_start);
  }
  for (const FanIn& fan : fan_ins_) {
    const std::string label =
        fan.join.at_least == 0 ? "all" : fmt::format("{} of {}", fan.join.at_least, fan.from.size());
    for (const Node from : fan.from) arrow(from, fan.to, label);
  }
  return text;
}

}  // namespace suffice::workflow
