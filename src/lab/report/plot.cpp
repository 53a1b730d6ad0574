// Plots as SVG: axes with round ticks, lines, bands, marks, bars, and a legend below.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "core/text.hpp"
#include "lab/report/report.hpp"

namespace suffice::lab {
namespace {

constexpr double kWidth = 680;
constexpr double kPlotHeight = 320;
constexpr double kLeft = 64;
constexpr double kRight = 28;  ///< room for half of the last tick's number
constexpr double kTop = 34;
constexpr double kAxisHeight = 44;
constexpr double kLegendRow = 18;
constexpr std::size_t kLegendColumnsMax = 3;
constexpr double kLegendMark = 18;
constexpr double kCharacterWidth = 6.5;  ///< of the report's 12 px sans-serif, on the wide side
constexpr std::size_t kPointsMax = 400;
constexpr int kColours = 8;

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void take(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

/// 1, 2 or 5 times a power of ten, so that about five steps span the range.
double round_step(double span) {
  const double rough = span / 5;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (rough <= factor * power) return factor * power;
  }
  return 10 * power;
}

/// Widened to whole steps; never empty.
Range rounded(Range range) {
  if (!(range.low <= range.high)) return {.low = 0, .high = 1};
  if (range.high - range.low < 1e-12 * std::max(1.0, std::abs(range.high))) {
    const double room = std::max(std::abs(range.high) * 0.5, 0.5);
    range = {.low = range.low - room, .high = range.high + room};
  }
  const double step = round_step(range.high - range.low);
  return {.low = std::floor(range.low / step + 1e-9) * step, .high = std::ceil(range.high / step - 1e-9) * step};
}

class Canvas {
 public:
  explicit Canvas(const Plot& plot) : plot_(plot) {
    Range x;
    Range y;
    for (const PlotSeries& series : plot.series) {
      for (const PlotPoint& point : series.points) x.take(point.x), y.take(point.y);
      for (const PlotBand& band : series.band) x.take(band.x), y.take(band.low), y.take(band.high);
      if (series.style == PlotStyle::Bars) y.take(0);
    }
    if (plot.x_range) x.take(plot.x_range->first), x.take(plot.x_range->second);
    if (plot.y_range) y.take(plot.y_range->first), y.take(plot.y_range->second);
    x_ = rounded(x);
    y_ = rounded(y);
  }

  std::string svg() {
    std::size_t named = 0;
    for (const PlotSeries& series : plot_.series) named += series.name.empty() ? 0 : 1;
    const std::size_t columns = legend_columns();
    const double height =
        kTop + kPlotHeight + kAxisHeight + kLegendRow * static_cast<double>((named + columns - 1) / columns);
    out_ = fmt::format("<svg viewBox=\"0 0 {:.0f} {:.0f}\" width=\"{:.0f}\" role=\"img\" aria-label=\"{}\">", kWidth,
                       height, kWidth, html_escaped(plot_.title));
    out_ += fmt::format("<text x=\"{:.0f}\" y=\"18\" font-weight=\"600\">{}</text>", kLeft, html_escaped(plot_.title));
    axes();
    for (std::size_t i = 0; i < plot_.series.size(); ++i) draw(plot_.series[i], colour(i));
    legend();
    return out_ + "</svg>";
  }

 private:
  static std::string colour(std::size_t i) { return fmt::format("var(--c{})", i % kColours); }
  [[nodiscard]] double px(double x) const {
    return kLeft + (x - x_.low) / (x_.high - x_.low) * (kWidth - kLeft - kRight);
  }
  [[nodiscard]] double py(double y) const { return kTop + (y_.high - y) / (y_.high - y_.low) * kPlotHeight; }

  void axes() {
    const double x_step = round_step(x_.high - x_.low);
    for (double x = x_.low; x <= x_.high + x_step / 2; x += x_step) {
      out_ += fmt::format(
          "<line class=\"grid\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.0f}\" y2=\"{2:.0f}\"/>"
          "<text class=\"soft\" x=\"{0:.1f}\" y=\"{3:.0f}\" text-anchor=\"middle\">{4:.4g}</text>",
          px(x), kTop, kTop + kPlotHeight, kTop + kPlotHeight + 16, std::abs(x) < x_step / 2 ? 0 : x);
    }
    const double y_step = round_step(y_.high - y_.low);
    for (double y = y_.low; y <= y_.high + y_step / 2; y += y_step) {
      out_ += fmt::format(
          "<line class=\"grid\" x1=\"{0:.0f}\" x2=\"{1:.0f}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\"/>"
          "<text class=\"soft\" x=\"{3:.0f}\" y=\"{4:.1f}\" text-anchor=\"end\">{5:.4g}</text>",
          kLeft, kWidth - kRight, py(y), kLeft - 6, py(y) + 4, std::abs(y) < y_step / 2 ? 0 : y);
    }
    out_ += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"middle\">{}</text>", (kLeft + kWidth) / 2,
                        kTop + kPlotHeight + 34, html_escaped(plot_.x));
    out_ += fmt::format("<text transform=\"translate(14,{:.0f}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
                        kTop + kPlotHeight / 2, html_escaped(plot_.y));
  }

