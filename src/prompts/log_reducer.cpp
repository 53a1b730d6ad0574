#include "prompts/log_reducer.hpp"

#include <algorithm>
#include <deque>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/text.hpp"
#include "prompts/log_lines.hpp"

namespace suffice::prompts {

namespace {

constexpr std::size_t kLinesBehindAnError = 2;
constexpr std::size_t kSignaturesMax = 4096;
/// Room of a "[... 1,234 lines ...]" and its line end.
constexpr std::size_t kMarkChars = 32;

struct KeptLine {
  std::size_t number = 0;  ///< from 0, progress not counted: where only progress is missing, nothing is missing
  std::string text;
  [[nodiscard]] std::size_t chars() const { return count_code_points(text) + 1; }
};

std::string with_commas(std::size_t number) {
  std::string digits = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

/// The first distinct lines of a kind, each with the indented lines that follow it, until `chars_max` are full.
class FirstLines {
 public:
  explicit FirstLines(std::size_t chars_max) : chars_max_(chars_max) {}

  /// False when the same line, numbers aside, was there before.
  bool add(const KeptLine& line) {
    const std::uint64_t signature = error_signature(line.text);
    const bool is_new =
        signatures_.size() < kSignaturesMax ? signatures_.insert(signature).second : !signatures_.contains(signature);
    behind_ = is_new ? kLinesBehindAnError : 0;
    if (is_new) keep(line);
    return is_new;
  }

  /// A line of another kind.
  void pass(const KeptLine& line) {
    const bool continues = behind_ > 0 && line.text.starts_with(' ');
    behind_ = continues ? behind_ - 1 : 0;
    if (continues) keep(line);
  }

  [[nodiscard]] const std::vector<KeptLine>& lines() const { return lines_; }

 private:
  void keep(const KeptLine& line) {
    if (chars_ >= chars_max_) return;
    chars_ += line.chars();
    lines_.push_back(line);
  }

  std::size_t chars_max_;
  std::size_t chars_ = 0;
  std::size_t behind_ = 0;
  std::vector<KeptLine> lines_;
  std::unordered_set<std::uint64_t> signatures_;
};

/// Reads the log once and keeps what may be sent: the first errors with what belongs to them, and the end.
class Reader {
 public:
  explicit Reader(std::size_t chars_max) : chars_max_(chars_max), marked_(chars_max), worded_(chars_max) {}

  void read(std::string_view log) {
    while (!log.empty()) {
      const auto end = log.find('\n');
      line(log.substr(0, end));
      log.remove_prefix(end == std::string_view::npos ? log.size() : end + 1);
    }
  }

  /// The lines that the tool marks as errors; where it marks none, those whose words say so.
  [[nodiscard]] const std::vector<KeptLine>& errors() const {
    return marked_.lines().empty() ? worded_.lines() : marked_.lines();
  }

  LogReduction totals;
  std::deque<KeptLine> tail;  ///< the last lines, at most chars_max in all
  bool tail_is_all = true;    ///< nothing but progress is missing before `tail`

 private:
  void line(std::string_view raw) {
    ++totals.lines;
    KeptLine kept{.number = next_, .text = clean_log_line(raw, kLineCharsMax)};
    const LogLine kind = kind_of_log_line(kept.text);
    if (kind == LogLine::Progress) {
      ++totals.progress_lines;
      return;
    }
    ++next_;
    const bool marked_new = kind != LogLine::Error || marked_.add(kept);
    const bool worded_new = kind != LogLine::Failure || worded_.add(kept);
    if (!marked_new || !worded_new) ++totals.repeated_errors;
    if (kind != LogLine::Error) marked_.pass(kept);
    if (kind != LogLine::Failure) worded_.pass(kept);
    tail_chars_ += kept.chars();
    tail.push_back(std::move(kept));
    while (tail_chars_ > chars_max_ && tail.size() > 1) {
      tail_chars_ -= tail.front().chars();
      tail.pop_front();
      tail_is_all = false;
    }
  }

  std::size_t chars_max_;
  std::size_t next_ = 0;
  std::size_t tail_chars_ = 0;
  FirstLines marked_;
  FirstLines worded_;
};

/// Which of the kept lines are sent, in the log's order.
std::vector<const KeptLine*> chosen(const Reader& reader, std::size_t chars_max, double tail_share) {
  std::vector<const KeptLine*> lines;
  if (reader.tail_is_all) {
    for (const KeptLine& line : reader.tail) lines.push_back(&line);
    return lines;
  }
  const std::size_t room = chars_max > 2 * kMarkChars ? chars_max - 2 * kMarkChars : chars_max;
  std::size_t used = 0;
  std::size_t first_of_tail = reader.tail.size();
  const auto take_tail = [&](std::size_t limit) {
    while (first_of_tail > 0 && used + reader.tail[first_of_tail - 1].chars() <= limit)
      used += reader.tail[--first_of_tail].chars();
  };
  take_tail(static_cast<std::size_t>(static_cast<double>(room) * tail_share));
  const std::size_t tail_number =
      first_of_tail < reader.tail.size() ? reader.tail[first_of_tail].number : static_cast<std::size_t>(-1);
  for (const KeptLine& line : reader.errors()) {
    // A gap between two errors costs a mark.
    const std::size_t mark = !lines.empty() && lines.back()->number + 1 == line.number ? 0 : kMarkChars;
    if (line.number >= tail_number || used + line.chars() + mark > room) break;
    used += line.chars() + mark;
    lines.push_back(&line);
  }
  take_tail(room);
  for (std::size_t i = first_of_tail; i < reader.tail.size(); ++i) {
    const bool taken = !lines.empty() && lines.back()->number >= reader.tail[i].number;
    if (!taken) lines.push_back(&reader.tail[i]);
  }
  return lines;
}

bool fits(std::string_view log, std::size_t chars_max) {
  constexpr std::size_t bytes_of_a_character = 4;
  return log.size() / bytes_of_a_character <= chars_max && count_code_points(log) <= chars_max &&
         !first_invalid_utf8(log);
}

std::size_t lines_of(std::string_view log) {
  const bool open_end = !log.empty() && log.back() != '\n';
  return static_cast<std::size_t>(std::ranges::count(log, '\n')) + (open_end ? 1 : 0);
}

std::string joined(const std::vector<const KeptLine*>& lines) {
  std::string text;
  std::size_t next = lines.empty() ? 0 : lines.front()->number;
  for (const KeptLine* line : lines) {
    if (line->number > next) text += fmt::format("[... {} lines ...]\n", with_commas(line->number - next));
    text += line->text;
    text += '\n';
    next = line->number + 1;
  }
  if (!text.empty()) text.pop_back();
  return text;
}

}  // namespace

std::string LogReduction::dropped() const {
  std::string why = fmt::format("{} of {} lines of the log", with_commas(lines - lines_kept), with_commas(lines));
  if (progress_lines > 0 || repeated_errors > 0) {
    why +=
        fmt::format(" ({} of progress, {} repeated errors)", with_commas(progress_lines), with_commas(repeated_errors));
  }
  return why;
}

LogReduction reduce_build_log(std::string_view log, std::size_t chars_max, const LogReducerOptions& options) {
  if (fits(log, chars_max)) {
    const std::size_t lines = lines_of(log);
    return {.text = std::string(log), .lines = lines, .lines_kept = lines, .progress_lines = 0, .repeated_errors = 0};
  }
  Reader reader(chars_max);
  reader.read(log);
  const std::vector<const KeptLine*> lines = chosen(reader, chars_max, options.tail_share);
  LogReduction reduction = reader.totals;
  reduction.text = joined(lines);
  reduction.lines_kept = lines.size();
  // Marks between tail lines are not counted above, and one line may be longer than the room: the end matters most.
  if (count_code_points(reduction.text) > chars_max) reduction.text = last_code_points(reduction.text, chars_max);
  return reduction;
}

}  // namespace suffice::prompts
