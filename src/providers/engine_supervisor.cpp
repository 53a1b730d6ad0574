#include "providers/engine_supervisor.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <variant>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "core/clock.hpp"

namespace suffice::providers {

namespace asio = boost::asio;
using boost::system::error_code;
using Level = wire::EngineLog::Level;

namespace {

constexpr std::size_t kLogLineBytesMax = 300;
/// Lines of standard error passed on from one engine; a program that goes mad must not fill the log.
constexpr int kLogLinesMax = 50;

Error unavailable(std::string message) {
  return Error{.code = ErrorCode::ModelUnavailable, .message = std::move(message), .where = {}};
}

Task<Error> first_of(Task<Error> a, Task<Error> b) {
  using namespace asio::experimental::awaitable_operators;
  Task<std::variant<Error, Error>> both = std::move(a) || std::move(b);
  const std::variant<Error, Error> ended = co_await std::move(both);
  co_return ended.index() == 0 ? std::get<0>(ended) : std::get<1>(ended);
}

}  // namespace

bool is_permanent(const Error& error) {
  return error.code == ErrorCode::ModelInvalid || error.code == ErrorCode::InvalidArgument ||
         error.code == ErrorCode::ProtocolError;
}

/// One engine from its start to its end. Handlers of its socket and its pipe share it, so that a late one finds it.
struct EngineSupervisor::Life : std::enable_shared_from_this<Life> {
  Life(asio::io_context& io, std::unique_ptr<EngineProcess> started, const EngineLimits& limits)
      : process(std::move(started)),
        line(io, asio::local::stream_protocol(), process->take_socket().release()),
        errors(io, process->take_standard_error().release()),
        end_watch(io, process->take_end_watch().release()),
        health(limits) {}

  void send(std::string_view bytes) {
    outbox.append(bytes);
    flush();
  }
  void flush() {
    if (writing || outbox.empty() || !line.is_open()) return;
    writing = true;
    auto sending = std::make_shared<std::string>(std::exchange(outbox, {}));
    asio::async_write(line, asio::buffer(*sending),
                      [self = shared_from_this(), sending](error_code error, std::size_t) {
                        self->writing = false;
                        if (!error) self->flush();
                      });
  }

