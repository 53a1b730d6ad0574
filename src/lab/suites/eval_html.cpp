// The page of one suite, in the order in which somebody who must decide reads it.

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "lab/report/report.hpp"
#include "lab/suites/eval_report.hpp"

namespace suffice::lab {
namespace {

constexpr std::size_t kListedMax = 200;
/// A matrix of more labels is no longer read; its mistakes are listed instead.
constexpr std::size_t kMatrixLabelsMax = 12;

using Rows = std::vector<std::vector<std::string>>;

std::string number(const std::optional<double>& value, const char* unit = "") {
  return value ? fmt::format("{:.3f}{}", *value, unit) : "-";
}

/// Most first, then by what stands before the count.
void sort_by_count(Rows& rows, std::size_t column) {
  std::ranges::sort(rows, [column](const auto& one, const auto& other) {
    const std::size_t left = std::stoul(one[column]);
    const std::size_t right = std::stoul(other[column]);
    return left != right ? left > right : one < other;
  });
}

void add_false_accepts(Report& page, const SuiteReport& report) {
  page.heading(report.suite.name + ": false accepts");
  const std::vector<FalseAccept>& wrong = report.score.wrong;
  if (wrong.empty()) return page.paragraph("No local answer was wrong or forbidden.");
  Rows rows;
  for (const FalseAccept& one : wrong) {
    if (rows.size() == kListedMax) break;
    rows.push_back({one.hard_stop ? "must escalate" : "wrong", one.id, std::to_string(one.line), one.expected,
                    one.preview, number(one.confidence)});
  }
  page.table({"kind", "case", "line", "right", "answered (redacted)", "confidence"}, rows);
  if (wrong.size() > kListedMax) page.paragraph(fmt::format("{} more are in report.json.", wrong.size() - kListedMax));
}

void add_gate(Report& page, const SuiteReport& report) {
  page.heading(report.suite.name + ": release gate");
  page.paragraph(fmt::format("{} of {} cases, policy {}{}. Intervals are exact (Clopper-Pearson), {:g} %.{}",
                             report.score.cases, report.suite.cases.size(), report.policy_version,
                             report.local.empty() ? "" : ", local tier " + report.local,
                             100 * report.suite.gates.confidence,
                             report.complete ? "" : " The run is not complete: the gate is not met until it is."));
  Rows rows;
  for (const GateLine& line : report.gates)
    rows.push_back({line.name, line.wanted, words(line.measured), std::string(name(line.state)), line.note});
  page.table({"gate", "wanted", "measured", "state", ""}, rows);
}

void add_figures(Report& page, const SuiteReport& report) {
  const SuiteScore& score = report.score;
  page.heading(report.suite.name + ": what was served");
  page.table({"figure", "k of n (interval)"},
             {{"answered locally", words(score.accepted)},
              {"right, of those of low risk", words(score.right_of_accepted)},
              {"false accepts, of all cases", words(score.false_accepts)},
              {"false accepts, of those answered locally", words(score.false_accepts_accepted)},
              {"right local answers that were not served", words(score.false_rejects)},
              {"right in the end, either tier", words(score.right)},
              {"cases without an answer", std::to_string(score.errors)}});
  page.paragraph("Frontier answers: " + report.frontier + ".");
  Rows reasons;
  for (const auto& [reason, count] : score.reasons) reasons.push_back({reason, std::to_string(count)});
  sort_by_count(reasons, 1);
  if (!reasons.empty()) page.table({"why not local (primary reason)", "cases"}, reasons);
}

void add_confusion(Report& page, const SuiteReport& report) {
  const auto& confusion = report.score.confusion;
  if (confusion.empty()) return;
  page.heading(report.suite.name + ": what the local model says, gate off");
  std::set<std::string> answers;
  for (const auto& [expected, row] : confusion) {
    for (const auto& [answered, count] : row) answers.insert(answered);
  }
  if (answers.size() > kMatrixLabelsMax) {
    Rows mistakes;
    for (const auto& [expected, row] : confusion) {
      for (const auto& [answered, count] : row) {
        if (answered != expected) mistakes.push_back({expected, answered, std::to_string(count)});
      }
    }
    sort_by_count(mistakes, 2);
    if (mistakes.size() > kListedMax) mistakes.resize(kListedMax);
    page.paragraph(fmt::format("Confusion matrix of {} labels, its mistakes only:", answers.size()));
    return page.table({"right", "answered", "cases"}, mistakes);
  }
  std::vector<std::string> header{"right \\ answered"};
  header.insert(header.end(), answers.begin(), answers.end());
  Rows rows;
  for (const auto& [expected, row] : confusion) {
    std::vector<std::string> line{expected};
    for (const std::string& answered : answers) {
      const auto found = row.find(answered);
      line.push_back(found == row.end() ? "" : std::to_string(found->second));
    }
    rows.push_back(std::move(line));
  }
  page.table(header, rows);
}

void add_curves(Report& page, const SuiteReport& report) {
  const SuiteScore& score = report.score;
  if (score.risk_coverage.empty()) return;
  PlotSeries risk{.name = "wrong among accepted"};
  for (const RiskPoint& point : score.risk_coverage) risk.points.push_back({point.coverage, point.risk});
  PlotSeries chosen{.name = "the task's threshold", .style = PlotStyle::Marks};
  for (const RiskPoint& point : score.risk_coverage) {
    if (point.threshold >= report.task.threshold) chosen.points = {{point.coverage, point.risk}};
  }
  page.plot({.title = "Risk and coverage",
             .x = "share of the local model's answers accepted",
             .y = "share of these that are wrong",
             .series = {std::move(risk), std::move(chosen)},
             .x_range = std::pair{0.0, 1.0},
             .y_range = std::pair{0.0, 0.1}});
  PlotSeries bins{.name = "right", .style = PlotStyle::Marks};
  for (const ReliabilityBin& bin : score.reliability) bins.points.push_back({bin.confidence, bin.right});
  PlotSeries ideal{.name = "calibrated", .points = {{0, 0}, {1, 1}}, .style = PlotStyle::Dashed};
  page.plot({.title = "Reliability",
             .x = "confidence, mean of the bin",
             .y = "share right",
             .series = {std::move(bins), std::move(ideal)},
             .x_range = std::pair{0.0, 1.0},
             .y_range = std::pair{0.0, 1.0}});
  page.paragraph(
      fmt::format("Expected calibration error (10 bins) {}, Brier score {}. A small suite gives rough curves.",
                  number(score.ece), number(score.brier)));
}

void add_baselines(Report& page, const SuiteReport& report) {
  if (report.score.baselines.empty()) return;
  page.heading(report.suite.name + ": cost against quality");
  Rows rows;
  PlotSeries marks{.name = "as served", .style = PlotStyle::Marks};
  PlotSeries line{.name = "random", .style = PlotStyle::Dashed};
  PlotSeries ends{.name = "always local, always frontier, oracle", .style = PlotStyle::Marks};
  for (const Baseline& one : report.score.baselines) {
    rows.push_back({one.name, one.quality ? percent(*one.quality) : "-",
                    one.cost_usd ? fmt::format("{:.6f}", *one.cost_usd) : "-",
                    one.strong_calls ? percent(*one.strong_calls) : "-", one.note});
    if (!one.quality || !one.cost_usd) continue;
    const PlotPoint point{*one.cost_usd, *one.quality};
    if (one.name == "as served") marks.points.push_back(point);
    if (one.name != "as served" && one.name != "random") ends.points.push_back(point);
    if (one.name == "always local" || one.name == "always frontier") line.points.push_back(point);
  }
  page.table({"way", "right", "dollars a case", "frontier calls", ""}, rows);
  if (report.score.stand_in) {
    page.paragraph(
        "Frontier answers were recorded beforehand: the quality of \"always frontier\" says nothing of a frontier model.");
  }
  page.plot({.title = "Cost against quality",
             .x = "dollars a case",
             .y = "share right",
             .series = {std::move(line), std::move(ends), std::move(marks)}});
}

void add_diff(Report& page, const SuiteReport& report, const SuiteDiff& diff) {
  page.heading(report.suite.name + ": since the earlier run");
  page.paragraph(fmt::format("Then policy {}, now {}.{}", diff.earlier_policy, report.policy_version,
                             diff.same_cases ? "" : " The suite's files have changed since."));
  Rows rows;
  for (const SuiteDiff::Figure& one : diff.figures) {
    if (one.before == one.now) continue;
    rows.push_back(
        {one.name, percent(one.before), percent(one.now), fmt::format("{:+.1f}", 100 * (one.now - one.before))});
  }
  if (!rows.empty()) page.table({"figure", "then", "now", "points"}, rows);
  Rows changes;
  for (const SuiteDiff::Change& one : diff.changes) {
    if (changes.size() < kListedMax) changes.push_back({one.id, one.before, one.now});
  }
  page.paragraph(fmt::format("{} cases went another way; {} are new, {} are gone.", diff.changes.size(), diff.only_now,
                             diff.only_before));
  if (!changes.empty()) page.table({"case", "then", "now"}, changes);
}

}  // namespace

void add_to(Report& page, const SuiteReport& report, const std::optional<SuiteDiff>& diff) {
  add_false_accepts(page, report);
  add_gate(page, report);
  if (diff) add_diff(page, report, *diff);
  add_figures(page, report);
  add_confusion(page, report);
  add_curves(page, report);
  add_baselines(page, report);
  page.paragraph(fmt::format("Suite {}: {} {} Licence {}.", report.suite.name, report.suite.description,
                             report.suite.provenance, report.suite.licence));
}

}  // namespace suffice::lab
