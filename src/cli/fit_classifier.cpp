// suffice fit classifier: a linear text classifier from labelled texts.

#include "learned/fit_classifier.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <tuple>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "cli/fit_commands.hpp"
#include "core/hash.hpp"
#include "learned/intervals.hpp"
#include "learned/labelled_rows.hpp"
#include "learned/linear_classifier.hpp"
#include "learned/split.hpp"

namespace suffice::cli {
namespace {

namespace json = boost::json;
using learned::LabelledText;

struct FitFlags {
  std::string data;
  std::string test;
  std::string out;
  std::string text = "text";
  std::string label = "label";
  std::string note;
  std::string predictions;
  std::string measure;
  double held_out = 0.1;
  double cost = 10;
  int bucket_bits = 17;
  std::uint64_t seed = 1;
  unsigned threads = 0;
  bool json = false;
};

Result<std::vector<LabelledText>> read_rows(const std::string& file, const FitFlags& flags, std::string& digest) {
  SUFFICE_TRY(const std::string content, read_input(file));
  digest = sha256_hex(content);
  const bool csv = file.ends_with(".csv");
  Result<std::vector<LabelledText>> rows = learned::read_labelled_rows(
      content, csv ? learned::RowFormat::Csv : learned::RowFormat::JsonLines, flags.text, flags.label);
  if (rows) return rows;
  Error error = std::move(rows).error();
  error.where = file + (error.where.empty() ? "" : ": " + error.where);
  return fail(std::move(error));
}

struct Measured {
  std::int64_t texts = 0;
  std::int64_t right = 0;
  double microseconds = 0;  ///< median of one prediction
};

/// `answers` gets one JSON object a text.
Measured measure(const learned::LinearClassifier& classifier, const std::vector<LabelledText>& texts,
                 std::string& answers) {
  Measured measured{.texts = static_cast<std::int64_t>(texts.size())};
  std::vector<double> times;
  for (const LabelledText& row : texts) {
    const auto started = std::chrono::steady_clock::now();
    const learned::LabelScores scores = classifier.score(row.text);
    times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - started).count());
    const auto best = std::ranges::max_element(scores.probability) - scores.probability.begin();
    const std::string& predicted = classifier.labels()[static_cast<std::size_t>(best)];
    if (predicted == row.label) ++measured.right;
    answers += json::serialize(json::object{{"text", row.text},
                                            {"label", row.label},
                                            {"correct", predicted == row.label},
                                            {"predicted", predicted},
                                            {"probability", scores.probability[static_cast<std::size_t>(best)]},
                                            {"none", scores.none}}) +
               "\n";
  }
  std::ranges::sort(times);
  if (!times.empty()) measured.microseconds = times[times.size() / 2];
  return measured;
}

void show(const FitFlags& flags, const learned::LinearClassifier& classifier, const Measured& measured,
          double seconds) {
  const double of = static_cast<double>(measured.texts);
  const double right = static_cast<double>(measured.right);
  if (flags.json) {
    json::object line{{"file", flags.out},
                      {"sha256", classifier.sha256()},
                      {"bytes", classifier.file_bytes()},
                      {"labels", classifier.labels().size()},
                      {"examples", classifier.provenance().examples},
                      {"seconds", seconds},
                      {"held_out", measured.texts}};
    if (measured.texts > 0) {
      const auto [low, high] = learned::wilson(measured.right, measured.texts);
      line["accuracy"] = right / of;
      line["accuracy_interval"] = json::array{low, high};
      line["prediction_us_median"] = measured.microseconds;
    }
    fmt::print("{}\n", json::serialize(line));
    return;
  }
  fmt::print("{}: {:.2f} MB, {} labels, {} texts, {:.1f} s\n", flags.out,
             static_cast<double>(classifier.file_bytes()) / 1e6, classifier.labels().size(),
             classifier.provenance().examples, seconds);
  if (measured.texts == 0) {
    fmt::print("nothing was held out, so nothing is known of it; give --test FILE or --held-out\n");
    return;
  }
  const auto [low, high] = learned::wilson(measured.right, measured.texts);
  fmt::print("held out: {} of {} right, {:.1f} % ({:.1f} to {:.1f}, Wilson 95 %); {:.0f} us a prediction, median\n",
             measured.right, measured.texts, 100 * right / of, 100 * low, 100 * high, measured.microseconds);
  fmt::print("use it in a policy:\n  models:\n    NAME: {{provider: classifier, model: {}, sha256: {}}}\n", flags.out,
             classifier.sha256());
}

