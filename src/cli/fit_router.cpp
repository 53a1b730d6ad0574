// suffice fit router: from recorded outcomes to a file that predicts which requests a local model would fail.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
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
#include "lab/evaluation/metrics.hpp"
#include "lab/evaluation/outcomes.hpp"
#include "lab/evaluation/paired.hpp"
#include "lab/evaluation/routers.hpp"

namespace suffice::cli {
namespace {

namespace json = boost::json;

struct RouterFlags {
  std::string file;
  std::string exclude;
  std::string out;
  std::string weak;
  std::string strong;
  std::string note;
  lab::OutcomeColumns columns;
  std::size_t folds = 5;
  std::uint64_t seed = 1;
  int repetitions = 1000;
  double share = 0.3;
  bool json = false;
};

/// What is known of a router whose rows were each scored by what was fitted on the others.
struct Fitted {
  std::string sha256;
  std::size_t bytes = 0;
  std::size_t rows = 0;
  std::string weak;
  std::string strong;
  lab::RouterFigures linear;
  lab::RouterFigures length;
  lab::RandomBaseline random;
  double gain_max = 0;        ///< the score from which `share` of the requests went to the strong model
  double share = 0;           ///< what really did: equal scores stay together
  double pgr = 0;             ///< at that share
  double quality = 0;         ///< mean, at that share
  double quality_weak = 0;    ///< always weak
  double quality_strong = 0;  ///< always strong
};

Result<lab::OutcomeSet> read_set(const RouterFlags& flags, std::string& digest) {
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

/// The pair that flags name, else the usual one.
Result<lab::ModelPair> pair_of(const lab::OutcomeSet& set, const RouterFlags& flags) {
  lab::ModelPair pair = lab::usual_pair(set);
  if (!flags.weak.empty()) {
    SUFFICE_TRY(pair.weak, set.model(flags.weak));
  }
  if (!flags.strong.empty()) {
    SUFFICE_TRY(pair.strong, set.model(flags.strong));
  }
  if (pair.weak == pair.strong)
    return fail(ErrorCode::InvalidArgument, "name two different models with --weak and --strong");
  return pair;
}

/// The place of the threshold that sends `share` of the rows to the strong model.
void choose_threshold(const lab::Pair& pair, const std::vector<double>& score, double share, Fitted& fitted) {
  std::vector<double> sorted = score;
  std::ranges::sort(sorted, std::greater<>());
  const auto place = static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1));
  fitted.gain_max = sorted[place];
  const auto sent = std::ranges::count_if(score, [&](double value) { return value >= fitted.gain_max; });
  fitted.share = static_cast<double>(sent) / static_cast<double>(score.size());
  const lab::Curve curve = lab::Ranking(pair, score).curve();
  fitted.pgr = curve.pgr(fitted.share);
  fitted.quality = curve.at(fitted.share);
  fitted.quality_weak = curve.weak();
  fitted.quality_strong = curve.strong();
}

Result<Fitted> fit(const RouterFlags& flags, const lab::Progress& progress) {
  learned::Provenance provenance{.data_sha256 = {}, .examples = 0, .seed = flags.seed, .cost = 0, .note = flags.note};
  SUFFICE_TRY(const lab::OutcomeSet set, read_set(flags, provenance.data_sha256));
  SUFFICE_TRY(const lab::ModelPair models, pair_of(set, flags));
  const lab::PairedRows rows = lab::paired_rows(set, models.weak, models.strong);
  const lab::FoldOptions folds{.folds = flags.folds, .seed = flags.seed, .progress = progress};
  SUFFICE_TRY(const std::vector<double> linear, lab::router_score(lab::RouterKind::Linear, rows, folds));
  SUFFICE_TRY(const std::vector<double> length, lab::router_score(lab::RouterKind::Length, rows, folds));
  SUFFICE_TRY(const std::string bytes, lab::fit_linear_router(rows, std::move(provenance), progress));
  SUFFICE_TRY_VOID(write_whole_file(flags.out, bytes));
  Fitted fitted;
  fitted.sha256 = sha256_hex(bytes);
  fitted.bytes = bytes.size();
  fitted.rows = rows.rows.size();
  fitted.weak = set.models[models.weak];
  fitted.strong = set.models[models.strong];
  fitted.linear = lab::router_figures(rows.pair, linear, flags.repetitions, flags.seed);
  fitted.length = lab::router_figures(rows.pair, length, flags.repetitions, flags.seed);
  fitted.random = lab::random_baseline(rows.pair, 200, flags.seed);
  choose_threshold(rows.pair, linear, flags.share, fitted);
  return fitted;
}

json::object to_json(const lab::Figure& figure) {
  return {{"value", figure.value}, {"interval", json::array{figure.interval.low, figure.interval.high}}};
}

void show_json(const RouterFlags& flags, const Fitted& fitted) {
  const json::object line{{"file", flags.out},
                          {"sha256", fitted.sha256},
                          {"bytes", fitted.bytes},
                          {"rows", fitted.rows},
                          {"weak", fitted.weak},
                          {"strong", fitted.strong},
                          {"folds", flags.folds},
                          {"seed", flags.seed},
                          {"apgr", to_json(fitted.linear.apgr)},
                          {"apgr_length", to_json(fitted.length.apgr)},
                          {"apgr_random", json::object{{"mean", fitted.random.mean}, {"sd", fitted.random.deviation}}},
                          {"gain_max", fitted.gain_max},
                          {"strong_share", fitted.share},
                          {"pgr", fitted.pgr},
                          {"quality", fitted.quality},
                          {"quality_weak", fitted.quality_weak},
                          {"quality_strong", fitted.quality_strong}};
  fmt::print("{}\n", json::serialize(line));
}

void show(const RouterFlags& flags, const Fitted& fitted) {
  const auto line = [](std::string_view name, const lab::Figure& apgr) {
    fmt::print("  {:<8} APGR {:.3f} ({:.3f} to {:.3f}, bootstrap 95 %)\n", name, apgr.value, apgr.interval.low,
               apgr.interval.high);
  };
  fmt::print("{}: {} for {}, {} requests, {:.2f} MB\n", flags.out, fitted.strong, fitted.weak, fitted.rows,
             static_cast<double>(fitted.bytes) / 1e6);
  fmt::print("each request scored by what was fitted on the other {} of {} parts:\n", flags.folds - 1, flags.folds);
  line("router", fitted.linear.apgr);
  line("length", fitted.length.apgr);
  fmt::print("  {:<8} APGR {:.3f}, deviation {:.3f}\n", "chance", fitted.random.mean, fitted.random.deviation);
  if (fitted.linear.apgr.value <= fitted.length.apgr.value)
    fmt::print("it knows no more than the length of the request does: do not route by it\n");
  fmt::print("at {:.1f} % to {}: quality {:.4f}, between {:.4f} and {:.4f} (PGR {:.3f})\n", 100 * fitted.share,
             fitted.strong, fitted.quality, fitted.quality_weak, fitted.quality_strong, fitted.pgr);
  fmt::print("use it in a policy:\n  tasks:\n    NAME:\n      router: {{file: {}, sha256: {}, gain_max: {:.4f}}}\n",
             flags.out, fitted.sha256, fitted.gain_max);
}

Exit run(const RouterFlags& flags) {
  const bool terminal = ::isatty(STDERR_FILENO) == 1 && !flags.json;
  const auto progress = [terminal](std::string_view step, double share) {
    if (terminal) fmt::print(stderr, "\r\x1b[K{} {:.0f} %", step, 100 * share);
    return !InterruptGuard::interrupted();
  };
  const Result<Fitted> fitted = [&] {
    const InterruptGuard guard;
    return fit(flags, progress);
  }();
  if (terminal) fmt::print(stderr, "\r\x1b[K");
  if (!fitted) return report(fitted.error());
  if (flags.json) {
    show_json(flags, *fitted);
  } else {
    show(flags, *fitted);
  }
  return Exit::Ok;
}

}  // namespace

