#include "audit/sqlite_store.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <functional>
#include <optional>
#include <string>
#include <sys/file.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "audit/chain.hpp"
#include "audit/migrations.hpp"
#include "audit/rollups.hpp"
#include "audit/sqlite.hpp"
#include "audit/sqlite_partitions.hpp"
#include "audit/sqlite_reader.hpp"
#include "audit/sqlite_rollups.hpp"
#include "audit/wal_checkpointer.hpp"

namespace suffice::audit {
namespace {

/// Events whose figures wait in memory until a commit adds them to the table of roll-ups; a reader adds those few up itself.
constexpr std::int64_t kRollupEvery = 1'024;
/// Events that prune() deletes in one transaction: a few milliseconds, for which a gateway beside it waits.
constexpr std::int64_t kPruneSlice = 500;

/// A file descriptor, owned.
class FileDescriptor {
 public:
  explicit FileDescriptor(int descriptor) : descriptor_(descriptor) {}
  FileDescriptor(FileDescriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~FileDescriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

Result<FileDescriptor> open_private(const std::string& file) {
  FileDescriptor opened(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (opened.get() < 0)
    return fail(ErrorCode::IoFailed, fmt::format("cannot open or create: {}", std::generic_category().message(errno)),
                file);
  return opened;
}

/// Held while the store is open. flock goes away with the process, however it ends.
Result<FileDescriptor> lock_for_writing(const std::filesystem::path& file) {
  const std::string lock = file.string() + ".lock";
  SUFFICE_TRY(FileDescriptor opened, open_private(lock));
  if (::flock(opened.get(), LOCK_EX | LOCK_NB) == 0) return opened;
  if (errno != EWOULDBLOCK)
    return fail(ErrorCode::IoFailed, fmt::format("cannot lock: {}", std::generic_category().message(errno)), lock);
  return fail(ErrorCode::ConfigInvalid,
              "another gateway writes this audit record; stop it, or give this one its own data directory",
              file.string());
}

Result<void> check_identity(Database& database, const std::string& file) {
  const auto not_ours = [&](std::string_view what) {
    return fail(ErrorCode::ConfigInvalid,
                fmt::format("this file is {}; move it away or choose another data directory", what), file);
  };
  const auto tables = database.integer("SELECT count(*) FROM sqlite_master");
  if (!tables) {
    if (sqlite3_errcode(database.handle()) == SQLITE_NOTADB)
      return not_ours("not an audit record (not a SQLite database)");
    return fail(tables.error());
  }
  SUFFICE_TRY(const std::int64_t application, database.integer("PRAGMA application_id"));
  if (*tables > 0 && application != kApplicationId) return not_ours("a SQLite database of another program");
  SUFFICE_TRY(const std::int64_t version, database.integer("PRAGMA user_version"));
  if (version > static_cast<std::int64_t>(kMigrations.size())) {
    return fail(ErrorCode::ConfigInvalid,
                fmt::format("the audit record has schema version {}, this program knows up to {}; use a newer suffice",
                            version, kMigrations.size()),
                file);
  }
  return {};
}

Result<void> take_step(Database& database, std::size_t step) {
  SUFFICE_TRY_VOID(database.execute(std::string(kMigrations[step])));
  if (step == 1) {
    SUFFICE_TRY_VOID(adopt_single_table(database));
    SUFFICE_TRY_VOID(renew_view(database));
  }
  return database.execute(
      fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", kApplicationId, step + 1));
}

Result<void> migrate(Database& database) {
  SUFFICE_TRY_VOID(database.execute("BEGIN IMMEDIATE"));
  Result<void> done = {};
  Result<std::int64_t> version = database.integer("PRAGMA user_version");
  if (!version) done = fail(version.error());
  for (auto step = static_cast<std::size_t>(version.value_or(0)); done && step < kMigrations.size(); ++step)
    done = take_step(database, step);
  const Result<void> ended = database.execute(done ? "COMMIT" : "ROLLBACK");
  return done ? ended : done;
}

/// Pages that the writer copies itself, to empty a log that grew meanwhile: a few milliseconds.
constexpr int kRestPages = 256;

/// Keeps the log short: the checkpointer copies it, and when next to nothing is left the writer copies the rest, because only a log
/// that is copied whole begins anew. Lives and is called on the writer's thread.
class LogKeeper {
 public:
  LogKeeper(sqlite3* database, std::unique_ptr<WalCheckpointer> checkpointer, int log_pages)
      : database_(database), checkpointer_(std::move(checkpointer)), log_pages_(log_pages), start_at_(log_pages) {
    const auto note_pages = [](void* self, sqlite3*, const char*, int pages) {
      static_cast<LogKeeper*>(self)->pages_now_ = pages;
      return SQLITE_OK;
    };
    sqlite3_wal_hook(database_, note_pages, this);
  }
  ~LogKeeper() { sqlite3_wal_hook(database_, nullptr, nullptr); }
  LogKeeper(const LogKeeper&) = delete;
  LogKeeper& operator=(const LogKeeper&) = delete;

  void after_commit() {
    if (pages_now_ < pages_before_) start_at_ = log_pages_;  // it began anew
    pages_before_ = pages_now_;
    const std::optional<int> copied = checkpointer_->take_result();
    if (copied && pages_now_ - *copied <= kRestPages) {
      sqlite3_wal_checkpoint_v2(database_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
      start_at_ = pages_now_ + log_pages_;  // should a reader keep the log
    } else if (copied || pages_now_ >= start_at_) {
      checkpointer_->request();
      start_at_ = pages_now_ + log_pages_;
    }
  }

 private:
  sqlite3* database_;
  std::unique_ptr<WalCheckpointer> checkpointer_;
  int log_pages_;
  int pages_now_ = 0;
  int pages_before_ = 0;
  int start_at_;
};

class SqliteStore final : public AuditStore {
 public:
  struct Statements {
    Statement begin;
    Statement commit;
    Statement rollback;
    Statement version;
  };

  SqliteStore(FileDescriptor lock, SqliteReader reader, Statements statements,
              std::unique_ptr<WalCheckpointer> checkpointer, int log_pages)
      : lock_(std::move(lock)),
        reader_(std::move(reader)),
        statements_(std::move(statements)),
        log_(reader_.database().handle(), std::move(checkpointer), log_pages) {}

  Result<void> append(const std::vector<StoredEvent>& batch) override {
    if (batch.empty()) return {};
    return in_transaction([&] { return append_within(batch); });
  }

  Result<Pruned> prune(std::string_view day) override;

  /// Adds up what was stored since the roll-ups were.
  Result<void> catch_up() {
    return in_transaction([this] { return see_others(); });
  }

  Result<std::optional<StoredEvent>> last() override { return reader_.last(); }

  Result<void> read(const EventFilter& filter, const std::function<bool(const StoredEvent&)>& row) override {
    return reader_.read(filter, row);
  }

  Result<std::map<std::string, Usd>> spent_since(std::string_view time) override { return reader_.spent_since(time); }
  Result<std::optional<PrunedEnd>> pruned() override { return reader_.pruned(); }
  Result<std::optional<SealedTexts>> sealed(std::string_view id) override { return reader_.sealed(id); }

  Result<std::int64_t> forget_expired(std::string_view now) override {
    // Else they would stay readable, for who has the key, in the file's free pages.
    SUFFICE_TRY_VOID(reader_.database().execute("PRAGMA secure_delete = ON"));
    SUFFICE_TRY(Statement erase, reader_.database().prepare("DELETE FROM vault WHERE expires <= ?1"));
    erase.bind(1, now);
    SUFFICE_TRY_VOID(erase.run());
    return sqlite3_changes(reader_.database().handle());
  }

  Result<std::vector<Rollup>> rollups(const TimeRange& range) override { return reader_.rollups(range); }

 private:
  /// What is known of the record as of the last commit.
  struct Known {
    ChainEnd end;
    std::string day;    ///< of the newest partition, empty when there is none
    RollupMap waiting;  ///< figures of the events behind `rolled`
    std::int64_t rolled = 0;
  };
  /// What a commit changes in it.
  struct Next {
    ChainEnd end;
    std::string day;
    RollupMap added;
    bool rolled = false;  ///< the table of roll-ups holds everything up to `end`
  };

  Result<void> in_transaction(const std::function<Result<void>()>& work) {
    SUFFICE_TRY_VOID(statements_.begin.run());
    next_ = std::nullopt;
    Result<void> done = work();
    if (done) done = statements_.commit.run();
    // An error may have rolled back already; that a second rollback then fails says nothing.
    if (!done && sqlite3_get_autocommit(reader_.database().handle()) == 0)
      static_cast<void>(statements_.rollback.run());
    unsure_ = !done;
    if (done) {
      if (next_) take_over(*std::move(next_));
      log_.after_commit();
    } else {
      insert_table_.clear();  // a table that was made is gone again
      seen_version_ = -1;     // and so may be what was read
    }
    return done;
  }

  void take_over(Next&& next) {
    known_.end = std::move(next.end);
    known_.day = std::move(next.day);
    if (next.rolled) {
      known_.waiting.clear();
      known_.rolled = known_.end.sequence;
    } else {
      for (const auto& [key, sums] : next.added) known_.waiting[key] += sums;
    }
  }

  /// The number changes when another connection commits: then everything known is read anew.
  Result<void> see_others() {
    SUFFICE_TRY(const Statement::Step step, statements_.version.step());
    const std::int64_t version = step == Statement::Step::Row ? statements_.version.integer(0) : 0;
    statements_.version.reset();
    if (seen_version_ == version) return {};
    Known found;
    SUFFICE_TRY(const std::optional<StoredEvent> last, reader_.last());
    if (last) found.end = ChainEnd{.sequence = last->sequence, .hash = last->hash};
    SUFFICE_TRY(const std::vector<std::string> names, partitions(reader_.database()));
    if (!names.empty()) found.day = partition_day(names.back());
    SUFFICE_TRY(const ChainRow chain, reader_.chain_row());
    found.rolled = chain.rolled_sequence;
    SUFFICE_TRY_VOID(reader_.read(EventFilter{.after_sequence = found.rolled}, [&](const StoredEvent& event) {
      fold(found.waiting, event);
      return true;
    }));
    known_ = std::move(found);
    seen_version_ = version;
    if (known_.end.sequence - known_.rolled >= kRollupEvery) {
      next_ = Next{.end = known_.end, .day = known_.day, .added = {}};
      SUFFICE_TRY_VOID(roll_up());
    }
    return {};
  }

  /// Writes what waits and what next_ adds.
  Result<void> roll_up() {
    SUFFICE_TRY_VOID(add_rollups(reader_.database(), known_.waiting));
    SUFFICE_TRY_VOID(add_rollups(reader_.database(), next_->added));
    next_->rolled = true;
    return reader_.database().execute(fmt::format("UPDATE chain SET rolled_sequence = {}", next_->end.sequence));
  }

  Result<void> append_within(const std::vector<StoredEvent>& batch) {
    const bool unsure = unsure_;
    SUFFICE_TRY_VOID(see_others());
    if (unsure) {
      bool there = false;
      SUFFICE_TRY_VOID(reader_.read(EventFilter{.id_or_request_id = batch.back().id}, [&](const StoredEvent& event) {
        there = there || event.id == batch.back().id;
        return !there;
      }));
      if (there) return {};
    }
    // Others' events were rolled up a moment ago, if at all: their sums are not known_.waiting's any more.
    const bool rolled = next_ && next_->rolled;
    if (rolled) take_over(*std::exchange(next_, std::nullopt));
    next_ = Next{.end = known_.end, .day = known_.day, .added = {}};
    if (continues(batch, known_.end)) {
      SUFFICE_TRY_VOID(insert_all(batch));
    } else {
      SUFFICE_TRY_VOID(insert_all(chained_behind(known_.end, batch)));
    }
    return next_->end.sequence - known_.rolled >= kRollupEvery ? roll_up() : Result<void>{};
  }

  Result<void> insert_all(const std::vector<StoredEvent>& batch) {
    for (const StoredEvent& event : batch) {
      // Never back to an earlier day: a partition holds one stretch of the chain.
      next_->day = std::max(next_->day, day_of(event.time));
      SUFFICE_TRY_VOID(prepare_insert(next_->day));
      insert_.bind(1, event.sequence)
          .bind(2, event.id)
          .bind(3, event.time)
          .bind(4, event.kind)
          .bind(5, event.task)
          .bind(6, event.route)
          .bind(7, event.reason)
          .bind(8, event.request_id)
          .bind(9, event.json)
          .bind(10, event.previous_hash)
          .bind(11, event.hash);
      SUFFICE_TRY_VOID(insert_.run());
      if (event.sealed) SUFFICE_TRY_VOID(keep(*event.sealed));
      fold(next_->added, event);
    }
    next_->end = ChainEnd{.sequence = batch.back().sequence, .hash = batch.back().hash};
    return {};
  }

  Result<void> keep(const SealedTexts& texts) {
    SUFFICE_TRY(Statement insert,
                reader_.database().prepare("INSERT INTO vault (id, expires, sealed) VALUES (?1, ?2, ?3)"));
    insert.bind(1, texts.id).bind(2, texts.expires).bind(3, texts.bytes);
    return insert.run();
  }

  Result<void> prepare_insert(const std::string& day) {
    const std::string table = partition_name(day);
    if (table == insert_table_) return {};
    SUFFICE_TRY_VOID(check_day(day));
    SUFFICE_TRY_VOID(make_partition(reader_.database(), table));
    SUFFICE_TRY(insert_, reader_.database().prepare(
                             fmt::format("INSERT INTO {} ({}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                                         table, kEventColumns)));
    insert_table_ = table;
    return {};
  }

  Result<std::int64_t> prune_slice(const std::string& table);

  FileDescriptor lock_;  // first: let go of after the database is closed
  SqliteReader reader_;
  Statements statements_;
  Statement insert_;
  std::string insert_table_;  ///< that insert_ is for
  LogKeeper log_;
  Known known_;
  std::optional<Next> next_;  ///< becomes known with the commit
  std::int64_t seen_version_ = -1;
  bool unsure_ = false;  ///< the transaction before failed: it may have been committed all the same
};

/// Deletes the oldest events of `table`, the table too when none is left; gives their number.
Result<std::int64_t> SqliteStore::prune_slice(const std::string& table) {
  Database& database = reader_.database();
  std::int64_t deleted = 0;
  SUFFICE_TRY_VOID(in_transaction([&]() -> Result<void> {
    SUFFICE_TRY_VOID(see_others());
    // What goes away must have been added up.
    if (known_.rolled < known_.end.sequence && !next_) {
      next_ = Next{.end = known_.end, .day = known_.day, .added = {}};
      SUFFICE_TRY_VOID(roll_up());
    }
    SUFFICE_TRY(Statement slice,
                database.prepare(fmt::format("SELECT sequence, hash FROM (SELECT sequence, hash FROM {} "
                                             "ORDER BY sequence LIMIT {}) ORDER BY sequence DESC LIMIT 1",
                                             table, kPruneSlice)));
    SUFFICE_TRY(const Statement::Step step, slice.step());
    if (step == Statement::Step::Done) {
      slice.reset();
      SUFFICE_TRY_VOID(database.execute("DROP TABLE " + table));
      return renew_view(database);
    }
    const std::int64_t sequence = slice.integer(0);
    const std::string hash = slice.text(1);
    slice.reset();
    SUFFICE_TRY(Statement erase, database.prepare(fmt::format("DELETE FROM {} WHERE sequence <= ?1", table)));
    erase.bind(1, sequence);
    SUFFICE_TRY_VOID(erase.run());
    deleted = sqlite3_changes(database.handle());
    SUFFICE_TRY(Statement anchor, database.prepare("UPDATE chain SET pruned_sequence = ?1, pruned_hash = ?2"));
    anchor.bind(1, sequence).bind(2, hash);
    return anchor.run();
  }));
  return deleted;
}

Result<Pruned> SqliteStore::prune(std::string_view day) {
  SUFFICE_TRY_VOID(check_day(day));
  Database& database = reader_.database();
  // Else what was pruned would stay readable in the file's free pages.
  SUFFICE_TRY_VOID(database.execute("PRAGMA secure_delete = ON"));
  SUFFICE_TRY(std::vector<std::string> names, partitions(database));
  if (!names.empty()) names.pop_back();
  Pruned pruned;
  for (const std::string& name : names) {
    if (name >= partition_name(day)) break;
    for (std::int64_t deleted = 1; deleted > 0; pruned.events += deleted) {
      const auto began = std::chrono::steady_clock::now();
      SUFFICE_TRY(deleted, prune_slice(name));
      // Half of the time belongs to the gateway beside us.
      std::this_thread::sleep_for(std::chrono::steady_clock::now() - began);
    }
    ++pruned.partitions;
  }
  // The log holds older copies of the pages. A reader may keep it; then the gateway begins it anew later.
  sqlite3_wal_checkpoint_v2(database.handle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  SUFFICE_TRY(pruned.end, reader_.pruned());
  return pruned;
}

Result<SqliteStore::Statements> prepare_writing(Database& database) {
  SqliteStore::Statements statements;
  SUFFICE_TRY(statements.begin, database.prepare("BEGIN IMMEDIATE"));
  SUFFICE_TRY(statements.commit, database.prepare("COMMIT"));
  SUFFICE_TRY(statements.rollback, database.prepare("ROLLBACK"));
  SUFFICE_TRY(statements.version, database.prepare("PRAGMA data_version"));
  return statements;
}

}  // namespace

Result<std::unique_ptr<AuditStore>> open_sqlite_store(const std::filesystem::path& file, const SqliteOptions& options) {
  FileDescriptor lock(-1);
  if (!options.beside_a_gateway) {
    SUFFICE_TRY(FileDescriptor held, lock_for_writing(file));
    lock = std::move(held);
  }
  // Made here for its mode: SQLite gives its -wal and -shm files the same one. Closed before SQLite opens the file, whose locks of
  // this process a later close would drop.
  {
    SUFFICE_TRY(const FileDescriptor created, open_private(file.string()));
  }
  SUFFICE_TRY(Database database, Database::open(file.string(), SQLITE_OPEN_READWRITE));
  sqlite3_busy_timeout(database.handle(), static_cast<int>(options.busy_timeout.count()));
  SUFFICE_TRY_VOID(check_identity(database, file.string()));
  // Of a new file; an old one keeps its own. A commit of a few events touches the last page of the table and of each index, and writes
  // each page whole.
  SUFFICE_TRY_VOID(database.execute("PRAGMA page_size = 2048"));
  SUFFICE_TRY_VOID(database.execute("PRAGMA journal_mode = WAL"));
  SUFFICE_TRY_VOID(database.execute(options.durability == Durability::PowerLoss ? "PRAGMA synchronous = FULL"
                                                                                : "PRAGMA synchronous = NORMAL"));
  SUFFICE_TRY_VOID(migrate(database));
  SUFFICE_TRY(SqliteStore::Statements statements, prepare_writing(database));
  SUFFICE_TRY(std::unique_ptr<WalCheckpointer> checkpointer, WalCheckpointer::start(file.string()));
  auto store = std::make_unique<SqliteStore>(std::move(lock), SqliteReader(std::move(database)), std::move(statements),
                                             std::move(checkpointer), options.log_pages);
  SUFFICE_TRY_VOID(store->catch_up());
  return store;
}

Result<std::unique_ptr<AuditReader>> open_sqlite_reader(const std::filesystem::path& file) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    return fail(ErrorCode::NotFound, "there is no audit record here; the gateway creates it in its data directory",
                file.string());
  }
  SUFFICE_TRY(Database database, Database::open(file.string(), SQLITE_OPEN_READONLY));
  sqlite3_busy_timeout(database.handle(), static_cast<int>(SqliteOptions{}.busy_timeout.count()));
  SUFFICE_TRY_VOID(check_identity(database, file.string()));
  return std::make_unique<SqliteReader>(std::move(database));
}

}  // namespace suffice::audit
