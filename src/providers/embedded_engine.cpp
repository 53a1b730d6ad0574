#include "providers/embedded_engine.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <thread>
#include <unistd.h>
#include <utility>
#include <variant>
#include <vector>

#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace suffice::providers {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Level = wire::EngineLog::Level;

/// Runs `work` on `where` and comes back, without passing cancellation on: co_spawn of Boost 1.81 forwards it to another
/// thread by a pointer that may be dangling when it arrives.
template <class T>
Task<T> run_on(asio::any_io_executor where, Task<T> work) {
  const auto start = [](auto handler, asio::any_io_executor executor, Task<T> task) {
    auto home = asio::make_work_guard(handler);
    auto finish = [handler = std::move(handler), home = std::move(home)](std::exception_ptr thrown, T value) mutable {
      const auto back = home.get_executor();
      asio::dispatch(
          back, [handler = std::move(handler), home = std::move(home), thrown, value = std::move(value)]() mutable {
            home.reset();
            std::move(handler)(thrown, std::move(value));
          });
    };
    asio::co_spawn(std::move(executor), std::move(task), std::move(finish));
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(std::exception_ptr, T)>(
      start, asio::use_awaitable, std::move(where), std::move(work));
}

constexpr std::size_t kLogLineBytesMax = 300;
/// Lines of standard error passed on from one engine; a program that goes mad must not fill the log.
constexpr int kLogLinesMax = 50;

Error unavailable(std::string message) {
  return Error{.code = ErrorCode::ModelUnavailable, .message = std::move(message), .where = {}};
}

/// Failures that another start of the same file will not cure.
bool is_permanent(const Error& error) {
  return error.code == ErrorCode::ModelInvalid || error.code == ErrorCode::InvalidArgument ||
         error.code == ErrorCode::ProtocolError;
}

}  // namespace

/// Everything below runs on `thread` but what says otherwise.
struct EmbeddedEngine::Impl {
  /// A call between its frame and its end; lives in its coroutine.
  struct Call {
    explicit Call(asio::io_context& io) : changed(io) {}
    asio::steady_timer changed;
    std::vector<wire::EngineDelta> deltas;
    std::optional<Result<wire::EngineDone>> end;
    bool cancelled = false;
    void wake() { changed.cancel(); }
  };

  /// Ends a call however its coroutine is left: what the engine still computes for it is cancelled.
  struct CallEnd {
    Impl& impl;
    std::uint64_t id;
    Call& call;
    ~CallEnd() {
      impl.calls.erase(id);
      if (!call.end && impl.is_ready.load()) impl.send(wire::EngineCancel{.id = id});
    }
  };

  explicit Impl(Options o) : options(std::move(o)), health(options.limits), backoff(options.limits), pause(io) {
    asio::co_spawn(io, supervise(), asio::detached);
    thread = std::thread([this] { io.run(); });
  }

  ~Impl() {
    asio::post(io, [this] {
      stopping = true;
      pause.cancel();
      close_line();
      fail_calls(unavailable("the gateway is stopping"));
      wake_waiters();
    });
    thread.join();
  }

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

  // ---- the engine's life ----

