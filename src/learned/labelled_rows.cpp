#include "learned/labelled_rows.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/csv.hpp"
#include "core/text.hpp"
#include "wire/json.hpp"

namespace suffice::learned {
namespace {

std::unexpected<Error> bad_row(std::size_t line, std::string what) {
  return fail(ErrorCode::MalformedRequest, std::move(what), fmt::format("line {}", line));
}

Result<std::size_t> column(const std::vector<std::string>& header, std::string_view name) {
  const auto found = std::ranges::find(header, name);
  if (found == header.end()) {
    return bad_row(1, fmt::format("no column \"{}\"; there are {}", name, fmt::join(header, ", ")));
  }
  return static_cast<std::size_t>(found - header.begin());
}

Result<std::vector<LabelledText>> read_csv(std::string_view content, std::string_view text, std::string_view label) {
  CsvReader reader(content);
  SUFFICE_TRY(const std::optional<std::vector<std::string>> header, reader.next());
  if (!header) return bad_row(1, "the file is empty");
  SUFFICE_TRY(const std::size_t text_column, column(*header, text));
  SUFFICE_TRY(const std::size_t label_column, column(*header, label));
  std::vector<LabelledText> rows;
  while (true) {
    SUFFICE_TRY(std::optional<std::vector<std::string>> record, reader.next());
    if (!record) return rows;
    if (record->size() != header->size()) {
      return bad_row(reader.line(), fmt::format("{} fields, where the header has {}", record->size(), header->size()));
    }
    rows.push_back({.text = std::move((*record)[text_column]), .label = (*record)[label_column]});
  }
}

Result<std::string> member(const boost::json::object& row, std::string_view name, std::size_t line) {
  const boost::json::value* value = row.if_contains(name);
  if (value != nullptr && value->is_string()) return std::string(value->as_string());
  std::vector<std::string_view> names;
  for (const auto& entry : row) names.emplace_back(entry.key());
  return bad_row(line, fmt::format("no text \"{}\"; there are {}", name, fmt::join(names, ", ")));
}

Result<std::vector<LabelledText>> read_json_lines(std::string_view content, std::string_view text,
                                                  std::string_view label) {
  std::vector<LabelledText> rows;
  for (std::size_t line = 1; !content.empty(); ++line) {
    const std::size_t end = std::min(content.find('\n'), content.size());
    const std::string_view row = trim(content.substr(0, end));
    content.remove_prefix(std::min(end + 1, content.size()));
    if (row.empty()) continue;
    const Result<boost::json::value> parsed = wire::parse_json(row);
    if (!parsed || !parsed->is_object()) return bad_row(line, "not a JSON object");
    SUFFICE_TRY(std::string words, member(parsed->as_object(), text, line));
    SUFFICE_TRY(std::string wanted, member(parsed->as_object(), label, line));
    rows.push_back({.text = std::move(words), .label = std::move(wanted)});
  }
  return rows;
}

}  // namespace

Result<std::vector<LabelledText>> read_labelled_rows(std::string_view content, RowFormat format, std::string_view text,
                                                     std::string_view label) {
  return format == RowFormat::Csv ? read_csv(content, text, label) : read_json_lines(content, text, label);
}

}  // namespace suffice::learned
