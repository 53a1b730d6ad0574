#include "lab/ladder/ladder_report.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace suffice::lab {
namespace {

constexpr int kTenths = 10;

Ladder single(std::size_t model) { return Ladder{.rungs = {Rung{.model = model}}}; }

LadderPoint point_of(const LadderData& data, const Ladder& ladder, std::span<const std::size_t> rows) {
  LadderPoint point{.ladder = ladder};
  for (const std::size_t row : rows) {
    const Served served = serve(data, ladder, row);
    point.quality += served.quality / static_cast<double>(rows.size());
    point.cost += served.cost / static_cast<double>(rows.size());
  }
  return point;
}

std::size_t best_of(const std::vector<LadderLine>& singles) {
  const auto worse = [](const LadderLine& a, const LadderLine& b) {
    if (a.train.quality != b.train.quality) return a.train.quality < b.train.quality;
    return a.train.cost > b.train.cost;
  };
  return static_cast<std::size_t>(std::ranges::max_element(singles, worse) - singles.begin());
}

std::vector<Budget> usual_budgets() {
  std::vector<Budget> budgets;
  for (int tenth = 1; tenth <= kTenths; ++tenth)
    budgets.push_back({.amount = static_cast<double>(tenth) / kTenths, .is_share = true});
  return budgets;
}

}  // namespace

Result<Budget> budget_named(std::string_view text) {
  Budget budget;
  std::string_view number = text;
  if (number.ends_with('%')) {
    budget.is_share = true;
    number.remove_suffix(1);
  }
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), budget.amount);
  if (error != std::errc() || end != number.data() + number.size() || !std::isfinite(budget.amount) ||
      budget.amount <= 0) {
    return fail(
        ErrorCode::InvalidArgument,
        fmt::format("\"{}\" is no budget: write USD a request (0.002) or a share of the best model's cost (30%)", text),
        "--budget");
  }
  if (budget.is_share) budget.amount /= 100;
  return budget;
}

Result<LadderReport> ladder_report(const OutcomeSet& set, const LadderReportOptions& options) {
  SUFFICE_TRY(const LadderRows rows, ladder_rows(set, options.data));
  SUFFICE_TRY(const LadderSearch search, LadderSearch::run(rows.data, rows.train, options.search));
  LadderReport report;
  report.models = set.models;
  report.train_rows = rows.train.size();
  report.test_rows = rows.test.size();
  report.source = rows.source;
  report.ladders = search.ladders();
  report.pruned = search.pruned();
  for (std::size_t model = 0; model < set.models.size(); ++model) {
    report.singles.push_back(
        {.train = point_of(rows.data, single(model), rows.train),
         .test = ladder_figures(rows.data, single(model), rows.test, options.repetitions, options.seed),
         .beside = {}});
  }
  report.best_single = best_of(report.singles);
  const Ladder best = single(report.best_single);
  const auto line_of = [&](const LadderPoint& point) {
    return LadderLine{
        .train = point,
        .test = ladder_figures(rows.data, point.ladder, rows.test, options.repetitions, options.seed),
        .beside = ladder_difference(rows.data, point.ladder, best, rows.test, options.repetitions, options.seed)};
  };
  const LadderPoint& best_point = report.singles[report.best_single].train;
  for (const Budget& budget : options.budgets.empty() ? usual_budgets() : options.budgets) {
    BudgetLine line{.budget = budget.is_share ? budget.amount * best_point.cost : budget.amount, .line = {}};
    if (const std::optional<LadderPoint> point = search.best_within(line.budget)) line.line = line_of(*point);
    report.budgets.push_back(std::move(line));
  }
  std::ranges::sort(report.budgets, {}, &BudgetLine::budget);
  if (const std::optional<LadderPoint> point = search.cheapest_reaching(best_point.quality - options.max_loss))
    report.matching = line_of(*point);
  report.oracle = ladder_oracle(rows.data, rows.test, options.repetitions, options.seed);
  return report;
}

}  // namespace suffice::lab
