#pragma once
// SQLite, owned: a connection and its prepared statements. Included by sqlite_store.cpp and its tests only.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <sqlite3.h>

#include "core/result.hpp"

namespace suffice::audit {

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

/// A prepared statement. Bound text must outlive the next step().
class Statement {
 public:
  enum class Step : std::uint8_t { Row, Done };

  Statement() = default;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  Statement& bind(int index, std::string_view text);
  Statement& bind(int index, std::int64_t number);
  Result<Step> step();
  /// Runs to the end and makes the statement ready for the next use, also after an error.
  Result<void> run();
  void reset();
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }

 private:
  std::unique_ptr<sqlite3_stmt, FinalizeStatement> statement_;
};

/// A connection. One thread at a time.
class Database {
 public:
  /// `flags` as of sqlite3_open_v2. `where` of every error is `name`.
  static Result<Database> open(const std::string& name, int flags);

  Result<Statement> prepare(std::string_view sql);
  Result<void> execute(const std::string& sql);
  /// The first column of the only row, as a number.
  Result<std::int64_t> integer(std::string_view sql);
  [[nodiscard]] sqlite3* handle() const { return database_.get(); }

 private:
  std::unique_ptr<sqlite3, CloseDatabase> database_;
};

/// StoreFailed with SQLite's own words (they quote no values).
[[nodiscard]] std::unexpected<Error> sqlite_error(sqlite3* database);

}  // namespace suffice::audit
