#pragma once
// The calls under way on one engine's socket: many at once, told apart by their ids. Private to providers/.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "net/task.hpp"
#include "providers/model_client.hpp"
#include "wire/engine_frames.hpp"

namespace suffice::providers {

/// Everything on the thread of `io`.
class EngineCalls {
 public:
  /// `send` hands encoded frames to the engine.
  EngineCalls(boost::asio::io_context& io, std::size_t in_flight_max, std::function<void(std::string_view)> send)
      : io_(io), in_flight_max_(in_flight_max), send_(std::move(send)) {}

  /// Sends `bytes`, the encoded call `id`, and stays until it has ended. Deltas go to `sink` on `caller`. However this coroutine
  /// is left, a call that has not ended is cancelled in the engine.
  Task<Result<wire::EngineReply>> run(std::uint64_t id, std::string bytes, TokenSink* sink,
                                      boost::asio::any_io_executor caller, Deadline deadline);
  void cancel(std::uint64_t id);

  /// What the engine says of a call; calls that have ended meanwhile are ignored.
  void on_delta(wire::EngineDelta delta);
  void on_reply(wire::EngineReply reply);
  void on_failure(std::uint64_t id, Error error);

  /// The engine is gone: every call ends with `error`, and nothing is sent any more for those that were under way.
  void fail_all(const Error& error);
  [[nodiscard]] std::size_t in_flight() const { return calls_.size(); }

 private:
  struct Call;
  struct CallEnd;
  Call* find(std::uint64_t id);

  boost::asio::io_context& io_;
  std::size_t in_flight_max_;
  std::function<void(std::string_view)> send_;
  std::map<std::uint64_t, Call*> calls_;
};

}  // namespace suffice::providers