  void draw(const PlotSeries& series, const std::string& colour) {
    draw_band(series.band, colour);
    std::vector<PlotPoint> points;
    const std::size_t every = series.points.size() / kPointsMax + 1;
    for (std::size_t i = 0; i < series.points.size(); ++i) {
      const PlotPoint& point = series.points[i];
      const bool kept = i % every == 0 || i + 1 == series.points.size();
      if (kept && std::isfinite(point.x) && std::isfinite(point.y)) points.push_back(point);
    }
    if (series.style == PlotStyle::Bars) return draw_bars(points, colour);
    if (series.style == PlotStyle::Marks) return draw_marks(series.name, points, colour);
    out_ += "<polyline fill=\"none\" stroke-width=\"1.8\" style=\"stroke:" + colour + "\"";
    if (series.style == PlotStyle::Dashed) out_ += " stroke-dasharray=\"5 4\"";
    out_ += " points=\"";
    for (const PlotPoint& point : points) out_ += fmt::format("{:.1f},{:.1f} ", px(point.x), py(point.y));
    out_ += "\"/>";
  }

  void draw_band(const std::vector<PlotBand>& band, const std::string& colour) {
    if (band.empty()) return;
    out_ += "<polygon fill-opacity=\".18\" style=\"fill:" + colour + "\" points=\"";
    for (const PlotBand& at : band) out_ += fmt::format("{:.1f},{:.1f} ", px(at.x), py(at.high));
    for (auto at = band.rbegin(); at != band.rend(); ++at)
      out_ += fmt::format("{:.1f},{:.1f} ", px(at->x), py(at->low));
    out_ += "\"/>";
  }

  void draw_marks(std::string_view name, const std::vector<PlotPoint>& points, const std::string& colour) {
    for (const PlotPoint& point : points) {
      out_ += fmt::format(
          "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" style=\"fill:{}\"><title>{} {:.4g}, {:.4g}</title></circle>",
          px(point.x), py(point.y), colour, html_escaped(name), point.x, point.y);
    }
  }

  void draw_bars(const std::vector<PlotPoint>& points, const std::string& colour) {
    double gap = x_.high - x_.low;
    for (std::size_t i = 1; i < points.size(); ++i) gap = std::min(gap, points[i].x - points[i - 1].x);
    const double width = std::max(1.0, (px(x_.low + gap) - px(x_.low)) * 0.8);
    for (const PlotPoint& point : points) {
      const double top = std::min(py(point.y), py(0));
      out_ += fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill-opacity=\".55\" style=\"fill:{}\"/>",
          px(point.x) - width / 2, top, width, std::abs(py(point.y) - py(0)), colour);
    }
  }

  /// As many as the longest name leaves room for.
  [[nodiscard]] std::size_t legend_columns() const {
    std::size_t longest = 0;
    for (const PlotSeries& series : plot_.series) longest = std::max(longest, count_code_points(series.name));
    const double needed = 2 * kLegendMark + kCharacterWidth * static_cast<double>(longest);
    const auto fitting = static_cast<std::size_t>((kWidth - kLeft) / needed);
    return std::clamp<std::size_t>(fitting, 1, kLegendColumnsMax);
  }

  void legend() {
    const std::size_t columns = legend_columns();
    std::size_t place = 0;
    for (std::size_t i = 0; i < plot_.series.size(); ++i) {
      if (plot_.series[i].name.empty()) continue;
      const double x = kLeft + static_cast<double>(place % columns) * (kWidth - kLeft) / static_cast<double>(columns);
      const double y = kTop + kPlotHeight + kAxisHeight + kLegendRow * static_cast<double>(place / columns);
      out_ += fmt::format(
          "<rect x=\"{:.0f}\" y=\"{:.0f}\" width=\"12\" height=\"12\" style=\"fill:{}\"/>"
          "<text x=\"{:.0f}\" y=\"{:.0f}\">{}</text>",
          x, y, colour(i), x + kLegendMark, y + 10, html_escaped(plot_.series[i].name));
      ++place;
    }
  }

  const Plot& plot_;
  Range x_;
  Range y_;
  std::string out_;
};

}  // namespace

std::string svg_of(const Plot& plot) { return Canvas(plot).svg(); }

}  // namespace suffice::lab
