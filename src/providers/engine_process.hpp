#pragma once
// The engine as a child process: starting it with a socket pair, watching and ending it.

#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

#include "core/result.hpp"

namespace suffice::providers {

/// A file descriptor with one owner.
class OwnedFd {
 public:
  OwnedFd() = default;
  explicit OwnedFd(int fd) : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(other.release()) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept;
  ~OwnedFd() { reset(); }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  int release();
  void reset();

 private:
  int fd_ = -1;
};

struct EngineCommand {
  std::string program;                 ///< path of suffice-engine
  std::vector<std::string> arguments;  ///< without --fd
};

/// One running engine. Not shared between threads.
class EngineProcess {
 public:
  /// Starts it with an empty environment, its own process group, standard input and output at /dev/null. The thread that
  /// calls this must outlive the engine, which dies with it (PR_SET_PDEATHSIG). ModelUnavailable when it cannot be started.
  static Result<std::unique_ptr<EngineProcess>> start(const EngineCommand& command);
  /// Kills it when it still runs, and reaps it.
  ~EngineProcess();
  EngineProcess(const EngineProcess&) = delete;
  EngineProcess& operator=(const EngineProcess&) = delete;

  /// Our end of the socket pair, what it writes to standard error, and a descriptor that becomes readable when it ended.
  /// Each may be taken once.
  OwnedFd take_socket() { return std::move(socket_); }
  OwnedFd take_standard_error() { return std::move(standard_error_); }
  OwnedFd take_end_watch() { return std::move(end_watch_); }

  [[nodiscard]] pid_t pid() const { return pid_; }
  void kill();
  /// How it ended ("was ended by signal 6 (Aborted)"); waits until it has.
  std::string wait();

 private:
  EngineProcess() = default;
  pid_t pid_ = -1;
  bool reaped_ = false;
  std::string end_;
  OwnedFd socket_;
  OwnedFd standard_error_;
  OwnedFd end_watch_;
};

}  // namespace suffice::providers
