#pragma once
// A replayed draft as tables and JSON.

#include <vector>

#include <boost/json/object.hpp>

#include "lab/operate/operate_report.hpp"
#include "lab/operate/policy_replay.hpp"

namespace suffice::lab {

[[nodiscard]] std::vector<ReportTable> tables_of(const PolicyReplayReport& report);
[[nodiscard]] boost::json::object to_json(const PolicyReplayReport& report);

}  // namespace suffice::lab
