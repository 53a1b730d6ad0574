// suffice replay: recorded outcomes to figures, without calling a model.

#include "lab/replay/replay.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/command.hpp"
#include "cli/fit_commands.hpp"
#include "core/hash.hpp"
#include "core/text.hpp"

namespace suffice::cli {
namespace {

struct ReplayFlags {
  std::string file;
  std::string exclude;
  std::string html;
  std::string against;
  std::string out;
  std::vector<std::string> prices;
  lab::OutcomeColumns columns;
  lab::ReplayOptions options;
  double threshold = 0;
  CLI::Option* threshold_option = nullptr;
  bool json = false;
};

/// Error with the file in front of its place.
Error in_file(Error error, const std::string& file) {
  error.where = file + (error.where.empty() ? "" : ": " + error.where);
  return error;
}

Result<lab::OutcomeSet> read_set(ReplayFlags& flags) {
  SUFFICE_TRY(const std::string content, read_input(flags.file));
  flags.options.file = flags.file;
  flags.options.sha256 = sha256_hex(content);
  Result<lab::OutcomeSet> set = lab::read_outcomes(content, flags.columns);
  if (!set) return fail(in_file(std::move(set).error(), flags.file));
  if (flags.exclude.empty()) return set;
  SUFFICE_TRY(const std::string list, read_input(flags.exclude));
  Result<std::size_t> gone = lab::exclude_rows(*set, list);
  if (!gone) return fail(in_file(std::move(gone).error(), flags.exclude));
  if (*gone == 0)
    return fail(ErrorCode::InvalidArgument, "names no request of the file by its id or text", flags.exclude);
  flags.options.excluded = *gone;
  return set;
}

/// "MODEL=USD" of every --price.
Result<void> read_prices(const lab::OutcomeSet& set, ReplayFlags& flags) {
  for (const std::string& price : flags.prices) {
    const std::size_t equals = price.rfind('=');
    if (equals == std::string::npos) return fail(ErrorCode::InvalidArgument, "write MODEL=USD", "--price");
    SUFFICE_TRY(const std::size_t model, set.model(price.substr(0, equals)));
    const std::string number = price.substr(equals + 1);
    char* end = nullptr;
    const double usd = std::strtod(number.c_str(), &end);
    if (number.empty() || *end != '\0' || !(usd >= 0)) {
      return fail(ErrorCode::InvalidArgument, fmt::format("\"{}\" is no price in USD", number), "--price");
    }
    flags.options.prices[set.models[model]] = usd;
  }
  return {};
}

/// Columns of a terminal table, padded; cells are counted in code points.
std::string text_table(const lab::ReplayTable& table, bool coloured) {
  std::vector<std::size_t> widths;
  const auto widen = [&](const std::vector<std::string>& row) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], count_code_points(row[i]));
  };
  widen(table.header);
  for (const auto& row : table.rows) widen(row);
  const auto line = [&](const std::vector<std::string>& row) {
    std::string text;
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - count_code_points(row[i]) + 2, ' ');
    }
    return text + "\n";
  };
  std::string text = paint(table.title, "1", coloured) + "\n" + line(table.header);
  for (const auto& row : table.rows) text += line(row);
  return text + "\n";
}

Result<void> replay_and_show(ReplayFlags& flags) {
  SUFFICE_TRY(const lab::OutcomeSet set, read_set(flags));
  SUFFICE_TRY_VOID(read_prices(set, flags));
  if (flags.threshold_option->count() > 0) flags.options.threshold = flags.threshold;
  std::string previous;
  if (!flags.against.empty()) {
    SUFFICE_TRY(previous, read_input(flags.against));
  }
  const bool terminal = !flags.json && ::isatty(STDERR_FILENO) == 1;
  flags.options.progress = [terminal](std::string_view step, double share) {
    if (terminal) fmt::print(stderr, "\r\x1b[K{} {:.0f} %", step, 100 * share);
    return !InterruptGuard::interrupted();
  };
  Result<lab::Replay> replay = [&] {
    const InterruptGuard guard;
    return lab::replay(set, flags.options);
  }();
  if (terminal) fmt::print(stderr, "\r\x1b[K");
  if (!replay) return fail(std::move(replay).error());
  if (!flags.against.empty()) {
    Result<lab::ReplayTable> changes = lab::differences(previous, replay->json);
    if (!changes) return fail(in_file(std::move(changes).error(), flags.against));
    replay->tables.push_back(*std::move(changes));
  }
  if (!flags.html.empty())
    SUFFICE_TRY_VOID(write_whole_file(flags.html, lab::report_of(*replay, "Replay of " + flags.file)));
  if (!flags.out.empty()) SUFFICE_TRY_VOID(write_whole_file(flags.out, replay->json + "\n"));
  if (flags.json) {
    fmt::print("{}\n", replay->json);
    return {};
  }
  for (const lab::ReplayTable& table : replay->tables) fmt::print("{}", text_table(table, colours(STDOUT_FILENO)));
  return {};
}

