#pragma once
// One self-contained HTML page of headings, tables and plots: what `suffice replay` and `suffice eval` leave for people to read.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace suffice::lab {

struct PlotPoint {
  double x = 0;
  double y = 0;
};

/// From `low` to `high` at `x`: an interval drawn as a surface between neighbours.
struct PlotBand {
  double x = 0;
  double low = 0;
  double high = 0;
};

enum class PlotStyle : unsigned char { Line, Dashed, Marks, Bars };

struct PlotSeries {
  std::string name = {};               ///< in the legend; empty: not listed
  std::vector<PlotPoint> points = {};  ///< by x; points that are not finite are left out
  std::vector<PlotBand> band = {};
  PlotStyle style = PlotStyle::Line;
};

struct Plot {
  std::string title = {};
  std::string x = {};  ///< what the axis shows, with its unit
  std::string y = {};
  std::vector<PlotSeries> series = {};
  /// What the axes span at least; without: what the points span.
  std::optional<std::pair<double, double>> x_range = {};
  std::optional<std::pair<double, double>> y_range = {};
};

/// A page in the order of the calls. All text is escaped; the page loads nothing, runs nothing, and follows the reader's light or dark
/// setting. A line of more than 400 points is thinned for drawing.
class Report {
 public:
  explicit Report(std::string title);

  void heading(std::string_view text);
  void paragraph(std::string_view text);
  /// Cells that look like numbers are set to the right. Rows may be shorter than the header.
  void table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows);
  void plot(const Plot& plot);

  [[nodiscard]] std::string html() const;

 private:
  std::string title_;
  std::string body_;
};

/// The SVG element of `plot` alone.
[[nodiscard]] std::string svg_of(const Plot& plot);

/// `text` with what HTML gives a meaning replaced: & < > " '.
[[nodiscard]] std::string html_escaped(std::string_view text);

}  // namespace suffice::lab
