#pragma once
// The engine's line to the gateway: reads frames, queues calls for the workers, writes what they answer.

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "engine/adapters.hpp"
#include "engine/counters.hpp"
#include "engine/job_queue.hpp"
#include "engine/worker.hpp"
#include "wire/engine_frames.hpp"

namespace suffice::engine {

/// Writes whole frames to the gateway. Any thread; blocks while the gateway does not read.
class FrameWriter {
 public:
  explicit FrameWriter(int fd) : fd_(fd) {}
  /// False when the gateway is gone. A frame beyond its limit becomes the call's failure.
  bool write(const wire::EngineFrame& frame);

 private:
  int fd_;
  std::mutex mutex_;
};

/// Reads frames from the gateway. One thread.
class FrameReader {
 public:
  explicit FrameReader(int fd) : fd_(fd) {}
  /// The next frame, nothing when the gateway is gone, ProtocolError for bytes that are no frame.
  Result<std::optional<wire::EngineFrame>> read();

 private:
  int fd_;
  wire::EngineFrameDecoder decoder_;
};

/// Runs calls on `workers`, one thread each, and counts of tokens on `counting`, until the gateway closes its end. Calls beyond the queue's limits fail with
/// Overloaded. Pings and adapter orders are answered by the reading thread.
class Service {
 public:
  struct Limits {
    std::size_t queue_max = 256;
    std::size_t task_queue_max = 192;  ///< of one task, so that a flood leaves places for the others
  };
  /// All references outlive this.
  Service(FrameReader& reader, FrameWriter& writer, std::vector<std::unique_ptr<Worker>> workers,
          std::unique_ptr<Worker> counting, AdapterShelf& adapters, Counters& counters, const Limits& limits,
          const Clock& clock);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// Returns when the gateway is gone, or with what broke the line.
  Result<void> run();

 private:
  class Call;

  Result<void> handle(wire::EngineFrame frame);
  void accept(std::uint64_t id, std::uint64_t deadline_us, Request request, JobQueue& queue);
  void refuse(std::uint64_t id, ErrorCode code, const char* why);
  void cancel(std::uint64_t id);
  void order(const wire::EngineAdapterOrder& order);
  void pong(std::uint64_t nonce);
  void forget(std::uint64_t id);
  void stop();

  FrameReader& reader_;
  FrameWriter& writer_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Worker> counting_;
  AdapterShelf& adapters_;
  Counters& counters_;
  const Clock& clock_;
  JobQueue queue_;
  JobQueue counts_;

  std::mutex mutex_;                                      ///< guards calls_
  std::map<std::uint64_t, std::shared_ptr<Call>> calls_;  ///< waiting and computing
};

}  // namespace suffice::engine
