#pragma once
// The `maker` block of a workflow file, and what it becomes.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "workflow/model_port.hpp"
#include "workflow/pattern.hpp"
#include "workflow/patterns/maker/maker.hpp"
#include "workflow/patterns/maker/simulated_worker.hpp"

namespace suffice::workflow::maker {

/// A worker that is no model: a task whose truth is known, and a noise.
struct Simulation {
  enum class Task : std::uint8_t { Hanoi, Arithmetic };
  Task task = Task::Arithmetic;
  Noise noise;
};
[[nodiscard]] Oracle oracle_of(Simulation::Task task);

/// A maker workflow, read. Immutable; shared by runs.
struct MakerSetup {
  MakerTask task;
  ModelQuestion worker_question;
  ModelQuestion frontier_question;
  ModelQuestion planner_question;
  std::shared_ptr<const PortModel> worker;                   ///< null: simulated
  std::shared_ptr<const PortModel> frontier;                 ///< null: none
  std::shared_ptr<const PortModel> planner;                  ///< null: the frontier plans
  std::vector<std::shared_ptr<const PortModel>> candidates;  ///< other workers that a forecast compares
  std::optional<Simulation> simulation;
  std::filesystem::path sample;  ///< steps with known answers, for the forecast; empty: none
  double target = 0.95;          ///< success of the whole run that the forecast plans for
};

/// The block as a value; null after it has reported a problem.
[[nodiscard]] std::shared_ptr<const MakerSetup> read_maker_setup(PatternBlock& block);
/// The workers that a run of the setup has.
[[nodiscard]] MakerWorkers workers_of(const std::shared_ptr<const MakerSetup>& setup);

/// "maker": roles worker (unless the block has `simulated`), frontier and planner.
[[nodiscard]] Pattern maker_pattern();

}  // namespace suffice::workflow::maker
