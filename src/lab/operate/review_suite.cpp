#include "lab/operate/review_suite.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/hash.hpp"
#include "learned/certificate.hpp"

namespace suffice::lab {
namespace {

namespace json = boost::json;

std::optional<std::string> text_of(const Excerpt& excerpt, const TextsByDigest& texts) {
  if (const auto found = texts.find(excerpt.sha256); found != texts.end()) return found->second;
  if (sha256_hex(excerpt.preview) == excerpt.sha256) return excerpt.preview;
  return std::nullopt;
}

/// What most of those who said `verdict` named as right; the first in byte order when they are even.
std::string right_value(const ReviewItem& item, ReviewLabel verdict) {
  std::map<std::string, int> named;
  for (const GivenLabel& label : item.labels) {
    if (label.label == verdict && !label.value.empty()) ++named[label.value];
  }
  const auto most = std::ranges::max_element(named, {}, [](const auto& one) { return one.second; });
  return most == named.end() ? std::string() : most->first;
}

/// Nothing when what is right, or what was asked, is not known.
std::optional<json::object> case_of(const ReviewItem& item, ReviewLabel verdict, const TextsByDigest& texts) {
  const std::optional<std::string> input = text_of(item.input, texts);
  if (!input || input->empty()) return std::nullopt;
  json::object made{{"id", item.event_id}, {"input", *input}, {"tags", json::array{"reviewed"}}};
  std::string value = right_value(item, verdict);
  if (verdict == ReviewLabel::Escalate && value.empty()) {
    made["must_escalate"] = true;
    return made;
  }
  if (value.empty()) {
    const std::optional<std::string> answer = text_of(item.output, texts);
    if (!answer || answer->empty()) return std::nullopt;
    value = *answer;
  }
  made["expected"] = value;
  return made;
}

}  // namespace

SuiteExport export_suite(const ReviewBook& book, const std::string& task, const TextsByDigest& texts) {
  SuiteExport made;
  std::vector<const ReviewItem*> items;
  for (const ReviewItem& item : book.items) {
    if (item.task == task && !item.labels.empty()) items.push_back(&item);
  }
  std::ranges::sort(items, {}, &ReviewItem::event_id);
  for (const ReviewItem* item : items) {
    const ReviewLabel verdict = *item->verdict();
    if (const auto one = case_of(*item, verdict, texts)) {
      made.cases += json::serialize(*one) + "\n";
      ++made.written;
      continue;
    }
    made.without_text += json::serialize(json::object{{"event", item->event_id},
                                                      {"input_sha256", item->input.sha256},
                                                      {"output_sha256", item->output.sha256},
                                                      {"label", name(verdict)},
                                                      {"value", right_value(*item, verdict)}}) +
                         "\n";
    ++made.missing;
  }
  // JSON's strings are YAML's.
  made.yaml = fmt::format(
      "version: 1\ntask: {}\ndescription: Local answers that were served and then reviewed.\n"
      "provenance: production traffic of this gateway, labelled with suffice review\nlicence: internal\n",
      json::serialize(json::value(task)));
  return made;
}

Result<std::vector<CertificateReview>> review_certificates(const ReviewBook& book, const policy::Policy& policy) {
  const std::vector<const ReviewItem*> drawn = drawn_items(book);
  std::vector<CertificateReview> reviews;
  std::set<std::pair<std::string, std::string>> seen;
  for (const auto& [task_name, task] : policy.tasks) {
    std::vector<std::string> files = {task.proof.certificate};
    for (const policy::Tier& tier : task.tiers) files.push_back(tier.proof.certificate);
    for (const std::string& file : files) {
      if (file.empty() || !seen.emplace(task_name, file).second) continue;
      SUFFICE_TRY(const learned::Certificate certificate, learned::Certificate::load(file));
      CertificateReview review{.task = task_name, .file = file, .id = certificate.id};
      review.terms = {.threshold_certified = certificate.threshold,
                      .false_accept_max = certificate.terms.false_accept_max};
      review.state = learned::begin_monitoring(review.terms);
      for (const ReviewItem* item : drawn) {
        if (item->task != task_name || item->certificate != certificate.id) continue;
        const bool defect = item->verdict() == ReviewLabel::Escalate;
        review.state = learned::observe(review.terms, review.state, defect);
        ++review.reviews;
        review.defects += defect ? 1 : 0;
      }
      reviews.push_back(std::move(review));
    }
  }
  return reviews;
}

}  // namespace suffice::lab
