#include "audit/wal_checkpointer.hpp"

#include <utility>

namespace suffice::audit {

Result<std::unique_ptr<WalCheckpointer>> WalCheckpointer::start(const std::string& file) {
  SUFFICE_TRY(Database database, Database::open(file, SQLITE_OPEN_READWRITE));
  // The log exists for a connection only once it has read the database.
  SUFFICE_TRY_VOID(database.integer("PRAGMA user_version"));
  return std::unique_ptr<WalCheckpointer>(new WalCheckpointer(std::move(database)));
}

WalCheckpointer::WalCheckpointer(Database database) : database_(std::move(database)), thread_([this] { run(); }) {}

WalCheckpointer::~WalCheckpointer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void WalCheckpointer::request() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(requested_, true)) return;
  }
  wake_.notify_one();
}

std::optional<int> WalCheckpointer::take_result() {
  const std::lock_guard lock(mutex_);
  return std::exchange(result_, std::nullopt);
}

void WalCheckpointer::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return requested_ || stopping_; });
    if (stopping_) return;
    lock.unlock();
    int frames = 0;
    int copied = 0;
    // Passive: waits for nobody and makes nobody wait. When it fails, the log stays and the next pass tries again.
    const int status =
        sqlite3_wal_checkpoint_v2(database_.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &frames, &copied);
    lock.lock();
    if (status == SQLITE_OK) result_ = copied;
    requested_ = false;
  }
}

}  // namespace suffice::audit
