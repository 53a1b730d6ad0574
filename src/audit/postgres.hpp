#pragma once
// PostgreSQL, owned: a connection whose every wait ends, and its results. Included by postgres_*.cpp and their tests only.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <libpq-fe.h>

#include "core/result.hpp"

namespace suffice::audit {

struct CloseConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};

/// What a statement gave back, in PostgreSQL's text form.
class PostgresRows {
 public:
  PostgresRows() = default;
  explicit PostgresRows(PGresult* result) : result_(result) {}

  [[nodiscard]] int count() const { return result_ ? PQntuples(result_.get()) : 0; }
  [[nodiscard]] std::string text(int row, int column) const;
  /// 0 for NULL.
  [[nodiscard]] std::int64_t integer(int row, int column) const;
  [[nodiscard]] bool is_null(int row, int column) const { return PQgetisnull(result_.get(), row, column) == 1; }

 private:
  std::unique_ptr<PGresult, ClearResult> result_;
};

/// Where a database is, as people may read it: "host:port/database", without user and password. ConfigInvalid for what is no
/// postgres:// URL; the message never quotes the URL, which may hold a password.
[[nodiscard]] Result<std::string> postgres_place(const std::string& url);

/// Whether the URL itself holds a password. False for a bad URL.
[[nodiscard]] bool postgres_password_in(const std::string& url);

/// One connection. One thread at a time. Passwords come from the URL, PGPASSWORD or PGPASSFILE, as libpq reads them.
class PostgresConnection {
 public:
  /// StoreFailed, naming the place, when it does not come up within `limit`; ConfigInvalid for a bad URL.
  static Result<PostgresConnection> open(const std::string& url, std::chrono::milliseconds limit);

  /// One statement with text parameters $1, $2 ... A statement that is not answered within `limit` ends the connection, as any failure of
  /// the connection does: usable() is false from then on.
  Result<PostgresRows> query(const std::string& sql, const std::vector<std::string>& parameters,
                             std::chrono::milliseconds limit);
  /// One or several statements without parameters; gives the last one's rows.
  Result<PostgresRows> execute(const std::string& sql, std::chrono::milliseconds limit);
  [[nodiscard]] bool usable() const { return connection_ != nullptr && PQstatus(connection_.get()) == CONNECTION_OK; }
  [[nodiscard]] const std::string& place() const { return place_; }
  [[nodiscard]] PGconn* handle() const { return connection_.get(); }

 private:
  using Moment = std::chrono::steady_clock::time_point;
  Result<PostgresRows> answer(Moment until);
  Result<void> wait(short events, Moment until);
  std::unexpected<Error> lost(std::string_view what);

  std::unique_ptr<PGconn, CloseConnection> connection_;
  std::string place_;
};

/// A one-dimensional array of texts as a parameter: {"a","b"}. Pure.
[[nodiscard]] std::string postgres_array(const std::vector<std::string>& items);

}  // namespace suffice::audit
