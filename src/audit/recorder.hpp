#pragma once
// Recorder: the door of the record. Takes events, redacts them, chains them, makes them durable.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "audit/event.hpp"
#include "audit/store.hpp"
#include "core/result.hpp"

namespace suffice::audit {

class Vault;  // audit/vault.hpp

struct RecorderOptions {
  std::size_t queue_max = 8'192;  ///< events not yet durable; beyond it policy decides (refuse or serve)
  std::size_t batch_max = 512;    ///< events per transaction
  std::chrono::milliseconds batch_wait{
      0};  ///< longest an event waits for company; with 0 a batch is what came during the last commit
  std::size_t preview_code_points_max = 240;
  std::chrono::milliseconds retry_wait_first{50};  ///< after a store failure; doubled each time
  std::chrono::milliseconds retry_wait_max{2'000};
  std::chrono::milliseconds stop_limit{5'000};  ///< longest the destructor tries to make the queue durable
  /// Encrypts the texts of requests for as long as `keep_for` says of their task; nothing is kept without both. Called on the writer thread.
  std::shared_ptr<const Vault> vault = {};
  std::function<std::optional<std::chrono::milliseconds>(std::string_view task)> keep_for = {};
  /// Called on the writer thread at each failed attempt to write, with the number of events that wait. For a log line.
  std::function<void(const Error&, std::size_t)> on_store_failure = {};
  /// Called by the destructor when events could not be written within stop_limit: they are lost. Unset, a line on standard error.
  std::function<void(const Error&, std::size_t)> on_lost = {};
};

struct RecorderStats {
  std::uint64_t accepted = 0;        ///< taken into the queue
  std::uint64_t durable = 0;         ///< committed
  std::uint64_t dropped = 0;         ///< refused because the queue was full; never silent
  std::uint64_t store_failures = 0;  ///< failed attempts to write
  std::size_t queued = 0;            ///< accepted and not yet durable
};

/// Who rouses the writer for an event.
enum class Rouse : std::uint8_t {
  Recorder,  ///< the recorder, at once
  Caller,    ///< the caller, by rouse(): events of one turn of its loop become one commit
};

/// One writer thread. record() and record_durably() are for any thread. The destructor writes what is queued, within stop_limit.
class Recorder {
 public:
  /// Continues the chain of `store`. ChainBroken when its last event does not carry its own hash (nothing is appended to an altered
  /// record), InvalidArgument for a limit of 0, or the store's error.
  static Result<std::unique_ptr<Recorder>> create(std::unique_ptr<AuditStore> store, RecorderOptions options);
  virtual ~Recorder() = default;

  /// Never waits on storage. False when the queue is full (counted). The redaction happens on the writer thread.
  [[nodiscard]] virtual bool record(Event event) = 0;
  /// As record(); `done` is called once on the writer thread: with success when the event is committed, or with the store's error
  /// when it cannot be for now (the event stays queued and is still written when the store comes back). `done` must not block.
  [[nodiscard]] virtual bool record_durably(Event event, std::function<void(Result<void>)> done,
                                            Rouse rouse = Rouse::Recorder) = 0;
  /// Lets the writer take what was recorded with Rouse::Caller.
  virtual void rouse() = 0;
  /// Blocks until everything accepted so far is durable, or `limit` passes (then DeadlineExceeded).
  virtual Result<void> flush(std::chrono::milliseconds limit) = 0;
  [[nodiscard]] virtual RecorderStats stats() const = 0;
  /// False while the store fails or the queue is full: readiness says so.
  [[nodiscard]] virtual bool healthy() const = 0;
};

}  // namespace suffice::audit
