#include "lab/operate/review_report.hpp"

#include <string>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "audit/event_json.hpp"
#include "core/text.hpp"

namespace suffice::lab {
namespace {

namespace json = boost::json;

constexpr std::size_t kAnswerShown = 24;

std::string optional_number(const std::optional<double>& value) { return value ? fmt::format("{:.3f}", *value) : "-"; }

std::string one_line(std::string_view text) {
  std::string shown(first_code_points(text, kAnswerShown));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return shown.size() < text.size() ? shown + "…" : shown;
}

ReportTable rates_table(const ReviewStatus& status) {
  ReportTable table{.title = "Wrong among accepted local answers (reviews)",
                    .header = {"task", "accepted", "labelled", "found wrong", "of the random sample", "defect rate"}};
  for (const DefectRate& rate : status.rates) {
    table.rows.push_back({rate.task.empty() ? "(unknown)" : rate.task, std::to_string(rate.accepted),
                          std::to_string(rate.labelled), std::to_string(rate.found),
                          fmt::format("{} of {}", rate.defects, rate.drawn),
                          rate.rate ? fmt::format("{:.1f} % [{:.1f}, {:.1f}]", 100 * *rate.rate,
                                                  100 * rate.interval.low, 100 * rate.interval.high)
                                    : "not known"});
    table.tones.push_back(rate.found > 0 ? Tone::Bad : Tone::Plain);
  }
  if (table.rows.empty()) table.notes.emplace_back("No local answer was accepted in this period.");
  return table;
}

ReportTable agreements_table(const ReviewStatus& status) {
  ReportTable table{.title = "Agreement of reviewers",
                    .header = {"reviewers", "both labelled", "the same", "Cohen's kappa"}};
  for (const Agreement& pair : status.agreements) {
    table.rows.push_back(
        {pair.one + ", " + pair.other, std::to_string(pair.both),
         fmt::format("{:.1f} %", 100.0 * static_cast<double>(pair.same) / static_cast<double>(pair.both)),
         optional_number(pair.kappa)});
  }
  return table;
}

ReportTable certificates_table(const ReviewStatus& status) {
  ReportTable table{.title = "Certificates under review",
                    .header = {"task", "certificate", "wrong of reviewed", "allowed", "certified at", "now", "state"}};
  for (const CertificateReview& one : status.certificates) {
    const bool raised = one.state.threshold > one.terms.threshold_certified;
    table.rows.push_back({one.task, one.id, fmt::format("{} of {}", one.defects, one.reviews),
                          fmt::format("{:g} %", 100 * one.terms.false_accept_max),
                          fmt::format("{:.4f}", one.terms.threshold_certified),
                          fmt::format("{:.4f}", one.state.threshold),
                          one.state.withdrawn ? "WITHDRAW"
                          : raised            ? "raise the threshold"
                                              : "stands"});
    table.tones.push_back(one.state.withdrawn ? Tone::Bad : Tone::Plain);
  }
  if (!table.rows.empty()) {
    table.notes.emplace_back(
        "Reviews of the random sample move the threshold (adaptive conformal inference) and withdraw a certificate once they "
        "speak against it beyond doubt. --apply pulls the levers that follow; suffice levers threshold and withdraw do so by hand.");
  }
  return table;
}

json::value or_null(const std::optional<double>& value) { return value ? json::value(*value) : json::value(nullptr); }

}  // namespace

std::vector<ReportTable> tables_of(const ReviewStatus& status) {
  std::vector<ReportTable> tables = {rates_table(status), agreements_table(status), certificates_table(status)};
  std::erase_if(tables, [](const ReportTable& table) { return table.rows.empty() && table.notes.empty(); });
  return tables;
}

json::object to_json(const ReviewStatus& status) {
  json::array rates;
  for (const DefectRate& rate : status.rates) {
    rates.push_back(json::object{{"task", rate.task},
                                 {"accepted", rate.accepted},
                                 {"labelled", rate.labelled},
                                 {"found", rate.found},
                                 {"drawn", rate.drawn},
                                 {"defects", rate.defects},
                                 {"rate", or_null(rate.rate)},
                                 {"interval", json::array{rate.interval.low, rate.interval.high}}});
  }
  json::array pairs;
  for (const Agreement& pair : status.agreements) {
    pairs.push_back(json::object{{"reviewers", json::array{pair.one, pair.other}},
                                 {"both", pair.both},
                                 {"same", pair.same},
                                 {"kappa", or_null(pair.kappa)}});
  }
  json::array certificates;
  for (const CertificateReview& one : status.certificates) {
    certificates.push_back(json::object{{"task", one.task},
                                        {"certificate", one.id},
                                        {"file", one.file},
                                        {"reviews", one.reviews},
                                        {"defects", one.defects},
                                        {"false_accept_max", one.terms.false_accept_max},
                                        {"threshold_certified", one.terms.threshold_certified},
                                        {"threshold", one.state.threshold},
                                        {"withdrawn", one.state.withdrawn}});
  }
  return {
      {"defect_rates", std::move(rates)}, {"agreement", std::move(pairs)}, {"certificates", std::move(certificates)}};
}

ReportTable queue_table(const ReviewBook& book, const std::vector<QueueEntry>& queue) {
  ReportTable table{.title = fmt::format("{} of {} accepted local answers to look at", queue.size(), book.items.size()),
                    .header = {"event", "task", "answer", "confidence", "threshold", "why"}};
  for (const QueueEntry& entry : queue) {
    const ReviewItem& item = book.items[entry.item];
    std::string why = fmt::format("{}", fmt::join(item.suspicions, "; "));
    if (why.empty()) why = "drawn at random";
    table.rows.push_back({item.event_id, item.task, one_line(item.output.preview), optional_number(item.confidence),
                          optional_number(item.threshold), why});
    table.tones.push_back(item.suspicion >= 2 ? Tone::Bad : Tone::Plain);
  }
  if (queue.empty())
    table.notes.emplace_back("Nothing to do: everything that was drawn or is suspicious has your label.");
  return table;
}

json::array queue_json(const ReviewBook& book, const std::vector<QueueEntry>& queue) {
  json::array entries;
  for (const QueueEntry& entry : queue) {
    const ReviewItem& item = book.items[entry.item];
    json::array suspicions(item.suspicions.begin(), item.suspicions.end());
    entries.push_back(json::object{{"event", item.event_id},
                                   {"time", audit::rfc3339_ms(item.time)},
                                   {"task", item.task},
                                   {"model", item.model},
                                   {"confidence", or_null(item.confidence)},
                                   {"threshold", or_null(item.threshold)},
                                   {"band", name(band_of(item.confidence, item.threshold))},
                                   {"suspicion", item.suspicion},
                                   {"suspicions", std::move(suspicions)},
                                   {"sampled", entry.sampled},
                                   {"input_preview", item.input.preview},
                                   {"output_preview", item.output.preview}});
  }
  return entries;
}

}  // namespace suffice::lab
