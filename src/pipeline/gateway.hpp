#pragma once
// Gateway: one request end to end. admit -> plan -> run -> judge -> answer -> record.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "audit/recorder.hpp"
#include "core/chat.hpp"
#include "core/clock.hpp"
#include "core/embedding.hpp"
#include "core/random.hpp"
#include "core/reasons.hpp"
#include "core/result.hpp"
#include "core/trace_context.hpp"
#include "core/units.hpp"
#include "metrics/span.hpp"
#include "net/task.hpp"
#include "pipeline/callers.hpp"
#include "pipeline/levers.hpp"
#include "pipeline/plan.hpp"
#include "pipeline/shadow.hpp"
#include "pipeline/snapshot.hpp"
#include "providers/model_client.hpp"
#include "workflow/run_ledger.hpp"

namespace suffice::pipeline {

class GatewayMetrics;

/// One chat completion as a surface hands it over.
struct Request {
  ChatRequest chat;
  std::string request_id;
  std::optional<TraceContext> trace;              ///< W3C trace context of the caller
  std::string caller_group;                       ///< without keys; a key brings its own
  std::string credential;                         ///< SHA-256 (hex) of the key that came with it; empty when none did
  std::string task_hint;                          ///< X-Suffice-Task
  bool frontier_requested = false;                ///< X-Suffice-Route: frontier
  bool trusted = false;                           ///< an operator's own question: decide() asks for no key
  std::string surface;                            ///< "openai.chat.completions"
  int (*http_status_of)(const Error&) = nullptr;  ///< the surface's own mapping, for the record; null: not over HTTP
  SteadyTime received = std::chrono::steady_clock::now();
};

/// The route decision, as headers and the extension field show it.
struct Decision {
  std::string request_id;
  std::string event_id;
  std::string task;  ///< empty when unknown
  Route route = Route::Frontier;
  std::vector<Reason> reasons;  ///< primary first; empty for a local accept
  std::string model;            ///< policy name of the model that answered
  std::string policy_version;
  std::optional<double> confidence;
  Usd cost;
  bool stand_in = false;
  std::vector<std::string> approval_required;
  std::string warning;  ///< what the caller should know although there is an answer; empty when nothing
  std::chrono::microseconds overhead{0};      ///< total so far minus time spent in models
  std::string workflow = {};                  ///< that answered; empty: none
  std::string run_id = {};                    ///< of its run
  std::vector<workflow::ModelUse> used = {};  ///< by its models
  JsonText details = {};                      ///< its answer as it gave it: votes, citations, what could not be read
};

/// What came out. `completion` is the answer, or why there is none; the decision is there in both cases.
struct Answer {
  Result<Completion> completion;
  Decision decision;
  bool streamed = false;  ///< the sink has seen (at least a part of) the answer
};

/// What would be done with a request, before any model is asked.
struct Intention {
  std::string task;  ///< empty when unknown
  Route route = Route::Frontier;
  std::vector<Reason> reasons;  ///< why not local, primary first
  std::vector<CheckResult> checks;
  struct Rung {
    std::string model;
    bool local = false;
  };
  std::vector<Rung> ladder;  ///< in the order they would be asked; empty when nothing can answer
  std::string policy_version;
  Usd cost_max;  ///< of the dearest rung asked once, with the longest answer
};

/// The same for embeddings.
struct EmbeddingOutcome {
  Result<EmbeddingAnswer> answer;
  Decision decision;
};

/// A streaming surface. on_begin comes once, before the first delta, when it is certain that an answer is coming.
class AnswerSink {
 public:
  virtual ~AnswerSink() = default;
  virtual Task<providers::SinkAction> on_begin(const Decision& decision) = 0;
  virtual Task<providers::SinkAction> on_delta(const Delta& delta) = 0;
  /// What a long workflow is doing, for people, before on_begin. Must not block.
  virtual void on_progress(std::string_view /*text*/) {}
};

/// What happens to a request whose event cannot be made durable.
enum class OnRecordFailure : std::uint8_t { Refuse, Serve };

struct GatewayOptions {
  std::chrono::milliseconds record_wait_max{5'000};  ///< how long an answer waits for its event to be durable
  OnRecordFailure on_record_failure = OnRecordFailure::Refuse;
  /// Takes the spans of every traced request; must not block. With it, requests that bring no trace begin one.
  std::function<void(std::vector<metrics::Span>&&)> export_spans = {};
};

/// Any thread; a request runs on its caller's executor. An answer is returned only after its audit event is durable. A request that its key
/// does not let in leaves no event: whoever has no key must not be able to fill the record; a metric counts them.
/// When the caller's coroutine is cancelled the upstream is cancelled too and the event still written (outcome "cancelled"); from then on
/// the coroutine ignores further cancellation.
class Gateway {
 public:
  struct Parts {
    audit::Recorder& recorder;
    Levers& levers;
    const Clock& clock;
    Random& random;
    GatewayMetrics& metrics;
  };
  Gateway(Parts parts, GatewayOptions options, std::shared_ptr<const Snapshot> first);

