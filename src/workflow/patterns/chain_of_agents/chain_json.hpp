#pragma once
// Inside the chain of agents: parts of its outcome as JSON objects.

#include <boost/json.hpp>

#include "core/result.hpp"
#include "workflow/patterns/chain_of_agents/chain.hpp"

namespace suffice::workflow::chain {

[[nodiscard]] boost::json::object to_object(const PathReport& report);
[[nodiscard]] Result<PathReport> report_from(const boost::json::object& object);
[[nodiscard]] boost::json::object to_object(const PathAnswer& answer);
[[nodiscard]] Result<PathAnswer> path_from(const boost::json::object& object);

}  // namespace suffice::workflow::chain
