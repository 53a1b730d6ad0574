#pragma once
// Runs one engine process on a thread of its own, starts it again when it dies, and carries calls to it.

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "net/task.hpp"
#include "providers/engine_health.hpp"
#include "providers/engine_process.hpp"
#include "providers/engine_supervisor.hpp"
#include "providers/model_client.hpp"
#include "wire/engine_frames.hpp"

namespace suffice::providers {

/// What an operator may want to see of an engine.
struct EngineStatus {
  bool ready = false;
  pid_t pid = -1;
  std::uint64_t starts = 0;                       ///< programs started, the first included
  std::array<std::uint64_t, kEngineEnds> ends{};  ///< programs ended, by EngineEnd
  std::uint64_t ends_before_ready = 0;            ///< in a row, up to now
  std::optional<wire::EngineFacts> facts;         ///< of the last engine that became ready
  wire::EnginePong counters;                      ///< of the last answered ping of this engine
  std::optional<Error> problem;                   ///< why the last one ended
};

/// Any thread. Destroying it ends the engine; calls in flight fail with ModelUnavailable before that.
class EmbeddedEngine {
 public:
  struct Options {
    EngineCommand command;
    EngineLimits limits;
    std::string sha256;  ///< the model file's digest; empty: any
    std::map<std::string, std::string>
        adapter_sha256;  ///< of the command's adapters, by name; those that are not here: any
    EngineLogLine log;   ///< called on the engine's thread; no text of a call
  };
  /// Starts at once and goes on trying; see wait_ready.
  explicit EmbeddedEngine(Options options);
  ~EmbeddedEngine();
  EmbeddedEngine(const EmbeddedEngine&) = delete;
  EmbeddedEngine& operator=(const EmbeddedEngine&) = delete;

  /// Cheap: one atomic load.
  [[nodiscard]] bool ready() const;
  [[nodiscard]] EngineStatus status() const;

  /// Until the model is loaded. The engine's own reason (ModelInvalid, ...) as soon as it gives one, or why it ended once it has
  /// ended `ends_max` times without becoming ready; DeadlineExceeded else.
  Task<Result<void>> wait_ready(Deadline deadline, std::uint64_t ends_max = kNoLimit);
  static constexpr std::uint64_t kNoLimit = ~0ULL;

  /// One call; `call.id` is chosen here. its deadline_us is that of `deadline`. Deltas go to `sink` on the awaiting coroutine's executor. Cancelling the coroutine,
  /// Stop from the sink, and the deadline cancel the call in the engine.
  /// Errors: those of the engine; ModelUnavailable (not running, or died), Overloaded, Cancelled, DeadlineExceeded.
  Task<Result<wire::EngineDone>> run(wire::EngineCall call, TokenSink* sink, Deadline deadline);
  /// Embeddings; the same rules.
  Task<Result<wire::EngineEmbedded>> embed(wire::EngineEmbed call, Deadline deadline);
  /// Tokens of a prompt; the same rules.
  Task<Result<wire::EngineCounted>> count(wire::EngineCount call, Deadline deadline);
  /// Lists, loads or unloads adapters in the running engine; an engine that is started again has only those of its command.
  Task<Result<wire::EngineAdapters>> order(wire::EngineAdapterOrder order, Deadline deadline);

 private:
  struct Impl;
  template <class T>
  Task<Result<T>> ask(std::uint64_t id, Result<std::string> bytes, TokenSink* sink, Deadline deadline);
  std::unique_ptr<Impl> impl_;
};

}  // namespace suffice::providers
