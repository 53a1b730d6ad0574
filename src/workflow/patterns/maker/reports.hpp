#pragma once
// The two flows of MAKER beside its own: `suffice run maker --demo`, and `suffice run FILE --plan-only`. Their answers are JSON with a text.

#include <cstdint>
#include <memory>
#include <vector>

#include "workflow/flow.hpp"
#include "workflow/patterns/maker/demo.hpp"
#include "workflow/patterns/maker/estimate.hpp"
#include "workflow/patterns/maker/setup.hpp"

namespace suffice::workflow::maker {

/// One executor "demo". Asks no model and says so.
[[nodiscard]] std::shared_ptr<const Flow> demo_flow();
[[nodiscard]] FlowMessage demo_answer(const DemoReport& report, const DemoOptions& options);

/// One executor "estimate": asks the worker and the candidates the steps of `sample:`, three times each, and forecasts the run. Its answer is
/// null when no number of votes helps any of them. InvalidArgument when the file names no sample, or the sample has a fault.
[[nodiscard]] std::shared_ptr<const Flow> forecast_flow(const std::shared_ptr<const MakerSetup>& setup);
[[nodiscard]] FlowMessage forecast_answer(const std::vector<ModelForecast>& models, std::uint64_t steps, double target);

}  // namespace suffice::workflow::maker
