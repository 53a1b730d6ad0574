// suffice prompts reduce and spans: what is sent of a text, and what may be chosen from it.

#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "cli/prompts_support.hpp"
#include "core/text.hpp"
#include "prompts/log_reducer.hpp"
#include "prompts/spans.hpp"
#include "wire/json.hpp"

namespace suffice::cli {
namespace {

namespace json = boost::json;
using prompts::SpanKind;

struct ReduceFlags {
  std::vector<std::string> files{"-"};
  std::size_t chars = 2000;
  double tail_share = prompts::LogReducerOptions{}.tail_share;
  bool json = false;
};

Exit reduce(const ReduceFlags& flags) {
  for (const std::string& file : flags.files) {
    const Result<std::string> log = read_input(file);
    if (!log) return report(log.error());
    const prompts::LogReduction reduced =
        prompts::reduce_build_log(*log, flags.chars, {.tail_share = flags.tail_share});
    if (flags.json) {
      fmt::print("{}\n", json::serialize(json::object{{"file", file},
                                                      {"text", reduced.text},
                                                      {"lines", reduced.lines},
                                                      {"lines_kept", reduced.lines_kept},
                                                      {"left_out", reduced.dropped()}}));
    } else {
      fmt::print("{}\n", reduced.text);
      std::fflush(stdout);
      fmt::print(stderr, "left out: {}\n", reduced.dropped());
    }
  }
  return Exit::Ok;
}

struct SpansFlags {
  std::string text;
  bool json_lines = false;
};

json::array kind_names(const prompts::Span& span) {
  using Pair = std::pair<SpanKind, const char*>;
  constexpr Pair known[] = {{SpanKind::Number, "number"}, {SpanKind::Time, "time"}, {SpanKind::Date, "date"},
                            {SpanKind::Name, "name"},     {SpanKind::Path, "path"}, {SpanKind::Quote, "quote"}};
  json::array names;
  for (const auto& [kind, name] : known) {
    if (span.holds(kind)) names.emplace_back(name);
  }
  return names;
}

json::array spans_of(std::string_view text) {
  json::array spans;
  for (const prompts::Span& span : prompts::propose_spans(text)) {
    spans.push_back(json::object{{"text", json::string_view(span.text.data(), span.text.size())},
                                 {"begin", span.begin},
                                 {"kinds", kind_names(span)}});
  }
  return spans;
}

/// One {"text": ...} a line in, one {"spans": [...]} a line out.
Exit spans_of_lines(std::string_view lines) {
  for (int number = 1; !lines.empty(); ++number) {
    const auto end = lines.find('\n');
    const std::string_view line = trim(lines.substr(0, end));
    lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
    if (line.empty()) continue;
    const Result<json::value> row = wire::parse_json(line);
    const json::value* text = row && row->is_object() ? row->get_object().if_contains("text") : nullptr;
    if (text == nullptr || !text->is_string()) {
      return report(Error{.code = ErrorCode::MalformedRequest,
                          .message = "each line is an object with a text",
                          .where = fmt::format("line {}", number)});
    }
    fmt::print("{}\n", json::serialize(json::object{{"spans", spans_of(text->get_string())}}));
  }
  return Exit::Ok;
}

Exit spans(const SpansFlags& flags) {
  const Result<std::string> text = flags.text.empty() ? read_input("-") : Result<std::string>(flags.text);
  if (!text) return report(text.error());
  if (flags.json_lines) return spans_of_lines(*text);
  for (const json::value& span : spans_of(*text)) {
    const json::object& one = span.as_object();
    fmt::print("{:<30} {}\n", std::string_view(one.at("text").get_string()), json::serialize(one.at("kinds")));
  }
  return Exit::Ok;
}

}  // namespace

void add_prompts_reduce(CLI::App& prompts, Command& chosen) {
  auto flags = std::make_shared<ReduceFlags>();
  CLI::App* command = prompts.add_subcommand(
      "reduce",
      "What `input: {reduce: build_log}` sends of a log: its first errors and its last lines, without downloads and\n"
      "progress bars. The text goes to standard output, what was left out to standard error.\n\n"
      "  suffice prompts reduce build.log\n"
      "  suffice prompts reduce --chars 600 --json logs/*.log");
  command->add_option("FILE", flags->files, "Log files; - is standard input");
  command->add_option("--chars", flags->chars, "Characters that may be sent")
      ->check(CLI::Range(std::size_t{1}, std::size_t{100'000'000}))
      ->capture_default_str();
  command->add_option("--tail-share", flags->tail_share, "Share of the last lines before the first errors")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->add_flag("--json", flags->json, "One JSON object a file");
  command->callback([flags, &chosen] { chosen.run = [flags] { return reduce(*flags); }; });
}

void add_prompts_spans(CLI::App& prompts, Command& chosen) {
  auto flags = std::make_shared<SpansFlags>();
  CLI::App* command = prompts.add_subcommand(
      "spans",
      "The parts of a text that a field with `x-source: span` can be chosen from, and what they hold.\n\n"
      "  suffice prompts spans 'a table for 5 adults on Friday at 7pm'\n"
      "  suffice prompts spans --json-lines < texts.jsonl      {\"text\": ...} a line in, {\"spans\": [...]} out");
  command->add_option("TEXT", flags->text, "The text; standard input without it");
  command->add_flag("--json-lines", flags->json_lines, "JSON Lines in and out");
  command->callback([flags, &chosen] { chosen.run = [flags] { return spans(*flags); }; });
}

}  // namespace suffice::cli
