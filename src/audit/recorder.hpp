#pragma once
// Recorder: the door of the record. Takes events, redacts them, chains them, makes them durable.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "audit/event.hpp"
#include "audit/store.hpp"
#include "core/result.hpp"

namespace suffice::audit {

struct RecorderOptions {
  std::size_t queue_max = 8'192;                       ///< events waiting; beyond it policy decides (refuse or serve)
  std::size_t batch_max = 512;                         ///< events per transaction
  std::chrono::milliseconds batch_wait{2};             ///< longest an event waits for company
  std::size_t preview_code_points_max = 240;
};

struct RecorderStats {
  std::uint64_t accepted = 0;   ///< taken into the queue
  std::uint64_t durable = 0;    ///< committed
  std::uint64_t dropped = 0;    ///< refused because the queue was full; never silent
  std::uint64_t store_failures = 0;
  std::size_t queued = 0;
};

/// One writer thread. record() and record_durably() are for any thread.
class Recorder {
 public:
  static Result<std::unique_ptr<Recorder>> create(std::unique_ptr<AuditStore> store, RecorderOptions options);
  virtual ~Recorder() = default;

  /// Never waits on storage. False when the queue is full (counted). The redaction happens on the writer thread.
  [[nodiscard]] virtual bool record(Event event) = 0;
  /// As record(); `done` is called on the writer thread once the event is committed (or with the store's error).
  [[nodiscard]] virtual bool record_durably(Event event, std::function<void(Result<void>)> done) = 0;
  /// Blocks until everything accepted so far is durable, or `limit` passes (then DeadlineExceeded).
  virtual Result<void> flush(std::chrono::milliseconds limit) = 0;
  [[nodiscard]] virtual RecorderStats stats() const = 0;
  /// False while the store fails or the queue is full: readiness says so.
  [[nodiscard]] virtual bool healthy() const = 0;
};

}  // namespace suffice::audit
