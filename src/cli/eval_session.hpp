#pragma once
// The gateway as `suffice serve` builds it, asked case by case: what `suffice eval` runs suites through.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "core/result.hpp"
#include "lab/suites/case_run.hpp"
#include "lab/suites/score.hpp"
#include "lab/suites/suite.hpp"
#include "policy/policy.hpp"

namespace suffice::cli {

/// Where frontier answers come from.
enum class FrontierSource : std::uint8_t {
  Recorded,  ///< the suite's own: each case's `frontier`, else what it says is right. Nothing is paid.
  Policy,    ///< the models that the policy names
};

struct EvalSetup {
  std::filesystem::path policy;
  std::filesystem::path data;  ///< of the record; exists
  std::string local;           ///< the policy's model that takes the local tier's place; empty: the task's own
  bool candidate = false;      ///< every task's candidate takes its local tiers' place, with its own prompt and proof
  FrontierSource frontier = FrontierSource::Recorded;
  std::size_t at_once = 4;
};

/// One case in one pass.
struct EvalJob {
  const lab::SuiteCase* of = nullptr;
  lab::Pass pass = lab::Pass::Gated;
};

/// A gateway on a data folder of its own, with engine processes and a record. One thread.
class EvalSession {
 public:
  /// The errors of app::Application, and NotFound when the policy has no model `setup.local`.
  static Result<std::unique_ptr<EvalSession>> open(EvalSetup setup);
  ~EvalSession();
  EvalSession(const EvalSession&) = delete;
  EvalSession& operator=(const EvalSession&) = delete;

  [[nodiscard]] const policy::Policy& policy() const;
  /// Whether the policy, as written, has one for `task`.
  [[nodiscard]] bool has_candidate(const std::string& task) const;
  /// What the figures need to know of a suite's task; NotFound, naming the tasks, when the policy has no such task.
  [[nodiscard]] Result<lab::TaskFacts> facts(const lab::Suite& suite) const;
  /// The passes that a case of this task is sent in, the kill switch's apart.
  [[nodiscard]] std::vector<lab::Pass> passes(const lab::TaskFacts& facts) const;

  /// Runs `jobs`, pass after pass, `at_once` at a time; tells of each as it ends. Ends early, without an error, once `stopped` says so: what is
  /// under way is still told.
  Result<void> run(const lab::Suite& suite, std::span<const EvalJob> jobs,
                   const std::function<void(const lab::CaseRun&)>& on_run, const std::function<bool()>& stopped);

 private:
  EvalSession();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace suffice::cli
