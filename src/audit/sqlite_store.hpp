#pragma once
// SqliteStore: the record in one SQLite file, in WAL mode.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "audit/store.hpp"
#include "core/result.hpp"

namespace suffice::audit {

/// What a commit waits for. Either way a killed process loses nothing that append() acknowledged.
enum class Durability : std::uint8_t {
  ProcessCrash,  ///< synchronous=NORMAL: when the power fails, the last commits since a checkpoint may be gone; what is left is a valid chain
  PowerLoss,     ///< synchronous=FULL: every commit is synced to the disk; slower (audit_bench.cpp)
};

struct SqliteOptions {
  Durability durability = Durability::ProcessCrash;
  std::chrono::milliseconds busy_timeout{5'000};  ///< how long a statement waits for a reader's checkpoint lock
  int log_pages =
      8'000;  ///< of the write-ahead log, from which on it is copied into the database: 16 MB of a new file's pages
  /// Appends beside the gateway that writes this record: for the rare event of a command. Each waits for the other's transaction.
  bool beside_a_gateway = false;
};

/// Opens or creates the record at `file` (mode 0600; its folder must exist) for writing and brings its schema up to date.
/// ConfigInvalid, naming the file: another process writes it (a lock on FILE.lock is held for the store's life), it is not an audit record,
/// its schema is newer than this program's. IoFailed: it cannot be opened or created. The result is for one thread at a time.
[[nodiscard]] Result<std::unique_ptr<AuditStore>> open_sqlite_store(const std::filesystem::path& file,
                                                                    const SqliteOptions& options = {});

/// Opens an existing record for reading only, beside a writer of any process. NotFound, or the errors above.
[[nodiscard]] Result<std::unique_ptr<AuditReader>> open_sqlite_reader(const std::filesystem::path& file);

}  // namespace suffice::audit
