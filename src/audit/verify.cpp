#include "audit/verify.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <system_error>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "audit/chain.hpp"

namespace suffice::audit {
namespace {

using Kind = ChainProblem::Kind;

/// Follows the chain event by event until something is wrong.
class ChainCheck {
 public:
  explicit ChainCheck(const VerifyOptions& options) : expected_(options.expected_hash) {}

  /// False once there is a problem.
  bool add(const StoredEvent& event, std::int64_t position) {
    if (auto wrong = look_at(event)) {
      report(wrong->kind, position, event.sequence, std::move(wrong->message));
      return false;
    }
    if (report_.events == 0) report_.first_sequence = event.sequence;
    ++report_.events;
    sequence_ = event.sequence;
    report_.last_hash = event.hash;
    expected_seen_ = expected_seen_ || event.hash == expected_;
    return true;
  }

  /// The record begins behind an event that was pruned.
  void begin_behind(const PrunedEnd& end) {
    sequence_ = end.sequence;
    start_hash_ = end.hash;
    report_.pruned = end.sequence;
  }

  void report(Kind kind, std::int64_t position, std::int64_t sequence, std::string message) {
    report_.problem =
        ChainProblem{.kind = kind, .position = position, .sequence = sequence, .message = std::move(message)};
  }

  /// A filtered export: links across gaps cannot be checked.
  void allow_gaps() {
    gaps_allowed_ = true;
    report_.complete = false;
  }

  VerifyReport finish(std::int64_t position) {
    if (report_.ok() && !expected_.empty() && !expected_seen_) {
      report(Kind::Truncated, position, sequence_,
             "no event has the expected hash: the record was cut off or replaced");
    }
    return std::move(report_);
  }

  [[nodiscard]] const VerifyReport& so_far() const { return report_; }
  [[nodiscard]] std::string_view last_hash() const {
    return report_.events == 0 ? std::string_view(start_hash_) : std::string_view(report_.last_hash);
  }

 private:
  struct Wrong {
    Kind kind;
    std::string message;
  };

  std::optional<Wrong> look_at(const StoredEvent& event) const {
    const bool first = report_.events == 0;
    if (!hash_matches(event))
      return Wrong{Kind::Altered, fmt::format("event {} was altered: its text does not give its hash", event.sequence)};
    if (event.sequence <= sequence_) {
      return Wrong{Kind::Reordered, fmt::format("event {} stands after event {}", event.sequence, sequence_)};
    }
    const std::int64_t expected = sequence_ + 1;
    if (event.sequence != expected && !gaps_allowed_) {
      return Wrong{Kind::Gap, fmt::format("events {} to {} are missing", expected, event.sequence - 1)};
    }
    const std::string_view previous = first ? std::string_view(start_hash_) : std::string_view(report_.last_hash);
    if (event.sequence == expected && event.previous_hash != previous) {
      return Wrong{Kind::BrokenLink,
                   fmt::format("event {} does not follow the one before it: one of them was replaced", event.sequence)};
    }
    return std::nullopt;
  }

  std::string expected_;
  bool expected_seen_ = false;
  bool gaps_allowed_ = false;
  std::int64_t sequence_ = 0;
  std::string start_hash_{kFirstPreviousHash};
  VerifyReport report_;
};

std::string_view text_of(const boost::json::object& fields, boost::json::string_view key) {
  const boost::json::value* value = fields.if_contains(key);
  const boost::json::string* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string_view() : std::string_view(text->data(), text->size());
}

/// The column that differs from the event's own text; empty when none does; "json" when it is no JSON object.
std::string_view differing_column(const StoredEvent& event) {
  boost::system::error_code error;
  const boost::json::value parsed = boost::json::parse(event.json, error);
  const boost::json::object* fields = error ? nullptr : parsed.if_object();
  if (fields == nullptr) return "json";
  const std::array<std::pair<const char*, const std::string*>, 6> columns = {{{"id", &event.id},
                                                                              {"time", &event.time},
                                                                              {"kind", &event.kind},
                                                                              {"task", &event.task},
                                                                              {"route", &event.route},
                                                                              {"request_id", &event.request_id}}};
  for (const auto& [key, column] : columns) {
    if (text_of(*fields, key) != *column) return key;
  }
  const boost::json::value* reasons = fields->if_contains("reasons");
  const boost::json::array* all = reasons == nullptr ? nullptr : reasons->if_array();
  const boost::json::string* primary = all == nullptr || all->empty() ? nullptr : all->front().if_string();
  const std::string_view reason =
      primary == nullptr ? std::string_view() : std::string_view(primary->data(), primary->size());
  return reason == event.reason ? std::string_view() : "reason";
}

/// Takes `text` from the front of `line`.
bool take(std::string_view& line, std::string_view text) {
  if (!line.starts_with(text)) return false;
  line.remove_prefix(text.size());
  return true;
}

bool take_hash(std::string_view& line, std::string& hash) {
  constexpr std::size_t kHexDigits = 64;
  if (line.size() < kHexDigits) return false;
  hash = line.substr(0, kHexDigits);
  line.remove_prefix(kHexDigits);
  return hash.find_first_not_of("0123456789abcdef") == std::string::npos;
}

bool take_number(std::string_view& line, std::int64_t& number) {
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
  if (error != std::errc() || number < 0) return false;
  line.remove_prefix(static_cast<std::size_t>(end - line.data()));
  return true;
}

/// Reads export_line()'s form exactly: the event is cut out byte for byte, because its bytes are what was hashed.
std::optional<StoredEvent> event_of_line(std::string_view line) {
  StoredEvent event;
  const bool headed = take(line, R"({"sequence":)") && take_number(line, event.sequence) &&
                      take(line, R"(,"hash":")") && take_hash(line, event.hash) &&
                      take(line, R"(","previous_hash":")") && take_hash(line, event.previous_hash) &&
                      take(line, R"(","event":)") && line.size() > 2 && line.ends_with('}');
  if (!headed) return std::nullopt;
  event.json = line.substr(0, line.size() - 1);
  boost::system::error_code error;
  const boost::json::value parsed = boost::json::parse(event.json, error);
  if (error || !parsed.is_object()) return std::nullopt;
  return event;
}

constexpr std::string_view kCompleteHead = R"({"export":{"format":1,"complete":true}})";
constexpr std::string_view kFilteredHead = R"({"export":{"format":1,"complete":false}})";

/// The first line of an export.
struct HeadLine {
  bool complete = false;
  std::optional<PrunedEnd> pruned;
};

std::optional<HeadLine> head_of_line(std::string_view line) {
  if (line == kFilteredHead) return HeadLine{.complete = false, .pruned = std::nullopt};
  if (line == kCompleteHead) return HeadLine{.complete = true, .pruned = std::nullopt};
  PrunedEnd end;
  const bool headed = take(line, R"({"export":{"format":1,"complete":true,"pruned":{"sequence":)") &&
                      take_number(line, end.sequence) && take(line, R"(,"hash":")") && take_hash(line, end.hash) &&
                      line == R"("}}})";
  if (!headed) return std::nullopt;
  return HeadLine{.complete = true, .pruned = std::move(end)};
}

