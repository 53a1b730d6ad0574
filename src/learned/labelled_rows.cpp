#include "learned/labelled_rows.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/text.hpp"
#include "wire/json.hpp"

namespace suffice::learned {
namespace {

std::unexpected<Error> bad_row(std::size_t line, std::string what) {
  return fail(ErrorCode::MalformedRequest, std::move(what), fmt::format("line {}", line));
}

/// Cuts CSV into records.
class CsvReader {
 public:
  explicit CsvReader(std::string_view content) : rest_(content) {
    if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);
  }

  /// Line of the record that next() gave last, from 1.
  [[nodiscard]] std::size_t line() const { return line_; }

  /// The next record's fields; nothing at the end.
  Result<std::optional<std::vector<std::string>>> next() {
    while (!rest_.empty() && (rest_.front() == '\n' || rest_.front() == '\r')) skip_line_end();
    if (rest_.empty()) return std::nullopt;
    line_ = next_line_;
    std::vector<std::string> fields;
    while (true) {
      SUFFICE_TRY(std::string field, take_field());
      fields.push_back(std::move(field));
      if (rest_.empty()) break;
      if (rest_.front() != ',') {
        skip_line_end();
        break;
      }
      rest_.remove_prefix(1);
    }
    return fields;
  }

 private:
  Result<std::string> take_field() {
    if (rest_.empty() || rest_.front() != '"') {
      const std::size_t end = std::min(rest_.find_first_of(",\r\n"), rest_.size());
      std::string field(rest_.substr(0, end));
      rest_.remove_prefix(end);
      return field;
    }
    std::string field;
    rest_.remove_prefix(1);
    while (true) {
      const std::size_t quote = rest_.find('"');
      if (quote == std::string_view::npos) return bad_row(line_, "a quote is opened and never closed");
      const std::string_view part = rest_.substr(0, quote);
      next_line_ += static_cast<std::size_t>(std::ranges::count(part, '\n'));
      field += part;
      rest_.remove_prefix(quote + 1);
      if (!rest_.starts_with('"')) break;
      field += '"';
      rest_.remove_prefix(1);
    }
    if (!rest_.empty() && rest_.find_first_of(",\r\n") != 0) {
      return bad_row(next_line_, "text stands behind a closing quote; double the quotes within a field");
    }
    return field;
  }

  void skip_line_end() {
    if (rest_.starts_with("\r\n")) {
      rest_.remove_prefix(2);
    } else {
      rest_.remove_prefix(1);
    }
    ++next_line_;
  }

  std::string_view rest_;
  std::size_t line_ = 0;
  std::size_t next_line_ = 1;
};

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
