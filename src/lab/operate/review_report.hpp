#pragma once
// What reviews say, as tables and JSON.

#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "lab/operate/operate_report.hpp"
#include "lab/operate/review.hpp"
#include "lab/operate/review_suite.hpp"

namespace suffice::lab {

struct ReviewStatus {
  std::vector<DefectRate> rates = {};
  std::vector<Agreement> agreements = {};
  std::vector<CertificateReview> certificates = {};
};

/// Tables without rows are left out, but the first, which says then that nothing was accepted.
[[nodiscard]] std::vector<ReportTable> tables_of(const ReviewStatus& status);
[[nodiscard]] boost::json::object to_json(const ReviewStatus& status);

[[nodiscard]] ReportTable queue_table(const ReviewBook& book, const std::vector<QueueEntry>& queue);
[[nodiscard]] boost::json::array queue_json(const ReviewBook& book, const std::vector<QueueEntry>& queue);

}  // namespace suffice::lab
