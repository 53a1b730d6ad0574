#include "audit/sqlite_store.hpp"

#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/file.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "audit/migrations.hpp"
#include "audit/sqlite.hpp"
#include "audit/wal_checkpointer.hpp"

namespace suffice::audit {
namespace {

constexpr std::string_view kColumns =
    "sequence, id, time, kind, task, route, reason, request_id, json, previous_hash, hash";

/// A file descriptor, owned.
class FileDescriptor {
 public:
  explicit FileDescriptor(int descriptor) : descriptor_(descriptor) {}
  FileDescriptor(FileDescriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&&) = delete;
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

Result<void> migrate(Database& database) {
  SUFFICE_TRY(const std::int64_t version, database.integer("PRAGMA user_version"));
  for (auto step = static_cast<std::size_t>(version); step < kMigrations.size(); ++step) {
    SUFFICE_TRY_VOID(
        database.execute(fmt::format("BEGIN IMMEDIATE;{}PRAGMA application_id = {};PRAGMA user_version = {};COMMIT;",
                                     kMigrations[step], kApplicationId, step + 1)));
  }
  return {};
}

StoredEvent event_of(const Statement& row) {
  return StoredEvent{.sequence = row.integer(0),
                     .id = row.text(1),
                     .time = row.text(2),
                     .kind = row.text(3),
                     .task = row.text(4),
                     .route = row.text(5),
                     .reason = row.text(6),
                     .request_id = row.text(7),
                     .json = row.text(8),
                     .previous_hash = row.text(9),
                     .hash = row.text(10)};
}

/// The WHERE clause of a filter and its values, in order.
struct Query {
  std::string sql;
  std::vector<std::string> texts;
  std::vector<std::pair<int, std::int64_t>> numbers;
};

Query query_of(const EventFilter& filter) {
  Query query{.sql = fmt::format("SELECT {} FROM event WHERE 1", kColumns), .texts = {}, .numbers = {}};
  int next = 0;
  const auto equals = [&](std::string_view column, const std::string& value, std::string_view relation) {
    if (value.empty()) return;
    query.sql += fmt::format(" AND {} {} ?{}", column, relation, ++next);
    query.texts.push_back(value);
  };
  equals("task", filter.task, "=");
  equals("route", filter.route, "=");
  equals("reason", filter.reason, "=");
  equals("kind", filter.kind, "=");
  equals("time", filter.since, ">=");
  equals("time", filter.until, "<");
  if (filter.id_or_request_id.size() >= 6) {
    // A range serves a prefix by the index; '~' sorts behind every byte of an id.
    query.sql += fmt::format(" AND (id BETWEEN ?{0} AND ?{1} OR request_id BETWEEN ?{0} AND ?{1})", next + 1, next + 2);
    query.texts.push_back(filter.id_or_request_id);
    query.texts.push_back(filter.id_or_request_id + "~");
    next += 2;
  } else if (!filter.id_or_request_id.empty()) {
    query.sql += fmt::format(" AND (id = ?{0} OR request_id = ?{0})", ++next);
    query.texts.push_back(filter.id_or_request_id);
  }
  if (filter.after_sequence > 0) {
    query.sql += fmt::format(" AND sequence > ?{}", ++next);
    query.numbers.emplace_back(next, filter.after_sequence);
  }
  query.sql += filter.newest_first ? " ORDER BY sequence DESC" : " ORDER BY sequence";
  if (filter.limit > 0) {
    query.sql += fmt::format(" LIMIT ?{}", ++next);
    query.numbers.emplace_back(next, filter.limit);
  }
  return query;
}

class SqliteReader final : public AuditReader {
 public:
  explicit SqliteReader(Database database) : database_(std::move(database)) {}

  Result<std::optional<StoredEvent>> last() override {
    std::optional<StoredEvent> found;
    SUFFICE_TRY_VOID(read(EventFilter{.limit = 1, .newest_first = true}, [&](const StoredEvent& event) {
      found = event;
      return true;
    }));
    return found;
  }

