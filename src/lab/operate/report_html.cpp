// The report as a page with plots.

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "audit/event_json.hpp"
#include "lab/operate/operate_report.hpp"
#include "lab/report/report.hpp"

namespace suffice::lab {
namespace {

double days_between(WallTime from, WallTime to) {
  return std::chrono::duration<double, std::ratio<86'400>>(to - from).count();
}

/// At the middle of each slice.
double place_of(const Numbers& numbers, const Slice& slice) {
  return days_between(numbers.from, slice.begin) + days_between({}, WallTime{numbers.slice_length}) / 2;
}

Plot routes_plot(const Numbers& numbers) {
  PlotSeries local{.name = "local"};
  PlotSeries escalated{.name = "escalated"};
  for (const Slice& slice : numbers.slices) {
    const double x = place_of(numbers, slice);
    const auto n = static_cast<double>(slice.requests);
    const learned::Interval interval = learned::clopper_pearson(slice.local, slice.requests);
    local.points.push_back({.x = x, .y = 100 * static_cast<double>(slice.local) / n});
    local.band.push_back({.x = x, .low = 100 * interval.low, .high = 100 * interval.high});
    escalated.points.push_back({.x = x, .y = 100 * static_cast<double>(slice.escalated) / n});
  }
  return {.title = "Share of requests by route",
          .x = fmt::format("days since {}", audit::rfc3339_ms(numbers.from).substr(0, 10)),
          .y = "% of requests",
          .series = {std::move(local), std::move(escalated)},
          .x_range = std::pair(0.0, days_between(numbers.from, numbers.to)),
          .y_range = std::pair(0.0, 100.0)};
}

Plot money_plot(const Numbers& numbers) {
  PlotSeries paid{.name = "paid"};
  PlotSeries frontier{.name = "had everything gone to the frontier", .style = PlotStyle::Dashed};
  double paid_so_far = 0;
  double frontier_so_far = 0;
  for (const Slice& slice : numbers.slices) {
    const double x = place_of(numbers, slice);
    paid.points.push_back({.x = x, .y = paid_so_far += slice.paid_usd});
    frontier.points.push_back({.x = x, .y = frontier_so_far += slice.frontier_usd});
  }
  return {.title = "Money so far",
          .x = fmt::format("days since {}", audit::rfc3339_ms(numbers.from).substr(0, 10)),
          .y = "dollars",
          .series = {std::move(paid), std::move(frontier)},
          .x_range = std::pair(0.0, days_between(numbers.from, numbers.to))};
}

Plot traffic_plot(const Numbers& numbers) {
  PlotSeries requests{.name = "", .style = PlotStyle::Bars};
  for (const Slice& slice : numbers.slices)
    requests.points.push_back({.x = place_of(numbers, slice), .y = static_cast<double>(slice.requests)});
  const auto hours = std::chrono::duration<double, std::ratio<3600>>(numbers.slice_length).count();
  return {.title = fmt::format("Requests, each {:g} h", hours),
          .x = fmt::format("days since {}", audit::rfc3339_ms(numbers.from).substr(0, 10)),
          .y = "requests",
          .series = {std::move(requests)},
          .x_range = std::pair(0.0, days_between(numbers.from, numbers.to))};
}

}  // namespace

std::string html_of(const OperateReport& report) {
  const Numbers& numbers = report.numbers;
  Report page("What Suffice decided");
  page.paragraph(fmt::format("{} to {}, {} requests. Record: {}.", audit::rfc3339_ms(numbers.from),
                             audit::rfc3339_ms(numbers.to), numbers.total.requests, report.record));
  const std::vector<ReportTable> tables = tables_of(report);
  for (std::size_t i = 0; i < tables.size(); ++i) {
    page.heading(tables[i].title);
    if (!tables[i].rows.empty()) page.table(tables[i].header, tables[i].rows);
    for (const std::string& note : tables[i].notes) page.paragraph(note);
    if (numbers.slices.size() < 2) continue;
    if (i == 0) {
      page.plot(routes_plot(numbers));
      page.plot(traffic_plot(numbers));
    }
    if (i == 1) page.plot(money_plot(numbers));
  }
  page.paragraph(
      "Intervals of shares are exact (Clopper-Pearson, 95 %), those of money are percentile bootstraps over requests in order of time. "
      "Local hardware is charged the seconds that a call held the model at the policy's hardware_per_hour.");
  return page.html();
}

}  // namespace suffice::lab
