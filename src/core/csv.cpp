#include "core/csv.hpp"

#include <algorithm>
#include <utility>

namespace suffice {
namespace {

std::unexpected<Error> bad_line(std::size_t line, std::string what) {
  return fail(ErrorCode::MalformedRequest, std::move(what), "line " + std::to_string(line));
}

}  // namespace

CsvReader::CsvReader(std::string_view content) : rest_(content) {
  if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);
}

Result<std::optional<std::vector<std::string>>> CsvReader::next() {
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

Result<std::string> CsvReader::take_field() {
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
    if (quote == std::string_view::npos) return bad_line(line_, "a quote is opened and never closed");
    const std::string_view part = rest_.substr(0, quote);
    next_line_ += static_cast<std::size_t>(std::ranges::count(part, '\n'));
    field += part;
    rest_.remove_prefix(quote + 1);
    if (!rest_.starts_with('"')) break;
    field += '"';
    rest_.remove_prefix(1);
  }
  if (!rest_.empty() && rest_.find_first_of(",\r\n") != 0) {
    return bad_line(next_line_, "text stands behind a closing quote; double the quotes within a field");
  }
  return field;
}

void CsvReader::skip_line_end() {
  rest_.remove_prefix(rest_.starts_with("\r\n") ? 2 : 1);
  ++next_line_;
}

}  // namespace suffice
