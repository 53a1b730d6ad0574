// The report for programs.

#include <boost/json.hpp>

#include "audit/event_json.hpp"
#include "lab/operate/operate_report.hpp"

namespace suffice::lab {
namespace {

namespace json = boost::json;

json::value or_null(const std::optional<double>& value) { return value ? json::value(*value) : json::value(nullptr); }

json::value interval_json(const std::optional<learned::Interval>& interval) {
  if (!interval) return nullptr;
  return json::array{interval->low, interval->high};
}

json::object share_json(const Share& share) {
  return {{"k", share.k}, {"n", share.n}, {"share", share.value()}, {"interval", interval_json(share.interval)}};
}

json::object savings_json(const Savings& savings) {
  return {{"requests", savings.requests},    {"estimated", savings.estimated},
          {"paid_usd", savings.paid_usd},    {"frontier_usd", savings.frontier_usd},
          {"saved_usd", savings.saved.usd},  {"saved_usd_interval", interval_json(savings.saved.interval)},
          {"share", or_null(savings.share)}, {"share_interval", interval_json(savings.share_interval)}};
}

json::object task_json(const TaskNumbers& task) {
  return {{"task", task.task},
          {"requests", task.requests},
          {"answered", task.answered},
          {"local", share_json(task.local)},
          {"escalated", share_json(task.escalated)},
          {"straight", share_json(task.straight)},
          {"failed", share_json(task.failed)},
          {"accepted_of_tried", share_json(task.accepted_of_tried)},
          {"local_usd", task.local_usd},
          {"wasted_local_usd", task.wasted_local_usd},
          {"frontier_usd", task.frontier_usd},
          {"paid_usd", task.paid_usd},
          {"successes", task.successes},
          {"usd_per_success", or_null(task.usd_per_success)},
          {"savings", savings_json(task.savings)}};
}

json::object latency_json(const Latency& latency) {
  return {{"n", latency.n}, {"p50_ms", latency.p50_ms}, {"p95_ms", latency.p95_ms}, {"p99_ms", latency.p99_ms}};
}

json::object counts_json(const std::map<std::string, std::int64_t>& counts) {
  json::object object;
  for (const auto& [name, n] : counts) object[name] = n;
  return object;
}

json::array slices_json(const Numbers& numbers) {
  json::array slices;
  for (const Slice& slice : numbers.slices) {
    slices.push_back(json::object{{"begin", audit::rfc3339_ms(slice.begin)},
                                  {"requests", slice.requests},
                                  {"local", slice.local},
                                  {"escalated", slice.escalated},
                                  {"paid_usd", slice.paid_usd},
                                  {"frontier_usd", slice.frontier_usd}});
  }
  return slices;
}

json::array defects_json(const OperateReport& report) {
  json::array rates;
  for (const DefectRate& rate : report.defects) {
    rates.push_back(json::object{{"task", rate.task},
                                 {"accepted", rate.accepted},
                                 {"labelled", rate.labelled},
                                 {"found", rate.found},
                                 {"drawn", rate.drawn},
                                 {"defects", rate.defects},
                                 {"rate", or_null(rate.rate)},
                                 {"interval", interval_json(rate.interval)}});
  }
  return rates;
}

json::object drift_json(const OperateReport& report) {
  json::array checks;
  for (const DriftCheck& check : report.drift.checks) {
    checks.push_back(json::object{{"task", check.task},
                                  {"what", name(check.what)},
                                  {"reference_requests", check.n_reference},
                                  {"requests", check.n},
                                  {"value", check.value},
                                  {"band", json::array{check.band_low, check.band_high}},
                                  {"p_value", or_null(check.p_value)},
                                  {"alarm", check.alarm}});
  }
  json::array too_few(report.drift.too_few.begin(), report.drift.too_few.end());
  return {{"alarm", report.drift.alarm()},
          {"reference", audit::rfc3339_ms(report.reference)},
          {"checks", std::move(checks)},
          {"too_few", std::move(too_few)}};
}

}  // namespace

json::object to_json(const OperateReport& report) {
  const Numbers& numbers = report.numbers;
  json::object root{{"report", "suffice"},
                    {"version", 1},
                    {"record", report.record},
                    {"from", audit::rfc3339_ms(numbers.from)},
                    {"to", audit::rfc3339_ms(numbers.to)},
                    {"skipped_events", report.skipped},
                    {"stand_in_requests", numbers.stand_in},
                    {"total", task_json(numbers.total)}};
  json::array tasks;
  for (const TaskNumbers& task : numbers.tasks) tasks.push_back(task_json(task));
  root["tasks"] = std::move(tasks);
  json::array reasons;
  for (const ReasonNumbers& reason : numbers.reasons) {
    reasons.push_back(json::object{{"reason", reason.reason},
                                   {"requests", reason.requests},
                                   {"wasted_local_usd", reason.wasted_local_usd},
                                   {"savings", savings_json(reason.savings)}});
  }
  root["reasons"] = std::move(reasons);
  root["failed_checks"] = counts_json(numbers.failed_checks);
  root["local_reasons"] = counts_json(numbers.local_reasons);
  root["latency"] = json::object{{"local", latency_json(numbers.local_latency)},
                                 {"frontier", latency_json(numbers.straight_latency)},
                                 {"fallback", latency_json(numbers.fallback_latency)},
                                 {"fallback_local_part", latency_json(numbers.fallback_waste)}};
  json::array loads;
  for (const ModelLoad& load : numbers.loads) {
    loads.push_back(json::object{
        {"model", load.model}, {"tokens_per_minute_max", load.tokens_per_minute_max}, {"quota", load.quota}});
  }
  root["hosted_models"] = std::move(loads);
  root["money"] = json::object{{"rented_hours", numbers.hours},
                               {"idle_hardware_usd", or_null(numbers.idle_hardware_usd)},
                               {"engineering_usd", or_null(numbers.engineering_usd)},
                               {"all_usd", numbers.all_usd},
                               {"net_saved_usd", numbers.net_saved.usd},
                               {"net_saved_usd_interval", interval_json(numbers.net_saved.interval)}};
  root["defect_rates"] = defects_json(report);
  root["drift"] = drift_json(report);
  root["slices"] = slices_json(numbers);
  return root;
}

}  // namespace suffice::lab
