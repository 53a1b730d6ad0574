#include "providers/embedded_engine.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "core/random.hpp"
#include "providers/engine_calls.hpp"
#include "providers/run_on.hpp"

namespace suffice::providers {
namespace {

namespace asio = boost::asio;

Error unavailable(std::string message) {
  return Error{.code = ErrorCode::ModelUnavailable, .message = std::move(message), .where = {}};
}

/// For the frames: 0 is no deadline, so one that is over has 1 left.
std::uint64_t microseconds_left(const Deadline& deadline) {
  if (deadline.is_never()) return 0;
  const auto left =
      std::chrono::duration_cast<std::chrono::microseconds>(deadline.when() - std::chrono::steady_clock::now());
  return left.count() > 0 ? static_cast<std::uint64_t>(left.count()) : 1;
}

}  // namespace

/// The supervisor and the calls on a thread of their own. Everything below runs there but what says otherwise.
struct EmbeddedEngine::Impl {
  explicit Impl(Options options)
      : sha256(std::move(options.sha256)),
        adapter_sha256(std::move(options.adapter_sha256)),
        supervisor(io, std::move(options.command), options.limits, random, std::move(options.log), events()),
        calls(io, options.limits.calls_in_flight_max, [this](std::string_view bytes) { supervisor.send(bytes); }) {
    asio::co_spawn(io, supervisor.run(), asio::detached);
    thread = std::thread([this] { io.run(); });
  }

  ~Impl() {
    asio::post(io, [this] {
      is_ready.store(false);
      supervisor.stop();
      calls.fail_all(unavailable("the gateway is stopping"));
      wake_waiters();
    });
    thread.join();
  }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  /// Runs `work` on the engine's thread for a coroutine elsewhere; when that is cancelled, `on_cancel` runs there too.
  template <class T>
  Task<T> run_there(Task<T> work, std::function<void(Impl&)> on_cancel) {
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    asio::cancellation_slot slot = state.slot();
    if (slot.is_connected()) {
      slot.assign([this, on_cancel = std::move(on_cancel)](asio::cancellation_type) {
        asio::post(io, [this, on_cancel] { on_cancel(*this); });
      });
    }
    Task<T> there = run_on<T>(io.get_executor(), std::move(work));
    T result = co_await std::move(there);
    if (slot.is_connected()) slot.clear();
    co_return result;
  }

  // ---- what the supervisor says ----

  EngineSupervisor::Events events() {
    return {.on_start = [this](pid_t pid) { on_start(pid); },
            .on_ready = [this](wire::EngineFacts facts) { return on_ready(std::move(facts)); },
            .on_pong =
                [this](const wire::EnginePong& pong) {
                  const std::lock_guard lock(mutex);
                  shared.counters = pong;
                },
            .on_delta = [this](wire::EngineDelta delta) { calls.on_delta(std::move(delta)); },
            .on_reply = [this](wire::EngineReply reply) { on_reply(std::move(reply)); },
            .on_failure = [this](std::uint64_t id, Error error) { calls.on_failure(id, std::move(error)); },
            .on_lost = [this] { is_ready.store(false); },
            .on_end = [this](EngineEnd how, const Error& reason) { on_end(how, reason); }};
  }

  void on_start(pid_t pid) {
    const std::lock_guard lock(mutex);
    ++shared.starts;
    shared.pid = pid;
    shared.counters = {};
  }

  Result<void> on_ready(wire::EngineFacts facts) {
    if (!sha256.empty() && facts.sha256 != sha256) {
      return fail(ErrorCode::ModelInvalid, "found another model file than the policy's sha256 names: " + facts.sha256);
    }
    for (const wire::EngineAdapterFacts& adapter : facts.adapters) {
      const auto pinned = adapter_sha256.find(adapter.name);
      if (pinned == adapter_sha256.end() || pinned->second == adapter.sha256) continue;
      return fail(ErrorCode::ModelInvalid, "found another file of adapter " + adapter.name +
                                               " than the policy's sha256 names: " + adapter.sha256);
    }
    {
      const std::lock_guard lock(mutex);
      shared.ready = true;
      shared.ends_before_ready = 0;
      shared.facts = std::move(facts);
      shared.problem.reset();
    }
    is_ready.store(true);
    wake_waiters();
    return {};
  }

  void on_reply(wire::EngineReply reply) {
    if (const auto* adapters = std::get_if<wire::EngineAdapters>(&reply)) {
      const std::lock_guard lock(mutex);
      if (shared.facts) shared.facts->adapters = adapters->adapters;
    }
    calls.on_reply(std::move(reply));
  }

  void on_end(EngineEnd how, const Error& reason) {
    is_ready.store(false);
    {
      const std::lock_guard lock(mutex);
      ++shared.ends.at(static_cast<std::size_t>(how));
      if (!shared.ready) ++shared.ends_before_ready;
      shared.ready = false;
      shared.pid = -1;
      shared.problem = reason;
    }
    calls.fail_all(unavailable("the embedded model stopped (engine: " + reason.message + "); it is started again"));
    wake_waiters();
  }

  // ---- calls ----

  Task<Result<wire::EngineReply>> run(std::uint64_t id, std::string bytes, TokenSink* sink,
                                      asio::any_io_executor caller, Deadline deadline) {
    if (supervisor.stopping() || !is_ready.load()) co_return fail(not_ready());
    Task<Result<wire::EngineReply>> running = calls.run(id, std::move(bytes), sink, std::move(caller), deadline);
    co_return co_await std::move(running);
  }

  Error not_ready() const {
    const std::lock_guard lock(mutex);
    if (shared.problem)
      return unavailable("the embedded model is not running (engine: " + shared.problem->message + ")");
    return unavailable("the embedded model is still loading");
  }

