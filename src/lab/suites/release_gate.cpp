#include <algorithm>

#include <fmt/format.h>

#include "lab/suites/score.hpp"

namespace suffice::lab {
namespace {

/// At least `wanted` of the share, by estimate or by the lower end of its interval.
GateLine at_least(std::string name, double wanted, GateBy by, const Share& share, std::string missing) {
  GateLine line{.name = std::move(name),
                .wanted = fmt::format(">= {:g} %{}", 100 * wanted, by == GateBy::Bound ? ", lower bound" : ""),
                .measured = share,
                .note = {}};
  if (share.n == 0) {
    line.state = GateState::NotMet;
    line.note = std::move(missing);
    return line;
  }
  const double measured = by == GateBy::Bound ? share.interval.low : share.value();
  line.state = measured >= wanted ? GateState::Met : GateState::NotMet;
  return line;
}

GateLine none(std::string name, const Share& share, std::string missing) {
  GateLine line{.name = std::move(name), .wanted = "0", .measured = share, .note = {}};
  line.state = share.n > 0 && share.k == 0 ? GateState::Met : GateState::NotMet;
  if (share.n == 0) line.note = std::move(missing);
  return line;
}

}  // namespace

std::string_view name(GateState state) noexcept {
  switch (state) {
    case GateState::Met:
      return "met";
    case GateState::NotMet:
      return "not met";
    case GateState::NotApplicable:
      return "not applicable";
  }
  return "not met";
}

std::vector<GateLine> release_gate(const Suite& suite, const TaskFacts& task, const SuiteScore& score) {
  const ReleaseGates& gates = suite.gates;
  std::vector<GateLine> lines;
  if (gates.json_validity && task.has_schema) {
    lines.push_back(at_least("json_validity", *gates.json_validity, gates.by, score.valid, "no local answer to check"));
  }
  if (gates.label_accuracy) {
    lines.push_back(at_least("label_accuracy", *gates.label_accuracy, gates.by, score.right_of_accepted,
                             "no local answer of low risk was accepted, so nothing is shown"));
  }
  if (gates.hard_stops) {
    lines.push_back(
        none("false_accepts_on_hard_stops", score.hard_stop_accepts, "the suite has no case with must_escalate: true"));
  }
  if (gates.kill_switch) lines.push_back(none("kill_switch", score.kill_switch, "it was not run"));
  if (gates.accepted) {
    lines.push_back(at_least("accepted", *gates.accepted, gates.by, score.accepted, "no case was run"));
  }
  if (task.has_local_tier) return lines;
  for (GateLine& line : lines) {
    if (line.measured.k > 0 && line.wanted == "0") continue;
    line.state = GateState::NotApplicable;
    line.note = "the task has no local tier: nothing is released";
  }
  return lines;
}

bool all_met(std::span<const GateLine> gates) {
  return std::ranges::none_of(gates, [](const GateLine& line) { return line.state == GateState::NotMet; });
}

}  // namespace suffice::lab
