#include "server/admin_record.hpp"

#include <array>
#include <charconv>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "wire/json.hpp"
#include "wire/json_fields.hpp"
#include "wire/json_writer.hpp"

namespace suffice::server {
namespace {

namespace bj = boost::json;

std::unexpected<Error> wrong(std::string message, std::string_view where) {
  return fail(ErrorCode::InvalidArgument, std::move(message), std::string(where));
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const bool escape = text[i] == '%' && i + 2 < text.size() &&
                        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr == text.data() + i + 3;
    if (escape) {
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

Result<std::int64_t> integer_in(std::string_view name, const std::string& text, std::int64_t low, std::int64_t high) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < low || value > high)
    return wrong(fmt::format("write a whole number from {} to {}", low, high), name);
  return value;
}

Result<void> take(std::string_view name, std::string value, audit::EventFilter& filter) {
  const std::array<std::pair<std::string_view, std::string*>, 7> texts = {{{"task", &filter.task},
                                                                           {"kind", &filter.kind},
                                                                           {"route", &filter.route},
                                                                           {"reason", &filter.reason},
                                                                           {"since", &filter.since},
                                                                           {"until", &filter.until},
                                                                           {"id", &filter.id_or_request_id}}};
  for (const auto& [known, place] : texts) {
    if (name != known) continue;
    *place = std::move(value);
    return {};
  }
  if (name == "limit") {
    SUFFICE_TRY(filter.limit, integer_in(name, value, 1, kEventsPageMax));
  } else if (name == "after") {
    SUFFICE_TRY(filter.after_sequence, integer_in(name, value, 0, INT64_MAX));
    filter.newest_first = false;
  } else if (name == "order") {
    if (value != "asc" && value != "desc") return wrong("must be asc or desc", name);
    filter.newest_first = value == "desc";
  } else {
    return wrong("unknown; there are task, kind, route, reason, since, until, id, after, limit and order", name);
  }
  return {};
}

}  // namespace

Result<audit::EventFilter> read_event_query(std::string_view query) {
  audit::EventFilter filter;
  filter.limit = kEventsPageDefault;
  filter.newest_first = true;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t mark = pair.find('=');
    const std::string_view value = mark == std::string_view::npos ? std::string_view{} : pair.substr(mark + 1);
    SUFFICE_TRY_VOID(take(pair.substr(0, mark), percent_decoded(value), filter));
  }
  return filter;
}

std::string events_body(const std::vector<audit::StoredEvent>& events, const audit::EventFilter& filter) {
  std::string out;
  wire::JsonWriter json(out);
  json.begin_object().key("events").begin_array();
  for (const audit::StoredEvent& event : events) {
    json.begin_object().key("sequence").integer(event.sequence).key("hash").string(event.hash);
    json.key("event").raw(event.json).end_object();
  }
  json.end_array().key("next");
  const bool more = !filter.newest_first && static_cast<std::int64_t>(events.size()) == filter.limit;
  if (more) {
    json.integer(events.back().sequence);
  } else {
    json.null();
  }
  json.end_object();
  return out;
}

std::string shadow_body(const std::vector<audit::StoredEvent>& events) {
  struct Counts {
    std::int64_t runs = 0;
    std::int64_t local = 0;
    std::int64_t agrees = 0;
    std::int64_t differs = 0;
  };
  std::map<std::string, Counts> tasks;
  for (const audit::StoredEvent& stored : events) {
    const Result<bj::value> value = wire::parse_json(stored.json);
    if (!value || !value->is_object()) continue;
    Counts& counts = tasks[stored.task];
    ++counts.runs;
    const bj::value* route = value->get_object().if_contains("route");
    const bj::value* label = value->get_object().if_contains("label");
    if (route == nullptr || *route != "local") continue;
    ++counts.local;
    if (label != nullptr) ++(*label == "agrees" ? counts.agrees : counts.differs);
  }
  std::string out;
  wire::JsonWriter json(out);
  json.begin_object().key("tasks").begin_object();
  for (const auto& [task, counts] : tasks) {
    json.key(task).begin_object().key("runs").integer(counts.runs).key("local").integer(counts.local);
    json.key("agrees").integer(counts.agrees).key("differs").integer(counts.differs).end_object();
  }
  json.end_object().end_object();
  return out;
}

Result<audit::Event> read_judgement(std::string_view body, audit::Event::Kind kind) {
  SUFFICE_TRY(const bj::value value, wire::parse_json(body));
  const bj::object* object = value.if_object();
  if (object == nullptr) return wrong("send a JSON object with event_id, label and actor", "body");
  audit::Event event;
  event.kind = kind;
  event.outcome = "ok";
  const wire::JsonPath root;
  SUFFICE_TRY_VOID(wire::read_member(*object, "event_id", root, event.refers_to));
  SUFFICE_TRY_VOID(wire::read_member(*object, "label", root, event.label));
  SUFFICE_TRY_VOID(wire::read_member(*object, "label_value", root, event.label_value));
  SUFFICE_TRY_VOID(wire::read_member(*object, "actor", root, event.actor));
  SUFFICE_TRY_VOID(wire::read_member(*object, "note", root, event.note));
  for (const auto& member : *object) {
    const std::string_view name = member.key();
    if (name != "event_id" && name != "label" && name != "label_value" && name != "actor" && name != "note")
      return fail(ErrorCode::UnsupportedField, "unknown; there are event_id, label, label_value, actor and note",
                  std::string(name.substr(0, 64)));
  }
  if (event.refers_to.empty()) return wrong("is required: the x-suffice-event-id of the answer", "event_id");
  if (event.label != "accept" && event.label != "escalate") return wrong("must be accept or escalate", "label");
  if (event.actor.empty()) return wrong("is required: who says so", "actor");
  return event;
}

}  // namespace suffice::server
