#include "audit/tables.hpp"

#include <array>
#include <cstddef>
#include <string>

#include <boost/json.hpp>

namespace suffice::audit {
namespace {

namespace json = boost::json;
using Type = TableColumn::Type;

constexpr std::array<TableColumn, 40> kEventColumns = {{
    {"sequence", Type::Integer},
    {"id"},
    {"time", Type::Time},
    {"kind"},
    {"task"},
    {"route"},
    {"reason", Type::Text, "reasons.0"},
    {"reasons", Type::Texts},
    {"request_id"},
    {"trace_id"},
    {"caller_group"},
    {"caller_key"},
    {"surface"},
    {"served_model"},
    {"policy_version"},
    {"workflow"},
    {"run_id"},
    {"refers_to"},
    {"actor"},
    {"label"},
    {"label_value"},
    {"http_status", Type::Integer},
    {"outcome"},
    {"streamed", Type::Flag},
    {"stand_in", Type::Flag},
    {"cost_nanodollars", Type::Integer},
    {"counterfactual_cost_nanodollars", Type::Integer},
    {"counterfactual_estimated", Type::Flag},
    {"latency_us", Type::Integer},
    {"overhead_us", Type::Integer},
    {"input_bytes", Type::Integer, "input.bytes"},
    {"input_sha256", Type::Text, "input.sha256"},
    {"input_preview", Type::Text, "input.preview"},
    {"output_bytes", Type::Integer, "output.bytes"},
    {"output_sha256", Type::Text, "output.sha256"},
    {"output_preview", Type::Text, "output.preview"},
    {"note"},
    {"attempts", Type::Integer},
    {"previous_hash"},
    {"hash"},
}};

constexpr std::array<TableColumn, 33> kAttemptColumns = {{
    {"sequence", Type::Integer},
    {"event_id"},
    {"time", Type::Time},
    {"task"},
    {"attempt", Type::Integer},
    {"tier", Type::Integer},
    {"model"},
    {"provider"},
    {"response_model"},
    {"quantisation"},
    {"adapter"},
    {"prompt"},
    {"local", Type::Flag},
    {"stand_in", Type::Flag},
    {"accepted", Type::Flag},
    {"error"},
    {"reason", Type::Text, "reasons.0"},
    {"reasons", Type::Texts},
    {"checks_failed", Type::Texts},
    {"confidence", Type::Real},
    {"confidence_source"},
    {"threshold", Type::Real},
    {"certificate"},
    {"latency_us", Type::Integer},
    {"first_token_us", Type::Integer},
    {"input_tokens", Type::Integer, "usage.input_tokens"},
    {"cached_input_tokens", Type::Integer, "usage.cached_input_tokens"},
    {"output_tokens", Type::Integer, "usage.output_tokens"},
    {"reasoning_tokens", Type::Integer, "usage.reasoning_tokens"},
    {"usage_known", Type::Flag},
    {"cost_nanodollars", Type::Integer},
    {"output_sha256"},
    {"signals", Type::Texts},
}};

const json::value* member(const json::value* value, std::string_view key) {
  if (value == nullptr) return nullptr;
  if (const json::object* object = value->if_object())
    return object->if_contains(json::string_view(key.data(), key.size()));
  if (const json::array* array = value->if_array(); array != nullptr && key == "0" && !array->empty())
    return array->data();
  return nullptr;
}

const json::value* at(const json::value& value, std::string_view field) {
  const std::size_t dot = field.find('.');
  if (dot == std::string_view::npos) return member(&value, field);
  return member(member(&value, field.substr(0, dot)), field.substr(dot + 1));
}

std::string_view view_of(const json::string& text) { return {text.data(), text.size()}; }

/// RFC 4180: in quotes where needed. An empty text and an absent value are the same cell.
void add_text(std::string& line, std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    line += text;
    return;
  }
  line += '"';
  for (const char c : text) line.append(c == '"' ? 2 : 1, c);
  line += '"';
}

void add_value(std::string& line, const json::value* value) {
  if (value == nullptr || value->is_null()) return;
  if (const json::string* text = value->if_string()) {
    add_text(line, view_of(*text));
  } else if (const json::array* items = value->if_array()) {
    std::string joined;
    for (const json::value& item : *items) {
      if (!joined.empty()) joined += ';';
      if (const json::string* one = item.if_string()) joined += view_of(*one);
    }
    add_text(line, joined);
  } else {
    line += json::serialize(*value);
  }
}

std::string checks_failed(const json::value& attempt) {
  std::string names;
  const json::value* checks = at(attempt, "checks");
  const json::array* all = checks == nullptr ? nullptr : checks->if_array();
  for (std::size_t i = 0; all != nullptr && i < all->size(); ++i) {
    const json::value* passed = at((*all)[i], "passed");
    const json::value* check = at((*all)[i], "check");
    if (passed == nullptr || !passed->is_bool() || passed->get_bool() || check == nullptr || !check->is_string())
      continue;
    if (!names.empty()) names += ';';
    names += view_of(check->get_string());
  }
  return names;
}

/// "label_probability=0.625;mean_logprob=-1e-7"
std::string signals_of(const json::value& attempt) {
  std::string all;
  const json::value* signals = at(attempt, "signals");
  const json::array* items = signals == nullptr ? nullptr : signals->if_array();
  for (std::size_t i = 0; items != nullptr && i < items->size(); ++i) {
    const json::value* signal = at((*items)[i], "name");
    const json::value* number = at((*items)[i], "value");
    if (signal == nullptr || !signal->is_string() || number == nullptr) continue;
    if (!all.empty()) all += ';';
    all.append(view_of(signal->get_string())).append("=").append(json::serialize(*number));
  }
  return all;
}

std::string heading(std::span<const TableColumn> columns) {
  std::string line;
  for (const TableColumn& column : columns) line.append(line.empty() ? "" : ",").append(column.name);
  return line += "\r\n";
}

std::string event_row(const StoredEvent& event, const json::value& fields, std::size_t attempts) {
  std::string line = std::to_string(event.sequence);
  for (const TableColumn& column : event_columns().subspan(1)) {
    line += ',';
    if (column.name == "attempts") {
      line += std::to_string(attempts);
    } else if (column.name == "previous_hash") {
      line += event.previous_hash;
    } else if (column.name == "hash") {
      line += event.hash;
    } else {
      add_value(line, at(fields, column.field));
    }
  }
  return line += "\r\n";
}

std::string attempt_row(const StoredEvent& event, const json::value& attempt, std::size_t number) {
  std::string line = std::to_string(event.sequence);
  for (const TableColumn& column : attempt_columns().subspan(1)) {
    line += ',';
    if (column.name == "event_id") {
      add_text(line, event.id);
    } else if (column.name == "time") {
      line += event.time;
    } else if (column.name == "task") {
      add_text(line, event.task);
    } else if (column.name == "attempt") {
      line += std::to_string(number);
    } else if (column.name == "checks_failed") {
      add_text(line, checks_failed(attempt));
    } else if (column.name == "signals") {
      add_text(line, signals_of(attempt));
    } else {
      add_value(line, at(attempt, column.field));
    }
  }
  return line += "\r\n";
}

}  // namespace

