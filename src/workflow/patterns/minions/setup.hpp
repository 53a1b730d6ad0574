#pragma once
// The `minions` block of a workflow file, and what it becomes.

#include <memory>
#include <optional>

#include "workflow/model_port.hpp"
#include "workflow/pattern.hpp"
#include "workflow/patterns/minions/minions.hpp"
#include "workflow/patterns/minions/model_worker.hpp"
#include "workflow/patterns/minions/span_worker.hpp"

namespace suffice::workflow::minions {

/// A minions workflow, read. Immutable; shared by runs.
struct MinionsSetup {
  MinionsSpec spec;
  std::shared_ptr<const PortModel> frontier;
  std::shared_ptr<const PortModel> worker;  ///< null: `spans` reads
  ModelReading model_reading;
  std::optional<SpanReading> spans;
};

/// The block as a value; null after it has reported a problem.
[[nodiscard]] std::shared_ptr<const MinionsSetup> read_minions_setup(PatternBlock& block);

/// "minions": role frontier; role worker where a model reads, else the block has `spans`.
[[nodiscard]] Pattern minions_pattern();

}  // namespace suffice::workflow::minions
