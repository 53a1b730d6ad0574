// From figures to tables: what the report says, in words.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "audit/event_json.hpp"
#include "lab/operate/operate_report.hpp"
#include "lab/suites/eval_report.hpp"

namespace suffice::lab {
namespace {

/// Rows of a table that lists causes; the JSON has all.
constexpr std::size_t kListedMax = 12;

std::string count_of(std::int64_t n) {
  std::string text = std::to_string(n);
  for (std::ptrdiff_t at = std::ssize(text) - 3; at > 0; at -= 3) text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

/// "-0.0" says nothing that "0.0" does not.
double rounded_percent(double share) {
  const double tenths = std::round(share * 1'000);
  return tenths == 0 ? 0 : tenths / 10;
}

enum class WithInterval : std::uint8_t { No, Yes };

std::string saved_words(const Savings& savings, WithInterval with_interval = WithInterval::Yes) {
  if (savings.requests == 0) return "-";
  std::string text = dollars(savings.saved.usd);
  if (savings.share) text += fmt::format(" {:.1f} %", rounded_percent(*savings.share));
  if (savings.share_interval && with_interval == WithInterval::Yes) {
    text += fmt::format(" [{:.1f}, {:.1f}]", rounded_percent(savings.share_interval->low),
                        rounded_percent(savings.share_interval->high));
  }
  return text;
}

Tone tone_of(const Money& money) {
  if (!money.interval) return money.usd < 0 ? Tone::Bad : Tone::Plain;
  if (money.interval->high < 0) return Tone::Bad;
  return money.interval->low > 0 ? Tone::Good : Tone::Plain;
}

std::string task_name(const std::string& task) { return task.empty() ? "(unknown)" : task; }

ReportTable routes_table(const Numbers& numbers) {
  const TaskNumbers& all = numbers.total;
  ReportTable table{.title = "Where answers came from", .header = {"", "requests", "share (95 % interval)"}};
  const auto row = [&](const char* what, const Share& share, Tone tone) {
    table.rows.push_back({what, count_of(share.k), percent_of(share)});
    table.bars.push_back(share.value());
    table.tones.push_back(tone);
  };
  row("local", all.local, Tone::Good);
  row("escalated", all.escalated, Tone::Plain);
  row("frontier at once", all.straight, Tone::Plain);
  row("no answer", all.failed, all.failed.k > 0 ? Tone::Bad : Tone::Plain);
  if (all.accepted_of_tried.n > 0) {
    table.notes.push_back(fmt::format("Of {} requests that a local model was asked, {} were accepted.",
                                      count_of(all.accepted_of_tried.n), percent_of(all.accepted_of_tried)));
  }
  if (numbers.stand_in > 0) {
    table.notes.push_back(
        fmt::format("{} answers came from the recorded stand-in: no model, and nothing was paid for them.",
                    count_of(numbers.stand_in)));
  }
  return table;
}

ReportTable tasks_table(const Numbers& numbers) {
  ReportTable table{.title = "By task",
                    .header = {"task", "requests", "local", "escalated", "$ a success", "saved against frontier"}};
  for (const TaskNumbers& task : numbers.tasks) {
    table.rows.push_back({task_name(task.task), count_of(task.requests), percent_of(task.local),
                          percent_of(task.escalated), task.usd_per_success ? dollars(*task.usd_per_success) : "-",
                          saved_words(task.savings)});
    table.tones.push_back(tone_of(task.savings.saved));
  }
  return table;
}

ReportTable money_table(const Numbers& numbers) {
  const TaskNumbers& all = numbers.total;
  const Savings& savings = all.savings;
  ReportTable table{.title = "Money", .header = {"", "dollars"}};
  const auto row = [&](std::string what, std::string amount, Tone tone = Tone::Plain) {
    table.rows.push_back({std::move(what), std::move(amount)});
    table.tones.push_back(tone);
  };
  row("local hardware while it computed", dollars(all.local_usd));
  row("  of that for answers that were not served", dollars(all.wasted_local_usd));
  row("frontier models", dollars(all.frontier_usd));
  if (numbers.idle_hardware_usd)
    row(fmt::format("local hardware while it was idle, {:.1f} h rented", numbers.hours),
        dollars(*numbers.idle_hardware_usd));
  if (numbers.engineering_usd) row("engineering", dollars(*numbers.engineering_usd));
  row("in all", dollars(numbers.all_usd));
  row("cost per successful task", all.usd_per_success ? dollars(*all.usd_per_success) : "-");
  row("had everything gone to the frontier", dollars(savings.frontier_usd));
  row("saved by the cascade", saved_words(savings), tone_of(savings.saved));
  if (numbers.idle_hardware_usd || numbers.engineering_usd)
    row("saved after idle hardware and engineering", dollars(numbers.net_saved), tone_of(numbers.net_saved));
  if (savings.saved.usd < 0) {
    table.notes.emplace_back(
        "The cascade LOSES money: what local attempts cost is more than what the answers they gave saved.");
  } else if (numbers.net_saved.usd < 0) {
    table.notes.emplace_back("After idle hardware and engineering the cascade LOSES money.");
  }
  if (savings.estimated > 0) {
    table.notes.push_back(
        fmt::format("What the frontier would have cost is estimated from bytes for {} of {} requests.",
                    count_of(savings.estimated), count_of(savings.requests)));
  }
  if (const std::int64_t unknown = all.requests - savings.requests; unknown > 0) {
    table.notes.push_back(fmt::format(
        "{} requests are in no saving: what the frontier would have cost is not known for them.", count_of(unknown)));
  }
  table.notes.emplace_back(
      numbers.idle_hardware_usd
          ? "Idle hardware counts hardware_per_hour of each local model of the policy: give it to one alone of those that share a machine."
          : "Idle local hardware is not counted: name the policy that has its price (--policy FILE).");
  return table;
}

ReportTable reasons_table(const Numbers& numbers) {
  ReportTable table{.title = "By reason",
                    .header = {"primary reason", "requests", "local attempts in vain", "saved against frontier"}};
  for (const ReasonNumbers& reason : numbers.reasons) {
    if (table.rows.size() == kListedMax) break;
    table.rows.push_back({reason.reason.empty() ? "(answered locally)" : reason.reason, count_of(reason.requests),
                          dollars(reason.wasted_local_usd), saved_words(reason.savings, WithInterval::No)});
    table.bars.push_back(static_cast<double>(reason.requests) / static_cast<double>(numbers.total.requests));
    table.tones.push_back(tone_of(reason.savings.saved));
  }
  return table;
}

ReportTable failures_table(const Numbers& numbers) {
  ReportTable table{.title = "What was held against local answers", .header = {"reason or check", "times"}};
  std::vector<std::pair<std::int64_t, std::string>> counted;
  for (const auto& [reason, n] : numbers.local_reasons) counted.emplace_back(-n, reason);
  for (const auto& [check, n] : numbers.failed_checks) counted.emplace_back(-n, "check " + check);
  std::ranges::sort(counted);
  for (const auto& [n, what] : counted) {
    if (table.rows.size() == kListedMax) break;
    table.rows.push_back({what, count_of(-n)});
  }
  return table;
}

ReportTable latency_table(const Numbers& numbers) {
  ReportTable table{.title = "Latency", .header = {"whole requests", "n", "p50 ms", "p95 ms", "p99 ms"}};
  const auto row = [&](const char* what, const Latency& latency) {
    if (latency.n == 0) return;
    table.rows.push_back({what, count_of(latency.n), fmt::format("{:.1f}", latency.p50_ms),
                          fmt::format("{:.1f}", latency.p95_ms), fmt::format("{:.1f}", latency.p99_ms)});
  };
  row("local", numbers.local_latency);
  row("frontier at once", numbers.straight_latency);
  row("frontier after a local attempt", numbers.fallback_latency);
  row("  of that waiting for the local model", numbers.fallback_waste);
  return table;
}

ReportTable loads_table(const Numbers& numbers) {
  ReportTable table{.title = "Tokens of hosted models",
                    .header = {"model", "busiest minute", "quota a minute", "used"}};
  for (const ModelLoad& load : numbers.loads) {
    const double used =
        load.quota > 0 ? static_cast<double>(load.tokens_per_minute_max) / static_cast<double>(load.quota) : 0;
    table.rows.push_back({load.model, count_of(load.tokens_per_minute_max), load.quota > 0 ? count_of(load.quota) : "-",
                          load.quota > 0 ? percent(used) : "-"});
    table.tones.push_back(used > 0.9 ? Tone::Bad : Tone::Plain);
  }
  return table;
}

ReportTable defects_table(const OperateReport& report) {
  ReportTable table{.title = "Wrong among accepted local answers, by review",
                    .header = {"task", "accepted", "labelled", "found wrong", "of the random sample", "defect rate"}};
  bool labelled = false;
  for (const DefectRate& rate : report.defects) {
    labelled |= rate.labelled > 0;
    table.rows.push_back({task_name(rate.task), count_of(rate.accepted), count_of(rate.labelled), count_of(rate.found),
                          fmt::format("{} of {}", rate.defects, rate.drawn),
                          rate.rate ? fmt::format("{:.1f} % [{:.1f}, {:.1f}]", 100 * *rate.rate,
                                                  100 * rate.interval.low, 100 * rate.interval.high)
                                    : "not known"});
    table.tones.push_back(rate.found > 0 ? Tone::Bad : Tone::Plain);
  }
  if (!report.defects.empty() && !labelled) {
    table.rows.clear();
    table.tones.clear();
    table.notes.emplace_back("Nobody has reviewed anything, so nothing is known of it: suffice review.");
  }
  for (const Agreement& pair : report.agreements) {
    table.notes.push_back(fmt::format("{} and {} labelled {} answers both and said the same of {}{}.", pair.one,
                                      pair.other, pair.both, pair.same,
                                      pair.kappa ? fmt::format(" (Cohen's kappa {:.2f})", *pair.kappa) : ""));
  }
  return table;
}

std::string drift_words(DriftOf what) {
  switch (what) {
    case DriftOf::InputLength:
      return "length of inputs";
    case DriftOf::InputWords:
      return "words of inputs";
    case DriftOf::Confidence:
      return "confidence";
    case DriftOf::Answers:
      return "answers given";
    case DriftOf::Acceptance:
      return "acceptance rate";
    case DriftOf::Defects:
      return "defect rate";
  }
  return "";
}

ReportTable drift_table(const OperateReport& report) {
  ReportTable table{.title = "Drift", .header = {"task", "what", "value", "band", "p", "state"}};
  std::size_t quiet = 0;
  for (const DriftCheck& check : report.drift.checks) {
    if (!check.alarm) ++quiet;
    const bool rate = check.what == DriftOf::Acceptance || check.what == DriftOf::Defects;
    // What is quiet is listed for the two rates alone.
    if (!check.alarm && !rate) continue;
    const auto number = [&](double value) {
      return rate ? fmt::format("{:.1f} %", 100 * value) : fmt::format("{:.3f}", value);
    };
    table.rows.push_back({task_name(check.task), drift_words(check.what), number(check.value),
                          fmt::format("{} to {}", number(check.band_low), number(check.band_high)),
                          check.p_value ? fmt::format("{:.2g}", *check.p_value) : "-",
                          check.alarm ? "ALARM" : "in its band"});
    table.tones.push_back(check.alarm ? Tone::Bad : Tone::Plain);
  }
  if (!report.drift.checks.empty()) {
    table.notes.push_back(fmt::format("{} of {} checks are quiet, against the traffic since {}.", quiet,
                                      report.drift.checks.size(), audit::rfc3339_ms(report.reference).substr(0, 16)));
  }
  if (!report.drift.too_few.empty()) {
    std::string names;
    for (const std::string& task : report.drift.too_few) names += (names.empty() ? "" : ", ") + task_name(task);
    table.notes.push_back("Too few requests in one of the two periods to compare: " + names + ".");
  }
  return table;
}

}  // namespace

std::string dollars(double usd) {
  const double size = std::abs(usd);
  const char* sign = usd < 0 ? "-" : "";
  if (size == 0) return "$0";
  if (size >= 1'000) return fmt::format("{}${}", sign, count_of(std::llround(size)));
  if (size >= 1) return fmt::format("{}${:.2f}", sign, size);
  // Below a thousandth two digits say enough.
  const int significant = size < 1e-3 ? 1 : 2;
  const int digits = std::min(12, significant - static_cast<int>(std::floor(std::log10(size))));
  return fmt::format("{}${:.{}f}", sign, size, digits);
}

std::string dollars(const Money& money) {
  if (!money.interval) return dollars(money.usd);
  return fmt::format("{} [{}, {}]", dollars(money.usd), dollars(money.interval->low), dollars(money.interval->high));
}

std::string percent_of(const Share& share) {
  if (share.n == 0) return "-";
  return fmt::format("{:.1f} % [{:.1f}, {:.1f}]", 100 * share.value(), 100 * share.interval.low,
                     100 * share.interval.high);
}

std::vector<ReportTable> tables_of(const OperateReport& report) {
  const Numbers& numbers = report.numbers;
  std::vector<ReportTable> tables;
  if (numbers.total.requests == 0) {
    ReportTable none{.title = "Nothing was decided in this period"};
    none.notes.emplace_back("Ask something (suffice ask, suffice serve), or look further back with --since.");
    tables.push_back(std::move(none));
    return tables;
  }
  tables = {routes_table(numbers),   money_table(numbers),   tasks_table(numbers),
            defects_table(report),   drift_table(report),    reasons_table(numbers),
            failures_table(numbers), latency_table(numbers), loads_table(numbers)};
  if (report.skipped > 0) {
    tables.front().notes.push_back(fmt::format(
        "{} events could not be read and are left out; suffice audit verify says more.", count_of(report.skipped)));
  }
  std::erase_if(tables, [](const ReportTable& table) { return table.rows.empty() && table.notes.empty(); });
  return tables;
}

}  // namespace suffice::lab
