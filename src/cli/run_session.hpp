#pragma once
// One workflow's run from the command line: its models, its journal, its record, its end.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "policy/policy.hpp"
#include "workflow/flow_io.hpp"
#include "workflow/flow_run.hpp"
#include "workflow/journal.hpp"
#include "workflow/workflow_file.hpp"

namespace suffice::cli {

/// What a run is of. Kept in its journal, so that --resume needs nothing but the id.
struct RunPlan {
  std::string workflow;  ///< as asked for: a name of the policy, a file, or a pattern (demo)
  std::filesystem::path policy;
  bool demo = false;
  workflow::FlowRequest request;

  [[nodiscard]] JsonText to_json() const;
  static Result<RunPlan> from_json(const JsonText& text);
};

/// How a run ended.
struct RunEnd {
  std::string run_id;
  Result<workflow::FlowOutcome> outcome;
  std::vector<workflow::ModelUse> used;
  Usd cost;
  std::string event_id;
};

/// Journals lie in runs/ of the data folder, readable by their owner only.
[[nodiscard]] std::filesystem::path journal_file(const std::filesystem::path& data, const std::string& run_id);

/// The workflow with its models, ready to run. One thread.
class RunSession {
 public:
  /// Loads the policy and the workflow and starts the engines that it needs. PolicyInvalid lists every problem of the workflow file;
  /// NotFound, naming what there is, for an unknown name.
  static Result<std::unique_ptr<RunSession>> open(RunPlan plan, const std::filesystem::path& data);
  ~RunSession();
  RunSession(const RunSession&) = delete;
  RunSession& operator=(const RunSession&) = delete;

  [[nodiscard]] const workflow::Flow& flow() const;
  [[nodiscard]] const workflow::Workflow& workflow() const;

  /// Runs to the end or to Ctrl-C (SIGINT, SIGTERM): then the outcome is Cancelled. `journal` null: a new one is made. With a record in
  /// the data folder, one event is left.
  Result<RunEnd> run(std::unique_ptr<workflow::Journal> journal,
                     std::function<void(const workflow::FlowEvent&)> on_event);
  /// What the pattern says that a run would need; nothing is kept. Null body: it has nothing to say.
  Result<std::optional<RunEnd>> run_plan_only();
  /// Totals so far, for a view.
  [[nodiscard]] const workflow::RunLedger& ledger() const;

 private:
  RunSession();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace suffice::cli