void add_flags(CLI::App& command, const std::shared_ptr<ReplayFlags>& flags) {
  lab::ReplayOptions& options = flags->options;
  command
      .add_option("file", flags->file,
                  "Recorded outcomes, CSV or JSON (Lines), may be packed by gzip; - for standard input")
      ->required();
  command.add_option("--exclude", flags->exclude,
                     "Requests to leave out: a file of JSON Lines or lines with their ids or texts");
  command.add_option("--weak", options.weak, "The cheap model, or a part of its name [the worst; a ladder's first]");
  command.add_option("--strong", options.strong, "The dear model [the best; a ladder's last]");
  command.add_option("--router", options.routers, "length, table or linear; may be repeated [all that the data allow]")
      ->allow_extra_args(false);
  command
      .add_option(
          "--gate", options.gates,
          "valid, confidence, gate_score, judge, agreement:MODEL, learned[:MODEL,...], joined by +; may be repeated\n"
          "[those that are recorded]")
      ->allow_extra_args(false);
  flags->threshold_option = command.add_option("--threshold", flags->threshold,
                                               "Keep answers of at least this score [chosen on the other half]");
  command
      .add_option("--max-loss", options.max_loss,
                  "Of mean quality against the strong model, when a threshold is chosen")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command.add_option("--judge-price", options.judge_price, "USD for judging one answer")->check(CLI::NonNegativeNumber);
  command.add_option("--price", flags->prices, "MODEL=USD for one call, instead of what is recorded; may be repeated")
      ->allow_extra_args(false);
  command.add_option("--folds", options.folds, "Parts that are scored by what was fitted on the others")
      ->check(CLI::Range(2, 100))
      ->capture_default_str();
  command.add_option("--seed", options.seed, "Of folds, halves and samples")->capture_default_str();
  command.add_option("--repetitions", options.repetitions, "Samples of each bootstrap")
      ->check(CLI::Range(10, 100000))
      ->capture_default_str();
  command.add_option("--splits", options.splits, "Halvings for the table of verifiers")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command.add_option("--id", flags->columns.id, "Column or member with the request's id");
  command.add_option("--text", flags->columns.text, "Column or member with the request's text");
  command.add_option("--task", flags->columns.task, "Column or member with the request's task");
  command.add_option("--models", flags->columns.models, "Only these models (columns of a wide CSV)")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--html", flags->html, "Write a page with tables and plots");
  command.add_option("--out", flags->out, "Write the figures as JSON, for a later --against");
  command.add_option("--against", flags->against, "Compare with what --out or --json wrote before");
  command.add_flag("--json", flags->json, "One JSON object, no tables and no progress");
}

}  // namespace

void add_replay(CLI::App& program, Command& chosen) {
  auto flags = std::make_shared<ReplayFlags>();
  CLI::App* command = program.add_subcommand(
      "replay",
      "Score routers, gates and thresholds on recorded outcomes. No model is called.\n\n"
      "Reads what several models made of the same requests (docs/formats.md, \"Recorded outcomes\") and says what a router that\n"
      "sees only the request, or a gate that sees the cheap model's answer, would have been worth: with intervals, and beside\n"
      "always-weak, always-strong, chance, length, a table by task, and the oracle.\n\n"
      "  suffice replay responses.csv.gz --exclude contaminated.jsonl --weak mixtral --strong gpt-4 --html report.html\n"
      "  suffice replay outputs.jsonl --weak phi --strong gpt-4o-2024 --gate valid --gate agreement:qwen --gate learned:qwen\n"
      "  suffice replay checkpoint.jsonl.gz --gate valid --judge-price 0.002\n\n"
      "Exit 0 when figures were made, 2 for data or options that cannot be used.");
  add_flags(*command, flags);
  command->callback([flags, &chosen] {
    chosen.run = [flags] {
      const Result<void> done = replay_and_show(*flags);
      return done ? Exit::Ok : report(done.error());
    };
  });
}

}  // namespace suffice::cli
