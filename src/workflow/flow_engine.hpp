#pragma once
// FlowEngine: carries a FlowMachine's steps out, side by side where it allows. Internal to flow_run.cpp.

#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>

#include "workflow/flow_machine.hpp"
#include "workflow/flow_run.hpp"
#include "workflow/journal.hpp"

namespace suffice::workflow {

using FlowState = std::map<std::string, JsonText, std::less<>>;

struct FlowRun::Step {
  Step(FlowEngine& of, FlowItem what, Deadline until, std::uint64_t seed)
      : engine(of), item(std::move(what)), deadline(until), random(seed) {}

  FlowEngine& engine;
  FlowItem item;
  Deadline deadline;
  SeededRandom random;
  std::uint64_t input_digest = 0;  ///< where there is a journal
  FlowState writes = {};
  std::optional<JsonText> kept = {};  ///< the last checkpoint of an earlier part of the run
  boost::asio::cancellation_signal cancel = {};
  std::optional<Result<FlowMessage>> result = {};
  std::exception_ptr thrown = nullptr;
  FlowRun face{*this};
};

class FlowEngine {
 public:
  FlowEngine(const Flow& flow, FlowOptions options, boost::asio::any_io_executor executor);

  /// run()'s work. Leaves throw_if_cancelled(false).
  Task<Result<FlowOutcome>> go(FlowMessage input);

 private:
  friend class FlowRun;
  using Step = FlowRun::Step;

  Result<void> replay(const FlowMessage& input);
  Result<void> replay(JournalRecord record);
  Task<Result<void>> drive();
  /// Why no further step may begin, or nothing.
  [[nodiscard]] Task<Result<void>> may_go_on() const;
  /// Begins due steps. Gives back the step to await in place when it is the only one, else null.
  Result<std::shared_ptr<Step>> launch();
  std::shared_ptr<Step> begin(const FlowItem& item);
  void spawn(const std::shared_ptr<Step>& step);
  static Task<Result<FlowMessage>> execute(std::shared_ptr<Step> step);
  Task<void> wait_for_one();
  Result<void> settle(Step& step);
  Result<void> keep_answer(Step& step, FlowMessage output);
  Result<void> keep_failure(Step& step, const Error& error);
  /// Appends a record with the ledger's changes, where there is a journal. `step` null: the run's own.
  Result<void> write(JournalRecord record, const Step* step);
  [[nodiscard]] std::vector<ModelUse> changed_use();
  void write_end(const Result<void>& ended);
  void cancel_dropped();
  Task<void> end_all();
  [[nodiscard]] FlowOutcome outcome() const;

  Result<void> checkpoint(Step& step, JsonText progress);
  void tell(FlowEvent::Kind kind, const Step& step, std::string_view text = {}) const;
  void tell_run(FlowEvent::Kind kind, std::string_view text) const;
  [[nodiscard]] std::string_view executor_name(Flow::Node node) const { return flow_.nodes()[node].executor.name; }

  const Flow& flow_;
  FlowOptions options_;
  const SystemClock system_clock_;
  const Clock& clock_;
  RunLedger own_ledger_;
  RunLedger& ledger_;
  boost::asio::any_io_executor executor_;
  boost::asio::steady_timer wake_;
  FlowMachine machine_;
  FlowState state_;
  std::map<std::uint64_t, std::shared_ptr<Step>> running_;
  std::deque<std::shared_ptr<Step>> finished_;
  std::map<std::uint64_t, JsonText> checkpoints_;  ///< replayed, of steps that had not ended
  std::vector<ModelUse> written_use_;              ///< the ledger's totals as the journal has them
  std::uint64_t replayed_ = 0;
  bool journal_has_end_ = false;
};

}  // namespace suffice::workflow
