#include "workflow/flow_engine.hpp"

#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

namespace suffice::workflow {

namespace asio = boost::asio;
using Kind = FlowEvent::Kind;

FlowEngine::FlowEngine(const Flow& flow, FlowOptions options, asio::any_io_executor executor)
    : flow_(flow),
      options_(std::move(options)),
      clock_(options_.clock == nullptr ? system_clock_ : *options_.clock),
      ledger_(options_.ledger == nullptr ? own_ledger_ : *options_.ledger),
      executor_(std::move(executor)),
      wake_(executor_),
      machine_(flow, [this](Flow::Node from, std::string_view label, Flow::Node to) {
        if (!options_.on_event) return;
        options_.on_event(FlowEvent{.kind = Kind::EdgeTaken,
                                    .step = 0,
                                    .executor = executor_name(from),
                                    .to = executor_name(to),
                                    .text = label});
      }) {}

Task<Result<FlowOutcome>> FlowEngine::go(FlowMessage input) {
  Result<void> driven = replay(input);
  const bool resumable = driven.has_value();
  if (driven) driven = co_await drive();
  if (!running_.empty()) co_await end_all();
  if (resumable) write_end(driven);
  if (!driven) {
    if (driven.error().code == ErrorCode::BudgetExhausted) tell_run(Kind::Budget, driven.error().message);
    co_return fail(std::move(driven).error());
  }
  co_return outcome();
}

Task<Result<void>> FlowEngine::drive() {
  for (;;) {
    if (machine_.due().empty()) co_return Result<void>{};
    Result<void> may = co_await may_go_on();
    if (!may) co_return may;
    Result<std::shared_ptr<Step>> alone = launch();
    if (!alone) co_return fail(std::move(alone).error());
    if (*alone) {
      Step& step = **alone;
      Result<FlowMessage> answer = co_await flow_.nodes()[step.item.node].executor.run(step.item.input, step.face);
      step.result = std::move(answer);
      running_.erase(step.item.step);
      Result<void> settled = settle(step);
      if (!settled) co_return settled;
      continue;
    }
    co_await wait_for_one();
    while (!finished_.empty()) {
      const std::shared_ptr<Step> step = std::move(finished_.front());
      finished_.pop_front();
      running_.erase(step->item.step);
      if (step->thrown) {
        co_await end_all();
        std::rethrow_exception(step->thrown);
      }
      Result<void> settled = settle(*step);
      if (!settled) co_return settled;
    }
  }
}

Task<Result<void>> FlowEngine::may_go_on() const {
  const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none || options_.stop.stop_requested()) {
    co_return fail(ErrorCode::Cancelled, "the run was cancelled");
  }
  if (!options_.deadline.is_never() && options_.deadline.expired(clock_.steady_now())) {
    co_return fail(ErrorCode::DeadlineExceeded, "the run's time was over before its next step", flow_.name());
  }
  co_return Result<void>{};
}

Result<std::shared_ptr<FlowRun::Step>> FlowEngine::launch() {
  const bool alone = running_.empty() && machine_.due().size() == 1;
  for (const auto& [number, item] : machine_.due()) {
    if (running_.size() >= options_.at_once_max) break;
    if (running_.contains(number)) continue;
    if (number > options_.steps_max) {
      return fail(ErrorCode::BudgetExhausted, fmt::format("the run has used up its {} steps", options_.steps_max),
                  std::string(executor_name(item.node)));
    }
    const std::shared_ptr<Step> step = begin(item);
    if (alone) return step;
    spawn(step);
  }
  return nullptr;
}

std::shared_ptr<FlowRun::Step> FlowEngine::begin(const FlowItem& item) {
  constexpr std::uint64_t kSpread = 0x9e3779b97f4a7c15ULL;  // SplitMix64's: neighbouring steps get unlike sequences
  SeededRandom spread(options_.seed + (item.step * kSpread));
  auto step = std::make_shared<Step>(*this, item, options_.deadline, spread.next());
  if (options_.journal != nullptr) step->input_digest = short_digest_of(item.input);
  if (auto kept = checkpoints_.extract(item.step)) step->kept = std::move(kept.mapped());
  running_.emplace(item.step, step);
  tell(Kind::ExecutorStarted, *step);
  return step;
}