  /// `request` and `sink` outlive the await. `sink` null: the answer is only returned.
  [[nodiscard]] Task<Answer> answer(const Request& request, AnswerSink* sink, Deadline deadline);

  /// Embeddings by the model of the policy that `asked.model` names ("NAME", "suffice/NAME", or "suffice/embed" where there is one):
  /// never by another, and never escalated. `request.chat` is not looked at; `request.task_hint` applies a task's hard stops and size to
  /// every text. The event holds no text, only its digest. The rest is as in answer().
  [[nodiscard]] Task<EmbeddingOutcome> embed(const Request& request, const EmbeddingRequest& asked, Deadline deadline);

  /// How `request` would be routed; nothing is asked, recorded or counted. A key's task list holds. Errors: as answer()'s admission.
  [[nodiscard]] Result<Intention> decide(const Request& request);

  /// Tokens of the prompt that the first model of `request`'s ladder would be sent, by that model's own tokenizer; for a hosted model by
  /// its provider. Nothing is recorded. UnsupportedField when that model cannot count; otherwise as answer().
  [[nodiscard]] Task<Result<std::int64_t>> count_tokens(const Request& request, Deadline deadline);

  [[nodiscard]] std::shared_ptr<const Snapshot> snapshot() const;
  [[nodiscard]] Callers& callers() { return callers_; }
  /// Requests in flight keep the snapshot they began with.
  void replace(std::shared_ptr<const Snapshot> next);

 private:
  struct Work;
  struct Planned {
    std::string input;
    std::string task_name;
    RoutePlan route;
  };
  [[nodiscard]] Planned plan_for(const Snapshot& snapshot, const Request& request, const std::string& group) const;
  [[nodiscard]] static Demand demand_of(const Request& request, const Planned& planned);
  struct Question;
  /// A request that is only asked about: known, planned, and let in for nothing.
  [[nodiscard]] Result<Question> question(const Request& request);
  /// Key and limits: the plan is made and what the request may use is reserved, or it may not be served.
  Result<void> admit(Work& work);
  [[nodiscard]] static const std::string& caller_group(const Work& work);
  void begin_trace(Work& work);
  void settle(Work& work);
  Task<Result<void>> run(Work& work, AnswerSink* sink, Deadline deadline);
  Task<Result<void>> run_workflow(Work& work, AnswerSink* sink, Deadline deadline);
  static void take_ledger(Work& work, const workflow::RunLedger& ledger);
  Task<Result<void>> make_durable(audit::Event event);
  void rouse_recorder_after_this_turn(const boost::asio::any_io_executor& executor);
  Task<void> show(Work& work, AnswerSink& sink);
  static Result<void> conclude(Work& work);
  audit::Event to_event(Work& work) const;
  /// What runs beside this request is asked; null when nothing does.
  [[nodiscard]] static std::shared_ptr<const ShadowQuestion> shadow_question(const Work& work);
  /// Begins what runs beside a request's task; nobody waits for it.
  void begin_shadows(const std::shared_ptr<const Snapshot>& snapshot, const TaskPlan& task,
                     const std::shared_ptr<const ShadowQuestion>& question,
                     const boost::asio::any_io_executor& executor);
  Task<void> shadow(std::shared_ptr<const Snapshot> snapshot, std::shared_ptr<const ShadowPlan> plan,
                    std::shared_ptr<const ShadowQuestion> question);
  struct EmbeddingWork;
  Result<void> admit(EmbeddingWork& work);
  Result<void> may_embed(EmbeddingWork& work);
  Task<Result<EmbeddingAnswer>> run(EmbeddingWork& work, Deadline deadline);
  audit::Event to_event(EmbeddingWork& work, const Result<EmbeddingAnswer>& answer) const;

  Parts parts_;
  GatewayOptions options_;
  Callers callers_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::atomic<bool> rouse_posted_ = false;
  ShadowBudget shadow_budget_;
};

}  // namespace suffice::pipeline
