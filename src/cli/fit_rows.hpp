#pragma once
// How `suffice fit calibrator` and `suffice fit threshold` are told which rows of which file to read.

#include <cstdint>
#include <string>
#include <vector>

#include "cli/fit_commands.hpp"
#include "learned/signal_rows.hpp"

namespace suffice::cli {

struct RowFlags {
  std::string data;
  std::vector<std::string> signals;  ///< NAME or NAME=COLUMN; none: confidence
  std::string correct = "correct";
  std::vector<std::string> where;
  std::string key;
  std::uint64_t seed = 1;
  double share = 0.5;

  /// Names of the signals, as the gate records them.
  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] learned::RowQuery query() const;
};

void add_row_options(CLI::App& command, RowFlags& flags);

struct DataRows {
  std::vector<learned::PlacedRow> rows;
  std::string sha256;  ///< of the file as it lies on disk, packed or not
};

/// Reads the file, which may be gzip; the Error's `where` has its name.
[[nodiscard]] Result<DataRows> read_data_rows(const std::string& file, const learned::RowQuery& query);

}  // namespace suffice::cli
