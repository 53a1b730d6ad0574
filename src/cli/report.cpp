// suffice report: what the record says of a period, on one page.

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <utility>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "cli/command.hpp"
#include "cli/fit_commands.hpp"
#include "cli/record_source.hpp"
#include "lab/operate/operate_report.hpp"
#include "policy/policy_store.hpp"
#include "policy/problem.hpp"

namespace suffice::cli {
namespace {

struct ReportFlags {
  std::string data;
  std::string since = "7d";
  std::string until;
  std::string policy;
  std::string html;
  std::string baseline = "28d";
  double engineering = 0;
  double defects_max = 0.05;
  CLI::Option* engineering_option = nullptr;
  bool json = false;
  bool check = false;
};

/// Prices and quotas that the record does not have.
Result<void> add_prices(const std::string& file, lab::NumbersOptions& options) {
  if (file.empty()) return {};
  const policy::Loaded loaded = policy::load_policy(file, policy::process_environment());
  if (loaded.policy == nullptr) return fail(ErrorCode::PolicyInvalid, policy::to_lines(loaded.problems), file);
  for (const auto& [name, model] : loaded.policy->models) {
    if (model.local && model.price.hardware_per_hour > 0)
      options.hardware_per_hour[name] = model.price.hardware_per_hour;
    if (model.quota.tokens_per_minute > 0) options.tokens_per_minute[name] = model.quota.tokens_per_minute;
  }
  return {};
}

Result<lab::NumbersOptions> options_of(const ReportFlags& flags) {
  lab::NumbersOptions options;
  options.to = SystemClock().wall_now();
  if (!flags.until.empty()) {
    Result<WallTime> until = lab::parse_since(flags.until, options.to);
    if (!until) return fail(until.error().code, until.error().message, "--until");
    options.to = *until;
  }
  Result<WallTime> since = lab::parse_since(flags.since, options.to);
  if (!since) return fail(since.error().code, since.error().message, "--since");
  options.from = *since;
  if (options.from >= options.to) return fail(ErrorCode::InvalidArgument, "the period is empty", "--since");
  if (flags.engineering_option->count() > 0) options.engineering = Usd::from_dollars(flags.engineering);
  SUFFICE_TRY_VOID(add_prices(flags.policy, options));
  return options;
}

/// Where the reference of drift begins: `--baseline` before the period.
Result<WallTime> reference_of(const ReportFlags& flags, WallTime from) {
  Result<WallTime> reference = lab::parse_since(flags.baseline, from);
  if (!reference) return fail(reference.error().code, reference.error().message, "--baseline");
  return std::min(*reference, from);
}

Result<lab::OperateReport> make_report(const ReportFlags& flags) {
  SUFFICE_TRY(const lab::NumbersOptions options, options_of(flags));
  SUFFICE_TRY(const WallTime reference, reference_of(flags, options.from));
  SUFFICE_TRY(RecordSource source, open_record_source(flags.data));
  lab::NumbersBuilder numbers(options);
  lab::ReviewBookBuilder reviews(options.from, options.to);
  lab::DriftBuilder drift(
      {.reference = reference, .from = options.from, .to = options.to, .defects_max = flags.defects_max});
  SUFFICE_TRY(const lab::ReadCount read,
              lab::read_events(*source.reader, reference, [&](const lab::Recorded& recorded) {
                numbers.add(recorded);
                reviews.add(recorded);
                drift.add(recorded);
                return !InterruptGuard::interrupted();
              }));
  if (InterruptGuard::interrupted()) return fail(ErrorCode::Cancelled, "stopped before the record was read");
  const lab::ReviewBook book = reviews.build();
  lab::OperateReport made{.record = source.name,
                          .defects = lab::defect_rates(book),
                          .agreements = lab::agreements(book),
                          .reference = reference,
                          .skipped = read.skipped};
  std::map<std::string, double> rates;
  for (const lab::DefectRate& rate : made.defects) {
    if (rate.rate) rates[rate.task] = *rate.rate;
  }
  made.numbers = numbers.build(rates);
  made.drift = drift.build(made.defects);
  return made;
}

Exit run_report(const ReportFlags& flags) {
  Result<lab::OperateReport> made = [&] {
    const InterruptGuard guard;
    return make_report(flags);
  }();
  if (!made) return report(made.error());
  if (!flags.html.empty()) {
    const Result<void> written = write_whole_file(flags.html, lab::html_of(*made));
    if (!written) return report(written.error());
  }
  if (flags.json) {
    fmt::print("{}\n", boost::json::serialize(lab::to_json(*made)));
  } else {
    fmt::print("{}", lab::text_of(*made, colours(STDOUT_FILENO) ? lab::Colours::On : lab::Colours::Off));
    if (!flags.html.empty()) fmt::print("Page: {}\n", flags.html);
  }
  return flags.check && made->drift.alarm() ? Exit::GateNotMet : Exit::Ok;
}

}  // namespace

void add_report(CLI::App& program, Command& chosen) {
  auto flags = std::make_shared<ReportFlags>();
  CLI::App* command = program.add_subcommand(
      "report",
      "What the record says of a period: what stayed local, what it cost, what the frontier would have cost.\n\n"
      "  suffice report --since 7d                                     one page in the terminal\n"
      "  suffice report --since 7d --policy my-policy.yaml             with idle hardware and quotas counted\n"
      "  suffice report --since 2026-11-01 --until 2026-12-01 --engineering 400 --html november.html\n"
      "  suffice report --since 24h --json | jq .total.savings\n"
      "  suffice report --since 24h --check                            for a nightly job: exit 3 on drift\n\n"
      "Exit 0 when the page was made, 2 when the record cannot be read, 3 with --check when traffic has drifted or more answers\n"
      "are wrong than --max-defects allows.");
  command->add_option("--since", flags->since, "Beginning: 7d, 24h, 30m, 4w back, or a time in UTC (RFC 3339)")
      ->capture_default_str();
  command->add_option("--until", flags->until, "End, in the same forms [now]");
  command->add_option("--data", flags->data, "Folder of the record [$XDG_STATE_HOME/suffice]");
  command->add_option("--policy", flags->policy,
                      "Policy whose hardware_per_hour and quotas count; without it idle hardware costs nothing");
  flags->engineering_option =
      command->add_option("--engineering", flags->engineering, "Dollars of engineering to be counted for the period")
          ->check(CLI::NonNegativeNumber);
  command->add_option("--html", flags->html, "Write the page with plots to this file");
  command->add_option("--baseline", flags->baseline, "Drift is judged against so long before the period")
      ->capture_default_str();
  command->add_option("--max-defects", flags->defects_max, "Share of accepted local answers that may be wrong")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->add_flag("--check", flags->check, "Exit 3 when an alarm rings");
  command->add_flag("--json", flags->json, "One JSON object");
  command->callback([flags, &chosen] { chosen.run = [flags] { return run_report(*flags); }; });
}

}  // namespace suffice::cli
