#pragma once
// The pattern cascade of workflow files: the small model first, the next one where the gate is not content (spec: cascade; for tasks of the
// policy the same is done by patterns/cascade.hpp, with prompts, calibrators and certificates of their own).

#include <memory>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "gate/judge.hpp"
#include "prompts/prompt.hpp"
#include "workflow/flow.hpp"
#include "workflow/model_port.hpp"
#include "workflow/pattern.hpp"

namespace suffice::workflow {

/// Immutable; shared by runs.
struct CascadeSetup {
  struct Rung {
    std::string role;
    std::shared_ptr<const PortModel> model;
  };
  std::vector<Rung> rungs;                        ///< cheapest first; at least one
  gate::GateRules rules;                          ///< what an answer must be, and how sure; hard stops are the caller's
  std::shared_ptr<const prompts::Prompt> prompt;  ///< of local rungs; null: the request as it is
  std::string system;
};

/// One executor a rung. A rung but the last is answered only by what gate::judge accepts; the last by what passes the mechanical checks,
/// else OutputRejected. A rung whose model fails or is refused is passed over, and noted. Every failed try is paid.
/// The answer's body: {"answer", "model", "rung" from 1, "passed_over": [{"model", "why": [reason or error]}]} and "confidence" where there is one.
[[nodiscard]] Result<std::shared_ptr<const Flow>> cascade_flow(std::shared_ptr<const CascadeSetup> setup,
                                                               const std::string& name, const std::string& version);

/// "cascade": roles worker and frontier, and between them middle.
[[nodiscard]] Pattern cascade_pattern();

}  // namespace suffice::workflow
