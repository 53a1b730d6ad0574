#pragma once
// The engine's loop: reads frames, keeps a bounded queue of calls, gives them to the contexts, writes the answers.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "wire/engine_frames.hpp"

namespace suffice::engine {

/// Totals that every thread adds to and EnginePong reports.
struct Counters {
  std::atomic<std::uint64_t> progress{0};
  std::atomic<std::uint32_t> busy{0};
  std::atomic<std::uint64_t> calls_done{0};
  std::atomic<std::uint64_t> calls_failed{0};
  std::atomic<std::uint64_t> input_tokens{0};
  std::atomic<std::uint64_t> cached_input_tokens{0};
  std::atomic<std::uint64_t> output_tokens{0};
};

/// What a call being computed may ask and say. One thread.
class CallLine {
 public:
  virtual ~CallLine() = default;
  /// True once nobody wants the answer. Cheap; asked between computing steps.
  [[nodiscard]] virtual bool cancelled() const = 0;
  virtual void delta(const wire::EngineDelta& delta) = 0;
};

/// Computes one call after the other; one thread each.
class CallRunner {
 public:
  virtual ~CallRunner() = default;
  virtual Result<wire::EngineDone> run(const wire::EngineCall& call, CallLine& line) = 0;
};

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

/// Runs calls on `runners`, one thread each, until the gateway closes its end. Calls beyond `queue_max` waiting ones fail
/// with Overloaded; an exception of a runner fails its call with Internal.
class Service {
 public:
  Service(FrameReader& reader, FrameWriter& writer, std::vector<std::unique_ptr<CallRunner>> runners,
          Counters& counters, std::size_t queue_max);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// Returns when the gateway is gone, or with what broke the line.
  Result<void> run();

 private:
  struct Job;
  class Line;

  void accept(wire::EngineCall call);
  void cancel(std::uint64_t id);
  void pong(std::uint64_t nonce);
  void work(CallRunner& runner);
  std::shared_ptr<Job> next_job();
  void compute(CallRunner& runner, Job& job);
  void stop();

  FrameReader& reader_;
  FrameWriter& writer_;
  std::vector<std::unique_ptr<CallRunner>> runners_;
  Counters& counters_;
  std::size_t queue_max_;
  SystemClock clock_;

  std::mutex mutex_;  ///< guards the four below
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Job>> queue_;
  std::map<std::uint64_t, std::shared_ptr<Job>> jobs_;  ///< waiting and computing
  bool stopping_ = false;
};

}  // namespace suffice::engine