  Result<void> read(const EventFilter& filter, const std::function<bool(const StoredEvent&)>& row) override {
    const Query query = query_of(filter);
    SUFFICE_TRY(Statement statement, database_.prepare(query.sql));
    int index = 0;
    for (const std::string& text : query.texts) statement.bind(++index, text);
    for (const auto& [place, number] : query.numbers) statement.bind(place, number);
    while (true) {
      SUFFICE_TRY(const Statement::Step step, statement.step());
      if (step == Statement::Step::Done || !row(event_of(statement))) return {};
    }
  }

  Result<std::map<std::string, Usd>> spent_since(std::string_view time) override {
    SUFFICE_TRY(Statement statement,
                database_.prepare("SELECT json_extract(json, '$.caller_key') AS key, "
                                  "sum(json_extract(json, '$.cost_nanodollars')) FROM event "
                                  "WHERE time >= ?1 AND kind = 'request' AND key IS NOT NULL GROUP BY key"));
    statement.bind(1, time);
    std::map<std::string, Usd> spent;
    while (true) {
      SUFFICE_TRY(const Statement::Step step, statement.step());
      if (step == Statement::Step::Done) return spent;
      spent.emplace(statement.text(0), Usd{statement.integer(1)});
    }
  }

  [[nodiscard]] Database& database() { return database_; }

 private:
  Database database_;
};

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
    Statement insert;
    Statement commit;
    Statement rollback;
  };

  SqliteStore(FileDescriptor lock, SqliteReader reader, Statements statements,
              std::unique_ptr<WalCheckpointer> checkpointer, int log_pages)
      : lock_(std::move(lock)),
        reader_(std::move(reader)),
        statements_(std::move(statements)),
        log_(reader_.database().handle(), std::move(checkpointer), log_pages) {}

  Result<void> append(const std::vector<StoredEvent>& batch) override {
    SUFFICE_TRY_VOID(statements_.begin.run());
    Result<void> done = insert_all(batch);
    if (done) done = statements_.commit.run();
    // An error may have rolled back already; that a second rollback then fails says nothing.
    if (!done && sqlite3_get_autocommit(reader_.database().handle()) == 0)
      static_cast<void>(statements_.rollback.run());
    if (done) log_.after_commit();
    return done;
  }

  Result<std::optional<StoredEvent>> last() override { return reader_.last(); }

  Result<void> read(const EventFilter& filter, const std::function<bool(const StoredEvent&)>& row) override {
    return reader_.read(filter, row);
  }

  Result<std::map<std::string, Usd>> spent_since(std::string_view time) override { return reader_.spent_since(time); }

 private:
  Result<void> insert_all(const std::vector<StoredEvent>& batch) {
    for (const StoredEvent& event : batch) {
      statements_.insert.bind(1, event.sequence)
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
      SUFFICE_TRY_VOID(statements_.insert.run());
    }
    return {};
  }

  FileDescriptor lock_;  // first: let go of after the database is closed
  SqliteReader reader_;
  Statements statements_;
  LogKeeper log_;
};

Result<SqliteStore::Statements> prepare_writing(Database& database) {
  SqliteStore::Statements statements;
  SUFFICE_TRY(statements.begin, database.prepare("BEGIN IMMEDIATE"));
  SUFFICE_TRY(statements.insert,
              database.prepare(fmt::format(
                  "INSERT INTO event ({}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)", kColumns)));
  SUFFICE_TRY(statements.commit, database.prepare("COMMIT"));
  SUFFICE_TRY(statements.rollback, database.prepare("ROLLBACK"));
  return statements;
}

}  // namespace

Result<std::unique_ptr<AuditStore>> open_sqlite_store(const std::filesystem::path& file, const SqliteOptions& options) {
  SUFFICE_TRY(FileDescriptor lock, lock_for_writing(file));
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
  return std::make_unique<SqliteStore>(std::move(lock), SqliteReader(std::move(database)), std::move(statements),
                                       std::move(checkpointer), options.log_pages);
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
