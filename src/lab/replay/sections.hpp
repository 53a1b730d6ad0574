#pragma once
// Inside replay.cpp: one section of its answer a function, and how figures are written.

#include <string>
#include <vector>

#include <boost/json.hpp>

#include "lab/evaluation/gates.hpp"
#include "lab/evaluation/metrics.hpp"
#include "lab/replay/replay.hpp"

namespace suffice::lab {

/// What the sections share.
struct ReplayState {
  const OutcomeSet& set;
  const ReplayOptions& options;
  PairedRows rows;
  boost::json::object json = {};
  Replay out = {};
  struct Router {
    std::string name;
    std::vector<double> score;
    std::vector<Curve> curve;  ///< one
  };
  std::vector<Router> routers = {};
};

[[nodiscard]] std::string per_cent(double share);
[[nodiscard]] std::string per_cent(const Figure& figure);
[[nodiscard]] std::string plain(double value);
[[nodiscard]] std::string plain(const Figure& figure);
[[nodiscard]] std::string usd(double value);
/// null where it is not a number.
[[nodiscard]] boost::json::value json_of(double value);
[[nodiscard]] boost::json::object json_of(const Figure& figure);

Result<void> models_section(ReplayState& state);
Result<void> routers_section(ReplayState& state);
Result<void> gates_section(ReplayState& state);
Result<void> confidence_section(ReplayState& state);
Result<void> many_models_section(ReplayState& state);

}  // namespace suffice::lab
