// report.json. Members are a contract (docs/evaluation.md): added, never renamed.

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "lab/suites/eval_report.hpp"
#include "wire/json.hpp"

namespace suffice::lab {
namespace {

namespace json = boost::json;

json::object share_json(const Share& share) {
  return {{"k", share.k},
          {"n", share.n},
          {"share", share.value()},
          {"interval", json::array{share.interval.low, share.interval.high}}};
}

template <class T>
json::value optional_json(const std::optional<T>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

json::array gates_json(const std::vector<GateLine>& gates) {
  json::array lines;
  for (const GateLine& line : gates) {
    lines.push_back(json::object{{"name", line.name},
                                 {"wanted", line.wanted},
                                 {"measured", share_json(line.measured)},
                                 {"state", name(line.state)},
                                 {"note", line.note}});
  }
  return lines;
}

json::array wrong_json(const std::vector<FalseAccept>& wrong) {
  json::array list;
  for (const FalseAccept& one : wrong) {
    list.push_back(json::object{{"id", one.id},
                                {"line", one.line},
                                {"hard_stop", one.hard_stop},
                                {"expected", one.expected},
                                {"preview", one.preview},
                                {"confidence", optional_json(one.confidence)}});
  }
  return list;
}

json::object figures_json(const SuiteScore& score) {
  return {{"accepted", share_json(score.accepted)},
          {"right_of_accepted", share_json(score.right_of_accepted)},
          {"false_accepts", share_json(score.false_accepts)},
          {"false_accepts_of_accepted", share_json(score.false_accepts_accepted)},
          {"hard_stop_accepts", share_json(score.hard_stop_accepts)},
          {"false_rejects", share_json(score.false_rejects)},
          {"right", share_json(score.right)},
          {"json_valid", share_json(score.valid)},
          {"kill_switch_local", share_json(score.kill_switch)}};
}

json::object curves_json(const SuiteScore& score) {
  json::array risk;
  for (const RiskPoint& point : score.risk_coverage)
    risk.push_back(json::array{point.threshold, point.coverage, point.risk});
  json::array bins;
  for (const ReliabilityBin& bin : score.reliability) bins.push_back(json::array{bin.confidence, bin.right, bin.n});
  return {{"risk_coverage", std::move(risk)},
          {"reliability", std::move(bins)},
          {"ece", optional_json(score.ece)},
          {"brier", optional_json(score.brier)}};
}

json::array baselines_json(const SuiteScore& score) {
  json::array list;
  for (const Baseline& one : score.baselines) {
    list.push_back(json::object{{"name", one.name},
                                {"quality", optional_json(one.quality)},
                                {"cost_usd_per_case", optional_json(one.cost_usd)},
                                {"strong_calls", optional_json(one.strong_calls)},
                                {"note", one.note}});
  }
  return list;
}

std::string way_of(const CaseRun& run) {
  std::string way = run.local ? "local" : run.error.empty() ? "frontier" : "no answer";
  if (run.local && run.right) way += *run.right ? ", right" : ", wrong";
  if (!run.local && !run.reasons.empty()) way += ", " + run.reasons.front();
  return way;
}

json::object ways_json(const std::vector<CaseRun>& runs) {
  json::object ways;
  for (const CaseRun& run : runs) {
    if (run.pass == Pass::Gated) ways[run.id] = way_of(run);
  }
  return ways;
}

}  // namespace

json::object to_json(const SuiteReport& report) {
  const SuiteScore& score = report.score;
  json::object reasons;
  for (const auto& [reason, count] : score.reasons) reasons[reason] = count;
  json::object confusion;
  for (const auto& [expected, row] : score.confusion) {
    json::object answers;
    for (const auto& [answered, count] : row) answers[answered] = count;
    confusion[expected] = std::move(answers);
  }
  return {{"suite", report.suite.name},
          {"suite_sha256", report.suite.sha256},
          {"task", report.suite.task},
          {"policy", report.policy_file},
          {"policy_version", report.policy_version},
          {"local", report.local},
          {"frontier", report.frontier},
          {"frontier_is_recorded", score.stand_in},
          {"candidate", report.candidate},
          {"limited", report.limited},
          {"complete", report.complete},
          {"gate_met", all_met(report.gates)},
          {"gates", gates_json(report.gates)},
          {"false_accepts", wrong_json(score.wrong)},
          {"cases", score.cases},
          {"errors", score.errors},
          {"figures", figures_json(score)},
          {"reasons", std::move(reasons)},
          {"confusion", std::move(confusion)},
          {"curves", curves_json(score)},
          {"baselines", baselines_json(score)},
          {"ways", ways_json(report.runs)}};
}

namespace {

const json::object* suite_named(const json::value& root, std::string_view name) {
  const json::value* suites = root.is_object() ? root.as_object().if_contains("suites") : nullptr;
  if (suites == nullptr || !suites->is_array()) return nullptr;
  for (const json::value& one : suites->as_array()) {
    if (!one.is_object()) continue;
    const json::value* own = one.as_object().if_contains("suite");
    if (own != nullptr && own->is_string() && std::string_view(own->as_string()) == name) return &one.as_object();
  }
  return nullptr;
}

std::string text_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

std::optional<double> share_in(const json::object& report, std::string_view name) {
  const json::value* figures = report.if_contains("figures");
  const json::value* own =
      figures != nullptr && figures->is_object() ? figures->as_object().if_contains(name) : nullptr;
  const json::value* share = own != nullptr && own->is_object() ? own->as_object().if_contains("share") : nullptr;
  if (share == nullptr || !share->is_number()) return std::nullopt;
  return share->to_number<double>();
}

void add_changes(const json::object& before, const json::object& now, SuiteDiff& diff) {
  const json::value* ways = before.if_contains("ways");
  const json::object none;
  const json::object& earlier = ways != nullptr && ways->is_object() ? ways->as_object() : none;
  const json::object& later = now.at("ways").as_object();
  for (const auto& member : later) {
    const json::value* old = earlier.if_contains(member.key());
    if (old == nullptr) {
      ++diff.only_now;
    } else if (old->is_string() && *old != member.value()) {
      diff.changes.push_back(
          {std::string(member.key()), std::string(old->as_string()), std::string(member.value().as_string())});
    }
  }
  for (const auto& member : earlier) diff.only_before += later.contains(member.key()) ? 0U : 1U;
}

}  // namespace

Result<std::optional<SuiteDiff>> diff_with(const SuiteReport& now, std::string_view earlier) {
  Result<json::value> root = wire::parse_json(earlier);
  if (!root || !root->is_object() || !root->as_object().contains("suites")) {
    return fail(ErrorCode::MalformedRequest, "not a report.json of suffice eval");
  }
  const json::object* before = suite_named(*root, now.suite.name);
  if (before == nullptr) return std::optional<SuiteDiff>{};
  const json::object own = to_json(now);
  SuiteDiff diff;
  diff.earlier_policy = text_of(*before, "policy_version");
  diff.same_cases = text_of(*before, "suite_sha256") == now.suite.sha256;
  for (const auto& member : own.at("figures").as_object()) {
    const std::optional<double> old = share_in(*before, member.key());
    const std::optional<double> fresh = share_in(own, member.key());
    if (old && fresh) diff.figures.push_back({std::string(member.key()), *old, *fresh});
  }
  add_changes(*before, own, diff);
  return std::optional(std::move(diff));
}

json::object to_json(const SuiteDiff& diff) {
  json::object figures;
  for (const SuiteDiff::Figure& one : diff.figures) figures[one.name] = json::array{one.before, one.now};
  json::array changes;
  for (const SuiteDiff::Change& one : diff.changes)
    changes.push_back(json::object{{"id", one.id}, {"before", one.before}, {"now", one.now}});
  return {{"earlier_policy_version", diff.earlier_policy},
          {"same_cases", diff.same_cases},
          {"figures", std::move(figures)},
          {"changes", std::move(changes)},
          {"only_before", diff.only_before},
          {"only_now", diff.only_now}};
}

std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

std::string words(const Share& share) {
  if (share.n == 0) return "none";
  return fmt::format("{} of {}, {} ({:.1f} to {:.1f})", share.k, share.n, percent(share.value()),
                     100 * share.interval.low, 100 * share.interval.high);
}

}  // namespace suffice::lab
