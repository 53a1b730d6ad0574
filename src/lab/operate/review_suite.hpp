#pragma once
// Reviewed answers as the next suite, and what reviews do to certificates.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "lab/operate/review.hpp"
#include "learned/threshold_monitor.hpp"
#include "policy/policy.hpp"

namespace suffice::lab {

/// Texts that somebody still has, by their SHA-256 (hex). The record has none of them.
using TextsByDigest = std::map<std::string, std::string>;

struct SuiteExport {
  std::string yaml = {};   ///< suite.yaml
  std::string cases = {};  ///< cases.jsonl
  std::string without_text =
      {};  ///< a line of JSON for each label whose case cannot be written: the event, digests, the label
  std::size_t written = 0;
  std::size_t missing = 0;
};

/// The labelled answers of `task` (docs/evaluation.md says what a suite is). A text is known when `texts` has its digest, or when the record's
/// preview is all of it (its digest says so). Accepted: the answer, or the reviewer's label, is expected. Escalate with a label: that label
/// is expected. Escalate without: the case must escalate. Cases are in order of their ids, so that the same labels give the same bytes.
[[nodiscard]] SuiteExport export_suite(const ReviewBook& book, const std::string& task, const TextsByDigest& texts);

/// One certificate of the policy and what the random sample of reviews says of it.
struct CertificateReview {
  std::string task = {};
  std::string file = {};
  std::string id = {};
  learned::MonitorTerms terms = {};
  learned::MonitorState state = {};
  std::int64_t reviews = 0;
  std::int64_t defects = 0;
};

/// Feeds learned/threshold_monitor with the drawn reviews of answers that were accepted under each certificate, in order of their labels'
/// time. Answers that were reviewed because they were suspicious are left out: they would withdraw any certificate. The Error names a
/// certificate that cannot be read.
[[nodiscard]] Result<std::vector<CertificateReview>> review_certificates(const ReviewBook& book,
                                                                         const policy::Policy& policy);

}  // namespace suffice::lab
