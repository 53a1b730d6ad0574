// The sections of gates: cascades, verifiers chosen on one half, money.

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lab/replay/sections.hpp"
#include "learned/calibration_metrics.hpp"

namespace suffice::lab {
namespace {

namespace json = boost::json;

constexpr std::size_t kSweepPoints = 60;

template <class Has>
bool every_row_has(const PairedRows& rows, const Has& has) {
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    if (!has(rows.weak_outcome(i))) return false;
  }
  return true;
}

std::vector<std::string> gate_names(const ReplayState& state) {
  if (!state.options.gates.empty()) return state.options.gates;
  std::vector<std::string> names;
  const PairedRows& rows = state.rows;
  if (every_row_has(rows, [](const Outcome& outcome) { return outcome.valid.has_value(); }))
    names.emplace_back("valid");
  if (every_row_has(rows, [](const Outcome& outcome) { return outcome.gate_score.has_value(); })) {
    names.emplace_back("gate_score");
  }
  if (every_row_has(rows, [](const Outcome& outcome) { return outcome.confidence.has_value(); })) {
    names.emplace_back("confidence");
  }
  return names;
}

std::vector<std::size_t> all_of(const PairedRows& rows) {
  std::vector<std::size_t> all(rows.rows.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

json::object json_of_cascade(const CascadeFigures& figures) {
  json::object object{{"accepted", figures.accepted},
                      {"acceptance", json_of(figures.acceptance)},
                      {"accuracy_accepted", json_of(figures.accuracy_accepted)},
                      {"false_accepts_of_all", json_of(figures.false_accepts_of_all)},
                      {"false_accepts_of_accepted", json_of(figures.false_accepts_accepted)},
                      {"false_rejects_of_all", json_of(figures.false_rejects_of_all)},
                      {"quality", json_of(figures.quality)},
                      {"strong_calls", json_of(figures.strong_calls)},
                      {"random_at_same_share", figures.random},
                      {"oracle_at_same_share", figures.oracle}};
  if (figures.cost) {
    object["cost_usd"] = {{"weak", *figures.weak_cost},
                          {"strong", *figures.strong_cost},
                          {"judge", *figures.judge_cost},
                          {"total", *figures.cost},
                          {"per_success", json_of(*figures.cost_per_success)},
                          {"per_success_always_weak", json_of(*figures.weak_cost_per_success)},
                          {"per_success_always_strong", json_of(*figures.strong_cost_per_success)},
                          {"per_success_over_always_strong", json_of(*figures.price_share)}};
  }
  return object;
}

/// The gate's own scores beside what the threshold sweep makes of them.
void add_sweep(ReplayState& state, const std::string& name, const std::vector<double>& scores) {
  const std::vector<SweepPoint> sweep = threshold_sweep(state.rows.pair.weak, scores, kSweepPoints);
  Plot risk{.title = fmt::format("Risk by coverage: {}", name),
            .x = "share of requests that are kept",
            .y = "share of the kept that are wrong",
            .series = {{.name = "risk, exact 95 % band", .points = {}, .band = {}, .style = PlotStyle::Line}},
            .x_range = std::pair{0.0, 1.0},
            .y_range = std::pair{0.0, 0.0}};
  Plot by_threshold{
      .title = fmt::format("Threshold sweep: {}", name),
      .x = "threshold",
      .y = "share",
      .series = {{.name = "right among the kept, exact 95 % band", .points = {}, .band = {}, .style = PlotStyle::Line},
                 {.name = "kept", .points = {}, .band = {}, .style = PlotStyle::Dashed}},
      .x_range = {},
      .y_range = std::pair{0.0, 1.0}};
  for (const SweepPoint& point : sweep) {
    risk.series[0].points.push_back({.x = point.acceptance, .y = 1 - point.accuracy});
    risk.series[0].band.push_back({.x = point.acceptance, .low = 1 - point.band.high, .high = 1 - point.band.low});
    by_threshold.series[0].points.push_back({.x = point.threshold, .y = point.accuracy});
    by_threshold.series[0].band.push_back({.x = point.threshold, .low = point.band.low, .high = point.band.high});
    by_threshold.series[1].points.push_back({.x = point.threshold, .y = point.acceptance});
  }
  state.out.plots.push_back(std::move(risk));
  state.out.plots.push_back(std::move(by_threshold));
}

void add_reliability(ReplayState& state, const std::string& title, const std::vector<learned::Outcome>& outcomes) {
  Plot plot{
      .title = title,
      .x = "confidence",
      .y = "share right",
      .series = {{.name = "right", .points = {}, .band = {}, .style = PlotStyle::Bars},
                 {.name = "as confident as right", .points = {{0, 0}, {1, 1}}, .band = {}, .style = PlotStyle::Dashed}},
      .x_range = std::pair{0.0, 1.0},
      .y_range = std::pair{0.0, 1.0}};
  for (const learned::ReliabilityBin& bin : learned::reliability(outcomes)) {
    if (bin.rows > 0) plot.series[0].points.push_back({.x = (bin.low + bin.high) / 2, .y = bin.accuracy()});
  }
  state.out.plots.push_back(std::move(plot));
}

std::vector<learned::Outcome> outcomes_of(std::span<const double> quality, std::span<const double> confidence) {
  std::vector<learned::Outcome> outcomes;
  outcomes.reserve(quality.size());
  for (std::size_t i = 0; i < quality.size(); ++i) {
    outcomes.push_back({.confidence = confidence[i], .correct = quality[i] >= 0.5});
  }
  return outcomes;
}

struct GateRow {
  CascadeFigures figures;
  double apgr = 0;
  std::vector<bool> accepted;
};

GateRow judge_gate(ReplayState& state, const RecordedGate& gate) {
  const ReplayOptions& options = state.options;
  GateRow row;
  row.accepted = accepted_by_halves(state.rows, gate, options.threshold, options.max_loss, options.seed);
  row.figures = cascade_figures(state.rows.pair, row.accepted, state.rows.costs, options.repetitions, options.seed);
  const std::vector<std::size_t> all = all_of(state.rows);
  const std::vector<double> scores = gate.cross_scores(all, std::max<std::size_t>(2, options.folds), options.seed);
  row.apgr = gate_apgr(state.rows.pair, scores);
  if (gate.binary()) return row;
  add_sweep(state, gate.name(), scores);
  if (!gate.features().empty()) {
    add_reliability(state, fmt::format("Reliability: {}", gate.name()), outcomes_of(state.rows.pair.weak, scores));
  }
  return row;
}

void money_table(ReplayState& state, const std::vector<RecordedGate>& gates, const std::vector<GateRow>& rows) {
  ReplayTable table{
      .title = "Money",
      .note =
          "Totals over all requests in USD, recorded or given. The break-even is the price of judging one answer at which "
          "the cascade costs as much as always asking the strong model, per successful task and per request.",
      .header = {"gate", "weak", "strong", "judge", "total", "always strong", "per success", "over always strong",
                 "judge break-even per success", "per request"},
      .rows = {}};
  double always = 0;
  for (const double cost : state.rows.costs.strong) always += cost;
  for (std::size_t i = 0; i < gates.size(); ++i) {
    const CascadeFigures& figures = rows[i].figures;
    const std::optional<BreakEven> even = judge_break_even(state.rows.pair, rows[i].accepted, state.rows.costs);
    if (!figures.cost || !even) return;
    json::object& gate = state.json["gates"].as_object()[gates[i].name()].as_object();
    gate["judge_break_even_usd"] = {{"per_success", even->per_success}, {"per_request", even->per_request}};
    gate["cost_usd"].as_object()["always_strong"] = always;
    gate["cost_usd"].as_object()["total_over_always_strong"] = *figures.cost / always;
    table.rows.push_back({gates[i].name(), usd(*figures.weak_cost), usd(*figures.strong_cost), usd(*figures.judge_cost),
                          fmt::format("{} ({:.1f} %)", usd(*figures.cost), 100 * *figures.cost / always), usd(always),
                          fmt::format("${:.5f} [{:.5f}, {:.5f}]", figures.cost_per_success->value,
                                      figures.cost_per_success->interval.low, figures.cost_per_success->interval.high),
                          per_cent(*figures.price_share), usd(even->per_success), usd(even->per_request)});
  }
  if (!table.rows.empty()) state.out.tables.push_back(std::move(table));
}

void verifiers_table(ReplayState& state, const std::vector<RecordedGate>& gates) {
  if (gates.size() < 2) return;
  const VerifierChoice choice = choose_verifiers(gates, state.rows, state.options.splits, state.options.seed);
  ReplayTable table{.title = "Verifiers chosen on one half, scored on the other",
                    .note = fmt::format(
                        "{} halves. APGR of asking the strong model where the gate doubts most; in brackets the middle "
                        "95 % of the halves. What is fitted is fitted on the half that is not scored.",
                        choice.halves),
                    .header = {"gate", "APGR on the other half", "chosen"},
                    .rows = {}};
  const auto text = [](double mean, double low, double high) {
    return fmt::format("{:.3f} [{:.3f}, {:.3f}]", mean, low, high);
  };
  json::object verifiers;
  for (const VerifierFigures& one : choice.verifiers) {
    verifiers[one.name] = {
        {"apgr", {{"value", json_of(one.apgr_mean)}, {"low", json_of(one.apgr_low)}, {"high", json_of(one.apgr_high)}}},
        {"chosen", one.chosen}};
    table.rows.push_back({one.name, text(one.apgr_mean, one.apgr_low, one.apgr_high), std::to_string(one.chosen)});
  }
  verifiers["the chosen one"] = {{"apgr",
                                  {{"value", json_of(choice.chosen_apgr_mean)},
                                   {"low", json_of(choice.chosen_apgr_low)},
                                   {"high", json_of(choice.chosen_apgr_high)}}},
                                 {"chosen", choice.halves}};
  table.rows.push_back({"the chosen one",
                        text(choice.chosen_apgr_mean, choice.chosen_apgr_low, choice.chosen_apgr_high),
                        std::to_string(choice.halves)});
  state.json["verifiers"] = std::move(verifiers);
  state.out.tables.push_back(std::move(table));
}

}  // namespace

Result<void> gates_section(ReplayState& state) {
  std::vector<RecordedGate> gates;
  for (const std::string& name : gate_names(state)) {
    SUFFICE_TRY(RecordedGate gate, RecordedGate::parse(name, state.set, state.rows));
    gates.push_back(std::move(gate));
  }
  if (gates.empty()) return {};
  ReplayTable table{
      .title = "Gates over the weak model's answers",
      .note = fmt::format(
          "What the gate keeps is the weak model's, the rest the strong one's. False accepts are kept and wrong. "
          "{} A fitted gate judges each half by what was fitted on the other.",
          state.options.threshold ? fmt::format("Threshold {}.", *state.options.threshold)
                                  : fmt::format("Thresholds: chosen on the other half, for at most {} of loss.",
                                                per_cent(state.options.max_loss))),
      .header = {"gate", "kept", "right among kept", "false accepts of all", "of kept", "false rejects of all",
                 "final quality", "strong calls", "random", "oracle", "APGR"},
      .rows = {}};
  for (const ReplayState::Router& router : state.routers) {
    if (router.name != "oracle") table.header.push_back(router.name);
  }
  json::object object;
  std::vector<GateRow> rows;
  PlotSeries marks{.name = "cascades by gate", .points = {}, .band = {}, .style = PlotStyle::Marks};
  for (const RecordedGate& gate : gates) {
    if (state.options.progress &&
        !state.options.progress("gates", static_cast<double>(rows.size()) / static_cast<double>(gates.size()))) {
      return fail(ErrorCode::Cancelled, "stopped");
    }
    rows.push_back(judge_gate(state, gate));
    const CascadeFigures& figures = rows.back().figures;
    json::object one = json_of_cascade(figures);
    one["apgr"] = json_of(rows.back().apgr);
    std::vector<std::string> cells = {gate.name(),
                                      per_cent(figures.acceptance),
                                      per_cent(figures.accuracy_accepted),
                                      per_cent(figures.false_accepts_of_all),
                                      per_cent(figures.false_accepts_accepted),
                                      per_cent(figures.false_rejects_of_all),
                                      per_cent(figures.quality),
                                      per_cent(figures.strong_calls.value),
                                      per_cent(figures.random),
                                      per_cent(figures.oracle),
                                      plain(rows.back().apgr)};
    for (const ReplayState::Router& router : state.routers) {
      if (router.name == "oracle") continue;
      const double at = router.curve.front().at(figures.strong_calls.value);
      one[router.name + "_at_same_share"] = at;
      cells.push_back(per_cent(at));
    }
    marks.points.push_back({.x = figures.strong_calls.value, .y = figures.quality.value});
    object[gate.name()] = std::move(one);
    table.rows.push_back(std::move(cells));
  }
  state.json["gates"] = std::move(object);
  state.out.tables.push_back(std::move(table));
  for (Plot& plot : state.out.plots) {
    if (plot.title == "Quality by share of strong calls") plot.series.push_back(marks);
  }
  verifiers_table(state, gates);
  money_table(state, gates, rows);
  return {};
}

Result<void> confidence_section(ReplayState& state) {
  ReplayTable table{
      .title = "Recorded confidence",
      .note =
          "As recorded, before any calibration: expected calibration error over ten bins, Brier score, and the area under "
          "the ROC curve.",
      .header = {"model", "requests", "right", "mean confidence", "ECE", "Brier", "AUROC"},
      .rows = {}};
  json::object object;
  for (std::size_t model = 0; model < state.set.models.size(); ++model) {
    std::vector<learned::Outcome> outcomes;
    double confidence = 0;
    double right = 0;
    for (const OutcomeRow& row : state.set.rows) {
      const auto& outcome = row.models[model];
      if (!outcome || !outcome->confidence) continue;
      outcomes.push_back({.confidence = *outcome->confidence, .correct = outcome->quality >= 0.5});
      confidence += *outcome->confidence;
      right += outcome->quality >= 0.5 ? 1 : 0;
    }
    if (outcomes.empty()) continue;
    const auto rows = static_cast<double>(outcomes.size());
    const double ece = learned::expected_calibration_error(outcomes);
    const double brier = learned::brier_score(outcomes);
    const double auroc = learned::auroc(outcomes);
    const std::string& name = state.set.models[model];
    object[name] = {{"rows", outcomes.size()}, {"ece", ece}, {"brier", brier}, {"auroc", json_of(auroc)}};
    table.rows.push_back({name, std::to_string(outcomes.size()), per_cent(right / rows), plain(confidence / rows),
                          plain(ece), plain(brier), plain(auroc)});
    if (model == state.rows.weak) add_reliability(state, fmt::format("Reliability: {}", name), outcomes);
  }
  if (table.rows.empty()) return {};
  state.json["confidence"] = std::move(object);
  state.out.tables.push_back(std::move(table));
  return {};
}

}  // namespace suffice::lab
