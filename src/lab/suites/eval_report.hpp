#pragma once
// A suite's figures as JSON, as a page for people, and beside those of an earlier run.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "lab/suites/score.hpp"

namespace suffice::lab {

class Report;

/// Everything that was found of one suite.
struct SuiteReport {
  Suite suite;
  TaskFacts task;
  SuiteScore score;
  std::vector<GateLine> gates;
  std::vector<CaseRun> runs;
  std::string policy_version;
  std::string policy_file;
  std::string local;       ///< --local, empty when the policy's own ladder ran
  std::string frontier;    ///< where frontier answers came from, in words
  bool candidate = false;  ///< the task's candidate ran in its local tiers' place; `local` is its model
  bool limited = false;    ///< only a part of the suite was asked for
  bool complete = true;    ///< every case that was asked for ran
};

/// docs/evaluation.md, report.json. Cases are listed with their outcome, so that a later run can be compared; no text of a case.
[[nodiscard]] boost::json::object to_json(const SuiteReport& report);

/// What changed for one suite since an earlier report.json.
struct SuiteDiff {
  struct Figure {
    std::string name;
    double before = 0;
    double now = 0;
  };
  struct Change {
    std::string id;
    std::string before;  ///< "local, right", "frontier, confidence_low", ...
    std::string now;
  };
  std::string earlier_policy;
  bool same_cases = true;       ///< the suite's files have not changed
  std::vector<Figure> figures;  ///< shares, in percent
  std::vector<Change> changes;  ///< cases that are in both and went another way
  std::size_t only_before = 0;
  std::size_t only_now = 0;
};

/// Nothing when `earlier` (a report.json) has no suite of this name. MalformedRequest when it is no report.
[[nodiscard]] Result<std::optional<SuiteDiff>> diff_with(const SuiteReport& now, std::string_view earlier);
[[nodiscard]] boost::json::object to_json(const SuiteDiff& diff);

/// The sections of one suite: false accepts first.
void add_to(Report& page, const SuiteReport& report, const std::optional<SuiteDiff>& diff);

/// "98.2 %".
[[nodiscard]] std::string percent(double share);
/// "53 of 54, 98.1 % (90.1 to 100.0)".
[[nodiscard]] std::string words(const Share& share);

}  // namespace suffice::lab