  std::unique_ptr<EngineProcess> process;
  asio::local::stream_protocol::socket line;
  asio::posix::stream_descriptor errors;
  asio::posix::stream_descriptor end_watch;
  wire::EngineFrameDecoder decoder;
  EngineHealth health;
  SteadyTime began = std::chrono::steady_clock::now();
  bool ready = false;
  EngineEnd how = EngineEnd::Died;  ///< anything else: it is to be killed
  std::optional<Error> refusal;     ///< the engine's own last word
  int log_lines = 0;
  bool writing = false;
  std::string outbox;
};

EngineSupervisor::EngineSupervisor(asio::io_context& io, EngineCommand command, EngineLimits limits, Random& random,
                                   EngineLogLine log, Events events)
    : io_(io),
      command_(std::move(command)),
      limits_(limits),
      random_(random),
      log_(std::move(log)),
      events_(std::move(events)),
      backoff_(limits),
      pause_(io) {}

EngineSupervisor::~EngineSupervisor() = default;

void EngineSupervisor::stop() {
  stopping_ = true;
  pause_.cancel();
  if (life_) life_->line.close();
}

void EngineSupervisor::send(std::string_view bytes) {
  if (life_) life_->send(bytes);
}

void EngineSupervisor::log(Level level, std::string_view text) const {
  if (log_) log_(level, text);
}

Task<void> EngineSupervisor::run() {
  while (!stopping_) {
    Task<void> life = live_once();
    co_await std::move(life);
    if (stopping_) break;
    error_code ignored;
    pause_.expires_after(backoff_.next(random_));
    co_await pause_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

/// Starts an engine and stays until it is gone.
Task<void> EngineSupervisor::live_once() {
  Result<std::unique_ptr<EngineProcess>> started = EngineProcess::start(command_);
  EngineEnd how = EngineEnd::NotStarted;
  Error reason;
  if (started) {
    auto life = std::make_shared<Life>(io_, std::move(*started), limits_);
    life_ = life;
    events_.on_start(life->process->pid());
    asio::co_spawn(io_, pass_errors_on(life), asio::detached);
    if (const Result<std::string> hello = wire::encode(wire::EngineHello{})) life->send(*hello);
    // Each ends with a reason; the first one counts and the other is cancelled.
    Task<Error> reading = read_frames(life);
    Task<Error> beating = beat(life);
    Task<Error> ending = first_of(std::move(reading), std::move(beating));
    Error end = co_await std::move(ending);
    events_.on_lost();
    error_code ignored;
    life->line.close(ignored);
    Task<Error> reaping = end_process(*life, std::move(end));
    reason = co_await std::move(reaping);
    how = life->how;
    life_.reset();
  } else {
    reason = std::move(started).error();
  }
  if (is_permanent(reason)) backoff_.give_up_for_now();
  if (!stopping_) log(Level::Error, "engine: " + reason.message);
  events_.on_end(how, reason);
}

/// A closed line ends an engine that still can; the others are killed. Gives the reason its proper words.
Task<Error> EngineSupervisor::end_process(Life& life, Error reason) {
  asio::steady_timer patience(io_);
  patience.expires_after(limits_.exit_max);
  patience.async_wait([&life](error_code error) {
    if (!error) life.process->kill();
  });
  if (life.how != EngineEnd::Died) life.process->kill();
  error_code ignored;
  co_await life.end_watch.async_wait(asio::posix::descriptor_base::wait_read,
                                     asio::redirect_error(asio::use_awaitable, ignored));
  patience.cancel();
  const std::string end = life.process->wait();
  if (life.refusal) {
    life.how = EngineEnd::Refused;
    co_return *life.refusal;
  }
  if (reason.code == ErrorCode::ConnectionClosed) co_return unavailable(end);
  co_return reason;
}

/// Pings, and the limits of starting and answering.
Task<Error> EngineSupervisor::beat(std::shared_ptr<Life> life) {
  asio::steady_timer timer(io_);
  for (std::uint64_t nonce = 1;; ++nonce) {
    error_code error;
    timer.expires_after(limits_.ping_every);
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return unavailable("was stopped");
    std::optional<std::string> problem;
    if (life->ready) {
      problem = life->health.tick();
    } else if (std::chrono::steady_clock::now() - life->began >= limits_.start_max) {
      problem = "did not load its model in time";
    }
    if (problem) {
      life->how = EngineEnd::Hung;
      co_return unavailable(*problem);
    }
    if (!life->ready) continue;
    if (const Result<std::string> ping = wire::encode(wire::EnginePing{.nonce = nonce})) life->send(*ping);
  }
}

Task<Error> EngineSupervisor::read_frames(std::shared_ptr<Life> life) {
  std::array<char, 16'384> buffer;
  for (;;) {
    error_code error;
    const std::size_t size =
        co_await life->line.async_read_some(asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return Error{.code = ErrorCode::ConnectionClosed, .message = "closed its line", .where = {}};
    life->decoder.feed({buffer.data(), size});
    for (;;) {
      Result<std::optional<wire::EngineFrame>> frame = life->decoder.next();
      if (frame && !*frame) break;
      std::optional<Error> broken;
      if (frame) {
        broken = handle(*life, std::move(**frame));
      } else {
        broken = std::move(frame).error();
      }
      if (!broken) continue;
      life->how = EngineEnd::BrokeProtocol;
      co_return *std::move(broken);
    }
  }
}

/// Why the engine must not go on, when it must not.
std::optional<Error> EngineSupervisor::handle(Life& life, wire::EngineFrame frame) {
  if (auto* delta = std::get_if<wire::EngineDelta>(&frame)) {
    events_.on_delta(std::move(*delta));
  } else if (auto* done = std::get_if<wire::EngineDone>(&frame)) {
    backoff_.reset();
    events_.on_reply(std::move(*done));
  } else if (auto* embedded = std::get_if<wire::EngineEmbedded>(&frame)) {
    backoff_.reset();
    events_.on_reply(std::move(*embedded));
  } else if (const auto* counted = std::get_if<wire::EngineCounted>(&frame)) {
    events_.on_reply(*counted);
  } else if (auto* adapters = std::get_if<wire::EngineAdapters>(&frame)) {
    events_.on_reply(std::move(*adapters));
  } else if (auto* failure = std::get_if<wire::EngineFailure>(&frame)) {
    Error error{.code = failure->code, .message = std::move(failure->message), .where = std::move(failure->where)};
    if (failure->id == 0) {
      life.refusal = std::move(error);
    } else {
      events_.on_failure(failure->id, std::move(error));
    }
  } else if (const auto* pong = std::get_if<wire::EnginePong>(&frame)) {
    life.health.on_pong(*pong);
    events_.on_pong(*pong);
  } else if (auto* loaded = std::get_if<wire::EngineReady>(&frame)) {
    Result<void> wanted = events_.on_ready(std::move(loaded->facts));
    if (!wanted) return std::move(wanted).error();
    life.ready = true;
  } else if (const auto* entry = std::get_if<wire::EngineLog>(&frame)) {
    log(entry->level, "engine: " + entry->text);
  } else {
    return Error{
        .code = ErrorCode::ProtocolError, .message = "sent a frame that only the gateway may send", .where = {}};
  }
  return std::nullopt;
}

/// The pipe outlives the process by what it still holds.
Task<void> EngineSupervisor::pass_errors_on(std::shared_ptr<Life> life) {
  std::string pending;
  for (;;) {
    std::array<char, 4'096> buffer;
    error_code error;
    const std::size_t size =
        co_await life->errors.async_read_some(asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
    pending.append(buffer.data(), size);
    for (std::size_t end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
      std::string text = pending.substr(0, end);
      pending.erase(0, end + 1);
      if (text.empty() || ++life->log_lines > kLogLinesMax) continue;
      text.resize(std::min(text.size(), kLogLineBytesMax));
      log(Level::Error, "engine: " + text);
    }
    if (pending.size() > kLogLineBytesMax) pending.resize(kLogLineBytesMax);
    if (error) co_return;
  }
}

}  // namespace suffice::providers