struct EndLine {
  std::int64_t events = 0;
  std::string last_hash;
};

std::optional<EndLine> end_of_line(std::string_view line) {
  EndLine end;
  if (!take(line, R"({"end":{"events":)") || !take_number(line, end.events) || !take(line, R"(,"last_hash":")"))
    return std::nullopt;
  if (!take_hash(line, end.last_hash) || line != R"("}})") return std::nullopt;
  return end;
}

/// What the last line says against what was read.
void check_end(ChainCheck& check, const EndLine& end, std::int64_t position) {
  const VerifyReport& seen = check.so_far();
  if (end.events != seen.events || end.last_hash != check.last_hash()) {
    check.report(Kind::Truncated, position, 0,
                 fmt::format("the last line speaks of {} events, {} are here: some were cut out or put in", end.events,
                             seen.events));
  }
}

}  // namespace

std::string_view name(ChainProblem::Kind kind) noexcept {
  static constexpr std::array<std::string_view, 7> kNames = {"unreadable",  "altered",        "gap",      "reordered",
                                                             "broken_link", "columns_differ", "truncated"};
  return kNames[static_cast<std::size_t>(kind)];
}

Result<VerifyReport> verify(AuditReader& reader, const VerifyOptions& options) {
  ChainCheck check(options);
  SUFFICE_TRY(const std::optional<PrunedEnd> pruned, reader.pruned());
  if (pruned) check.begin_behind(*pruned);
  std::int64_t position = 0;
  SUFFICE_TRY_VOID(reader.read(EventFilter{}, [&](const StoredEvent& event) {
    ++position;
    if (!check.add(event, position)) return false;
    const std::string_view column = differing_column(event);
    if (column.empty()) return true;
    check.report(Kind::ColumnsDiffer, position, event.sequence,
                 fmt::format("column {} of event {} differs from the text that was hashed", column, event.sequence));
    return false;
  }));
  return check.finish(position);
}

VerifyReport verify_export(const LineSource& next_line, const VerifyOptions& options) {
  ChainCheck check(options);
  const std::optional<std::string> first_line = next_line();
  const std::optional<HeadLine> head = head_of_line(first_line.value_or(""));
  std::int64_t position = 1;
  if (head) {
    if (!head->complete) check.allow_gaps();
    if (head->pruned) check.begin_behind(*head->pruned);
  } else {
    check.report(Kind::Unreadable, position, 0, "this is not the first line of an audit export (format 1)");
    return check.finish(position);
  }
  bool ended = false;
  while (const std::optional<std::string> line = next_line()) {
    ++position;
    if (ended) {
      check.report(Kind::Unreadable, position, 0, "there is text after the last line of the export");
      break;
    }
    if (const auto end = end_of_line(*line)) {
      check_end(check, *end, position);
      if (!check.so_far().ok()) break;
      ended = true;
    } else if (const auto event = event_of_line(*line)) {
      if (!check.add(*event, position)) break;
    } else {
      check.report(Kind::Unreadable, position, 0, "this line is not a line of an export, or its event is not JSON");
      break;
    }
  }
  if (check.so_far().ok() && !ended) {
    check.report(Kind::Truncated, position, 0, "the export ends without its last line: it was cut off");
  }
  return check.finish(position);
}

}  // namespace suffice::audit
