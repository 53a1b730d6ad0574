// CSV of recorded outcomes: a column a model (wide), or a line a model and request (long).

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/csv.hpp"
#include "core/text.hpp"
#include "lab/evaluation/outcome_builder.hpp"

namespace suffice::lab {
namespace {

using Record = std::vector<std::string>;
using Column = std::optional<std::size_t>;

constexpr std::array<std::string_view, 16> kKeyNames = {
    "id",   "task_id", "question_id", "request_id", "uid",   "q",     "index",    "dataset",
    "task", "prompt",  "question",    "text",       "input", "split", "category", "subject"};

struct Table {
  Record header;
  std::vector<Record> records;
  std::vector<std::size_t> lines;
};

Result<Table> read_table(std::string_view content) {
  CsvReader reader(content);
  Table table;
  SUFFICE_TRY(std::optional<Record> header, reader.next());
  if (!header) return bad_outcome(1, "", "the file is empty");
  table.header = *std::move(header);
  while (true) {
    SUFFICE_TRY(std::optional<Record> record, reader.next());
    if (!record) return table;
    if (record->size() != table.header.size()) {
      return bad_outcome(reader.line(), "",
                         fmt::format("{} fields, where the header has {}", record->size(), table.header.size()));
    }
    table.records.push_back(*std::move(record));
    table.lines.push_back(reader.line());
  }
}

Column column_named(const Record& header, std::string_view name) {
  const auto found = std::ranges::find(header, name);
  if (found == header.end()) return std::nullopt;
  return static_cast<std::size_t>(found - header.begin());
}

Column first_of(const Record& header, std::span<const std::string_view> names) {
  for (const std::string_view name : names) {
    if (const Column column = column_named(header, name)) return column;
  }
  return std::nullopt;
}

/// The column that a flag names, which must be there, or the first of the usual names.
Result<Column> column_of(const Record& header, const std::string& given, std::span<const std::string_view> names) {
  if (given.empty()) return first_of(header, names);
  const Column column = column_named(header, given);
  if (column) return column;
  return bad_outcome(1, "", fmt::format("no column \"{}\"; there are {}", given, fmt::join(header, ", ")));
}

std::string cell(const Record& record, Column column) { return column ? record[*column] : std::string(); }

/// The columns of one model, or of the one model of each line.
struct Fields {
  std::size_t quality = 0;
  Column confidence;
  Column valid;
  Column gate_score;
  Column judge_score;
  Column tokens;
  Column cost;
  Column output;
};

class Reader {
 public:
  Reader(const Table& table, std::size_t record)
      : header_(table.header), record_(table.records[record]), line_(table.lines[record]) {}

  Result<std::optional<Outcome>> outcome(const Fields& fields) const {
    if (is_missing(record_[fields.quality])) return std::nullopt;
    Outcome outcome;
    SUFFICE_TRY(const std::optional<double> quality, number(fields.quality, true));
    outcome.quality = quality.value_or(0);
    SUFFICE_TRY(outcome.confidence, number(fields.confidence, true));
    SUFFICE_TRY(outcome.gate_score, number(fields.gate_score, true));
    SUFFICE_TRY(outcome.judge_score, number(fields.judge_score, false));
    SUFFICE_TRY(outcome.tokens, number(fields.tokens, false));
    SUFFICE_TRY(outcome.cost_usd, number(fields.cost, false));
    SUFFICE_TRY(const std::optional<double> valid, number(fields.valid, false));
    if (valid) outcome.valid = *valid >= 0.5;
    if (fields.output) outcome.output = record_[*fields.output];
    return outcome;
  }

 private:
  Result<std::optional<double>> number(Column column, bool share) const {
    if (!column || is_missing(record_[*column])) return std::nullopt;
    const std::optional<double> value = number_of(record_[*column]);
    if (!value) return bad_outcome(line_, header_[*column], "neither True, False nor a number");
    if (!share) return value;
    SUFFICE_TRY(const double in_range, unit_share(*value, line_, header_[*column]));
    return in_range;
  }