std::string_view name(TableColumn::Type type) noexcept {
  static constexpr std::array<std::string_view, 6> kNames = {"integer", "real", "boolean", "text", "time", "texts"};
  return kNames[static_cast<std::size_t>(type)];
}

std::span<const TableColumn> event_columns() noexcept { return kEventColumns; }
std::span<const TableColumn> attempt_columns() noexcept { return kAttemptColumns; }

Result<TableCounts> export_tables(AuditReader& reader, const EventFilter& filter, const ExportSink& events,
                                  const ExportSink& attempts) {
  EventFilter oldest_first = filter;
  oldest_first.newest_first = false;
  TableCounts counts;
  bool going = events(heading(event_columns())) && attempts(heading(attempt_columns()));
  if (going) {
    SUFFICE_TRY_VOID(reader.read(oldest_first, [&](const StoredEvent& event) {
      boost::system::error_code error;
      const json::value fields = json::parse(event.json, error);
      const json::value* all = error ? nullptr : at(fields, "attempts");
      const json::array* made = all == nullptr ? nullptr : all->if_array();
      const std::size_t tries = made == nullptr ? 0 : made->size();
      going = events(event_row(event, fields, tries));
      for (std::size_t i = 0; going && i < tries; ++i) going = attempts(attempt_row(event, (*made)[i], i));
      counts.events += going ? 1 : 0;
      counts.attempts += going ? static_cast<std::int64_t>(tries) : 0;
      return going;
    }));
  }
  if (!going) return fail(ErrorCode::IoFailed, "the export could not be written to its end");
  return counts;
}

}  // namespace suffice::audit
