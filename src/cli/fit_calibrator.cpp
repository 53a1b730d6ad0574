// suffice fit calibrator: from what a model's signals say to the probability that it is right.

#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/fit_rows.hpp"
#include "lab/report/report.hpp"
#include "learned/calibration_metrics.hpp"
#include "learned/calibrator.hpp"
#include "learned/intervals.hpp"

namespace suffice::cli {
namespace {

namespace json = boost::json;
using learned::Outcome;

constexpr int kBootstrapRuns = 200;

struct CalibratorFlags {
  RowFlags rows;
  std::string out;
  std::string kind = "isotonic";
  std::string note;
  std::string html;
  bool json = false;
};

struct Measured {
  double ece = 0;
  learned::Interval ece_interval;
  double brier = 0;
  double auroc = 0;
};

Measured measure(const std::vector<Outcome>& outcomes, std::uint64_t seed) {
  Measured measured{.ece = learned::expected_calibration_error(outcomes),
                    .ece_interval = {},
                    .brier = learned::brier_score(outcomes),
                    .auroc = learned::auroc(outcomes)};
  std::vector<Outcome> drawn(outcomes.size());
  const auto ece_of = [&](std::span<const std::size_t> rows) {
    for (std::size_t i = 0; i < rows.size(); ++i) drawn[i] = outcomes[rows[i]];
    return learned::expected_calibration_error(drawn);
  };
  measured.ece_interval = learned::bootstrap(outcomes.size(), ece_of, kBootstrapRuns, seed);
  return measured;
}

json::object to_json(const Measured& measured) {
  json::object object{{"ece", measured.ece},
                      {"ece_interval", json::array{measured.ece_interval.low, measured.ece_interval.high}},
                      {"brier", measured.brier}};
  object["auroc"] = std::isnan(measured.auroc) ? json::value() : json::value(measured.auroc);
  return object;
}

/// The calibrator's answers to rows it was not fitted on, and what one signal said before, where that was a probability.
struct HeldOut {
  std::vector<Outcome> raw;
  std::vector<Outcome> calibrated;
};

HeldOut judge(const learned::Calibrator& calibrator, const std::vector<learned::SignalRow>& rows) {
  HeldOut made;
  bool probabilities = calibrator.signals().size() == 1;
  for (const learned::SignalRow& row : rows) {
    const std::optional<double> answer = calibrator.apply_row(row.signals);
    if (answer) made.calibrated.push_back({.confidence = *answer, .correct = row.correct});
    made.raw.push_back({.confidence = row.signals.front(), .correct = row.correct});
    probabilities = probabilities && row.signals.front() >= 0 && row.signals.front() <= 1;
  }
  if (!probabilities) made.raw.clear();
  return made;
}

lab::PlotSeries reliability_series(std::string name, const std::vector<Outcome>& outcomes) {
  lab::PlotSeries series{.name = std::move(name)};
  for (const learned::ReliabilityBin& bin : learned::reliability(outcomes)) {
    if (bin.rows == 0) continue;
    const learned::Interval interval = learned::clopper_pearson(bin.correct, bin.rows);
    series.points.push_back({.x = bin.confidence(), .y = bin.accuracy()});
    series.band.push_back({.x = bin.confidence(), .low = interval.low, .high = interval.high});
  }
  return series;
}

std::string page(const CalibratorFlags& flags, const HeldOut& held_out, const Measured& after) {
  lab::Report report("Calibrator " + flags.out);
  report.paragraph(
      fmt::format("{} over {}, measured on {} rows it was not fitted on: ECE {:.4f} ({:.4f} to {:.4f}), "
                  "Brier {:.4f}, AUROC {:.4f}.",
                  flags.kind, fmt::join(flags.rows.names(), ", "), held_out.calibrated.size(), after.ece,
                  after.ece_interval.low, after.ece_interval.high, after.brier, after.auroc));
  lab::Plot plot{.title = "Reliability", .x = "mean confidence of the bin", .y = "share right, with 95 % bands"};
  plot.series.push_back(
      {.name = "perfect", .points = {{.x = 0, .y = 0}, {.x = 1, .y = 1}}, .style = lab::PlotStyle::Dashed});
  if (!held_out.raw.empty()) plot.series.push_back(reliability_series("as it came", held_out.raw));
  plot.series.push_back(reliability_series("calibrated", held_out.calibrated));
  plot.x_range = plot.y_range = {0, 1};
  report.plot(plot);
  return report.html();
}

void show(const CalibratorFlags& flags, const learned::Calibrator& calibrator, const HeldOut& held_out) {
  const std::optional<Measured> before =
      held_out.raw.empty() ? std::nullopt : std::optional(measure(held_out.raw, flags.rows.seed));
  const Measured after = measure(held_out.calibrated, flags.rows.seed);
  if (flags.json) {
    json::object line{{"file", flags.out},
                      {"sha256", calibrator.sha256()},
                      {"kind", flags.kind},
                      {"rows", calibrator.provenance().rows},
                      {"data_sha256", calibrator.provenance().data_sha256},
                      {"held_out", held_out.calibrated.size()}};
    if (!held_out.calibrated.empty()) line["calibrated"] = to_json(after);
    if (before) line["raw"] = to_json(*before);
    fmt::print("{}\n", json::serialize(line));
    return;
  }
  fmt::print("{}: {} over {}, fitted on {} rows\n", flags.out, flags.kind, fmt::join(calibrator.signals(), ", "),
             calibrator.provenance().rows);
  if (held_out.calibrated.empty()) {
    fmt::print("nothing was held out, so nothing is known of it; give --share\n");
    return;
  }
  const auto line = [](const char* what, const Measured& measured) {
    fmt::print("{:<11} ECE {:.4f} ({:.4f} to {:.4f}, bootstrap 95 %), Brier {:.4f}, AUROC {:.4f}\n", what, measured.ece,
               measured.ece_interval.low, measured.ece_interval.high, measured.brier, measured.auroc);
  };
  fmt::print("on {} rows held out:\n", held_out.calibrated.size());
  if (before) line("as it came", *before);
  line("calibrated", after);
}

Result<void> fit_and_show(const CalibratorFlags& flags) {
  const std::optional<learned::CalibratorKind> kind = learned::calibrator_kind(flags.kind);
  if (!kind) return fail(ErrorCode::InvalidArgument, "isotonic, platt, temperature or logistic", "--kind");
  SUFFICE_TRY(DataRows data, read_data_rows(flags.rows.data, flags.rows.query()));
  const double share = flags.rows.share > 0 ? flags.rows.share : 1;
  const learned::SplitRows split = learned::split_rows(std::move(data.rows), share);
  Result<learned::Calibrator> calibrator = learned::Calibrator::fit(
      *kind, flags.rows.names(), split.fitted,
      {.data_sha256 = data.sha256, .share = share, .seed = flags.rows.seed, .note = flags.note});
  if (!calibrator) return fail(std::move(calibrator).error());
  SUFFICE_TRY_VOID(write_whole_file(flags.out, calibrator->to_bytes()));
  const HeldOut held_out = judge(*calibrator, split.held_out);
  if (!flags.html.empty())
    SUFFICE_TRY_VOID(
        write_whole_file(flags.html, page(flags, held_out, measure(held_out.calibrated, flags.rows.seed))));
  show(flags, *calibrator, held_out);
  return {};
}

}  // namespace

void add_fit_calibrator(CLI::App& fit_command, Command& chosen) {
  auto flags = std::make_shared<CalibratorFlags>();
  CLI::App* calibrator = fit_command.add_subcommand(
      "calibrator",
      "Fit a calibrator: from an answer's signals to the probability that it is right.\n\n"
      "Half of the rows, chosen by their hash, are fitted on; the other half measures it (ECE over ten bins, Brier, AUROC)\n"
      "and is left for `suffice fit threshold` to certify on.\n\n"
      "  suffice fit calibrator --data outcomes.csv.gz --where model=Llama-2-7b --where dataset=arc --out arc.cal\n"
      "  suffice fit calibrator --data predictions.jsonl --signal label_probability --correct label==predicted \\\n"
      "      --out intent.cal\n"
      "  suffice fit calibrator --data outcomes.jsonl --kind logistic --signal mean_logprob --signal agreement \\\n"
      "      --signal input_chars --out extract.cal\n\n"
      "Use it in a policy: `calibrator: FILE` at a task or tier.\n"
      "Exit 0 when the file was written, 2 for data or options that cannot be used.");
  add_row_options(*calibrator, flags->rows);
  calibrator->add_option("--out", flags->out, "The file to write")->required();
  calibrator->add_option("--kind", flags->kind, "isotonic, platt, temperature (one signal) or logistic (several)")
      ->capture_default_str();
  calibrator->add_option("--note", flags->note, "Kept in the file: source and licence of the data");
  calibrator->add_option("--html", flags->html, "Write a page with the reliability diagram");
  calibrator->add_flag("--json", flags->json, "One JSON object");
  calibrator->callback([flags, &chosen] {
    chosen.run = [flags] {
      const Result<void> done = fit_and_show(*flags);
      return done ? Exit::Ok : report(done.error());
    };
  });
}

}  // namespace suffice::cli
