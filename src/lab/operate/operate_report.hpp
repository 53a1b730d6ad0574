#pragma once
// The figures of a period for people and for programs: one page on a terminal, one of HTML, one JSON object.

#include <cstdint>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "lab/operate/drift.hpp"
#include "lab/operate/numbers.hpp"
#include "lab/operate/review.hpp"

namespace suffice::lab {

/// Everything that was found about a period.
struct OperateReport {
  std::string record = {};  ///< where the events came from
  Numbers numbers = {};
  std::vector<DefectRate> defects = {};
  std::vector<Agreement> agreements = {};
  DriftReport drift = {};
  WallTime reference =
      {};  ///< drift is against [reference, numbers.from); the same as `from` when there was nothing before
  std::int64_t skipped = 0;  ///< events that could not be read
};

/// How a row is to be read: what is well, what somebody must look at.
enum class Tone : std::uint8_t { Plain, Good, Bad };

/// One table of the report, the same for terminal and page.
struct ReportTable {
  std::string title = {};
  std::vector<std::string> header = {};
  std::vector<std::vector<std::string>> rows = {};
  std::vector<double> bars = {};  ///< a share for each row, drawn behind it on a terminal; empty: none
  std::vector<Tone> tones = {};   ///< of each row; empty: plain
  std::vector<std::string> notes = {};
};

/// In the order in which somebody who must decide reads them. Tables without rows and notes are left out.
[[nodiscard]] std::vector<ReportTable> tables_of(const OperateReport& report);

enum class Colours : std::uint8_t { Off, On };
/// For a terminal: aligned, with bars; ANSI colours when On. At most 110 columns wide unless names are long.
[[nodiscard]] std::string text_of(const OperateReport& report, Colours colours);
/// One table alone.
[[nodiscard]] std::string text_of(const ReportTable& table, Colours colours);
/// A self-contained page with plots (lab/report).
[[nodiscard]] std::string html_of(const OperateReport& report);
/// Every figure; money in dollars, shares in [0, 1], intervals as [low, high]. docs/operations.md.
[[nodiscard]] boost::json::object to_json(const OperateReport& report);

/// "$1.23", "-$0.00042", "$12,345": cents, or three significant digits below a dollar, two below a thousandth of one.
[[nodiscard]] std::string dollars(double usd);
/// "$1.23 [$1.00, $1.40]".
[[nodiscard]] std::string dollars(const Money& money);
/// "61.2 % [58.1, 64.2]"; "-" of nothing.
[[nodiscard]] std::string percent_of(const Share& share);

}  // namespace suffice::lab
