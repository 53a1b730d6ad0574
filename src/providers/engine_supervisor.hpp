#pragma once
// Keeps one engine process running: starts it, watches it, ends one that hangs, starts it again. Private to providers/.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "core/random.hpp"
#include "core/result.hpp"
#include "net/task.hpp"
#include "providers/engine_health.hpp"
#include "providers/engine_process.hpp"
#include "wire/engine_frames.hpp"

namespace suffice::providers {

using EngineLogLine = std::function<void(wire::EngineLog::Level level, std::string_view line)>;

/// Whether another start of the same file cannot cure this.
[[nodiscard]] bool is_permanent(const Error& error);

/// Everything on the thread of `io`, which must outlive the engine (engine_process.hpp).
class EngineSupervisor {
 public:
  struct Events {
    std::function<void(pid_t pid)> on_start;
    /// The model is loaded. An Error means that it is not the one that was asked for: the engine is ended.
    std::function<Result<void>(wire::EngineFacts)> on_ready;
    std::function<void(const wire::EnginePong&)> on_pong;
    std::function<void(wire::EngineDelta)> on_delta;
    std::function<void(wire::EngineReply)> on_reply;
    std::function<void(std::uint64_t id, Error)> on_failure;
    /// The engine takes no more calls: its line is cut, or it is about to be killed. on_end follows once it is gone.
    std::function<void()> on_lost;
    /// The engine is gone, and this is why. It is started again after a pause.
    std::function<void(EngineEnd how, const Error& reason)> on_end;
  };

  EngineSupervisor(boost::asio::io_context& io, EngineCommand command, EngineLimits limits, Random& random,
                   EngineLogLine log, Events events);
  ~EngineSupervisor();

  /// Until stop().
  Task<void> run();
  void stop();
  [[nodiscard]] bool stopping() const { return stopping_; }

  /// Encoded frames, in order. Dropped when no engine runs.
  void send(std::string_view bytes);

 private:
  struct Life;
  Task<void> live_once();
  Task<Error> end_process(Life& life, Error reason);
  Task<Error> beat(std::shared_ptr<Life> life);
  Task<Error> read_frames(std::shared_ptr<Life> life);
  Task<void> pass_errors_on(std::shared_ptr<Life> life);
  std::optional<Error> handle(Life& life, wire::EngineFrame frame);
  void log(wire::EngineLog::Level level, std::string_view text) const;

  boost::asio::io_context& io_;
  EngineCommand command_;
  EngineLimits limits_;
  Random& random_;
  EngineLogLine log_;
  Events events_;
  RestartBackoff backoff_;
  boost::asio::steady_timer pause_;
  bool stopping_ = false;
  std::shared_ptr<Life> life_;  ///< of the engine that runs now
};

}  // namespace suffice::providers