Task<Result<FlowMessage>> FlowEngine::execute(std::shared_ptr<Step> step) {
  co_await asio::this_coro::throw_if_cancelled(false);
  const Executor& executor = step->engine.flow_.nodes()[step->item.node].executor;
  Result<FlowMessage> answer = co_await executor.run(step->item.input, step->face);
  co_return answer;
}

void FlowEngine::spawn(const std::shared_ptr<Step>& step) {
  asio::co_spawn(executor_, execute(step),
                 asio::bind_cancellation_slot(step->cancel.slot(),
                                              [this, step](std::exception_ptr thrown, Result<FlowMessage> answer) {
                                                step->thrown = thrown;
                                                step->result = std::move(answer);
                                                finished_.push_back(step);
                                                wake_.cancel();
                                              }));
}

/// Until a step has ended, or the awaiting coroutine is cancelled.
Task<void> FlowEngine::wait_for_one() {
  while (finished_.empty()) {
    wake_.expires_at(asio::steady_timer::time_point::max());
    co_await wake_.async_wait(asio::as_tuple(asio::use_awaitable));
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) co_return;
  }
}

Result<void> FlowEngine::settle(Step& step) {
  if (!machine_.due().contains(step.item.step)) {
    tell(Kind::ExecutorDropped, step);
    return {};
  }
  if (*step.result) {
    SUFFICE_TRY_VOID(keep_answer(step, **std::move(step.result)));
  } else {
    const Error& error = step.result->error();
    tell(Kind::ExecutorFailed, step, suffice::name(error.code));
    SUFFICE_TRY_VOID(machine_.fail_step(step.item.step, error));
    SUFFICE_TRY_VOID(keep_failure(step, error));
  }
  cancel_dropped();
  return {};
}

Result<void> FlowEngine::keep_answer(Step& step, FlowMessage output) {
  if (options_.journal != nullptr) {
    JournalRecord record{.kind = JournalRecord::Kind::Answer, .output = output};
    record.state.assign(step.writes.begin(), step.writes.end());
    SUFFICE_TRY_VOID(write(std::move(record), &step));
  }
  for (auto& [key, value] : step.writes) state_[key] = std::move(value);
  tell(Kind::ExecutorFinished, step, output.type);
  return machine_.complete(step.item.step, std::move(output));
}

/// Steps that a met fan-in no longer waits for are asked to end; settle() tells of them when they have.
void FlowEngine::cancel_dropped() {
  for (const auto& [number, step] : running_) {
    if (!machine_.due().contains(number)) step->cancel.emit(asio::cancellation_type::terminal);
  }
}

/// Cancels what still runs and waits for it: its frames refer to this engine.
Task<void> FlowEngine::end_all() {
  while (!running_.empty()) {
    for (const auto& [number, step] : running_) step->cancel.emit(asio::cancellation_type::terminal);
    while (finished_.empty()) {
      wake_.expires_at(asio::steady_timer::time_point::max());
      co_await wake_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    for (; !finished_.empty(); finished_.pop_front()) running_.erase(finished_.front()->item.step);
  }
}

FlowOutcome FlowEngine::outcome() const {
  return FlowOutcome{.output = machine_.ends().back(),
                     .outputs = machine_.ends(),
                     .run_id = options_.run_id,
                     .steps = machine_.steps(),
                     .replayed = replayed_,
                     .state = state_};
}

void FlowEngine::tell(Kind kind, const Step& step, std::string_view text) const {
  if (!options_.on_event) return;
  options_.on_event(FlowEvent{
      .kind = kind, .step = step.item.step, .executor = executor_name(step.item.node), .to = {}, .text = text});
}

void FlowEngine::tell_run(Kind kind, std::string_view text) const {
  if (options_.on_event) options_.on_event(FlowEvent{.kind = kind, .step = 0, .executor = {}, .to = {}, .text = text});
}

}  // namespace suffice::workflow