Result<void> fit_and_show(const FitFlags& flags) {
  learned::FitOptions options;
  options.cost = flags.cost;
  options.spec.bucket_bits = flags.bucket_bits;
  options.threads = flags.threads > 0 ? flags.threads : std::max(1U, std::thread::hardware_concurrency());
  options.provenance.seed = flags.seed;
  options.provenance.note = flags.note;
  SUFFICE_TRY(std::vector<LabelledText> rows, read_rows(flags.data, flags, options.provenance.data_sha256));
  std::vector<LabelledText> held_out;
  if (!flags.test.empty()) {
    std::string ignored;
    SUFFICE_TRY(held_out, read_rows(flags.test, flags, ignored));
  } else if (flags.held_out > 0) {
    std::tie(rows, held_out) = learned::split(std::move(rows), flags.held_out, flags.seed);
  }

  const bool terminal = ::isatty(STDERR_FILENO) == 1 && !flags.json;
  options.progress = [&](std::size_t done, std::size_t labels) {
    if (terminal) fmt::print(stderr, "\rfitting {} of {} labels ", done, labels);
    return !InterruptGuard::interrupted();
  };
  const auto started = std::chrono::steady_clock::now();
  Result<std::string> bytes = [&] {
    const InterruptGuard guard;
    return learned::fit_classifier(rows, options);
  }();
  if (terminal) fmt::print(stderr, "\r\x1b[K");
  if (!bytes) return fail(std::move(bytes).error());
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  SUFFICE_TRY_VOID(write_whole_file(flags.out, *bytes));
  SUFFICE_TRY(const learned::LinearClassifier classifier, learned::LinearClassifier::from_bytes(*std::move(bytes)));
  std::string answers;
  const Measured measured = measure(classifier, held_out, answers);
  if (!flags.predictions.empty()) SUFFICE_TRY_VOID(write_whole_file(flags.predictions, answers));
  show(flags, classifier, measured, seconds);
  return {};
}

/// A file that is there already, on the texts of --test.
Result<void> measure_and_show(FitFlags flags) {
  if (flags.test.empty()) return fail(ErrorCode::InvalidArgument, "--measure needs the texts of --test FILE", "--test");
  SUFFICE_TRY(const learned::LinearClassifier classifier, learned::LinearClassifier::load(flags.measure));
  std::string ignored;
  SUFFICE_TRY(const std::vector<LabelledText> texts, read_rows(flags.test, flags, ignored));
  std::string answers;
  const Measured measured = measure(classifier, texts, answers);
  if (!flags.predictions.empty()) SUFFICE_TRY_VOID(write_whole_file(flags.predictions, answers));
  flags.out = flags.measure;
  show(flags, classifier, measured, 0);
  return {};
}

Exit fit(const FitFlags& flags) {
  const Result<void> done = flags.measure.empty() ? fit_and_show(flags) : measure_and_show(flags);
  return done ? Exit::Ok : report(done.error());
}

}  // namespace

void add_fit_classifier(CLI::App& fit_command, Command& chosen) {
  auto flags = std::make_shared<FitFlags>();
  CLI::App* classifier = fit_command.add_subcommand(
      "classifier",
      "Fit a linear text classifier: a tier that answers with a label in microseconds.\n\n"
      "TF-IDF of words and characters, logistic regression of each label against the rest. The data is CSV with a header\n"
      "line (*.csv) or JSON Lines; a tenth of the texts, chosen by their hash, is held out and measured.\n\n"
      "  suffice fit classifier --data tickets.jsonl --out tickets.lin\n"
      "  suffice fit classifier --data train.csv --test test.csv --text utterance --label intent --out intents.lin\n"
      "  suffice fit classifier --measure intents.lin --test test.csv --predictions answers.jsonl\n\n"
      "Exit 0 when the file was written, 2 for data or options that cannot be used.");
  classifier->add_option("--data", flags->data, "Labelled texts: FILE.csv, FILE.jsonl, or - (JSON Lines)");
  classifier->add_option("--out", flags->out, "The file to write");
  classifier->add_option("--test", flags->test, "Texts to measure on, instead of holding some out");
  classifier->add_option("--text", flags->text, "Column or member with the text")->capture_default_str();
  classifier->add_option("--label", flags->label, "Column or member with the label")->capture_default_str();
  classifier->add_option("--held-out", flags->held_out, "Share of the texts to hold out")
      ->check(CLI::Range(0.0, 0.9))
      ->capture_default_str();
  classifier->add_option("--cost", flags->cost, "How much an error weighs against small weights (C)")
      ->capture_default_str();
  classifier->add_option("--bucket-bits", flags->bucket_bits, "2^N buckets for words and as many for characters")
      ->check(CLI::Range(10, 22))
      ->capture_default_str();
  classifier->add_option("--seed", flags->seed, "Of the choice of what is held out")->capture_default_str();
  classifier->add_option("--threads", flags->threads, "Labels fitted at once (0: one a processor)");
  classifier->add_option("--note", flags->note, "Kept in the file: source and licence of the data");
  classifier->add_option(
      "--predictions", flags->predictions,
      "Write what is answered to each held-out text, JSON Lines: text, label, correct, predicted, probability, none");
  classifier->add_option("--measure", flags->measure, "Fit nothing: measure this file on the texts of --test")
      ->excludes("--data")
      ->excludes("--out");
  classifier->add_flag("--json", flags->json, "One JSON object, no progress");
  classifier->callback([flags, classifier, &chosen] {
    for (const char* needed : {"--data", "--out"}) {
      if (flags->measure.empty() && classifier->get_option(needed)->count() == 0) throw CLI::RequiredError(needed);
    }
    chosen.run = [flags] { return fit(*flags); };
  });
}

}  // namespace suffice::cli
