#include "audit/export.hpp"

#include <array>
#include <optional>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "audit/chain.hpp"

namespace suffice::audit {
namespace {

bool matches_everything(const EventFilter& filter) {
  return filter.task.empty() && filter.route.empty() && filter.reason.empty() && filter.kind.empty() &&
         filter.id_or_request_id.empty() && filter.since.empty() && filter.until.empty() &&
         filter.after_sequence == 0 && filter.limit == 0;
}

/// Fields of the event's JSON that a spreadsheet wants beside the columns.
constexpr std::array<std::string_view, 12> kJsonFields = {
    "caller_group", "surface",    "served_model", "policy_version",   "http_status",
    "outcome",      "streamed",   "stand_in",     "cost_nanodollars", "counterfactual_cost_nanodollars",
    "latency_us",   "overhead_us"};

/// RFC 4180: quoted where needed. A cell that begins like a formula gets an apostrophe, as OWASP's "CSV injection" advises.
std::string csv_cell(std::string_view value) {
  std::string cell(!value.empty() && std::string_view("=+-@\t\r").find(value.front()) != std::string_view::npos ? "'"
                                                                                                                : "");
  cell += value;
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string quoted = "\"";
  for (const char c : cell) quoted.append(c == '"' ? 2 : 1, c);
  return quoted += '"';
}

std::string csv_heading() {
  std::string line = "sequence,id,time,kind,task,route,reason,request_id";
  for (const std::string_view field : kJsonFields) line.append(",").append(field);
  return line += ",hash\r\n";
}

std::string csv_line(const StoredEvent& event) {
  std::string line = std::to_string(event.sequence);
  for (const std::string* column :
       {&event.id, &event.time, &event.kind, &event.task, &event.route, &event.reason, &event.request_id}) {
    line.append(",").append(csv_cell(*column));
  }
  boost::system::error_code error;
  const boost::json::value parsed = boost::json::parse(event.json, error);
  const boost::json::object* fields = error ? nullptr : parsed.if_object();
  for (const std::string_view field : kJsonFields) {
    line += ',';
    const boost::json::value* value = fields == nullptr ? nullptr : fields->if_contains({field.data(), field.size()});
    if (value == nullptr) continue;
    if (const boost::json::string* text = value->if_string()) {
      line += csv_cell(std::string_view(text->data(), text->size()));
    } else {
      line += boost::json::serialize(*value);
    }
  }
  return line.append(",").append(event.hash).append("\r\n");
}

std::string head_line(bool complete, const std::optional<PrunedEnd>& pruned) {
  if (!complete || !pruned) return fmt::format(R"({{"export":{{"format":1,"complete":{}}}}})", complete);
  return fmt::format(R"({{"export":{{"format":1,"complete":true,"pruned":{{"sequence":{},"hash":"{}"}}}}}})",
                     pruned->sequence, pruned->hash);
}

}  // namespace

std::string export_line(const StoredEvent& event) {
  return fmt::format(R"({{"sequence":{},"hash":"{}","previous_hash":"{}","event":{}}})", event.sequence, event.hash,
                     event.previous_hash, event.json);
}

Result<std::int64_t> export_events(AuditReader& reader, const EventFilter& filter, ExportFormat format,
                                   const ExportSink& sink) {
  const auto stopped = [] { return fail(ErrorCode::IoFailed, "the export could not be written to its end"); };
  std::int64_t events = 0;
  std::string last_hash(kFirstPreviousHash);
  EventFilter oldest_first = filter;
  oldest_first.newest_first = false;
  SUFFICE_TRY(const std::optional<PrunedEnd> pruned, reader.pruned());
  if (pruned) last_hash = pruned->hash;
  const std::string jsonl_heading = head_line(matches_everything(filter), pruned) + "\n";
  bool going = sink(format == ExportFormat::Jsonl ? jsonl_heading : csv_heading());
  if (!going) return stopped();
  SUFFICE_TRY_VOID(reader.read(oldest_first, [&](const StoredEvent& event) {
    going = sink(format == ExportFormat::Jsonl ? export_line(event) + "\n" : csv_line(event));
    events += going ? 1 : 0;
    last_hash = event.hash;
    return going;
  }));
  if (going && format == ExportFormat::Jsonl) {
    going = sink(fmt::format(R"({{"end":{{"events":{},"last_hash":"{}"}}}})", events, last_hash) + "\n");
  }
  if (!going) return stopped();
  return events;
}

}  // namespace suffice::audit
