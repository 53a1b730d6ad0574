#pragma once
// A flow's run: what bounds it, what its executors see of it, and how it is told.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/random.hpp"
#include "core/result.hpp"
#include "net/task.hpp"
#include "workflow/flow.hpp"
#include "workflow/model_port.hpp"
#include "workflow/run_ledger.hpp"

namespace suffice::workflow {

class Journal;
class FlowEngine;

/// What happened in a run, in order. The views live as long as the call.
struct FlowEvent {
  enum class Kind : std::uint8_t {
    ExecutorStarted,
    Token,             ///< text: a piece of a model's answer
    Progress,          ///< text: for people
    ExecutorFinished,  ///< text: the answer's type
    ExecutorReplayed,  ///< its answer came from the journal; text: the answer's type
    ExecutorFailed,    ///< text: the error's name
    ExecutorDropped,   ///< a fan-in no longer waits for it
    EdgeTaken,         ///< text: the edge's label
    Checkpoint,        ///< the journal holds this step
    Budget,            ///< text: which budget ended the run
  };
  Kind kind = Kind::ExecutorStarted;
  std::uint64_t step = 0;  ///< 0: of no step
  std::string_view executor;
  std::string_view to;  ///< EdgeTaken: the next executor
  std::string_view text;
};
/// "executor_started" and so on: the words of JSON output. Never rename.
[[nodiscard]] std::string_view name(FlowEvent::Kind kind) noexcept;

struct FlowOptions {
  std::string run_id = {};       ///< empty: a new UUIDv7
  std::size_t steps_max = 1000;  ///< executors started in all, replayed ones included
  std::size_t at_once_max = 8;   ///< executors of this run at the same time
  Deadline deadline = Deadline::never();
  RunLedger* ledger = nullptr;  ///< null: one without limits. Else it outlives the run
  /// Why a model may not be asked in this run (kill switch, a hard stop); empty: all may.
  std::function<std::optional<Reason>(const policy::Model&)> refused = {};
  Journal* journal = nullptr;  ///< null: nothing is kept. What it already holds is replayed first
  std::function<void(const FlowEvent&)> on_event = {};  ///< may be empty; called on the run's executor
  std::stop_token stop =
      {};  ///< ends the run between steps; a step under way is ended by cancelling the awaiting coroutine
  const Clock* clock = nullptr;  ///< null: the system's
  std::uint64_t seed = 0;        ///< of every step's Random, with the step's number
};

struct FlowOutcome {
  FlowMessage output;                ///< the last end
  std::vector<FlowMessage> outputs;  ///< every answer that led nowhere, in order
  std::string run_id;
  std::uint64_t steps = 0;
  std::uint64_t replayed = 0;  ///< of these, taken from the journal
  std::map<std::string, JsonText, std::less<>> state;
  bool operator==(const FlowOutcome&) const = default;
};

/// A run as one step of it sees it. Valid during that step; on its executor only.
class FlowRun {
 public:
  FlowRun(const FlowRun&) = delete;
  FlowRun& operator=(const FlowRun&) = delete;

  [[nodiscard]] const std::string& id() const;
  [[nodiscard]] std::uint64_t step() const;
  [[nodiscard]] const std::string& executor() const;

  /// The run's state: JSON by key, the step's own writes first. Steps that run side by side do not see each other's writes: a step's
  /// are kept when it ends well. A sub-flow has keys of its own.
  [[nodiscard]] std::optional<JsonText> state(std::string_view key) const;
  void set_state(std::string_view key, JsonText value);

  /// The run's budget and what has been used.
  [[nodiscard]] RunLedger& ledger() const;
  /// `model` as this run may ask it. `model` outlives the port.
  [[nodiscard]] ModelPort port(const PortModel& model) const;
  /// When the run ends at the latest.
  [[nodiscard]] Deadline deadline() const;
  /// Makes this step's deadline earlier, never later.
  void shorten(Deadline deadline);
  /// Whether the run was asked to stop or its time is over: for executors that compute for long without awaiting anything.
  [[nodiscard]] bool stopping() const;
  [[nodiscard]] const Clock& clock() const;
  /// The same sequence for the same seed and step, whatever ran before: a resumed step draws what it would have drawn.
  [[nodiscard]] Random& random();

  void progress(std::string_view text) const;
  void token(std::string_view text) const;

  /// Keeps where a long step stands; only the last one counts. Without a journal nothing is written, and it succeeds.
  Result<void> checkpoint(JsonText progress);
  /// What this step last kept before the run was cut off; nothing when it starts anew.
  [[nodiscard]] const std::optional<JsonText>& last_checkpoint() const;

 private:
  friend class FlowEngine;
  struct Step;
  explicit FlowRun(Step& step) : step_(step) {}
  Step& step_;
};

/// Runs `flow` from its start to where no answer leads on. `flow` outlives the await.
///
/// Errors: an executor's own; BudgetExhausted (steps, or a loop); DeadlineExceeded between two steps; Cancelled when the awaiting
/// coroutine was cancelled or `stop` asked for it: every branch has ended then. With a journal the run can be resumed after any of
/// them. An executor's exception passes through once the other branches have ended.
[[nodiscard]] Task<Result<FlowOutcome>> run(const Flow& flow, FlowMessage input, FlowOptions options);

}  // namespace suffice::workflow
