// The report on a terminal.

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "audit/event_json.hpp"
#include "core/text.hpp"
#include "lab/operate/operate_report.hpp"

namespace suffice::lab {
namespace {

constexpr double kBarWidth = 30;
constexpr std::size_t kNoteWidth = 100;

std::string painted(std::string_view text, std::string_view ansi, Colours colours) {
  if (colours == Colours::Off || ansi.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", ansi, text);
}

std::string_view ansi_of(Tone tone) {
  if (tone == Tone::Good) return "32";
  return tone == Tone::Bad ? "31" : "";
}

/// In eighths of a character.
std::string bar_of(double share) {
  static constexpr std::array<std::string_view, 8> kParts = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const auto eighths = static_cast<std::size_t>(std::llround(std::clamp(share, 0.0, 1.0) * kBarWidth * 8));
  std::string bar;
  for (std::size_t i = 0; i < eighths / 8; ++i) bar += "█";
  bar += kParts.at(eighths % 8);
  return bar.empty() && share > 0 ? "▏" : bar;
}

std::vector<std::size_t> widths_of(const ReportTable& table) {
  std::vector<std::size_t> widths;
  const auto widen = [&](const std::vector<std::string>& row) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], count_code_points(row[i]));
  };
  widen(table.header);
  for (const auto& row : table.rows) widen(row);
  return widths;
}

/// The first cell to the left, the others to the right.
std::string line_of(const std::vector<std::string>& row, const std::vector<std::size_t>& widths) {
  std::string line = "  ";
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::string room(widths[i] - count_code_points(row[i]), ' ');
    line += i == 0 ? row[i] + room : "  " + room + row[i];
  }
  return line;
}

/// Broken between words, each line set in.
std::string wrapped(std::string_view note) {
  std::string text;
  std::string line = "  ";
  while (!note.empty()) {
    const std::size_t end = std::min(note.find(' '), note.size());
    const std::string_view word = note.substr(0, end);
    if (line.size() > 2 && count_code_points(line) + 1 + count_code_points(word) > kNoteWidth) {
      text += line + "\n";
      line = "  ";
    }
    if (line.size() > 2) line += ' ';
    line += word;
    note.remove_prefix(std::min(note.size(), end + 1));
  }
  return text + line + "\n";
}

std::string minute_of(WallTime time) { return audit::rfc3339_ms(time).replace(10, 1, " ").substr(0, 16); }

}  // namespace

std::string text_of(const ReportTable& table, Colours colours) {
  std::string text = painted(table.title, "1", colours) + "\n";
  const std::vector<std::size_t> widths = widths_of(table);
  if (!table.rows.empty() && std::ranges::any_of(table.header, [](const std::string& cell) { return !cell.empty(); }))
    text += painted(line_of(table.header, widths), "2", colours) + "\n";
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const std::string_view ansi = i < table.tones.size() ? ansi_of(table.tones[i]) : "";
    text += painted(line_of(table.rows[i], widths), ansi, colours);
    if (i < table.bars.size()) text += "  " + painted(bar_of(table.bars[i]), ansi.empty() ? "34" : ansi, colours);
    text += "\n";
  }
  for (const std::string& note : table.notes) text += wrapped(note);
  return text + "\n";
}

std::string text_of(const OperateReport& report, Colours colours) {
  const Numbers& numbers = report.numbers;
  std::string text = painted(fmt::format("Suffice, {} to {} UTC, {} requests", minute_of(numbers.from),
                                         minute_of(numbers.to), numbers.total.requests),
                             "1", colours);
  text += "\n" + report.record + "\n\n";
  for (const ReportTable& table : tables_of(report)) text += text_of(table, colours);
  return text;
}

}  // namespace suffice::lab
