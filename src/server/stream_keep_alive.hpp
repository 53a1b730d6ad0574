#pragma once
// Keeps a silent event stream alive: comments while the local answer is still being judged.

#include <chrono>
#include <string>
#include <string_view>

#include <boost/asio/steady_timer.hpp>

#include "net/http_server.hpp"
#include "net/task.hpp"
#include "wire/sse.hpp"

namespace suffice::server {

/// Runs beside the work of one streaming request, on the same thread. Says nothing for `interval`; then starts the stream with `headers`
/// and writes `comment` every `interval` until take_over(). A caller that waits longer than that for its first byte sees comments instead
/// of a time-out of some proxy; its headers can then no longer say the route, the last chunk does.
class StreamKeepAlive {
 public:
  StreamKeepAlive(const boost::asio::any_io_executor& executor, net::ResponseWriter& writer,
                  std::chrono::milliseconds interval, std::string comment = wire::sse_comment("still working"));

  /// Ends only by cancellation, by take_over(), or when the caller has left.
  Task<void> run(net::Headers headers);
  /// Writes `piece` soon, before the next comment; starts the stream when need be. What is said faster than it can be written is
  /// written together, the oldest dropped beyond 64 KiB. Nothing after take_over().
  void say(std::string_view piece);
  /// From here on the stream belongs to the answer: waits for a comment that is being written and stops the rest.
  Task<void> take_over();

 private:
  net::ResponseWriter& writer_;
  std::chrono::milliseconds interval_;
  std::string comment_;
  boost::asio::steady_timer next_;  ///< when the next comment is due
  boost::asio::steady_timer idle_;  ///< cancelled when a write has ended
  std::string said_;                ///< written before the next comment
  bool writing_ = false;
  bool over_ = false;
};

}  // namespace suffice::server
