#include "lab/operate/policy_replay_report.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace suffice::lab {
namespace {

namespace json = boost::json;

std::string plain_percent(const Share& share) {
  return share.n > 0 ? fmt::format("{:.1f} %", 100 * share.value()) : "-";
}

std::vector<std::string> row_of(const ReplayShares& shares, const std::string& what) {
  return {what,
          std::to_string(shares.requests),
          plain_percent(shares.local_before),
          shares.unknown.k == 0
              ? fmt::format("{:.1f} %", 100 * shares.local_after_low)
              : fmt::format("{:.1f} to {:.1f} %", 100 * shares.local_after_low, 100 * shares.local_after_high),
          std::to_string(shares.newly_local.k),
          std::to_string(shares.newly_frontier.k),
          std::to_string(shares.unknown.k)};
}

ReportTable decisions_table(const PolicyReplayReport& report) {
  ReportTable table{
      .title = fmt::format("Decisions under draft {}", report.draft_version),
      .header = {"task", "requests", "local now", "local then", "newly local", "newly frontier", "unknown"}};
  table.rows.push_back(row_of(report.total, "all"));
  for (const ReplayShares& task : report.tasks)
    table.rows.push_back(row_of(task, task.task.empty() ? "(unknown)" : task.task));
  const ReplayShares& all = report.total;
  table.notes.push_back(fmt::format("Newly local: {}. Newly on the frontier: {}. Not known: {}.",
                                    percent_of(all.newly_local), percent_of(all.newly_frontier),
                                    percent_of(all.unknown)));
  return table;
}

ReportTable cost_table(const PolicyReplayReport& report) {
  const Savings& cost = report.total.cost;
  ReportTable table{.title = "Cost of the requests whose decision is known", .header = {"", "dollars"}};
  if (cost.requests == 0) return table;
  table.rows = {{"as recorded", dollars(cost.frontier_usd)},
                {"under the draft", dollars(cost.paid_usd)},
                {"the draft saves", dollars(cost.saved)}};
  table.tones = {Tone::Plain, Tone::Plain,
                 cost.saved.interval && cost.saved.interval->high < 0 ? Tone::Bad : Tone::Plain};
  table.notes.push_back(fmt::format("{} of {} requests.", cost.requests, report.total.requests));
  return table;
}

ReportTable counted(const char* title, const char* header, const std::map<std::string, std::int64_t>& counts) {
  ReportTable table{.title = title, .header = {header, "requests"}};
  std::vector<std::pair<std::int64_t, std::string>> sorted;
  for (const auto& [what, n] : counts) sorted.emplace_back(-n, what);
  std::ranges::sort(sorted);
  for (const auto& [n, what] : sorted) table.rows.push_back({what, std::to_string(-n)});
  return table;
}

json::object share_json(const Share& share) {
  return {{"k", share.k},
          {"n", share.n},
          {"share", share.value()},
          {"interval", json::array{share.interval.low, share.interval.high}}};
}

json::object shares_json(const ReplayShares& shares) {
  json::object cost{{"requests", shares.cost.requests},
                    {"recorded_usd", shares.cost.frontier_usd},
                    {"draft_usd", shares.cost.paid_usd},
                    {"saved_usd", shares.cost.saved.usd}};
  if (const auto& interval = shares.cost.saved.interval)
    cost["saved_usd_interval"] = json::array{interval->low, interval->high};
  return {{"task", shares.task},
          {"requests", shares.requests},
          {"local_before", share_json(shares.local_before)},
          {"local_after_of_known", share_json(shares.local_after)},
          {"local_after_bounds", json::array{shares.local_after_low, shares.local_after_high}},
          {"newly_local", share_json(shares.newly_local)},
          {"newly_frontier", share_json(shares.newly_frontier)},
          {"unknown", share_json(shares.unknown)},
          {"cost", std::move(cost)}};
}

json::object counts_json(const std::map<std::string, std::int64_t>& counts) {
  json::object object;
  for (const auto& [what, n] : counts) object[what] = n;
  return object;
}

}  // namespace

std::vector<ReportTable> tables_of(const PolicyReplayReport& report) {
  ReportTable limits{.title = "What cannot be known"};
  for (const std::string& sentence : report.cannot_be_known) limits.notes.push_back("- " + sentence);
  std::vector<ReportTable> tables = {decisions_table(report), cost_table(report),
                                     counted("Why requests would go to the frontier", "reason", report.reasons),
                                     counted("Decisions that the record cannot tell", "why", report.unknown),
                                     std::move(limits)};
  std::erase_if(tables, [](const ReportTable& table) { return table.rows.empty() && table.notes.empty(); });
  return tables;
}

json::object to_json(const PolicyReplayReport& report) {
  json::array tasks;
  for (const ReplayShares& task : report.tasks) tasks.push_back(shares_json(task));
  json::array limits(report.cannot_be_known.begin(), report.cannot_be_known.end());
  return {{"draft", report.draft_version},
          {"total", shares_json(report.total)},
          {"tasks", std::move(tasks)},
          {"reasons", counts_json(report.reasons)},
          {"unknown", counts_json(report.unknown)},
          {"cannot_be_known", std::move(limits)}};
}

}  // namespace suffice::lab
