#include "testing/scripted_model.hpp"

#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

namespace suffice::testing {
namespace {

Delta delta_of(const Completion& completion) {
  Delta delta;
  delta.text = completion.text;
  for (std::size_t i = 0; i < completion.tool_calls.size(); ++i) {
    const ToolCall& call = completion.tool_calls[i];
    delta.tool_calls.push_back({.index = i, .id = call.id, .name = call.name, .arguments = call.arguments});
  }
  return delta;
}

Task<void> wait_for_cancellation() {
  const auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor, boost::asio::steady_timer::time_point::max());
  co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
}

}  // namespace

ScriptedModel::~ScriptedModel() {
  if (!turns_.empty()) ADD_FAILURE() << "scripted model: " << turns_.size() << " turns were never asked for";
}

ScriptedModel& ScriptedModel::then(ScriptedTurn turn) {
  const std::scoped_lock lock(mutex_);
  turns_.push_back(std::move(turn));
  return *this;
}

ScriptedModel& ScriptedModel::answer(std::string text) {
  Completion completion;
  completion.text = std::move(text);
  completion.finish = FinishReason::Stop;
  completion.usage = Usage{.input_tokens = 10, .output_tokens = 5};
  return answer(std::move(completion));
}

ScriptedModel& ScriptedModel::answer(Completion completion) {
  ScriptedTurn turn;
  turn.deltas.push_back(delta_of(completion));
  turn.result = std::move(completion);
  return then(std::move(turn));
}

ScriptedModel& ScriptedModel::fail_with(ErrorCode code, std::int64_t retry_after_ms) {
  Error error{.code = code, .message = "scripted failure", .where = {}};
  error.retry_after_ms = retry_after_ms;
  ScriptedTurn turn;
  turn.result = fail(std::move(error));
  return then(std::move(turn));
}

ScriptedModel& ScriptedModel::cut_after(std::string text, ErrorCode code) {
  ScriptedTurn turn;
  turn.deltas.emplace_back().text = std::move(text);
  turn.result = fail(code, "scripted cut");
  return then(std::move(turn));
}

ScriptedModel& ScriptedModel::hang() {
  ScriptedTurn turn;
  turn.hang = true;
  return then(std::move(turn));
}

void ScriptedModel::set_available(bool available) {
  const std::scoped_lock lock(mutex_);
  available_ = available;
}

Task<Result<Completion>> ScriptedModel::complete(const providers::ModelCall& call, providers::TokenSink* sink,
                                                 Deadline) {
  ScriptedTurn turn;
  {
    const std::scoped_lock lock(mutex_);
    calls_.push_back(call);
    if (turns_.empty()) {
      ADD_FAILURE() << "scripted model: a call beyond the script (number " << calls_.size() << ")";
      co_return fail(ErrorCode::ModelUnavailable, "beyond the script");
    }
    turn = std::move(turns_.front());
    turns_.pop_front();
  }
  if (turn.check) turn.check(call);
  if (turn.hang) {
    co_await wait_for_cancellation();
    co_return fail(ErrorCode::Cancelled, "the call was cancelled");
  }
  if (sink != nullptr) {
    for (const Delta& delta : turn.deltas) {
      const providers::SinkAction action = co_await sink->on_delta(delta);
      if (action == providers::SinkAction::Stop)
        co_return fail(ErrorCode::Cancelled, "the receiver stopped the answer");
    }
  }
  co_return turn.result;
}

Task<Result<std::int64_t>> ScriptedModel::count_tokens(const providers::ModelCall& call, Deadline deadline) {
  if (tokens_) co_return *tokens_;
  Task<Result<std::int64_t>> unknown = ModelClient::count_tokens(call, deadline);
  co_return co_await std::move(unknown);
}

bool ScriptedModel::available() const {
  const std::scoped_lock lock(mutex_);
  return available_;
}

std::vector<providers::ModelCall> ScriptedModel::calls() const {
  const std::scoped_lock lock(mutex_);
  return calls_;
}

std::size_t ScriptedModel::turns_left() const {
  const std::scoped_lock lock(mutex_);
  return turns_.size();
}

Task<providers::SinkAction> CollectingSink::on_delta(const Delta& delta) {
  deltas_.push_back(delta);
  co_return stop_after_ != 0 && deltas_.size() >= stop_after_ ? providers::SinkAction::Stop
                                                              : providers::SinkAction::Continue;
}

std::string CollectingSink::text() const {
  std::string text;
  for (const Delta& delta : deltas_) text += delta.text;
  return text;
}

}  // namespace suffice::testing