  // ---- readiness ----

  struct Waiter {
    explicit Waiter(asio::io_context& io) : changed(io) {}
    asio::steady_timer changed;
    bool cancelled = false;
  };
  struct WaiterEnd {
    Impl& impl;
    std::uint64_t id;
    ~WaiterEnd() { impl.waiters.erase(id); }
  };

  Task<Result<void>> wait_ready(std::uint64_t id, Deadline deadline, std::uint64_t ends_max) {
    Waiter waiter(io);
    waiters.emplace(id, &waiter);
    const WaiterEnd end{*this, id};
    for (;;) {
      if (is_ready.load()) co_return Result<void>();
      if (supervisor.stopping()) co_return fail(unavailable("the gateway is stopping"));
      if (waiter.cancelled) co_return fail(ErrorCode::Cancelled, "the wait was cancelled");
      if (const std::optional<Error> problem = lasting_problem(ends_max)) co_return fail(*problem);
      if (deadline.expired()) {
        co_return fail(ErrorCode::DeadlineExceeded, "the embedded model was not loaded before the deadline");
      }
      boost::system::error_code ignored;
      waiter.changed.expires_at(deadline.when());
      co_await waiter.changed.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
  }

  void cancel_wait(std::uint64_t id) {
    if (const auto waiter = waiters.find(id); waiter != waiters.end()) {
      waiter->second->cancelled = true;
      waiter->second->changed.cancel();
    }
  }

  std::optional<Error> lasting_problem(std::uint64_t ends_max) const {
    const std::lock_guard lock(mutex);
    if (!shared.problem) return std::nullopt;
    if (is_permanent(*shared.problem) || shared.ends_before_ready >= ends_max) return shared.problem;
    return std::nullopt;
  }

  void wake_waiters() {
    for (const auto& [id, waiter] : waiters) waiter->changed.cancel();
  }

  std::string sha256;
  std::map<std::string, std::string> adapter_sha256;
  asio::io_context io{1};
  SystemRandom random;
  EngineSupervisor supervisor;
  EngineCalls calls;
  std::map<std::uint64_t, Waiter*> waiters;

  // Any thread:
  std::atomic<bool> is_ready{false};
  std::atomic<std::uint64_t> next_id{1};
  mutable std::mutex mutex;
  EngineStatus shared;
  std::thread thread;
};

EmbeddedEngine::EmbeddedEngine(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
EmbeddedEngine::~EmbeddedEngine() = default;

bool EmbeddedEngine::ready() const { return impl_->is_ready.load(); }

EngineStatus EmbeddedEngine::status() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->shared;
}

Task<Result<void>> EmbeddedEngine::wait_ready(Deadline deadline, std::uint64_t ends_max) {
  const std::uint64_t id = impl_->next_id.fetch_add(1);
  Task<Result<void>> waiting = impl_->wait_ready(id, deadline, ends_max);
  Task<Result<void>> there = impl_->run_there(std::move(waiting), [id](Impl& impl) { impl.cancel_wait(id); });
  co_return co_await std::move(there);
}

template <class T>
Task<Result<T>> EmbeddedEngine::ask(std::uint64_t id, Result<std::string> bytes, TokenSink* sink, Deadline deadline) {
  if (!bytes) co_return fail(std::move(bytes).error());
  const asio::any_io_executor caller = co_await asio::this_coro::executor;
  Task<Result<wire::EngineReply>> running = impl_->run(id, *std::move(bytes), sink, caller, deadline);
  Task<Result<wire::EngineReply>> there =
      impl_->run_there(std::move(running), [id](Impl& impl) { impl.calls.cancel(id); });
  Result<wire::EngineReply> reply = co_await std::move(there);
  if (!reply) co_return fail(std::move(reply).error());
  if (T* expected = std::get_if<T>(&*reply)) co_return std::move(*expected);
  co_return fail(ErrorCode::ProtocolError, "the engine answered with a frame of another kind");
}

Task<Result<wire::EngineDone>> EmbeddedEngine::run(wire::EngineCall call, TokenSink* sink, Deadline deadline) {
  call.id = impl_->next_id.fetch_add(1);
  call.deadline_us = microseconds_left(deadline);
  Task<Result<wire::EngineDone>> asking = ask<wire::EngineDone>(call.id, wire::encode(call), sink, deadline);
  co_return co_await std::move(asking);
}

Task<Result<wire::EngineEmbedded>> EmbeddedEngine::embed(wire::EngineEmbed call, Deadline deadline) {
  call.id = impl_->next_id.fetch_add(1);
  call.deadline_us = microseconds_left(deadline);
  Task<Result<wire::EngineEmbedded>> asking = ask<wire::EngineEmbedded>(call.id, wire::encode(call), nullptr, deadline);
  co_return co_await std::move(asking);
}

Task<Result<wire::EngineCounted>> EmbeddedEngine::count(wire::EngineCount call, Deadline deadline) {
  call.id = impl_->next_id.fetch_add(1);
  call.deadline_us = microseconds_left(deadline);
  Task<Result<wire::EngineCounted>> asking = ask<wire::EngineCounted>(call.id, wire::encode(call), nullptr, deadline);
  co_return co_await std::move(asking);
}

Task<Result<wire::EngineAdapters>> EmbeddedEngine::order(wire::EngineAdapterOrder order, Deadline deadline) {
  order.id = impl_->next_id.fetch_add(1);
  Task<Result<wire::EngineAdapters>> asking =
      ask<wire::EngineAdapters>(order.id, wire::encode(order), nullptr, deadline);
  co_return co_await std::move(asking);
}

}  // namespace suffice::providers
