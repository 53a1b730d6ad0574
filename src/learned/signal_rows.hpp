#pragma once
// Labelled outcomes as people keep them: tables with columns of signals and one that says whether the answer was right.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "learned/calibrator.hpp"

namespace suffice::learned {

/// Which columns (members) of which rows are read.
struct RowQuery {
  std::vector<std::string> signals;  ///< columns with numbers; empty cells are missing signals
  std::string correct =
      "correct";  ///< column with 0 and 1, true and false; or "A==B": right where two columns say the same
  std::vector<std::string> where = {};  ///< "column=value" or "column!=value"; see read_signal_rows
  std::string key = {};                 ///< column whose hash places a row, such as the text; empty: all of the row
  std::uint64_t seed = 1;               ///< of the places
};

struct PlacedRow {
  SignalRow row;
  double place = 0;  ///< learned/split.hpp
};

/// Rows of CSV with a header line, or of JSON Lines (content that begins with "{"). Conditions: of "=" on one column any must hold, of
/// several columns all; of "!=" all must hold. MalformedRequest with the line in `where`: a column
/// that is not there, a cell that is no number or no yes or no, a condition without "=", no row that fits.
[[nodiscard]] Result<std::vector<PlacedRow>> read_signal_rows(std::string_view content, const RowQuery& query);

/// Rows whose place is below `share`, and the others.
struct SplitRows {
  std::vector<SignalRow> fitted;
  std::vector<SignalRow> held_out;
};
[[nodiscard]] SplitRows split_rows(std::vector<PlacedRow> rows, double share);

}  // namespace suffice::learned
