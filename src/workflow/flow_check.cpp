#include "workflow/flow_check.hpp"

#include <algorithm>
#include <functional>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "policy/problem.hpp"

namespace suffice::workflow {
namespace {

constexpr std::size_t kNameMax = 64;
constexpr std::size_t kPartsMax = 1000;
constexpr std::size_t kNone = Flow::kNone;

bool is_name(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= kNameMax && std::ranges::all_of(name, fits);
}

bool meet(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  if (a.empty() || b.empty()) return true;
  return std::ranges::any_of(a, [&](const std::string& type) { return std::ranges::find(b, type) != b.end(); });
}

}  // namespace

std::vector<FlowProblem> FlowCheck::run() {
  if (builder_.parts_.empty()) {
    say("/executors", "the flow has no executor; a run could not start");
    return std::move(problems_);
  }
  check_names();
  check_loops();
  check_edges();
  check_fans();
  // What follows is about the graph as it was meant; of one with unknown names it would say too much.
  if (!problems_.empty()) return std::move(problems_);
  check_reachable();
  check_cycles();
  return std::move(problems_);
}

void FlowCheck::check_names() {
  std::set<std::string> seen;
  if (builder_.parts_.size() > kPartsMax) say("/executors", fmt::format("more than {} executors", kPartsMax));
  for (const FlowBuilder::Part& part : builder_.parts_) {
    const std::string& name = part.executor.name;
    const std::string where = "/executors/" + name;
    if (!is_name(name)) {
      say(where, fmt::format("a name is 1 to {} letters, digits, '_' and '-'", kNameMax));
    } else if (!seen.insert(name).second) {
      say(where, "two executors have this name");
    }
    if (!part.flow && !part.executor.run) say(where, "this executor has nothing to run");
  }
  if (!builder_.start_.empty()) find("/start", builder_.start_);
}

void FlowCheck::check_loops() {
  std::set<std::string> seen;
  for (const Flow::Loop& loop : builder_.loops_) {
    const std::string where = "/loops/" + loop.name;
    if (!is_name(loop.name)) say(where, "a loop's name is letters, digits, '_' and '-'");
    if (!seen.insert(loop.name).second) say(where, "two loops have this name");
    if (loop.times_max == 0) say(where, "a loop needs a budget of at least 1 round");
    const auto uses = [&](const FlowBuilder::NamedEdge& edge) { return edge.options.loop == loop.name; };
    if (std::ranges::none_of(builder_.edges_, uses)) say(where, "no edge belongs to this loop");
  }
}

void FlowCheck::check_edges() {
  for (std::size_t i = 0; i < builder_.edges_.size(); ++i) {
    const FlowBuilder::NamedEdge& edge = builder_.edges_[i];
    const std::string where = fmt::format("/edges/{}", i);
    const std::size_t from = find(where, edge.from);
    const std::size_t to = find(where, edge.to);
    if (from != kNone && to != kNone) check_types(where, from, to);
    const auto named = [&](const Flow::Loop& loop) { return loop.name == edge.options.loop; };
    if (!edge.options.loop.empty() && std::ranges::none_of(builder_.loops_, named)) {
      say(where, fmt::format("unknown loop '{}'; name it under loops, with its budget", edge.options.loop));
    }
  }
}

void FlowCheck::check_fans() {
  std::set<std::string> out_of;
  for (std::size_t i = 0; i < builder_.fan_outs_.size(); ++i) {
    const FlowBuilder::NamedFanOut& fan = builder_.fan_outs_[i];
    const std::string where = fmt::format("/fan_out/{}", i);
    const std::size_t from = find(where, fan.from);
    if (!out_of.insert(fan.from).second) say(where, fmt::format("'{}' has two fan-outs", fan.from));
    if (fan.to.empty()) say(where, "a fan-out to nobody");
    if (std::set<std::string>(fan.to.begin(), fan.to.end()).size() != fan.to.size())
      say(where, "a fan-out names an executor twice");
    for (const std::string& name : fan.to) {
      const std::size_t to = find(where, name);
      if (from != kNone && to != kNone) check_types(where, from, to);
    }
  }
  std::set<std::string> sources;
  for (std::size_t i = 0; i < builder_.fan_ins_.size(); ++i) {
    for (const std::string& name : builder_.fan_ins_[i].from) {
      if (!sources.insert(name).second)
        say(fmt::format("/fan_in/{}", i), fmt::format("'{}' is a source of a fan-in twice", name));
    }
    check_fan_in(i);
  }
}

void FlowCheck::check_fan_in(std::size_t index) {
  const FlowBuilder::NamedFanIn& fan = builder_.fan_ins_[index];
  const std::string where = fmt::format("/fan_in/{}", index);
  const std::size_t to = find(where, fan.to);
  if (fan.from.empty()) say(where, "a fan-in from nobody");
  if (fan.join.at_least > fan.from.size()) {
    say(where, fmt::format("at least {} of {} sources can never come", fan.join.at_least, fan.from.size()));
  }
  if (to != kNone) {
    const std::vector<std::string>& takes = builder_.parts_[to].executor.takes;
    if (!takes.empty() && std::ranges::find(takes, kJoinedType) == takes.end()) {
      say(where, fmt::format("'{}' takes {}, but a fan-in gives '{}'", fan.to, fmt::join(takes, ", "), kJoinedType));
    }
  }
  std::vector<std::size_t> branches;
  for (const FlowBuilder::NamedFanOut& out : builder_.fan_outs_) {
    for (const std::string& name : out.to) branches.push_back(index_of(name));
  }
  std::erase(branches, kNone);
  const std::vector<bool> in_a_branch = reached_from(branches);
  for (const std::string& name : fan.from) {
    const std::size_t from = find(where, name);
    if (from != kNone && !in_a_branch[from])
      say(where, fmt::format("'{}' comes from no fan-out, so it would be waited for alone", name));
  }
}

void FlowCheck::check_types(const std::string& where, std::size_t from, std::size_t to) {
  const Executor& giver = builder_.parts_[from].executor;
  const Executor& taker = builder_.parts_[to].executor;
  if (meet(giver.gives, taker.takes)) return;
  say(where, fmt::format("'{}' gives {}, but '{}' takes {}", giver.name, fmt::join(giver.gives, ", "), taker.name,
                         fmt::join(taker.takes, ", ")));
}

void FlowCheck::check_reachable() {
  const std::size_t start = builder_.start_.empty() ? 0 : index_of(builder_.start_);
  const std::vector<bool> reached = reached_from({start});
  for (std::size_t i = 0; i < reached.size(); ++i) {
    const std::string& name = builder_.parts_[i].executor.name;
    if (!reached[i]) say("/executors/" + name, "no way leads here from the start");
  }
}

/// A cycle that a run could go round for ever: what is left of one when the edges of loops are taken away.
void FlowCheck::check_cycles() {
  enum class Mark : std::uint8_t { New, Open, Done };
  const auto next = successors(false);
  std::vector<Mark> marks(next.size(), Mark::New);
  std::vector<std::size_t> path;
  const std::function<void(std::size_t)> visit = [&](std::size_t node) {
    marks[node] = Mark::Open;
    path.push_back(node);
    for (const std::size_t to : next[node]) {
      if (marks[to] == Mark::New) visit(to);
      if (marks[to] != Mark::Open) continue;
      std::string cycle;
      for (auto at = std::ranges::find(path, to); at != path.end(); ++at)
        cycle += builder_.parts_[*at].executor.name + " -> ";
      const std::string& name = builder_.parts_[to].executor.name;
      say("/executors/" + name,
          fmt::format("the cycle {}{} has no budget; give one of its edges a loop with its rounds", cycle, name));
      marks[to] = Mark::Done;  // said once
    }
    marks[node] = Mark::Done;
    path.pop_back();
  };
  for (std::size_t i = 0; i < next.size(); ++i) {
    if (marks[i] == Mark::New) visit(i);
  }
}

std::size_t FlowCheck::find(const std::string& where, const std::string& name) {
  const std::size_t index = index_of(name);
  if (index == kNone) say(where, fmt::format("unknown executor '{}'{}", name, policy::did_you_mean(name, names())));
  return index;
}

std::size_t FlowCheck::index_of(std::string_view name) const {
  const auto named = [&](const FlowBuilder::Part& part) { return part.executor.name == name; };
  const auto found = std::ranges::find_if(builder_.parts_, named);
  return found == builder_.parts_.end() ? kNone : static_cast<std::size_t>(found - builder_.parts_.begin());
}

std::vector<std::vector<std::size_t>> FlowCheck::successors(bool with_loops) const {
  std::vector<std::vector<std::size_t>> next(builder_.parts_.size());
  const auto link = [&](const std::string& from, const std::string& to) {
    const std::size_t a = index_of(from);
    const std::size_t b = index_of(to);
    if (a != kNone && b != kNone) next[a].push_back(b);
  };
  for (const FlowBuilder::NamedEdge& edge : builder_.edges_) {
    if (with_loops || edge.options.loop.empty()) link(edge.from, edge.to);
  }
  for (const FlowBuilder::NamedFanOut& fan : builder_.fan_outs_) {
    for (const std::string& to : fan.to) link(fan.from, to);
  }
  for (const FlowBuilder::NamedFanIn& fan : builder_.fan_ins_) {
    for (const std::string& from : fan.from) link(from, fan.to);
  }
  return next;
}

std::vector<bool> FlowCheck::reached_from(std::vector<std::size_t> begin) const {
  const auto next = successors(true);
  std::vector<bool> reached(next.size(), false);
  while (!begin.empty()) {
    const std::size_t node = begin.back();
    begin.pop_back();
    if (reached[node]) continue;
    reached[node] = true;
    begin.insert(begin.end(), next[node].begin(), next[node].end());
  }
  return reached;
}

std::vector<std::string> FlowCheck::names() const {
  std::vector<std::string> names;
  for (const FlowBuilder::Part& part : builder_.parts_) names.push_back(part.executor.name);
  return names;
}

}  // namespace suffice::workflow
