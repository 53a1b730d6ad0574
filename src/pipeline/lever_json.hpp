#pragma once
// Levers as JSON: the admin API's flags and the levers file.

#include <boost/json/object.hpp>

#include "core/result.hpp"
#include "pipeline/levers.hpp"

namespace suffice::pipeline {

/// {"kill_switch", "frontier_only_tasks", "tasks": {NAME: {"min_confidence", "canary": {"percent", "groups"}, "candidate_serves",
/// "certificate_withdrawn"}}}. Only levers that are not off are in "tasks".
[[nodiscard]] boost::json::object to_json(const LeverState& state);

/// `state` with what `change` names replaced: a whole flag, or a lever of a task; null puts a lever, or all levers of a task, back.
/// InvalidArgument or UnsupportedField, naming the member.
[[nodiscard]] Result<LeverState> changed(LeverState state, const boost::json::object& change);

}  // namespace suffice::pipeline
