// suffice fit threshold: a certified threshold, or a refusal.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/fit_rows.hpp"
#include "core/clock.hpp"
#include "gate/confidence_rule.hpp"
#include "lab/report/report.hpp"
#include "learned/calibrator.hpp"
#include "learned/certificate.hpp"
#include "learned/certify.hpp"
#include "learned/intervals.hpp"
#include "policy/policy_store.hpp"

namespace suffice::cli {
namespace {

namespace json = boost::json;

struct ThresholdFlags {
  RowFlags rows;
  std::string out;
  std::string verify;
  std::string calibrator;
  double max_false_accept = 0.05;
  double confidence = 0.95;
  std::string unit = "accepted";
  learned::CertificateScope scope;
  std::string policy;
  int valid_days = 90;
  std::string note;
  std::string html;
  bool json = false;
};

/// The rows as the calibrator, or the one signal, sees them. A row without a confidence can never be accepted: it counts as 0.
Result<std::vector<learned::Outcome>> outcomes_of(const std::vector<learned::SignalRow>& rows,
                                                  const learned::Calibrator* calibrator) {
  std::vector<learned::Outcome> outcomes;
  for (const learned::SignalRow& row : rows) {
    const double raw = row.signals.front();
    const double confidence = calibrator != nullptr ? calibrator->apply_row(row.signals).value_or(0) : raw;
    if (!(confidence >= 0 && confidence <= 1)) {
      return fail(ErrorCode::InvalidArgument, "a confidence is missing or outside [0, 1]; fit a calibrator first",
                  "--signal");
    }
    outcomes.push_back({.confidence = confidence, .correct = row.correct});
  }
  return outcomes;
}

std::vector<double> confidences_of(const std::vector<learned::Outcome>& outcomes) {
  std::vector<double> values;
  for (const learned::Outcome& outcome : outcomes) values.push_back(outcome.confidence);
  return values;
}

Result<std::optional<learned::Calibrator>> load_calibrator(const std::string& file) {
  if (file.empty()) return std::nullopt;
  SUFFICE_TRY(learned::Calibrator calibrator, learned::Calibrator::load(file));
  return calibrator;
}

/// What the certificate is about: as said by flags, or the first tier of the policy's task that is local.
Result<learned::CertificateScope> scope_of(const ThresholdFlags& flags, const learned::Calibrator* calibrator) {
  learned::CertificateScope scope = flags.scope;
  scope.signal = calibrator == nullptr ? flags.rows.names().front() : "";
  scope.calibrator_sha256 = calibrator != nullptr ? calibrator->sha256() : "";
  if (flags.policy.empty()) return scope;
  const policy::Loaded loaded = policy::load_policy(flags.policy, policy::process_environment());
  if (loaded.policy == nullptr)
    return fail(ErrorCode::PolicyInvalid, "has problems; `suffice check` lists them", flags.policy);
  const auto task = loaded.policy->tasks.find(scope.task);
  if (task == loaded.policy->tasks.end())
    return fail(ErrorCode::InvalidArgument, "the policy has no such task", "--task " + scope.task);
  const std::vector<policy::Tier>& tiers = task->second.tiers;
  const auto local =
      std::ranges::find_if(tiers, [&](const policy::Tier& tier) { return loaded.policy->models.at(tier.model).local; });
  if (local == tiers.end())
    return fail(ErrorCode::InvalidArgument, "the task has no local tier", "--task " + scope.task);
  return gate::scope_of(*loaded.policy, task->second, static_cast<std::size_t>(local - tiers.begin()), calibrator);
}

lab::Plot sweep(const learned::Certification& made, const learned::CertificationTerms& terms) {
  lab::Plot plot{.title = "False accepts by threshold",
                 .x = "share accepted",
                 .y = fmt::format("wrong of {}, exact 95 % band", learned::name(terms.unit))};
  lab::PlotSeries rate{.name = "seen"};
  for (const learned::ThresholdTest& test : made.tests) {
    const std::int64_t of = terms.unit == learned::RiskUnit::Accepted ? test.accepted : made.rows;
    if (of == 0) continue;
    const double x = static_cast<double>(test.accepted) / static_cast<double>(made.rows);
    const learned::Interval band = learned::clopper_pearson(test.failures, of);
    rate.points.push_back({.x = x, .y = static_cast<double>(test.failures) / static_cast<double>(of)});
    rate.band.push_back({.x = x, .low = band.low, .high = band.high});
  }
  plot.series.push_back(std::move(rate));
  plot.series.push_back({.name = "bound",
                         .points = {{.x = 0, .y = terms.false_accept_max}, {.x = 1, .y = terms.false_accept_max}},
                         .style = lab::PlotStyle::Dashed});
  return plot;
}

std::string page(const ThresholdFlags& flags, const learned::Certification& made,
                 const learned::CertificationTerms& terms) {
  lab::Report report("Certified threshold of " + (flags.scope.task.empty() ? flags.rows.data : flags.scope.task));
  report.paragraph(made.threshold ? fmt::format("Certified from {:.4f} on: {} wrong of {} accepted, of {} rows.",
                                                made.threshold->threshold, made.threshold->failures,
                                                made.threshold->accepted, made.rows)
                                  : "Refused: " + made.refusal);
  report.plot(sweep(made, terms));
  std::vector<std::vector<std::string>> rows;
  for (const learned::ThresholdTest& test : made.tests) {
    rows.push_back({fmt::format("{:.4f}", test.threshold), fmt::format("{}", test.accepted),
                    fmt::format("{}", test.failures), fmt::format("{:.4g}", test.p_value),
                    test.certified ? "certified" : "not reached or failed"});
  }
  report.table({"threshold", "accepted", "wrong", "p-value", "outcome"}, rows);
  return report.html();
}

void show(const ThresholdFlags& flags, const learned::Certification& made, const learned::CertificationTerms& terms,
          const std::string& id) {
  if (flags.json) {
    json::object line{{"certified", made.threshold.has_value()},
                      {"max_false_accept", terms.false_accept_max},
                      {"confidence", terms.confidence},
                      {"of", learned::name(terms.unit)},
                      {"rows", made.rows}};
    if (made.threshold) {
      const learned::Interval share = learned::clopper_pearson(made.threshold->accepted, made.rows);
      line["file"] = flags.out;
      line["id"] = id;
      line["threshold"] = made.threshold->threshold;
      line["accepted"] = made.threshold->accepted;
      line["failures"] = made.threshold->failures;
      line["p_value"] = made.threshold->p_value;
      line["accepted_share_interval"] = json::array{share.low, share.high};
    } else {
      line["refusal"] = made.refusal;
      line["more_rows"] = made.more_rows ? json::value(*made.more_rows) : json::value();
    }
    fmt::print("{}\n", json::serialize(line));
    return;
  }
  if (!made.threshold) {
    fmt::print("refused: {}\n", made.refusal);
    if (made.more_rows)
      fmt::print("about {} labelled rows more to certify on would be needed, were the rates seen here the true ones\n",
                 *made.more_rows);
    fmt::print("without a certificate the task stays on the frontier (threshold_uncertified)\n");
    return;
  }
  const double of = static_cast<double>(made.rows);
  const learned::Interval share = learned::clopper_pearson(made.threshold->accepted, made.rows);
  fmt::print("certificate {}: from {:.4f} on at most {:g} % of {} are wrong, at {:g} % confidence\n", id,
             made.threshold->threshold, 100 * terms.false_accept_max,
             terms.unit == learned::RiskUnit::Accepted ? "accepted answers" : "all requests", 100 * terms.confidence);
  fmt::print("{} of {} rows accepted, {:.1f} % ({:.1f} to {:.1f}), {} of them wrong\n", made.threshold->accepted,
             made.rows, 100 * static_cast<double>(made.threshold->accepted) / of, 100 * share.low, 100 * share.high,
             made.threshold->failures);
  fmt::print("use it in a policy:\n  tasks:\n    {}: {{certificate: {}{}}}\n",
             flags.scope.task.empty() ? "NAME" : flags.scope.task, flags.out,
             flags.calibrator.empty() ? "" : ", calibrator: " + flags.calibrator);
}

Result<Exit> verify(const ThresholdFlags& flags) {
  SUFFICE_TRY(const learned::Certificate certificate, learned::Certificate::load(flags.verify));
  SUFFICE_TRY(const std::optional<learned::Calibrator> calibrator, load_calibrator(flags.calibrator));
  const learned::Derivation& how = certificate.derivation;
  const std::string calibrator_sha256 = calibrator ? calibrator->sha256() : "";
  std::string defect;
  SUFFICE_TRY(
      DataRows data,
      read_data_rows(
          flags.rows.data,
          {.signals = how.signals, .correct = how.correct, .where = how.where, .key = how.key, .seed = how.seed}));
  if (data.sha256 != how.data_sha256) {
    defect = fmt::format("the data's SHA-256 is {}, certified was {}", data.sha256, how.data_sha256);
  } else if (calibrator_sha256 != certificate.scope.calibrator_sha256) {
    defect = "another calibrator than it was certified with; give it by --calibrator";
  } else {
    const learned::SplitRows split = learned::split_rows(std::move(data.rows), how.share);
    SUFFICE_TRY(const std::vector<learned::Outcome> outcomes,
                outcomes_of(split.held_out, calibrator ? &*calibrator : nullptr));
    defect = learned::unconfirmed(certificate, learned::certify(outcomes, certificate.grid, certificate.terms));
  }
  const bool expired = certificate.expired(SystemClock().wall_now());
  if (flags.json) {
    fmt::print("{}\n", json::serialize(json::object{{"id", certificate.id},
                                                    {"confirmed", defect.empty()},
                                                    {"defect", defect},
                                                    {"expires", certificate.expires},
                                                    {"expired", expired}}));
  } else if (defect.empty()) {
    fmt::print("certificate {} is confirmed by its data: threshold {:.4f}, {} wrong of {} accepted; it {} on {}\n",
               certificate.id, certificate.threshold, certificate.failures, certificate.accepted,
               expired ? "expired" : "expires", certificate.expires);
  } else {
    fmt::print("certificate {} is not confirmed: {}\n", certificate.id, defect);
  }
  return defect.empty() ? Exit::Ok : Exit::GateNotMet;
}

Result<Exit> certify_and_show(const ThresholdFlags& flags, bool share_given) {
  const std::optional<learned::RiskUnit> unit = learned::risk_unit(flags.unit);
  if (!unit) return fail(ErrorCode::InvalidArgument, "accepted or all_traffic", "--of");
  const learned::CertificationTerms terms{
      .false_accept_max = flags.max_false_accept, .confidence = flags.confidence, .unit = *unit};
  SUFFICE_TRY(const std::optional<learned::Calibrator> calibrator, load_calibrator(flags.calibrator));
  RowFlags rows = flags.rows;
  if (calibrator && rows.signals.empty()) rows.signals = calibrator->signals();
  if (calibrator && rows.names() != calibrator->signals())
    return fail(ErrorCode::InvalidArgument,
                fmt::format("the calibrator reads {}", fmt::join(calibrator->signals(), ", ")), "--signal");
  if (!calibrator && rows.names().size() != 1)
    return fail(ErrorCode::InvalidArgument, "several signals need a calibrator", "--signal");
  learned::RowQuery query = rows.query();
  SUFFICE_TRY(DataRows data, read_data_rows(rows.data, query));
  if (calibrator && calibrator->provenance().data_sha256 == data.sha256) {
    // The rows that the calibrator has seen are no evidence about it.
    query.seed = calibrator->provenance().seed;
    rows.share = calibrator->provenance().share;
    if (rows.share >= 1)
      return fail(ErrorCode::InvalidArgument, "was fitted on all rows of this file; certify on others",
                  flags.calibrator);
    SUFFICE_TRY(data, read_data_rows(rows.data, query));
  } else if (calibrator && !share_given) {
    rows.share = 0;
  }
  learned::SplitRows split = learned::split_rows(std::move(data.rows), rows.share);
  const learned::Calibrator* used = calibrator ? &*calibrator : nullptr;
  SUFFICE_TRY(const std::vector<learned::Outcome> fitted, outcomes_of(split.fitted, used));
  SUFFICE_TRY(const std::vector<learned::Outcome> outcomes, outcomes_of(split.held_out, used));
  const std::vector<double> others = calibrator ? calibrator->quantiles() : confidences_of(fitted);
  const std::vector<double> grid = learned::threshold_grid(others, static_cast<std::int64_t>(outcomes.size()), terms);
  const learned::Certification made = learned::certify(outcomes, grid, terms);
  if (!flags.html.empty()) SUFFICE_TRY_VOID(write_whole_file(flags.html, page(flags, made, terms)));
  std::string id;
  if (made.threshold) {
    const WallTime now = SystemClock().wall_now();
    learned::Certificate certificate{.scope = {},
                                     .terms = terms,
                                     .derivation = {.data_sha256 = data.sha256,
                                                    .signals = query.signals,
                                                    .correct = query.correct,
                                                    .where = query.where,
                                                    .key = query.key,
                                                    .seed = query.seed,
                                                    .share = rows.share},
                                     .grid = grid,
                                     .threshold = made.threshold->threshold,
                                     .rows = made.rows,
                                     .accepted = made.threshold->accepted,
                                     .failures = made.threshold->failures,
                                     .made = learned::day_of(now),
                                     .expires = learned::day_of(now + std::chrono::days(flags.valid_days)),
                                     .note = flags.note,
                                     .id = {}};
    SUFFICE_TRY(certificate.scope, scope_of(flags, used));
    const std::string bytes = certificate.to_bytes();
    SUFFICE_TRY(const learned::Certificate read, learned::Certificate::from_bytes(bytes));
    SUFFICE_TRY_VOID(write_whole_file(flags.out, bytes));
    id = read.id;
  }
  show(flags, made, terms, id);
  return made.threshold ? Exit::Ok : Exit::GateNotMet;
}

}  // namespace

void add_fit_threshold(CLI::App& fit_command, Command& chosen) {
  auto flags = std::make_shared<ThresholdFlags>();
  CLI::App* threshold = fit_command.add_subcommand(
      "threshold",
      "Certify a threshold: at most so many false accepts, at so much confidence, or refuse.\n\n"
      "Learn-then-Test: thresholds from strict to lax are tested by exact binomials until one fails. They are laid out on\n"
      "rows that are not tested (those the calibrator was fitted on, or --share of the file), so the bound is exact.\n\n"
      "  suffice fit threshold --data outcomes.csv --max-false-accept 0.05 --confidence 0.95 --out task.cert\n"
      "  suffice fit threshold --data predictions.jsonl --calibrator intent.cal --correct label==predicted \\\n"
      "      --max-false-accept 0.01 --policy policy.yaml --task intent --out intent.cert\n"
      "  suffice fit threshold --verify intent.cert --data predictions.jsonl --calibrator intent.cal\n\n"
      "Use it in a policy: `certificate: FILE` at a task or tier.\n"
      "Exit 0 certified or confirmed, 3 refused or not confirmed, 2 for data or options that cannot be used.");
  add_row_options(*threshold, flags->rows);
  CLI::Option* out = threshold->add_option("--out", flags->out, "The certificate to write");
  CLI::Option* verify_option =
      threshold->add_option("--verify", flags->verify, "Make this certificate again from its data and compare")
          ->excludes(out);
  threshold->add_option("--max-false-accept", flags->max_false_accept, "Share of wrong answers to stay below")
      ->check(CLI::Range(1e-6, 0.999))
      ->capture_default_str();
  threshold->add_option("--confidence", flags->confidence, "That the bound holds, over the draw of the rows")
      ->check(CLI::Range(0.5, 0.999999))
      ->capture_default_str();
  threshold->add_option("--of", flags->unit, "What it is a share of: accepted or all_traffic")->capture_default_str();
  threshold->add_option("--calibrator", flags->calibrator,
                        "File of `suffice fit calibrator`; its answers are compared");
  threshold->add_option("--policy", flags->policy, "Take model, adapter and prompt from this policy's --task");
  threshold->add_option("--task", flags->scope.task, "Task that the certificate is about");
  threshold->add_option("--model-sha256", flags->scope.model_sha256, "Of the model's file");
  threshold->add_option("--model", flags->scope.model, "As its provider names it, for a model that is no file");
  threshold->add_option("--adapter", flags->scope.adapter, "As the record names it");
  threshold->add_option("--prompt", flags->scope.prompt, "name@version");
  threshold->add_option("--valid-days", flags->valid_days, "How long it is believed")
      ->check(CLI::Range(1, 3'650))
      ->capture_default_str();
  threshold->add_option("--note", flags->note, "Kept in the file: source and licence of the data");
  threshold->add_option("--html", flags->html, "Write a page with the sweep of thresholds");
  threshold->add_flag("--json", flags->json, "One JSON object");
  threshold->callback([flags, threshold, verify_option, out, &chosen] {
    if (verify_option->count() == 0 && out->count() == 0) throw CLI::RequiredError("--out");
    const bool share_given = threshold->get_option("--share")->count() > 0;
    chosen.run = [flags, share_given] {
      const Result<Exit> done = flags->verify.empty() ? certify_and_show(*flags, share_given) : verify(*flags);
      return done ? *done : report(done.error());
    };
  });
}

}  // namespace suffice::cli
