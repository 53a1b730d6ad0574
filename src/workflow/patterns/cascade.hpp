#pragma once
// The cascade: try the cheapest trusted tier, judge its answer, escalate with a reason. The pattern only builds a graph.

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/event.hpp"
#include "core/chat.hpp"
#include "core/clock.hpp"
#include "core/random.hpp"
#include "core/trace_context.hpp"
#include "core/verdict.hpp"
#include "gate/judge.hpp"
#include "policy/policy.hpp"
#include "prompts/prompt.hpp"
#include "providers/model_client.hpp"
#include "workflow/graph.hpp"

namespace suffice::workflow {

/// One rung of the ladder.
struct CascadeTier {
  policy::Model model;
  std::shared_ptr<providers::ModelClient> client;
  std::vector<AdapterUse> adapters = {};          ///< as policy::Tier's
  std::shared_ptr<const prompts::Prompt> prompt;  ///< null: the caller's messages go as they are
};

/// A task's ladder and rules. Immutable; shared by every run of the task.
struct CascadePlan {
  gate::GateRules rules;
  std::vector<CascadeTier> tiers;  ///< cheapest first
};

/// The state of one run: what is asked, then what happened. `request`, `input` and `live` outlive the run.
struct CascadeRun {
  CascadeRun(const ChatRequest& asked, std::string id, Deadline until)
      : request(asked), request_id(std::move(id)), deadline(until) {}

  const ChatRequest& request;
  std::string_view input;  ///< all text of the caller, as the gate looks at it
  std::string request_id;
  std::size_t first_tier = 0;
  bool frontier_allowed = true;          ///< false under the kill switch local_only
  providers::TokenSink* live = nullptr;  ///< takes the last tier's tokens as they come; null when nobody streams
  Deadline deadline;
  std::optional<TraceContext> trace = {};  ///< the request's own span, when it has one
  Random* random = nullptr;                ///< ids of the calls' spans; set with `trace`
  SteadyTime begun = std::chrono::steady_clock::now();
  WallTime now = WallTime::max();      ///< as gate::Candidate's
  double confidence_min = 0;           ///< likewise
  bool certificate_withdrawn = false;  ///< likewise

  std::vector<audit::Attempt> attempts;
  std::vector<Reason> reasons;  ///< why rungs were left, in the order they fired
  struct Given {
    Completion completion;
    Verdict verdict;
    std::size_t tier = 0;
    std::string text_sha256 = {};  ///< of completion.text; empty when it was not computed
  };
  std::optional<Given> accepted;
  std::optional<Given> rejected;  ///< the last local answer that was not accepted; part of the escalation packet
  std::optional<Error> error;     ///< why the last tier gave nothing
  bool live_used = false;         ///< deltas of the accepted answer already went through `live`
  Usd cost;
  std::chrono::steady_clock::duration waited{0};  ///< time spent in models
};

/// The graph of a plan: one attempt node per tier; edges "accepted" (to the end), "retry", "escalate".
///
/// A local tier's answer is accepted only by gate::judge. The last tier, when it is not local, is accepted if it answers at all; its
/// mechanical checks are in the verdict so that the caller can be told. Every failed attempt is paid and recorded.
[[nodiscard]] Graph<CascadeRun> build_cascade(std::shared_ptr<const CascadePlan> plan);

/// The messages of the next tier after a rejection: `messages` and one more that holds the rejected output (as a JSON string, marked as
/// unverified), the reason, and the decision that is needed. Traces and scores are not sent.
[[nodiscard]] std::vector<Message> escalation_packet(std::vector<Message> messages, std::string_view rejected_output,
                                                     Reason reason);

/// Which reason an error of a local model is.
[[nodiscard]] Reason reason_of_local_failure(ErrorCode code) noexcept;

}  // namespace suffice::workflow