void add_fit_router(CLI::App& fit_command, Command& chosen) {
  auto flags = std::make_shared<RouterFlags>();
  CLI::App* command = fit_command.add_subcommand(
      "router",
      "Fit a predictive router: which requests would a cheap model fail that a dear one gets right?\n\n"
      "Reads recorded outcomes of both (docs/formats.md), fits TF-IDF and logistic regression to the gain, and measures it on\n"
      "parts that it was not fitted on, beside the length of the request and chance.\n\n"
      "  suffice fit router responses.csv --weak mixtral --strong gpt-4 --out hard.lin\n\n"
      "Exit 0 when the file was written, 2 for data or options that cannot be used.");
  command->add_option("file", flags->file, "Recorded outcomes, CSV or JSON (Lines), may be packed by gzip")->required();
  command->add_option("--out", flags->out, "The file to write")->required();
  command->add_option("--exclude", flags->exclude,
                      "Requests to leave out: lines or JSON Lines with their ids or texts");
  command->add_option("--weak", flags->weak, "The cheap model, or a part of its name [the worst]");
  command->add_option("--strong", flags->strong, "The dear model [the best]");
  command->add_option("--share", flags->share, "Of the requests that may go to the dear model; sets gain_max")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->add_option("--folds", flags->folds, "Parts that are scored by what was fitted on the others")
      ->check(CLI::Range(2, 100))
      ->capture_default_str();
  command->add_option("--repetitions", flags->repetitions, "Samples of the bootstrap")
      ->check(CLI::Range(10, 100000))
      ->capture_default_str();
  command->add_option("--seed", flags->seed, "Of folds and samples")->capture_default_str();
  command->add_option("--text", flags->columns.text, "Column or member with the request's text");
  command->add_option("--note", flags->note, "Kept in the file: source and licence of the data");
  command->add_flag("--json", flags->json, "One JSON object, no progress");
  command->callback([flags, &chosen] { chosen.run = [flags] { return run(*flags); }; });
}

}  // namespace suffice::cli
