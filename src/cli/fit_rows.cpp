#include "cli/fit_rows.hpp"

#include <utility>

#include <CLI/CLI.hpp>

#include "core/hash.hpp"
#include "lab/evaluation/outcomes.hpp"

namespace suffice::cli {

std::vector<std::string> RowFlags::names() const {
  std::vector<std::string> all;
  for (const std::string& signal : signals) all.push_back(signal.substr(0, signal.find('=')));
  if (all.empty()) all.emplace_back("confidence");
  return all;
}

learned::RowQuery RowFlags::query() const {
  learned::RowQuery query{.signals = {}, .correct = correct, .where = where, .key = key, .seed = seed};
  for (const std::string& signal : signals) {
    const std::size_t sign = signal.find('=');
    query.signals.push_back(sign == std::string::npos ? signal : signal.substr(sign + 1));
  }
  if (query.signals.empty()) query.signals.emplace_back("confidence");
  return query;
}

void add_row_options(CLI::App& command, RowFlags& flags) {
  command.add_option("--data", flags.data, "Labelled outcomes: CSV with a header line or JSON Lines, also as gzip")
      ->required();
  command.add_option(
      "--signal", flags.signals,
      "Signal as the gate names it, or NAME=COLUMN where the file names it otherwise (default: confidence)");
  command.add_option("--correct", flags.correct, "Column with 0 or 1; A==B: right where two columns say the same")
      ->capture_default_str();
  command.add_option("--where", flags.where, "Only rows with COLUMN=VALUE or COLUMN!=VALUE; may be repeated");
  command.add_option("--key", flags.key,
                     "Column that puts a row on its side, such as the text (default: all of the row)");
  command.add_option("--seed", flags.seed, "Of the sides")->capture_default_str();
  command
      .add_option("--share", flags.share,
                  "Of the rows, by hash, that are fitted on; the others are measured or certified")
      ->check(CLI::Range(0.0, 0.95))
      ->capture_default_str();
}

Result<DataRows> read_data_rows(const std::string& file, const learned::RowQuery& query) {
  const auto placed = [&](Error error) {
    error.where = file + (error.where.empty() ? "" : ": " + error.where);
    return fail(std::move(error));
  };
  SUFFICE_TRY(const std::string bytes, read_input(file));
  Result<std::string> content = lab::unpacked(bytes);
  if (!content) return placed(std::move(content).error());
  Result<std::vector<learned::PlacedRow>> rows = learned::read_signal_rows(*content, query);
  if (!rows) return placed(std::move(rows).error());
  return DataRows{.rows = *std::move(rows), .sha256 = sha256_hex(bytes)};
}

}  // namespace suffice::cli
