#pragma once
// Reloader: policy reloads, one after the other, on a thread of their own: a new model may take minutes to load.

#include <functional>
#include <memory>
#include <string>

#include "core/result.hpp"
#include "net/task.hpp"

namespace suffice::app {

/// Any thread. The newest wins: a reload that waits for its models when another is asked for is cancelled, because what it read of the
/// file is old. Destroying it cancels what is under way and ends the waiting calls with Cancelled.
class Reloader {
 public:
  /// One whole reload. Runs on this thread; may be cancelled wherever it waits.
  using Work = std::function<Task<Result<std::string>>()>;
  explicit Reloader(Work work);
  ~Reloader();
  Reloader(const Reloader&) = delete;
  Reloader& operator=(const Reloader&) = delete;

  /// Asks for a reload and does not wait.
  void request();
  /// Asks for a reload and waits for its end: the version now current, or why it is the old one. Resumes on its caller's executor.
  [[nodiscard]] Task<Result<std::string>> reload();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace suffice::app
