#include "audit/sqlite.hpp"

#include <fmt/format.h>

namespace suffice::audit {

std::unexpected<Error> sqlite_error(sqlite3* database) {
  const char* file = sqlite3_db_filename(database, "main");
  return fail(ErrorCode::StoreFailed,
              fmt::format("SQLite: {} (code {})", sqlite3_errmsg(database), sqlite3_extended_errcode(database)),
              file == nullptr ? std::string() : std::string(file));
}

Statement& Statement::bind(int index, std::string_view text) {
  sqlite3_bind_text64(statement_.get(), index, text.data() == nullptr ? "" : text.data(), text.size(), SQLITE_STATIC,
                      SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind(int index, std::int64_t number) {
  sqlite3_bind_int64(statement_.get(), index, number);
  return *this;
}

Result<Statement::Step> Statement::step() {
  switch (sqlite3_step(statement_.get())) {
    case SQLITE_ROW:
      return Step::Row;
    case SQLITE_DONE:
      return Step::Done;
    default:
      return sqlite_error(sqlite3_db_handle(statement_.get()));
  }
}

Result<void> Statement::run() {
  Result<Step> stepped = step();
  while (stepped && *stepped == Step::Row) stepped = step();
  reset();
  if (!stepped) return fail(std::move(stepped).error());
  return {};
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

std::string Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (bytes == nullptr) return {};
  return std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column)));
}

Result<Database> Database::open(const std::string& name, int flags) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(name.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database;
  database.database_.reset(raw);
  if (code != SQLITE_OK) {
    return fail(ErrorCode::IoFailed, fmt::format("cannot open the audit record: {}", sqlite3_errstr(code)), name);
  }
  sqlite3_extended_result_codes(raw, 1);
  return database;
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &raw,
                         nullptr) != SQLITE_OK) {
    return sqlite_error(database_.get());
  }
  return Statement(raw);
}

Result<void> Database::execute(const std::string& sql) {
  if (sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    return sqlite_error(database_.get());
  return {};
}

Result<std::int64_t> Database::integer(std::string_view sql) {
  SUFFICE_TRY(Statement statement, prepare(sql));
  SUFFICE_TRY(const Statement::Step step, statement.step());
  return step == Statement::Step::Row ? statement.integer(0) : 0;
}

}  // namespace suffice::audit
