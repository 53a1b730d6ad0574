// suffice fit ladder: from recorded answers to the order of models, and the scores from which each one's answer is kept.

#include <cmath>
#include <cstdlib>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "cli/fit_commands.hpp"
#include "core/hash.hpp"
#include "lab/evaluation/outcomes.hpp"
#include "lab/ladder/ladder_report.hpp"

namespace suffice::cli {
namespace {

namespace json = boost::json;

struct LadderFlags {
  std::string file;
  std::string exclude;
  std::string score = "auto";
  std::vector<std::string> prices;
  std::vector<std::string> budgets;
  lab::OutcomeColumns columns;
  lab::LadderReportOptions options;
  CLI::Option* thresholds = nullptr;
  bool json = false;
};

constexpr std::size_t kCutsWithHopeless = 10;  // pairs of thresholds are tried: their number is squared

Result<lab::OutcomeSet> read_set(const LadderFlags& flags, std::string& digest) {
  SUFFICE_TRY(const std::string content, read_input(flags.file));
  digest = sha256_hex(content);
  Result<lab::OutcomeSet> set = lab::read_outcomes(content, flags.columns);
  if (!set) {
    Error error = std::move(set).error();
    error.where = flags.file + (error.where.empty() ? "" : ": " + error.where);
    return fail(std::move(error));
  }
  if (!flags.exclude.empty()) {
    SUFFICE_TRY(const std::string list, read_input(flags.exclude));
    SUFFICE_TRY_VOID(lab::exclude_rows(*set, list));
  }
  return set;
}

Result<void> read_prices(const lab::OutcomeSet& set, LadderFlags& flags) {
  for (const std::string& price : flags.prices) {
    const std::size_t equals = price.rfind('=');
    if (equals == std::string::npos) return fail(ErrorCode::InvalidArgument, "write MODEL=USD", "--price");
    SUFFICE_TRY(const std::size_t model, set.model(price.substr(0, equals)));
    const std::string number = price.substr(equals + 1);
    char* end = nullptr;
    const double usd = std::strtod(number.c_str(), &end);
    if (number.empty() || *end != '\0' || !std::isfinite(usd) || usd < 0)
      return fail(ErrorCode::InvalidArgument, fmt::format("\"{}\" is no price in USD", number), "--price");
    flags.options.data.prices[set.models[model]] = usd;
  }
  return {};
}

Result<lab::LadderReport> fit(LadderFlags& flags, std::string& digest) {
  SUFFICE_TRY(const lab::OutcomeSet set, read_set(flags, digest));
  SUFFICE_TRY_VOID(read_prices(set, flags));
  SUFFICE_TRY(flags.options.data.source, lab::score_source_named(flags.score));
  for (const std::string& text : flags.budgets) {
    SUFFICE_TRY(const lab::Budget budget, lab::budget_named(text));
    flags.options.budgets.push_back(budget);
  }
  if (flags.options.search.keep_hopeless && flags.thresholds->count() == 0)
    flags.options.search.cuts = kCutsWithHopeless;
  flags.options.data.seed = flags.options.seed;
  const bool terminal = ::isatty(STDERR_FILENO) == 1 && !flags.json;
  const auto progress = [terminal](std::string_view step, double share) {
    if (terminal) fmt::print(stderr, "\r\x1b[K{} {:.0f} %", step, 100 * share);
    return !InterruptGuard::interrupted();
  };
  flags.options.data.progress = progress;
  flags.options.search.progress = [progress](double share) { return progress("ladders", share); };
  Result<lab::LadderReport> report = [&] {
    const InterruptGuard guard;
    return lab::ladder_report(set, flags.options);
  }();
  if (terminal) fmt::print(stderr, "\r\x1b[K");
  return report;
}

json::object to_json(const lab::Figure& figure) {
  return {{"value", figure.value}, {"interval", json::array{figure.interval.low, figure.interval.high}}};
}

json::array to_json(const lab::Ladder& ladder, const std::vector<std::string>& models) {
  json::array rungs;
  for (std::size_t i = 0; i < ladder.rungs.size(); ++i) {
    const lab::Rung& rung = ladder.rungs[i];
    json::object one{{"model", models[rung.model]}};
    if (std::isfinite(rung.accept_min) && i + 1 < ladder.rungs.size()) one["accept_min"] = rung.accept_min;
    if (std::isfinite(rung.keep_below)) one["keep_below"] = rung.keep_below;
    rungs.push_back(std::move(one));
  }
  return rungs;
}

json::object to_json(const lab::LadderLine& line, const std::vector<std::string>& models) {
  return {{"ladder", to_json(line.train.ladder, models)},
          {"train", json::object{{"quality", line.train.quality}, {"cost", line.train.cost}}},
          {"test", json::object{{"quality", to_json(line.test.quality)},
                                {"cost", to_json(line.test.cost)},
                                {"share", json::value_from(line.test.share)},
                                {"hopeless", line.test.hopeless}}},
          {"beside_best_single",
           json::object{{"quality", to_json(line.beside.quality)}, {"saved", to_json(line.beside.saved)}}}};
}

void show_json(const LadderFlags& flags, const lab::LadderReport& report, const std::string& digest) {
  json::array singles;
  for (const lab::LadderLine& line : report.singles) {
    singles.push_back(json::object{
        {"model", report.models[line.train.ladder.rungs.front().model]},
        {"train", json::object{{"quality", line.train.quality}, {"cost", line.train.cost}}},
        {"test", json::object{{"quality", to_json(line.test.quality)}, {"cost", to_json(line.test.cost)}}}});
  }
  json::array budgets;
  for (const lab::BudgetLine& line : report.budgets) {
    json::object one{{"budget", line.budget}};
    if (line.line) one["found"] = to_json(*line.line, report.models);
    budgets.push_back(std::move(one));
  }
  json::object all{
      {"format", 1},
      {"file", flags.file},
      {"sha256", digest},
      {"seed", flags.options.seed},
      {"train_rows", report.train_rows},
      {"test_rows", report.test_rows},
      {"score", lab::name_of(report.source)},
      {"ladders", report.ladders},
      {"pruned", report.pruned},
      {"best_single", report.models[report.best_single]},
      {"max_loss", flags.options.max_loss},
      {"singles", std::move(singles)},
      {"budgets", std::move(budgets)},
      {"oracle", json::object{{"quality", to_json(report.oracle.quality)}, {"cost", to_json(report.oracle.cost)}}}};
  if (report.matching) all["matching"] = to_json(*report.matching, report.models);
  fmt::print("{}\n", json::serialize(all));
}

void show_line(std::string_view name, const lab::LadderFigures& figures) {
  fmt::print("  {:<42} {:.4f} ({:.4f} to {:.4f})  ${:.6f}\n", name, figures.quality.value, figures.quality.interval.low,
             figures.quality.interval.high, figures.cost.value);
}

/// Budgets that buy the same ladder are one line.
void show_budgets(const lab::LadderReport& report) {
  fmt::print("\n{}\n", paint("  best ladder within a budget", "1", colours(STDOUT_FILENO)));
  const lab::LadderLine* before = nullptr;
  for (const lab::BudgetLine& line : report.budgets) {
    if (!line.line) {
      fmt::print("  up to ${:.6f}: nothing; the cheapest model costs more\n", line.budget);
      continue;
    }
    if (before != nullptr && before->train.ladder == line.line->train.ladder) continue;
    before = &*line.line;
    fmt::print("  from ${:.6f}: {}\n", line.budget, lab::describe(before->train.ladder, report.models));
    show_line("", before->test);
  }
}

void show_matching(const lab::LadderReport& report, double max_loss) {
  const std::string& best = report.models[report.best_single];
  if (!report.matching ||
      report.matching->train.ladder.rungs == report.singles[report.best_single].train.ladder.rungs) {
    fmt::print("\nnothing cheaper is within {:.3g} of {}: ask it alone\n", max_loss, best);
    return;
  }
  const lab::LadderLine& line = *report.matching;
  fmt::print("\ncheapest within {:.3g} of {} where it was learned: {}\n", max_loss, best,
             lab::describe(line.train.ladder, report.models));
  fmt::print("  on the others: quality {:+.4f} ({:+.4f} to {:+.4f}), saves {:.1f} % ({:.1f} to {:.1f})\n",
             line.beside.quality.value, line.beside.quality.interval.low, line.beside.quality.interval.high,
             100 * line.beside.saved.value, 100 * line.beside.saved.interval.low,
             100 * line.beside.saved.interval.high);
  if (line.beside.saved.interval.low <= 0) fmt::print("  that saving may be none: ask {} alone\n", best);
}

void show(const lab::LadderReport& report, double max_loss) {
  const bool coloured = colours(STDOUT_FILENO);
  fmt::print("{} ladders tried, {} left out because their models rarely disagree; scores: {}\n", report.ladders,
             report.pruned, lab::name_of(report.source));
  fmt::print("learned on {} requests, measured on {} others; every attempt is paid; bootstrap 95 %\n\n",
             report.train_rows, report.test_rows);
  fmt::print("{}\n", paint(fmt::format("  {:<42} {}", "single models", "quality                    $ a request"), "1",
                           coloured));
  for (const lab::LadderLine& line : report.singles)
    show_line(report.models[line.train.ladder.rungs.front().model], line.test);
  show_line("oracle (cheapest of the best, asked once)", report.oracle);
  show_budgets(report);
  show_matching(report, max_loss);
}

Exit run(LadderFlags& flags) {
  std::string digest;
  const Result<lab::LadderReport> report = fit(flags, digest);
  if (!report) return cli::report(report.error());
  if (flags.json) {
    show_json(flags, *report, digest);
  } else {
    show(*report, flags.options.max_loss);
  }
  return Exit::Ok;
}

void add_flags(CLI::App& command, const std::shared_ptr<LadderFlags>& flags) {
  lab::LadderReportOptions& options = flags->options;
  command.add_option("file", flags->file, "Recorded outcomes, CSV or JSON (Lines), may be packed by gzip")->required();
  command
      .add_option(
          "--budget", flags->budgets,
          "USD a request (0.002) or a share of the best single model's cost (30%); may be repeated\n[10% to 100%]")
      ->allow_extra_args(false);
  command.add_option("--price", flags->prices, "MODEL=USD for one call, instead of what is recorded; may be repeated")
      ->allow_extra_args(false);
  command.add_option("--models", flags->columns.models, "Only these models")->delimiter(',')->allow_extra_args(false);
  command
      .add_option(
          "--score", flags->score,
          "What answers are kept by: confidence, gate, judge or valid as recorded, or learned from words, form and\n"
          "length; auto takes the first recorded one that there is, else learned")
      ->capture_default_str();
  command.add_option("--rungs", options.search.rungs_max, "Models in a ladder, at most")
      ->check(CLI::Range(1, 3))
      ->capture_default_str();
  flags->thresholds =
      command.add_option("--thresholds", options.search.cuts, "Quantiles of each model's scores to try")
          ->check(CLI::Range(2, 200))
          ->capture_default_str();
  command
      .add_option("--disagreement", options.search.disagreement_min,
                  "Leave out ladders with two models that differ on less than this share of the requests")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command.add_flag("--keep-hopeless", options.search.keep_hopeless,
                   "Also learn below which score no model is worth asking: such answers are handed out as they are");
  command
      .add_option("--max-loss", options.max_loss,
                  "Of mean quality against the best single model, for the cheapest ladder that is as good")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command.add_option("--train-share", options.data.train_share, "Of the requests, to learn on; the others measure")
      ->check(CLI::Range(0.05, 0.95))
      ->capture_default_str();
  command.add_option("--seed", options.seed, "Of the split and the samples")->capture_default_str();
  command.add_option("--repetitions", options.repetitions, "Samples of each bootstrap")
      ->check(CLI::Range(10, 100000))
      ->capture_default_str();
  command.add_option("--exclude", flags->exclude, "Requests to leave out: lines or JSON Lines with their ids or texts");
  command.add_option("--text", flags->columns.text, "Column or member with the request's text");
  command.add_flag("--json", flags->json, "One JSON object, no progress");
}

}  // namespace

void add_fit_ladder(CLI::App& fit_command, Command& chosen) {
  auto flags = std::make_shared<LadderFlags>();
  CLI::App* command = fit_command.add_subcommand(
      "ladder",
      "Learn which models to ask in which order, and from which score on an answer is kept, under a budget.\n\n"
      "Reads what several models made of the same requests (docs/formats.md, \"Recorded outcomes\"), tries every order of up to\n"
      "three of them and every threshold of a grid on one part (FrugalGPT, arXiv 2305.05176), and measures what it chose on the\n"
      "other part, beside each model alone and the oracle. Every attempt on the way is paid.\n\n"
      "  suffice fit ladder checkpoint.jsonl.gz --budget 0.004\n"
      "  suffice fit ladder outputs.jsonl --models small,middle,large --price small=0.0001 --price middle=0.001 --price large=0.01\n"
      "  suffice fit ladder checkpoint.jsonl.gz --keep-hopeless --json\n\n"
      "Exit 0 when figures were made, 2 for data or options that cannot be used.");
  add_flags(*command, flags);
  command->callback([flags, &chosen] { chosen.run = [flags] { return run(*flags); }; });
}

}  // namespace suffice::cli
