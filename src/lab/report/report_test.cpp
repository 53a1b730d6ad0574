#include "lab/report/report.hpp"

#include <limits>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace suffice::lab {
namespace {

using testing::HasSubstr;
using testing::Not;

std::size_t count_of(std::string_view text, std::string_view word) {
  std::size_t count = 0;
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

TEST(Report, EscapesEveryTextThatItIsGiven) {
  const std::string evil = "<script>alert('x')</script>&\"";
  Report report(evil);
  report.heading(evil);
  report.paragraph(evil);
  report.table({evil}, {{evil}});
  report.plot({.title = evil, .x = evil, .y = evil, .series = {{.name = evil, .points = {{0, 0}, {1, 1}}}}});

  const std::string html = report.html();

  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("alert('x')")));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;"));
}

TEST(Report, LoadsNothingFromOutside) {
  Report report("title");
  report.plot({.title = "plot", .x = "x", .y = "y", .series = {{.name = "a", .points = {{0, 0}, {1, 1}}}}});

  const std::string html = report.html();

  EXPECT_THAT(html, Not(HasSubstr("http")));
  EXPECT_THAT(html, Not(HasSubstr("url(")));
  EXPECT_THAT(html, Not(HasSubstr("src=")));
  EXPECT_THAT(html, HasSubstr("prefers-color-scheme:dark"));
}

TEST(Report, SetsNumbersToTheRight) {
  Report report("title");
  report.table({"name", "value"}, {{"accuracy", "0.95 [0.94, 0.96]"}, {"gpt-4", "12 %"}});

  const std::string html = report.html();

  EXPECT_THAT(html, HasSubstr("<td>accuracy</td><td class=\"n\">0.95 [0.94, 0.96]</td>"));
  EXPECT_THAT(html, HasSubstr("<td>gpt-4</td><td class=\"n\">12 %</td>"));
}

TEST(Plot, PutsTheEndsOfTheAxesAtTheEndsOfTheSurface) {
  const std::string svg =
      svg_of({.title = "t", .x = "x", .y = "y", .series = {{.name = "a", .points = {{0, 0}, {1, 10}}}}});

  EXPECT_THAT(svg, HasSubstr("points=\"64.0,354.0 652.0,34.0 \""));
  EXPECT_THAT(svg, HasSubstr(">0.2</text>"));
  EXPECT_THAT(svg, HasSubstr(">10</text>"));
}

TEST(Plot, LeavesOutWhatIsNotFiniteAndDrawsNothingWithoutFail) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinite = std::numeric_limits<double>::infinity();

  const std::string some = svg_of({.series = {{.name = "a", .points = {{0, nan}, {0, 1}, {infinite, 2}, {1, 2}}}}});
  const std::string none = svg_of({.series = {{.name = "a", .points = {}}}});
  const std::string one = svg_of({.series = {{.name = "a", .points = {{3, 3}}}}});

  for (const std::string* svg : {&some, &none, &one}) {
    EXPECT_THAT(*svg, Not(HasSubstr("nan")));
    EXPECT_THAT(*svg, Not(HasSubstr("inf")));
  }
  EXPECT_THAT(some, HasSubstr("points=\"64.0,354.0 652.0,34.0 \""));
}

TEST(Plot, ThinsALongLineAndKeepsItsEnd) {
  PlotSeries series{.name = "long"};
  for (int i = 0; i <= 10'000; ++i) series.points.push_back({.x = i / 10'000.0, .y = i / 10'000.0});

  const std::string svg = svg_of({.series = {series}});

  EXPECT_LT(svg.size(), 12'000U);
  EXPECT_THAT(svg, HasSubstr("652.0,34.0 \""));
}

TEST(Plot, DrawsBandsBarsAndMarksAndNamesThemOnce) {
  const std::string svg =
      svg_of({.series = {{.name = "band", .points = {{0, 1}, {1, 1}}, .band = {{0, 0, 2}, {1, 0, 2}}},
                         {.name = "bars", .points = {{0, 1}, {1, 2}}, .style = PlotStyle::Bars},
                         {.name = "", .points = {{0, 1}}, .style = PlotStyle::Marks}}});

  EXPECT_EQ(count_of(svg, "<polygon"), 1U);
  EXPECT_EQ(count_of(svg, "<circle"), 1U);
  EXPECT_EQ(count_of(svg, "fill-opacity=\".55\""), 2U);
  EXPECT_EQ(count_of(svg, "width=\"12\" height=\"12\""), 2U);
}

TEST(Plot, PutsFewerNamesOfTheLegendInARowWhereTheyAreLong) {
  Plot plot;
  const auto rows_of_legend = [&](const std::string& name) {
    plot.series.assign(3, PlotSeries{});
    for (PlotSeries& series : plot.series) series.name = name, series.points = {{0, 0}, {1, 1}};
    std::set<std::string> rows;
    const std::string svg = svg_of(plot);
    const std::string mark = "\" width=\"12\"";
    for (std::size_t at = svg.find(mark); at != std::string::npos; at = svg.find(mark, at + 1))
      rows.insert(svg.substr(svg.rfind("y=\"", at), at - svg.rfind("y=\"", at)));
    return rows.size();
  };

  EXPECT_EQ(rows_of_legend("oracle"), 1U);
  EXPECT_EQ(rows_of_legend("always local, always frontier, oracle"), 2U) << "two beside each other";
}

}  // namespace
}  // namespace suffice::lab
