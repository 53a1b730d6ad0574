#pragma once
// Copies SQLite's write-ahead log into the database beside the writer, so that no commit waits for the disk.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "audit/sqlite.hpp"
#include "core/result.hpp"

namespace suffice::audit {

/// A thread with its own connection. SQLite itself would make the commit that fills the log copy all of it and sync twice: with
/// 40 MB of log that was a pause of 75 to 150 ms for every request then waiting (bench/run, p99 at 1 KB).
class WalCheckpointer {
 public:
  static Result<std::unique_ptr<WalCheckpointer>> start(const std::string& file);
  ~WalCheckpointer();
  WalCheckpointer(const WalCheckpointer&) = delete;
  WalCheckpointer& operator=(const WalCheckpointer&) = delete;

  /// Asks for a pass over what is in the log now. Does nothing while one is asked for or running. Any thread; never waits.
  void request();
  /// Frames of the log that the last finished pass left copied, once per pass; nothing when none has finished since. Any thread.
  std::optional<int> take_result();

 private:
  explicit WalCheckpointer(Database database);
  void run();

  Database database_;  ///< the thread's
  std::mutex mutex_;   ///< guards the rest
  std::condition_variable wake_;
  bool requested_ = false;
  bool stopping_ = false;
  std::optional<int> result_;
  std::thread thread_;  ///< last: it uses all of the above
};

}  // namespace suffice::audit