  Task<void> supervise() {
    while (!stopping) {
      Task<Error> life = live_once();
      const Error reason = co_await std::move(life);
      note_end(reason);
      if (stopping) break;
      log(Level::Error, "engine: " + reason.message);
      error_code ignored;
      pause.expires_after(is_permanent(reason) ? options.limits.restart_max : backoff.next());
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
  }

  void note_end(const Error& reason) {
    is_ready.store(false);
    {
      const std::lock_guard lock(mutex);
      shared.ready = false;
      shared.pid = -1;
      shared.problem = reason;
    }
    fail_calls(unavailable("the embedded model stopped (engine: " + reason.message + "); it is started again"));
    wake_waiters();
  }

  /// Starts an engine and stays until it is gone. Returns why it is.
  Task<Error> live_once() {
    Result<std::unique_ptr<EngineProcess>> started = EngineProcess::start(options.command);
    if (!started) co_return std::move(started).error();
    process = std::move(*started);
    const SteadyTime start = std::chrono::steady_clock::now();
    begin_line();

    // Each ends with a reason; the first one counts and the other is cancelled.
    Task<Error> reading = read_frames();
    Task<Error> beating = beat(start);
    Task<Error> ending = first(std::move(reading), std::move(beating));
    const Error reason = co_await std::move(ending);
    close_line();
    Task<Error> reaping = end_process(reason);
    co_return co_await std::move(reaping);
  }

  static Task<Error> first(Task<Error> a, Task<Error> b) {
    using namespace asio::experimental::awaitable_operators;
    Task<std::variant<Error, Error>> both = std::move(a) || std::move(b);
    const std::variant<Error, Error> ended = co_await std::move(both);
    co_return ended.index() == 0 ? std::get<0>(ended) : std::get<1>(ended);
  }

  void begin_line() {
    ++generation;
    line.emplace(io, asio::local::stream_protocol(), process->take_socket().release());
    errors.emplace(io, process->take_standard_error().release());
    end_watch.emplace(io, process->take_end_watch().release());
    decoder = wire::EngineFrameDecoder();
    health = EngineHealth(options.limits);
    writing = false;
    outbox.clear();
    refusal.reset();
    log_lines = 0;
    {
      const std::lock_guard lock(mutex);
      ++shared.starts;
      shared.pid = process->pid();
      shared.counters = {};
    }
    asio::co_spawn(io, pass_errors_on(generation), asio::detached);
    send(wire::EngineHello{});
  }

  void close_line() {
    is_ready.store(false);
    if (line) line->close();
    line.reset();
  }

  /// A closed line ends an engine that still can; the others are killed. Gives the reason its proper words.
  Task<Error> end_process(Error reason) {
    asio::steady_timer patience(io);
    patience.expires_after(options.limits.exit_max);
    patience.async_wait([this](error_code error) {
      if (!error && process) process->kill();
    });
    if (hung) process->kill();
    hung = false;
    error_code ignored;
    co_await end_watch->async_wait(asio::posix::descriptor_base::wait_read,
                                   asio::redirect_error(asio::use_awaitable, ignored));
    patience.cancel();
    const std::string end = process->wait();
    end_watch.reset();
    process.reset();
    if (refusal) co_return *refusal;
    if (reason.code == ErrorCode::ConnectionClosed) co_return unavailable(end);
    co_return reason;
  }

  /// Pings, and the limits of starting and answering.
  Task<Error> beat(SteadyTime start) {
    asio::steady_timer timer(io);
    for (std::uint64_t nonce = 1;; ++nonce) {
      error_code error;
      timer.expires_after(options.limits.ping_every);
      co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return unavailable("was stopped");
      if (!is_ready.load()) {
        if (std::chrono::steady_clock::now() - start < options.limits.start_max) continue;
        hung = true;
        co_return unavailable("did not load its model in time");
      }
      if (const std::optional<std::string> problem = health.tick()) {
        hung = true;
        co_return unavailable(*problem);
      }
      send(wire::EnginePing{.nonce = nonce});
    }
  }

  Task<Error> read_frames() {
    std::array<char, 16'384> buffer;
    for (;;) {
      error_code error;
      if (!line) co_return unavailable("was stopped");
      const std::size_t size =
          co_await line->async_read_some(asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return Error{.code = ErrorCode::ConnectionClosed, .message = "closed its line", .where = {}};
      decoder.feed({buffer.data(), size});
      for (;;) {
        Result<std::optional<wire::EngineFrame>> frame = decoder.next();
        if (!frame) {
          hung = true;
          co_return std::move(frame).error();
        }
        if (!*frame) break;
        if (std::optional<Error> broken = handle(std::move(**frame))) {
          hung = true;
          co_return *std::move(broken);
        }
      }
    }
  }

  std::optional<Error> handle(wire::EngineFrame frame) {
    if (auto* delta = std::get_if<wire::EngineDelta>(&frame)) {
      if (Call* call = find(delta->id)) {
        call->deltas.push_back(std::move(*delta));
        call->wake();
      }
    } else if (auto* done = std::get_if<wire::EngineDone>(&frame)) {
      backoff.reset();
      if (Call* call = find(done->id)) finish(*call, std::move(*done));
    } else if (auto* failure = std::get_if<wire::EngineFailure>(&frame)) {
      Error error{.code = failure->code, .message = std::move(failure->message), .where = std::move(failure->where)};
      if (failure->id == 0) {
        refusal = std::move(error);
      } else if (Call* call = find(failure->id)) {
        finish(*call, fail(std::move(error)));
      }
    } else if (const auto* pong = std::get_if<wire::EnginePong>(&frame)) {
      health.on_pong(*pong);
      const std::lock_guard lock(mutex);
      shared.counters = *pong;
    } else if (auto* ready_frame = std::get_if<wire::EngineReady>(&frame)) {
      return on_ready(std::move(ready_frame->facts));
    } else if (const auto* entry = std::get_if<wire::EngineLog>(&frame)) {
      log(entry->level, "engine: " + entry->text);
    } else {
      return Error{
          .code = ErrorCode::ProtocolError, .message = "sent a frame that only the gateway may send", .where = {}};
    }
    return std::nullopt;
  }

  std::optional<Error> on_ready(wire::EngineFacts facts) {
    if (!options.sha256.empty() && facts.sha256 != options.sha256) {
      return Error{.code = ErrorCode::ModelInvalid,
                   .message = "found another model file than the policy's sha256 names: " + facts.sha256,
                   .where = {}};
    }
    {
      const std::lock_guard lock(mutex);
      shared.ready = true;
      shared.facts = std::move(facts);
      shared.problem.reset();
    }
    is_ready.store(true);
    wake_waiters();
    return std::nullopt;
  }

  // ---- standard error ----

  Task<void> pass_errors_on(std::uint64_t of) {
    // Owned here: the pipe outlives the process by what it still holds.
    asio::posix::stream_descriptor source = std::move(*errors);
    errors.reset();
    std::string pending;
    for (;;) {
      std::array<char, 4'096> buffer;
      error_code error;
      const std::size_t size =
          co_await source.async_read_some(asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
      pending.append(buffer.data(), size);
      for (std::size_t end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
        if (of == generation) log_error_line(pending.substr(0, end));
        pending.erase(0, end + 1);
      }
      if (pending.size() > kLogLineBytesMax) pending.resize(kLogLineBytesMax);
      if (error) co_return;
    }
  }

  void log_error_line(std::string text) {
    if (text.empty() || ++log_lines > kLogLinesMax) return;
    text.resize(std::min(text.size(), kLogLineBytesMax));
    log(Level::Error, "engine: " + text);
  }

  void log(Level level, std::string_view text) const {
    if (options.log) options.log(level, text);
  }

  // ---- writing ----

  void send(const wire::EngineFrame& frame) {
    if (Result<std::string> bytes = wire::encode(frame)) send_bytes(*bytes);
  }
  void send_bytes(std::string_view bytes) {
    if (!line) return;
    outbox.append(bytes);
    flush();
  }
  void flush() {
    if (writing || outbox.empty() || !line) return;
    writing = true;
    auto sending = std::make_shared<std::string>(std::exchange(outbox, {}));
    asio::async_write(*line, asio::buffer(*sending), [this, sending, of = generation](error_code error, std::size_t) {
      if (of != generation) return;
      writing = false;
      if (!error) flush();
    });
  }

  // ---- calls ----

  Call* find(std::uint64_t id) {
    const auto found = calls.find(id);
    return found == calls.end() ? nullptr : found->second;
  }
  static void finish(Call& call, Result<wire::EngineDone> end) {
    call.end = std::move(end);
    call.wake();
  }
  void fail_calls(const Error& error) {
    for (const auto& [id, call] : calls) {
      if (!call->end) finish(*call, fail(error));
    }
  }

  /// `bytes` is the encoded call. Runs here for a coroutine on `caller`.
  Task<Result<wire::EngineDone>> run(std::uint64_t id, std::string bytes, TokenSink* sink, asio::any_io_executor caller,
                                     Deadline deadline) {
    if (stopping || !is_ready.load()) co_return fail(not_ready());
    if (calls.size() >= options.limits.calls_in_flight_max) {
      co_return fail(ErrorCode::Overloaded, "too many calls are waiting for the embedded model");
    }
    Call call(io);
    calls.emplace(id, &call);
    const CallEnd end{*this, id, call};
    send_bytes(bytes);
    for (;;) {
      if (call.cancelled) co_return fail(ErrorCode::Cancelled, "the call was cancelled");
      if (call.deltas.empty() && !call.end) {
        error_code ignored;
        call.changed.expires_at(deadline.when());
        co_await call.changed.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        if (call.deltas.empty() && !call.end && deadline.expired()) {
          co_return fail(ErrorCode::DeadlineExceeded, "the embedded model did not answer before the deadline");
        }
        continue;
      }
      const std::vector<wire::EngineDelta> deltas = std::exchange(call.deltas, {});
      for (const wire::EngineDelta& piece : deltas) {
        if (sink == nullptr) break;
        Delta delta;
        delta.text = piece.text;
        delta.logprobs = piece.logprobs;
        Task<SinkAction> taking = sink->on_delta(delta);
        Task<SinkAction> there = run_on(caller, std::move(taking));
        const SinkAction action = co_await std::move(there);
        if (action == SinkAction::Stop) co_return fail(ErrorCode::Cancelled, "the caller stopped the answer");
      }
      if (call.end && call.deltas.empty()) co_return *std::move(call.end);
    }
  }

  Error not_ready() const {
    const std::lock_guard lock(mutex);
    if (shared.problem)
      return unavailable("the embedded model is not running (engine: " + shared.problem->message + ")");
    return unavailable("the embedded model is still loading");
  }

  void cancel_call(std::uint64_t id) {
    if (Call* call = find(id)) {
      call->cancelled = true;
      call->wake();
    }
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

  Task<Result<void>> wait_ready(std::uint64_t id, Deadline deadline) {
    Waiter waiter(io);
    waiters.emplace(id, &waiter);
    const WaiterEnd end{*this, id};
    for (;;) {
      if (is_ready.load()) co_return Result<void>();
      if (stopping) co_return fail(unavailable("the gateway is stopping"));
      if (waiter.cancelled) co_return fail(ErrorCode::Cancelled, "the wait was cancelled");
      if (const std::optional<Error> problem = lasting_problem()) co_return fail(*problem);
      if (deadline.expired()) {
        co_return fail(ErrorCode::DeadlineExceeded, "the embedded model was not loaded before the deadline");
      }
      error_code ignored;
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

  std::optional<Error> lasting_problem() const {
    const std::lock_guard lock(mutex);
    if (shared.problem && is_permanent(*shared.problem)) return shared.problem;
    return std::nullopt;
  }

  void wake_waiters() {
    for (const auto& [id, waiter] : waiters) waiter->changed.cancel();
  }

  Options options;
  asio::io_context io{1};
  EngineHealth health;
  RestartBackoff backoff;
  asio::steady_timer pause;
  bool stopping = false;
  bool hung = false;

  std::uint64_t generation = 0;
  std::unique_ptr<EngineProcess> process;
  std::optional<asio::local::stream_protocol::socket> line;
  std::optional<asio::posix::stream_descriptor> errors;
  std::optional<asio::posix::stream_descriptor> end_watch;
  wire::EngineFrameDecoder decoder;
  std::optional<Error> refusal;  ///< the engine's own last word
  int log_lines = 0;
  bool writing = false;
  std::string outbox;

  std::map<std::uint64_t, Call*> calls;
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

Task<Result<void>> EmbeddedEngine::wait_ready(Deadline deadline) {
  const std::uint64_t id = impl_->next_id.fetch_add(1);
  Task<Result<void>> waiting = impl_->wait_ready(id, deadline);
  Task<Result<void>> there = impl_->run_there(std::move(waiting), [id](Impl& impl) { impl.cancel_wait(id); });
  co_return co_await std::move(there);
}

Task<Result<wire::EngineDone>> EmbeddedEngine::run(wire::EngineCall call, TokenSink* sink, Deadline deadline) {
  call.id = impl_->next_id.fetch_add(1);
  const std::uint64_t id = call.id;
  Result<std::string> bytes = wire::encode(call);
  if (!bytes) co_return fail(std::move(bytes).error());
  const asio::any_io_executor caller = co_await asio::this_coro::executor;
  Task<Result<wire::EngineDone>> running = impl_->run(id, *std::move(bytes), sink, caller, deadline);
  Task<Result<wire::EngineDone>> there =
      impl_->run_there(std::move(running), [id](Impl& impl) { impl.cancel_call(id); });
  co_return co_await std::move(there);
}

}  // namespace suffice::providers