  const Record& header_;
  const Record& record_;
  std::size_t line_;
};

struct RowColumns {
  Column id;
  Column text;
  Column task;
};

Result<RowColumns> row_columns(const Record& header, const OutcomeColumns& columns) {
  RowColumns found;
  SUFFICE_TRY(found.id, column_of(header, columns.id, kIdNames));
  SUFFICE_TRY(found.text, column_of(header, columns.text, kTextNames));
  SUFFICE_TRY(found.task, column_of(header, columns.task, kTaskNames));
  return found;
}

Column suffixed(const Record& header, const std::string& model, std::span<const std::string_view> names) {
  for (const std::string_view name : names) {
    for (const char joint : {'.', '_', ':'}) {
      if (const Column column = column_named(header, fmt::format("{}{}{}", model, joint, name))) return column;
    }
  }
  return std::nullopt;
}

Fields fields_of_model(const Record& header, std::size_t column) {
  constexpr std::array<std::string_view, 1> gate_score = {"gate_score"};
  constexpr std::array<std::string_view, 1> judge_score = {"judge_score"};
  const std::string& model = header[column];
  return {.quality = column,
          .confidence = suffixed(header, model, kConfidenceNames),
          .valid = suffixed(header, model, kValidNames),
          .gate_score = suffixed(header, model, gate_score),
          .judge_score = suffixed(header, model, judge_score),
          .tokens = suffixed(header, model, kTokensNames),
          .cost = suffixed(header, model, kCostNames),
          .output = suffixed(header, model, kOutputNames)};
}

/// Every cell says how good an answer was, at least one does.
bool holds_qualities(const Table& table, std::size_t column) {
  bool some = false;
  for (const Record& record : table.records) {
    if (is_missing(record[column])) continue;
    const std::optional<double> value = number_of(record[column]);
    if (!value || *value < 0 || *value > 1) return false;
    some = true;
  }
  return some;
}

Result<std::vector<std::size_t>> model_columns(const Table& table, const RowColumns& row,
                                               const OutcomeColumns& columns) {
  std::vector<std::size_t> found;
  for (const std::string& model : columns.models) {
    SUFFICE_TRY(const Column column, column_of(table.header, model, {}));
    found.push_back(*column);
  }
  if (!found.empty()) return found;
  std::vector<Column> taken = {row.id, row.text, row.task};
  for (std::size_t i = 0; i < table.header.size(); ++i) {
    const Fields fields = fields_of_model(table.header, i);
    taken.insert(taken.end(), {fields.confidence, fields.valid, fields.gate_score, fields.judge_score, fields.tokens,
                               fields.cost, fields.output});
  }
  for (std::size_t i = 0; i < table.header.size(); ++i) {
    const std::string_view name = trim(table.header[i]);
    const bool is_index = name.empty() || name == "index" || name == "Unnamed: 0";
    if (is_index || std::ranges::find(taken, Column(i)) != taken.end()) continue;
    if (holds_qualities(table, i)) found.push_back(i);
  }
  if (found.empty()) {
    return bad_outcome(
        1, "",
        fmt::format("no column of True, False or scores in [0, 1], and no column \"model\"; there are {}",
                    fmt::join(table.header, ", ")));
  }
  return found;
}

Result<OutcomeSet> read_wide(const Table& table, const RowColumns& row, const OutcomeColumns& columns) {
  SUFFICE_TRY(const std::vector<std::size_t> models, model_columns(table, row, columns));
  OutcomeBuilder builder(OutcomeShape::Wide, columns);
  for (std::size_t i = 0; i < table.records.size(); ++i) {
    const Record& record = table.records[i];
    const std::size_t place = builder.add_row(cell(record, row.id), cell(record, row.text), cell(record, row.task));
    for (const std::size_t column : models) {
      SUFFICE_TRY(std::optional<Outcome> outcome, Reader(table, i).outcome(fields_of_model(table.header, column)));
      if (outcome) SUFFICE_TRY_VOID(builder.put(place, table.header[column], *std::move(outcome), table.lines[i]));
    }
  }
  return builder.finish();
}

/// Columns that a request is known by. `all`: every column that holds no value.
std::vector<std::size_t> key_columns(const Record& header, const std::vector<Column>& values, bool all) {
  std::vector<std::size_t> keys;
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (trim(header[i]).empty() || std::ranges::find(values, Column(i)) != values.end()) continue;
    if (all || std::ranges::find(kKeyNames, header[i]) != kKeyNames.end()) keys.push_back(i);
  }
  return keys;
}

Result<OutcomeSet> read_long(const Table& table, RowColumns row, std::size_t model, std::size_t quality,
                             const OutcomeColumns& columns, bool all_are_keys) {
  const Record& header = table.header;
  const Fields fields = {.quality = quality,
                         .confidence = first_of(header, kConfidenceNames),
                         .valid = first_of(header, kValidNames),
                         .gate_score = column_named(header, "gate_score"),
                         .judge_score = column_named(header, "judge_score"),
                         .tokens = first_of(header, kTokensNames),
                         .cost = first_of(header, kCostNames),
                         .output = first_of(header, kOutputNames)};
  const std::vector<Column> values = {model,         quality,           fields.confidence,
                                      fields.valid,  fields.gate_score, fields.judge_score,
                                      fields.tokens, fields.cost,       fields.output};
  // Where one column is the request's number, "prompt" names a variant of the prompt, not the request's text.
  if (columns.text.empty() && row.text && header[*row.text] == "prompt" && column_named(header, "q")) row.text.reset();
  const std::vector<std::size_t> keys = key_columns(header, values, all_are_keys);
  OutcomeBuilder builder(OutcomeShape::Long, columns);
  for (std::size_t i = 0; i < table.records.size(); ++i) {
    const Record& record = table.records[i];
    if (!builder.wanted(record[model])) continue;
    std::string key;
    for (const std::size_t column : keys) key += (key.empty() ? "" : "/") + record[column];
    const std::size_t place =
        builder.row_of_key(key, row.id ? record[*row.id] : key, cell(record, row.text), cell(record, row.task));
    SUFFICE_TRY(std::optional<Outcome> outcome, Reader(table, i).outcome(fields));
    if (outcome) SUFFICE_TRY_VOID(builder.put(place, record[model], *std::move(outcome), table.lines[i]));
  }
  return builder.finish();
}

}  // namespace

Result<OutcomeSet> read_outcome_csv(std::string_view content, const OutcomeColumns& columns) {
  SUFFICE_TRY(const Table table, read_table(content));
  if (table.records.empty()) return bad_outcome(1, "", "a header and no rows");
  SUFFICE_TRY(const RowColumns row, row_columns(table.header, columns));
  const Column model = column_named(table.header, "model");
  const Column quality = first_of(table.header, kQualityNames);
  if (model && quality) {
    // First by the columns known to name a request; a variant in a column of another name then shows as a second outcome of one model.
    Result<OutcomeSet> set = read_long(table, row, *model, *quality, columns, false);
    return set ? std::move(set) : read_long(table, row, *model, *quality, columns, true);
  }
  return read_wide(table, row, columns);
}

}  // namespace suffice::lab
