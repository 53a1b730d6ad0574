// The sections of models and of routers that see the request only.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

#include <fmt/format.h>

#include "lab/replay/sections.hpp"

namespace suffice::lab {
namespace {

namespace json = boost::json;

Figure mean_figure(const OutcomeSet& set, std::size_t model, const ReplayOptions& options) {
  std::vector<double> qualities;
  bool counts = true;
  for (const OutcomeRow& row : set.rows) {
    if (!row.models[model]) continue;
    qualities.push_back(row.models[model]->quality);
    counts = counts && (qualities.back() == 0 || qualities.back() == 1);
  }
  const double sum = std::accumulate(qualities.begin(), qualities.end(), 0.0);
  const auto rows = static_cast<std::int64_t>(qualities.size());
  Figure figure{.value = sum / static_cast<double>(rows), .interval = {}};
  if (counts) {
    figure.interval = learned::clopper_pearson(static_cast<std::int64_t>(sum), rows);
    return figure;
  }
  figure.interval = learned::bootstrap(
      qualities.size(),
      [&](std::span<const std::size_t> drawn) {
        double total = 0;
        for (const std::size_t i : drawn) total += qualities[i];
        return total / static_cast<double>(drawn.size());
      },
      options.repetitions, options.seed);
  return figure;
}

struct ModelMeans {
  std::size_t rows = 0;
  double valid = 0;
  std::size_t valid_rows = 0;
  double cost = 0;
  std::size_t cost_rows = 0;
  double tokens = 0;
  std::size_t token_rows = 0;
};

ModelMeans means_of(const OutcomeSet& set, std::size_t model) {
  ModelMeans means;
  for (const OutcomeRow& row : set.rows) {
    const auto& outcome = row.models[model];
    if (!outcome) continue;
    ++means.rows;
    if (outcome->valid) means.valid += *outcome->valid ? 1 : 0, ++means.valid_rows;
    if (outcome->cost_usd) means.cost += *outcome->cost_usd, ++means.cost_rows;
    if (outcome->tokens) means.tokens += *outcome->tokens, ++means.token_rows;
  }
  return means;
}

double over(double sum, std::size_t rows) {
  return rows == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(rows);
}

void pair_table(ReplayState& state) {
  const std::string& weak = state.set.models[state.rows.weak];
  const std::string& strong = state.set.models[state.rows.strong];
  json::object pair{{"weak", weak},
                    {"strong", strong},
                    {"rows", state.rows.rows.size()},
                    {"left_out", state.set.rows.size() - state.rows.rows.size()}};
  ReplayTable table{.title = "The pair",
                    .note = "Requests that both answered. Who was right, where outcomes are right or wrong.",
                    .header = {"weak", "strong", "requests", "left out", "both", "only strong", "only weak", "neither"},
                    .rows = {}};
  std::vector<std::string> row = {weak, strong, std::to_string(state.rows.rows.size()),
                                  std::to_string(state.set.rows.size() - state.rows.rows.size())};
  if (const std::optional<TwoByTwo> counts = two_by_two(state.rows.pair)) {
    pair["both"] = counts->both;
    pair["only_strong"] = counts->only_strong;
    pair["only_weak"] = counts->only_weak;
    pair["neither"] = counts->neither;
    for (const std::size_t count : {counts->both, counts->only_strong, counts->only_weak, counts->neither}) {
      row.push_back(std::to_string(count));
    }
  }
  table.rows.push_back(std::move(row));
  state.json["pair"] = std::move(pair);
  state.out.tables.push_back(std::move(table));
}

bool wants(const ReplayOptions& options, RouterKind kind, bool possible) {
  if (options.routers.empty()) return possible;
  return std::ranges::find(options.routers, name_of(kind)) != options.routers.end();
}

std::vector<PlotPoint> points_of(const Curve& curve) {
  std::vector<PlotPoint> points;
  for (const Curve::Point& point : curve.points()) points.push_back({.x = point.share, .y = point.quality});
  return points;
}

}  // namespace

Result<void> models_section(ReplayState& state) {
  json::object models;
  ReplayTable table{.title = "Models",
                    .note = "",
                    .header = {"model", "requests", "mean quality", "valid form", "mean tokens", "mean cost"},
                    .rows = {}};
  for (std::size_t i = 0; i < state.set.models.size(); ++i) {
    const ModelMeans means = means_of(state.set, i);
    const Figure quality = mean_figure(state.set, i, state.options);
    const double valid = over(means.valid, means.valid_rows);
    const double tokens = over(means.tokens, means.token_rows);
    const double cost = over(means.cost, means.cost_rows);
    models[state.set.models[i]] = {{"rows", means.rows},
                                   {"quality", json_of(quality)},
                                   {"valid", json_of(valid)},
                                   {"tokens", json_of(tokens)},
                                   {"cost_usd", json_of(cost)}};
    table.rows.push_back({state.set.models[i], std::to_string(means.rows), per_cent(quality), per_cent(valid),
                          std::isfinite(tokens) ? fmt::format("{:.0f}", tokens) : "-", usd(cost)});
  }
  state.json["models"] = std::move(models);
  state.out.tables.push_back(std::move(table));
  pair_table(state);
  return {};
}

Result<void> routers_section(ReplayState& state) {
  const ReplayOptions& options = state.options;
  const Pair& pair = state.rows.pair;
  for (const std::string& name : options.routers) {
    SUFFICE_TRY([[maybe_unused]] const RouterKind kind, router_named(name));
  }
  const FoldOptions folds{.folds = options.folds, .seed = options.seed, .progress = options.progress};
  for (const RouterKind kind : {RouterKind::Length, RouterKind::Table, RouterKind::Linear}) {
    const bool possible = kind == RouterKind::Table ? state.rows.has_tasks() : state.rows.has_texts();
    if (!wants(options, kind, possible)) continue;
    SUFFICE_TRY(std::vector<double> score, router_score(kind, state.rows, folds));
    Curve curve = Ranking(pair, score).curve();
    state.routers.push_back(
        {.name = std::string(name_of(kind)), .score = std::move(score), .curve = {std::move(curve)}});
  }
  std::vector<double> best = oracle_score(pair);
  Curve best_curve = Ranking(pair, best).curve();
  state.routers.push_back({.name = "oracle", .score = std::move(best), .curve = {std::move(best_curve)}});

  const RandomBaseline random = random_baseline(pair, options.random_runs, options.seed);
  const Curve& any = state.routers.back().curve.front();
  json::object routers{
      {"always_weak", any.weak()},
      {"always_strong", any.strong()},
      {"random", {{"apgr_mean", json_of(random.mean)}, {"apgr_deviation", json_of(random.deviation)}}}};
  ReplayTable table{
      .title = "Routers that see the request only",
      .note =
          fmt::format("Scored on {} folds by what was fitted on the others. PGR is the share of the gap between the "
                      "models ({} and {}) that is recovered; APGR its mean over all shares of strong calls, CPT(x) the "
                      "smallest share at which it is x.",
                      options.folds, per_cent(any.weak()), per_cent(any.strong())),
      .header = {"router", "APGR", "CPT(50 %)", "CPT(80 %)", "quality at half"},
      .rows = {{"random", fmt::format("{:.4f} sd {:.4f}", random.mean, random.deviation), "50.00 %", "80.00 %",
                per_cent((any.weak() + any.strong()) / 2)}}};
  Plot plot{.title = "Quality by share of strong calls",
            .x = "share of requests that the strong model answers",
            .y = "mean quality",
            .series = {{.name = "random",
                        .points = {{0, any.weak()}, {1, any.strong()}},
                        .band = {},
                        .style = PlotStyle::Dashed}},
            .x_range = std::pair{0.0, 1.0},
            .y_range = {}};
  const auto share_text = [](const Figure& figure, double unreached) {
    if (!std::isfinite(figure.value)) return std::string("unreached");
    const std::string often = unreached > 0 ? fmt::format(", unreached in {:.0f} % of samples", 100 * unreached) : "";
    return per_cent(figure) + often;
  };
  for (const ReplayState::Router& router : state.routers) {
    const RouterFigures figures = router_figures(pair, router.score, options.repetitions, options.seed);
    routers[router.name] = {{"apgr", json_of(figures.apgr)},
                            {"cpt50", json_of(figures.cpt50)},
                            {"cpt80", json_of(figures.cpt80)},
                            {"quality_at_half", router.curve.front().at(0.5)}};
    table.rows.push_back({router.name, plain(figures.apgr), share_text(figures.cpt50, figures.cpt50_unreached),
                          share_text(figures.cpt80, figures.cpt80_unreached), per_cent(router.curve.front().at(0.5))});
    plot.series.push_back(
        {.name = router.name, .points = points_of(router.curve.front()), .band = {}, .style = PlotStyle::Line});
  }
  state.json["routers"] = std::move(routers);
  state.out.tables.push_back(std::move(table));
  state.out.plots.push_back(std::move(plot));
  return {};
}

}  // namespace suffice::lab
