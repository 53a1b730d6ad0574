#pragma once
// The program's I/O threads: one io_context each, so that a connection and all that happens on it stay on one thread.

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

namespace suffice::net {

/// N io_contexts, each run by one thread between start() and stop(). One owner; executors() may be used from any thread.
class IoThreads {
 public:
  /// `on_fault` hears of an exception that left a completion handler (a bug); the thread goes on. May be null.
  explicit IoThreads(std::size_t count, std::function<void(std::string_view what)> on_fault = {});
  ~IoThreads();  ///< stop()
  IoThreads(const IoThreads&) = delete;
  IoThreads& operator=(const IoThreads&) = delete;

  void start();
  /// Abandons what still waits and joins the threads. Not from one of them. What owns sockets is stopped before.
  void stop();

  /// One per thread, in a fixed order; valid for the life of this object.
  [[nodiscard]] std::vector<boost::asio::any_io_executor> executors() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace suffice::net
