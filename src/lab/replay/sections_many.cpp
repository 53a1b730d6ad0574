// The section of choosing among more than two models.

#include <algorithm>

#include <fmt/format.h>

#include "lab/evaluation/many_models.hpp"
#include "lab/replay/sections.hpp"

namespace suffice::lab {
namespace {

namespace json = boost::json;

// A fit a model and fold: of dozens of models only when asked for.
constexpr std::size_t kLinearUnaskedMax = 12;

bool wants_linear(const OutcomeSet& set, const ReplayOptions& options) {
  if (options.routers.empty()) return set.models.size() <= kLinearUnaskedMax;
  return std::ranges::find(options.routers, "linear") != options.routers.end();
}

}  // namespace

Result<void> many_models_section(ReplayState& state) {
  if (state.set.models.size() < 3) return {};
  ManyOptions options{
      .folds = {.folds = state.options.folds, .seed = state.options.seed, .progress = state.options.progress},
      .repetitions = state.options.repetitions,
      .price = {},
      .linear = wants_linear(state.set, state.options)};
  for (const std::string& model : state.set.models) {
    const auto price = state.options.prices.find(model);
    options.price.push_back(price == state.options.prices.end() ? std::nullopt : std::optional(price->second));
  }
  const Result<ManyModels> many = many_models(state.set, options);
  if (!many) {
    // A set may have models that were asked other things; the pair's figures stand without them.
    if (many.error().code == ErrorCode::InvalidArgument) return {};
    return fail(many.error());
  }
  ReplayTable table{
      .title = "One of many models",
      .note = fmt::format(
          "{} requests that every model answered; every choice is made on other folds than it is scored on.",
          many->rows),
      .header = {"choice", "mean quality", "mean price of a call"},
      .rows = {}};
  json::object object{{"rows", many->rows}};
  for (const ChoiceFigures& choice : many->choices) {
    json::object one{{"quality", json_of(choice.quality)}};
    if (choice.cost) one["cost_usd"] = *choice.cost;
    object[choice.name] = std::move(one);
    table.rows.push_back({choice.name, per_cent(choice.quality), choice.cost ? usd(*choice.cost) : "-"});
  }
  state.out.tables.push_back(std::move(table));
  if (!many->trade_offs.empty()) {
    ReplayTable trade{.title = "Quality against money",
                      .note = "The model of greatest P(right) - lambda * price is asked.",
                      .header = {"lambda (1/USD)", "mean quality", "mean price of a call"},
                      .rows = {}};
    Plot plot{.title = "Quality against money",
              .x = "mean price of a call (USD)",
              .y = "mean quality",
              .series = {{.name = "linear router by lambda", .points = {}, .band = {}, .style = PlotStyle::Marks}},
              .x_range = {},
              .y_range = {}};
    json::array points;
    for (const TradeOff& point : many->trade_offs) {
      const double cost = point.figures.cost.value_or(0);
      points.push_back(
          json::object{{"lambda", point.lambda}, {"quality", json_of(point.figures.quality)}, {"cost_usd", cost}});
      trade.rows.push_back({fmt::format("{:.4g}", point.lambda), per_cent(point.figures.quality), usd(cost)});
      plot.series[0].points.push_back({.x = cost, .y = point.figures.quality.value});
    }
    object["trade_off"] = std::move(points);
    state.out.tables.push_back(std::move(trade));
    state.out.plots.push_back(std::move(plot));
  }
  state.json["many_models"] = std::move(object);
  return {};
}

}  // namespace suffice::lab
