// suffice audit: reads the record: tail, show, verify, export.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <ranges>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "audit/export.hpp"
#include "audit/location.hpp"
#include "audit/tables.hpp"
#include "audit/verify.hpp"
#include "cli/audit_commands.hpp"
#include "cli/command.hpp"
#include "policy/policy_store.hpp"
#include "wire/json.hpp"

namespace suffice::cli {
namespace {

namespace json = boost::json;

struct AuditFlags {
  std::string data;
  std::string record;
  std::string before;
  audit::EventFilter filter;
  std::int64_t count = 20;
  bool json = false;
  std::string id;
  std::string file;
  std::string expected_hash;
  std::string format = "jsonl";
  std::string output;
};

Result<audit::RecordLocation> location_of(const AuditFlags& flags) {
  SUFFICE_TRY(const std::filesystem::path data, data_folder(flags.data));
  return audit::record_location(flags.record, data, policy::process_environment());
}

Result<std::unique_ptr<audit::AuditReader>> open_record(const AuditFlags& flags) {
  SUFFICE_TRY(const audit::RecordLocation location, location_of(flags));
  return audit::open_reader(location);
}

std::string member(const json::object& event, std::string_view key) {
  const json::value* value = event.if_contains(key);
  if (value == nullptr || value->is_null()) return {};
  return value->is_string() ? std::string(value->as_string()) : json::serialize(*value);
}

std::string route_colour(std::string_view route) {
  if (route == "local") return "32";
  return route == "refused" ? "31" : "33";
}

void print_row(const audit::StoredEvent& event, bool colour) {
  const Result<json::value> parsed = wire::parse_json(event.json);
  const json::object object = parsed && parsed->is_object() ? parsed->as_object() : json::object{};
  const std::string what = event.kind == "request" ? event.task.empty() ? "(unknown)" : event.task : event.kind;
  const std::string model = event.kind == "request" ? member(object, "served_model") : member(object, "note");
  fmt::print("{}  {:<8.8}  {:<22} {} {:<24} {}\n", event.time,
             event.id.substr(event.id.size() - std::min<std::size_t>(8, event.id.size())), what,
             paint(fmt::format("{:<10}", event.route), route_colour(event.route), colour), event.reason, model);
}

Exit tail(const AuditFlags& flags) {
  Result<std::unique_ptr<audit::AuditReader>> reader = open_record(flags);
  if (!reader) return report(reader.error());
  audit::EventFilter filter = flags.filter;
  filter.limit = flags.count;
  filter.newest_first = true;
  std::vector<audit::StoredEvent> newest;
  const Result<void> read = (*reader)->read(filter, [&](const audit::StoredEvent& event) {
    newest.push_back(event);
    return true;
  });
  if (!read) return report(read.error());
  const bool colour = colours(STDOUT_FILENO);
  for (const audit::StoredEvent& event : std::views::reverse(newest)) {
    if (flags.json) {
      fmt::print("{}\n", event.json);
    } else {
      print_row(event, colour);
    }
  }
  return Exit::Ok;
}

/// JSON with two spaces of indentation, for people.
void print_indented(const json::value& value, std::string_view indent) {
  const std::string deeper = std::string(indent) + "  ";
  if (const json::object* object = value.if_object(); object != nullptr && !object->empty()) {
    fmt::print("{{\n");
    std::size_t left = object->size();
    for (const auto& [key, item] : *object) {
      fmt::print("{}{}: ", deeper, json::serialize(json::value(key)));
      print_indented(item, deeper);
      fmt::print("{}\n", --left > 0 ? "," : "");
    }
    fmt::print("{}}}", indent);
  } else if (const json::array* array = value.if_array(); array != nullptr && !array->empty()) {
    fmt::print("[\n");
    std::size_t left = array->size();
    for (const json::value& item : *array) {
      fmt::print("{}", deeper);
      print_indented(item, deeper);
      fmt::print("{}\n", --left > 0 ? "," : "");
    }
    fmt::print("{}]", indent);
  } else {
    fmt::print("{}", json::serialize(value));
  }
}

Exit show(const AuditFlags& flags) {
  Result<std::unique_ptr<audit::AuditReader>> reader = open_record(flags);
  if (!reader) return report(reader.error());
  audit::EventFilter filter;
  filter.id_or_request_id = flags.id;
  bool found = false;
  const Result<void> read = (*reader)->read(filter, [&](const audit::StoredEvent& event) {
    found = true;
    const Result<json::value> parsed = wire::parse_json(event.json);
    if (flags.json || !parsed) {
      fmt::print("{}\n", event.json);
    } else {
      fmt::print("# sequence {}  hash {}\n", event.sequence, event.hash);
      print_indented(*parsed, "");
      fmt::print("\n");
    }
    return true;
  });
  if (!read) return report(read.error());
  if (!found) {
    return report(Error{.code = ErrorCode::NotFound,
                        .message = "no event with that event id or request id; suffice audit tail --json lists them",
                        .where = flags.id});
  }
  return Exit::Ok;
}

Result<audit::VerifyReport> verify_file(const AuditFlags& flags) {
  std::ifstream opened;
  std::istream* in = &std::cin;
  if (flags.file != "-") {
    opened.open(flags.file, std::ios::binary);
    if (!opened) return fail(ErrorCode::NotFound, "cannot read the export", flags.file);
    in = &opened;
  }
  const audit::LineSource lines = [in]() -> std::optional<std::string> {
    std::string line;
    if (!std::getline(*in, line)) return std::nullopt;
    return line;
  };
  return audit::verify_export(lines, {.expected_hash = flags.expected_hash});
}

Result<audit::VerifyReport> verify_record(const AuditFlags& flags) {
  SUFFICE_TRY(const std::unique_ptr<audit::AuditReader> reader, open_record(flags));
  return audit::verify(*reader, {.expected_hash = flags.expected_hash});
}

void print_report(const audit::VerifyReport& found, bool as_json) {
  if (as_json) {
    json::object line{{"ok", found.ok()},
                      {"events", found.events},
                      {"pruned", found.pruned},
                      {"complete", found.complete},
                      {"last_hash", found.last_hash}};
    if (found.problem) {
      line["problem"] = json::object{{"kind", audit::name(found.problem->kind)},
                                     {"position", found.problem->position},
                                     {"sequence", found.problem->sequence},
                                     {"message", found.problem->message}};
    }
    fmt::print("{}\n", json::serialize(line));
  } else if (found.ok()) {
    if (found.pruned > 0) fmt::print("begins behind event {}: what came before was pruned\n", found.pruned);
    fmt::print("{}: {} events, {}\nlast hash {}\n", paint("intact", "32", colours(STDOUT_FILENO)), found.events,
               found.complete ? "no gap" : "a filtered export: gaps between events were not checked", found.last_hash);
  } else {
    fmt::print("{}: {} at position {} (sequence {}): {}\n{} events before it are good\n",
               paint("BROKEN", "31", colours(STDOUT_FILENO)), audit::name(found.problem->kind), found.problem->position,
               found.problem->sequence, found.problem->message, found.events);
  }
}

Exit verify(const AuditFlags& flags) {
  const Result<audit::VerifyReport> found = flags.file.empty() ? verify_record(flags) : verify_file(flags);
  if (!found) return report(found.error());
  print_report(*found, flags.json);
  return found->ok() ? Exit::Ok : Exit::Usage;
}

/// Two files, NAME-events.csv and NAME-attempts.csv.
Exit export_two_tables(const AuditFlags& flags) {
  if (flags.output.empty() || flags.output == "-") {
    return report(Error{.code = ErrorCode::InvalidArgument,
                        .message = "tables are two files: give the beginning of their names with --output NAME",
                        .where = "--format tables"});
  }
  Result<std::unique_ptr<audit::AuditReader>> reader = open_record(flags);
  if (!reader) return report(reader.error());
  std::ofstream events(flags.output + "-events.csv", std::ios::binary);
  std::ofstream attempts(flags.output + "-attempts.csv", std::ios::binary);
  const auto into = [](std::ofstream& file) {
    return [&file](std::string_view piece) {
      return static_cast<bool>(file.write(piece.data(), static_cast<std::streamsize>(piece.size())));
    };
  };
  const Result<audit::TableCounts> counts = audit::export_tables(**reader, flags.filter, into(events), into(attempts));
  if (!counts) return report(counts.error());
  events.close();
  attempts.close();
  if (!events || !attempts)
    return report(Error{
        .code = ErrorCode::IoFailed, .message = "cannot write the files; is the disk full?", .where = flags.output});
  fmt::print(stderr, "{} events, {} attempts\n", counts->events, counts->attempts);
  return Exit::Ok;
}

Exit export_record(const AuditFlags& flags) {
  if (flags.format == "tables") return export_two_tables(flags);
  Result<std::unique_ptr<audit::AuditReader>> reader = open_record(flags);
  if (!reader) return report(reader.error());
  std::FILE* out = flags.output.empty() || flags.output == "-" ? stdout : std::fopen(flags.output.c_str(), "wb");
  if (out == nullptr)
    return report(Error{.code = ErrorCode::IoFailed, .message = "cannot write the file", .where = flags.output});
  const auto format = flags.format == "csv" ? audit::ExportFormat::Csv : audit::ExportFormat::Jsonl;
  Result<std::int64_t> written = audit::export_events(**reader, flags.filter, format, [out](std::string_view piece) {
    return std::fwrite(piece.data(), 1, piece.size(), out) == piece.size();
  });
  const bool closed = out == stdout ? std::fflush(out) == 0 : std::fclose(out) == 0;
  if (written && !closed) written = fail(ErrorCode::IoFailed, "cannot write the file; is the disk full?", flags.output);
  if (!written) return report(written.error());
  fmt::print(stderr, "{} events\n", *written);
  return Exit::Ok;
}

Exit prune(const AuditFlags& flags) {
  const Result<audit::RecordLocation> location = location_of(flags);
  if (!location) return report(location.error());
  if (const auto there = audit::open_reader(*location); !there) return report(there.error());
  Result<std::unique_ptr<audit::AuditStore>> store = audit::open_store(*location, audit::Writer::Command);
  if (!store) return report(store.error());
  const Result<audit::Pruned> pruned = (*store)->prune(flags.before);
  if (!pruned) return report(pruned.error());
  if (flags.json) {
    json::object line{{"events", pruned->events}, {"partitions", pruned->partitions}};
    if (pruned->end)
      line["begins_behind"] = json::object{{"sequence", pruned->end->sequence}, {"hash", pruned->end->hash}};
    fmt::print("{}\n", json::serialize(line));
  } else {
    fmt::print("{} events of {} days pruned; their sums stay\n", pruned->events, pruned->partitions);
    if (pruned->end)
      fmt::print("the record begins behind event {}, hash {}\n", pruned->end->sequence, pruned->end->hash);
  }
  return Exit::Ok;
}

void add_filter(CLI::App& command, const std::shared_ptr<AuditFlags>& flags) {
  command.add_option("--task", flags->filter.task, "Only this task");
  command.add_option("--route", flags->filter.route, "Only local, frontier, escalated or refused");
  command.add_option("--reason", flags->filter.reason, "Only this primary reason");
  command.add_option("--kind", flags->filter.kind, "Only request, policy_reload, kill_switch, start, stop ...");
  command.add_option("--since", flags->filter.since, "From this time on (RFC 3339, UTC)");
  command.add_option("--until", flags->filter.until, "Before this time (RFC 3339, UTC)");
}

CLI::App* add_subcommand(CLI::App& parent, const std::string& name, const std::string& about,
                         const std::shared_ptr<AuditFlags>& flags, Command& chosen, Exit (*run)(const AuditFlags&)) {
  CLI::App* command = parent.add_subcommand(name, about);
  command->add_option("--data", flags->data, "Folder of the record [$XDG_STATE_HOME/suffice]");
  command->add_option("--record", flags->record,
                      "PostgreSQL record: postgres://USER@HOST/DATABASE, env:NAME or file:PATH [$SUFFICE_RECORD]");
  command->callback([flags, &chosen, run] { chosen.run = [flags, run] { return run(*flags); }; });
  return command;
}

}  // namespace

void add_audit(CLI::App& program, Command& chosen) {
  auto flags = std::make_shared<AuditFlags>();
  CLI::App* parent =
      program.add_subcommand("audit", "Read the record: what was decided, why, at what cost; prove that it is whole.");
  parent->require_subcommand(1);
  CLI::App* tail_command =
      add_subcommand(*parent, "tail", "The latest events, oldest of them first.", flags, chosen, tail);
  tail_command->add_option("-n,--count", flags->count, "How many")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  tail_command->add_flag("--json", flags->json, "One JSON object a line");
  add_filter(*tail_command, flags);
  CLI::App* show_command = add_subcommand(*parent, "show", "One event, whole.", flags, chosen, show);
  show_command->add_option("ID", flags->id, "Event id or request id, or the first 6 or more characters of one")
      ->required();
  show_command->add_flag("--json", flags->json, "The stored line itself");
  CLI::App* verify_command = add_subcommand(
      *parent, "verify",
      "Re-derive the hash chain and name the first place where it breaks.\n\nExit 0 when it is intact, 2 when not.",
      flags, chosen, verify);
  verify_command->add_option("--file", flags->file,
                             "Check this JSONL export instead of the record (- is standard input)");
  verify_command->add_option("--expected-hash", flags->expected_hash,
                             "A hash noted earlier that must still be part of the chain");
  verify_command->add_flag("--json", flags->json, "The result as a JSON object");
  CLI::App* export_command = add_subcommand(
      *parent, "export",
      "The record as JSON Lines (verifiable alone), CSV (for a spreadsheet) or flat typed tables.\n\n"
      "  suffice audit export --output record.jsonl && suffice audit verify --file record.jsonl\n"
      "  suffice audit export --format tables --output november    november-events.csv, november-attempts.csv",
      flags, chosen, export_record);
  export_command->add_option("--format", flags->format, "jsonl, csv or tables")
      ->capture_default_str()
      ->check(CLI::IsMember({"jsonl", "csv", "tables"}));
  export_command->add_option("--output", flags->output, "File to write; standard output without it");
  add_filter(*export_command, flags);
  CLI::App* prune_command = add_subcommand(
      *parent, "prune",
      "Drop the events of whole days, oldest first; sums by hour stay, and the rest verifies.\n\n"
      "  suffice audit export --output 2026-10.jsonl && suffice audit prune --before 2026-11-01\n\n"
      "Note the hash it prints, with the date, somewhere else: it is what the remaining record begins behind. The newest day always "
      "stays. A gateway beside it goes on.",
      flags, chosen, prune);
  prune_command->add_option("--before", flags->before, "First day to keep (UTC): 2026-11-01")->required();
  prune_command->add_flag("--json", flags->json, "The result as a JSON object");
  add_audit_replay(*parent, chosen);
}

}  // namespace suffice::cli
