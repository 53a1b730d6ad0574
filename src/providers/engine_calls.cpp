#include "providers/engine_calls.hpp"

#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "providers/run_on.hpp"

namespace suffice::providers {

namespace asio = boost::asio;

/// A call between its frame and its end; lives in its coroutine.
struct EngineCalls::Call {
  explicit Call(asio::io_context& io) : changed(io) {}
  void wake() { changed.cancel(); }
  void finish(Result<wire::EngineReply> result) {
    end = std::move(result);
    wake();
  }

  asio::steady_timer changed;
  std::vector<wire::EngineDelta> deltas;
  std::optional<Result<wire::EngineReply>> end;
  bool cancelled = false;
};

struct EngineCalls::CallEnd {
  EngineCalls& calls;
  std::uint64_t id;
  Call& call;
  CallEnd(EngineCalls& all, std::uint64_t number, Call& one) : calls(all), id(number), call(one) {
    calls.calls_.emplace(id, &call);
  }
  CallEnd(const CallEnd&) = delete;
  CallEnd& operator=(const CallEnd&) = delete;
  ~CallEnd() {
    calls.calls_.erase(id);
    if (call.end) return;
    if (const Result<std::string> bytes = wire::encode(wire::EngineCancel{.id = id})) calls.send_(*bytes);
  }
};

namespace {

Delta delta_of(wire::EngineDelta piece) {
  Delta delta;
  delta.text = std::move(piece.text);
  delta.logprobs = std::move(piece.logprobs);
  return delta;
}

}  // namespace

Task<Result<wire::EngineReply>> EngineCalls::run(std::uint64_t id, std::string bytes, TokenSink* sink,
                                                 asio::any_io_executor caller, Deadline deadline) {
  if (calls_.size() >= in_flight_max_)
    co_return fail(ErrorCode::Overloaded, "too many calls are waiting for the embedded model");
  Call call(io_);
  const CallEnd end(*this, id, call);
  send_(bytes);
  for (;;) {
    if (call.cancelled) co_return fail(ErrorCode::Cancelled, "the call was cancelled");
    if (call.deltas.empty() && !call.end) {
      boost::system::error_code ignored;
      call.changed.expires_at(deadline.when());
      co_await call.changed.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      if (call.deltas.empty() && !call.end && deadline.expired()) {
        co_return fail(ErrorCode::DeadlineExceeded, "the embedded model did not answer before the deadline");
      }
      continue;
    }
    std::vector<wire::EngineDelta> deltas = std::exchange(call.deltas, {});
    for (wire::EngineDelta& piece : deltas) {
      if (sink == nullptr) break;
      const Delta delta = delta_of(std::move(piece));
      Task<SinkAction> taking = sink->on_delta(delta);
      Task<SinkAction> there = run_on(caller, std::move(taking));
      const SinkAction action = co_await std::move(there);
      if (action == SinkAction::Stop) co_return fail(ErrorCode::Cancelled, "the caller stopped the answer");
    }
    if (call.end && call.deltas.empty()) co_return *std::move(call.end);
  }
}

EngineCalls::Call* EngineCalls::find(std::uint64_t id) {
  const auto found = calls_.find(id);
  return found == calls_.end() ? nullptr : found->second;
}

void EngineCalls::cancel(std::uint64_t id) {
  if (Call* call = find(id)) {
    call->cancelled = true;
    call->wake();
  }
}

void EngineCalls::on_delta(wire::EngineDelta delta) {
  if (Call* call = find(delta.id)) {
    call->deltas.push_back(std::move(delta));
    call->wake();
  }
}

void EngineCalls::on_reply(wire::EngineReply reply) {
  const std::uint64_t id = std::visit([](const auto& frame) { return frame.id; }, reply);
  if (Call* call = find(id)) call->finish(std::move(reply));
}

void EngineCalls::on_failure(std::uint64_t id, Error error) {
  if (Call* call = find(id)) call->finish(fail(std::move(error)));
}

void EngineCalls::fail_all(const Error& error) {
  for (const auto& [id, call] : calls_) {
    if (!call->end) call->finish(fail(error));
  }
}

}  // namespace suffice::providers
