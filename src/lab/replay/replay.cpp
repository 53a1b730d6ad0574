#include "lab/replay/replay.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "lab/replay/sections.hpp"
#include "wire/json.hpp"

namespace suffice::lab {

namespace json = boost::json;

std::string per_cent(double share) { return std::isfinite(share) ? fmt::format("{:.2f} %", 100 * share) : "-"; }

std::string per_cent(const Figure& figure) {
  if (!std::isfinite(figure.value)) return "-";
  return fmt::format("{:.2f} % [{:.1f}, {:.1f}]", 100 * figure.value, 100 * figure.interval.low,
                     100 * figure.interval.high);
}

std::string plain(double value) { return std::isfinite(value) ? fmt::format("{:.3f}", value) : "-"; }

std::string plain(const Figure& figure) {
  if (!std::isfinite(figure.value)) return "-";
  return fmt::format("{:.3f} [{:.3f}, {:.3f}]", figure.value, figure.interval.low, figure.interval.high);
}

std::string usd(double value) { return std::isfinite(value) ? fmt::format("${:.6g}", value) : "-"; }

json::value json_of(double value) { return std::isfinite(value) ? json::value(value) : json::value(nullptr); }

json::object json_of(const Figure& figure) {
  return {
      {"value", json_of(figure.value)}, {"low", json_of(figure.interval.low)}, {"high", json_of(figure.interval.high)}};
}

namespace {

constexpr std::size_t kRowsMin = 10;

Result<PairedRows> chosen_pair(const OutcomeSet& set, const ReplayOptions& options) {
  ModelPair pair = usual_pair(set);
  if (!options.weak.empty()) {
    SUFFICE_TRY(pair.weak, set.model(options.weak));
  }
  if (!options.strong.empty()) {
    SUFFICE_TRY(pair.strong, set.model(options.strong));
  }
  if (pair.weak == pair.strong) {
    return fail(
        ErrorCode::InvalidArgument,
        fmt::format("weak and strong model are both {}; name two with --weak and --strong", set.models[pair.weak]));
  }
  PairedRows rows = paired_rows(set, pair.weak, pair.strong);
  if (rows.rows.size() < kRowsMin) {
    return fail(ErrorCode::InvalidArgument,
                fmt::format("only {} requests were answered by both {} and {}; at least {} are needed",
                            rows.rows.size(), set.models[pair.weak], set.models[pair.strong], kRowsMin));
  }
  const auto price = [&](std::size_t model, std::vector<double>& costs) {
    const auto given = options.prices.find(set.models[model]);
    if (given != options.prices.end()) costs.assign(rows.rows.size(), given->second);
  };
  price(pair.weak, rows.costs.weak);
  price(pair.strong, rows.costs.strong);
  rows.costs.judge = options.judge_price;
  return rows;
}

void head(ReplayState& state) {
  const ReplayOptions& options = state.options;
  state.json["replay"] = 1;
  state.json["input"] = {{"file", options.file},
                         {"sha256", options.sha256},
                         {"form", name_of(state.set.shape)},
                         {"rows", state.set.rows.size()},
                         {"excluded", options.excluded}};
  state.json["options"] = {{"seed", options.seed},
                           {"folds", options.folds},
                           {"repetitions", options.repetitions},
                           {"random_runs", options.random_runs},
                           {"splits", options.splits},
                           {"max_loss", options.max_loss},
                           {"judge_price", options.judge_price}};
  state.out.tables.push_back({.title = "Data",
                              .note = "",
                              .header = {"file", "SHA-256", "form", "requests", "excluded", "seed"},
                              .rows = {{options.file, options.sha256.substr(0, 16),
                                        std::string(name_of(state.set.shape)), std::to_string(state.set.rows.size()),
                                        std::to_string(options.excluded), std::to_string(options.seed)}}});
}

/// Every number of `value` by its place.
void flatten(const json::value& value, const std::string& place, std::map<std::string, double>& out) {
  if (value.is_number()) out[place] = value.to_number<double>();
  if (value.is_object()) {
    for (const auto& member : value.as_object()) {
      const std::string_view key = member.key();
      flatten(member.value(), fmt::format("{}{}{}", place, place.empty() ? "" : "/", key), out);
    }
  }
  if (value.is_array()) {
    std::size_t i = 0;
    for (const json::value& element : value.as_array()) flatten(element, fmt::format("{}/{}", place, i++), out);
  }
}

Result<std::map<std::string, double>> figures_of(std::string_view text) {
  SUFFICE_TRY(const json::value value, wire::parse_json(text));
  if (!value.is_object() || !value.as_object().contains("replay")) {
    return fail(ErrorCode::MalformedRequest, "not what `suffice replay --json` writes", "--against");
  }
  std::map<std::string, double> figures;
  flatten(value, "", figures);
  return figures;
}

}  // namespace

Result<Replay> replay(const OutcomeSet& set, const ReplayOptions& options) {
  SUFFICE_TRY(PairedRows rows, chosen_pair(set, options));
  ReplayState state{.set = set, .options = options, .rows = std::move(rows)};
  head(state);
  SUFFICE_TRY_VOID(models_section(state));
  SUFFICE_TRY_VOID(routers_section(state));
  SUFFICE_TRY_VOID(gates_section(state));
  SUFFICE_TRY_VOID(confidence_section(state));
  SUFFICE_TRY_VOID(many_models_section(state));
  state.out.json = json::serialize(state.json);
  return std::move(state.out);
}

std::string report_of(const Replay& replay, std::string_view title) {
  Report report{std::string(title)};
  report.paragraph(
      "Recorded outcomes, no model was called. Intervals are of 95 %: exact (Clopper-Pearson) for counts, percentile "
      "bootstrap over the requests for everything else.");
  for (const ReplayTable& table : replay.tables) {
    report.heading(table.title);
    if (!table.note.empty()) report.paragraph(table.note);
    report.table(table.header, table.rows);
  }
  if (!replay.plots.empty()) report.heading("Plots");
  for (const Plot& plot : replay.plots) report.plot(plot);
  return report.html();
}

Result<ReplayTable> differences(std::string_view before, std::string_view now) {
  SUFFICE_TRY(const auto old_figures, figures_of(before));
  SUFFICE_TRY(const auto new_figures, figures_of(now));
  ReplayTable table{
      .title = "Against the previous run", .note = "", .header = {"figure", "before", "now", "change"}, .rows = {}};
  for (const auto& [place, value] : new_figures) {
    const auto known = old_figures.find(place);
    if (known == old_figures.end()) {
      table.rows.push_back({place, "-", fmt::format("{:.6g}", value), "new"});
    } else if (known->second != value) {
      table.rows.push_back({place, fmt::format("{:.6g}", known->second), fmt::format("{:.6g}", value),
                            fmt::format("{:+.6g}", value - known->second)});
    }
  }
  for (const auto& [place, value] : old_figures) {
    if (!new_figures.contains(place)) table.rows.push_back({place, fmt::format("{:.6g}", value), "-", "gone"});
  }
  return table;
}

}  // namespace suffice::lab
