#include "learned/signal_rows.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/csv.hpp"
#include "core/text.hpp"
#include "learned/split.hpp"
#include "wire/json.hpp"

namespace suffice::learned {
namespace {

using Cells = std::vector<std::string>;

std::unexpected<Error> bad_row(std::size_t line, std::string what) {
  return fail(ErrorCode::MalformedRequest, std::move(what), fmt::format("line {}", line));
}

/// The query with its conditions and its columns taken apart; `columns` are all that a row must have.
struct Plan {
  Cells columns;  ///< signals first, then those of `correct`, of conditions, of the key
  std::size_t signals = 0;
  std::size_t correct = 0;
  std::optional<std::size_t> equals;                       ///< right where this column says what `correct` says
  std::map<std::size_t, std::set<std::string>> where;      ///< by column: one of these
  std::map<std::size_t, std::set<std::string>> where_not;  ///< by column: none of these
  std::optional<std::size_t> key;
};

Result<Plan> plan_of(const RowQuery& query) {
  Plan plan;
  plan.columns = query.signals;
  plan.signals = query.signals.size();
  const auto add = [&](std::string_view column) {
    plan.columns.emplace_back(column);
    return plan.columns.size() - 1;
  };
  const std::string_view correct = query.correct;
  const std::size_t equals = correct.find("==");
  plan.correct = add(correct.substr(0, equals));
  if (equals != std::string_view::npos) plan.equals = add(correct.substr(equals + 2));
  std::map<std::string, std::size_t> conditions;
  for (const std::string& condition : query.where) {
    const std::size_t sign = condition.find('=');
    if (sign == std::string::npos || sign == 0)
      return fail(ErrorCode::InvalidArgument, "write column=value or column!=value", "--where " + condition);
    const bool negated = condition[sign - 1] == '!';
    const std::string column = condition.substr(0, negated ? sign - 1 : sign);
    const auto [known, is_new] = conditions.emplace(column, 0);
    if (is_new) known->second = add(column);
    (negated ? plan.where_not : plan.where)[known->second].insert(condition.substr(sign + 1));
  }
  if (!query.key.empty()) plan.key = add(query.key);
  return plan;
}

Result<double> signal_in(const std::string& cell, const std::string& column, std::size_t line) {
  const std::string_view text = trim(cell);
  if (text.empty()) return std::numeric_limits<double>::quiet_NaN();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    return bad_row(line, fmt::format("\"{}\" is no number", column));
  return value;
}

Result<bool> yes_in(const std::string& cell, const std::string& column, std::size_t line) {
  const std::string word = fold_case(trim(cell));
  if (word == "1" || word == "true" || word == "1.0") return true;
  if (word == "0" || word == "false" || word == "0.0") return false;
  return bad_row(line, fmt::format("\"{}\" is neither 0 nor 1", column));
}

/// One row's cells in the order of the plan's columns; `whole` is what the row is placed by without a key.
Result<std::optional<PlacedRow>> read_row(const Plan& plan, const Cells& cells, std::string_view whole,
                                          std::uint64_t seed, std::size_t line) {
  for (const auto& [column, wanted] : plan.where) {
    if (!wanted.contains(cells[column])) return std::nullopt;
  }
  for (const auto& [column, unwanted] : plan.where_not) {
    if (unwanted.contains(cells[column])) return std::nullopt;
  }
  PlacedRow made;
  for (std::size_t i = 0; i < plan.signals; ++i) {
    SUFFICE_TRY(const double value, signal_in(cells[i], plan.columns[i], line));
    made.row.signals.push_back(value);
  }
  if (plan.equals) {
    made.row.correct = cells[plan.correct] == cells[*plan.equals];
  } else {
    SUFFICE_TRY(made.row.correct, yes_in(cells[plan.correct], plan.columns[plan.correct], line));
  }
  made.place = place_of(plan.key ? std::string_view(cells[*plan.key]) : whole, seed);
  return made;
}

Result<std::vector<PlacedRow>> read_csv(std::string_view content, const Plan& plan, std::uint64_t seed) {
  CsvReader reader(content);
  SUFFICE_TRY(const std::optional<Cells> header, reader.next());
  if (!header) return bad_row(1, "the file is empty");
  std::vector<std::size_t> places;
  for (const std::string& column : plan.columns) {
    const auto found = std::ranges::find(*header, column);
    if (found == header->end())
      return bad_row(1, fmt::format("no column \"{}\"; there are {}", column, fmt::join(*header, ", ")));
    places.push_back(static_cast<std::size_t>(found - header->begin()));
  }
  std::vector<PlacedRow> rows;
  while (true) {
    SUFFICE_TRY(const std::optional<Cells> record, reader.next());
    if (!record) return rows;
    if (record->size() != header->size()) {
      return bad_row(reader.line(), fmt::format("{} fields, where the header has {}", record->size(), header->size()));
    }
    Cells cells;
    for (const std::size_t place : places) cells.push_back((*record)[place]);
    SUFFICE_TRY(std::optional<PlacedRow> row,
                read_row(plan, cells, fmt::format("{}", fmt::join(*record, "\x1f")), seed, reader.line()));
    if (row) rows.push_back(*std::move(row));
  }
}

/// Numbers and truth values as CSV would have them; null is an empty cell.
std::string cell_of(const boost::json::value& value) {
  if (const boost::json::string* text = value.if_string()) return std::string(*text);
  return value.is_null() ? std::string() : boost::json::serialize(value);
}

Result<std::vector<PlacedRow>> read_json_lines(std::string_view content, const Plan& plan, std::uint64_t seed) {
  std::vector<PlacedRow> rows;
  for (std::size_t line = 1; !content.empty(); ++line) {
    const std::size_t end = std::min(content.find('\n'), content.size());
    const std::string_view whole = trim(content.substr(0, end));
    content.remove_prefix(std::min(end + 1, content.size()));
    if (whole.empty()) continue;
    const Result<boost::json::value> parsed = wire::parse_json(whole);
    if (!parsed || !parsed->is_object()) return bad_row(line, "not a JSON object");
    const boost::json::object& object = parsed->as_object();
    Cells cells;
    for (std::size_t i = 0; i < plan.columns.size(); ++i) {
      const boost::json::value* value = object.if_contains(plan.columns[i]);
      if (value == nullptr && i >= plan.signals) {
        std::vector<std::string_view> names;
        for (const auto& entry : object) names.emplace_back(entry.key());
        return bad_row(line, fmt::format("no \"{}\"; there are {}", plan.columns[i], fmt::join(names, ", ")));
      }
      cells.push_back(value != nullptr ? cell_of(*value) : std::string());
    }
    SUFFICE_TRY(std::optional<PlacedRow> row, read_row(plan, cells, whole, seed, line));
    if (row) rows.push_back(*std::move(row));
  }
  return rows;
}

}  // namespace

Result<std::vector<PlacedRow>> read_signal_rows(std::string_view content, const RowQuery& query) {
  SUFFICE_TRY(const Plan plan, plan_of(query));
  const bool json = trim(content).starts_with('{');
  Result<std::vector<PlacedRow>> rows =
      json ? read_json_lines(content, plan, query.seed) : read_csv(content, plan, query.seed);
  if (rows && rows->empty()) {
    return fail(ErrorCode::MalformedRequest,
                query.where.empty() ? "no rows" : fmt::format("no row fits {}", fmt::join(query.where, " ")));
  }
  return rows;
}

SplitRows split_rows(std::vector<PlacedRow> rows, double share) {
  SplitRows split;
  for (PlacedRow& placed : rows)
    (placed.place < share ? split.fitted : split.held_out).push_back(std::move(placed.row));
  return split;
}

}  // namespace suffice::learned
