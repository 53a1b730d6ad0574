#include "audit/postgres.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <poll.h>
#include <utility>

#include <fmt/format.h>

namespace suffice::audit {
namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

std::string one_line(const char* text) {
  std::string line(text == nullptr ? "" : text);
  std::ranges::replace(line, '\n', ' ');
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

/// The server's own words. Its detail lines and its data errors (class 22) quote values: left out.
std::string words_of(const PGresult* result) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const std::string_view code(state == nullptr ? "" : state);
  if (code.starts_with("22")) return fmt::format("PostgreSQL refused a value (SQLSTATE {})", code);
  return fmt::format("PostgreSQL: {} (SQLSTATE {})", one_line(primary), code);
}

}  // namespace

std::string PostgresRows::text(int row, int column) const {
  return std::string(PQgetvalue(result_.get(), row, column),
                     static_cast<std::size_t>(PQgetlength(result_.get(), row, column)));
}

std::int64_t PostgresRows::integer(int row, int column) const {
  const char* text = PQgetvalue(result_.get(), row, column);
  std::int64_t number = 0;
  std::from_chars(text, text + PQgetlength(result_.get(), row, column), number);
  return number;
}

Result<std::string> postgres_place(const std::string& url) {
  const bool right_scheme = url.starts_with("postgres://") || url.starts_with("postgresql://");
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(right_scheme ? PQconninfoParse(url.c_str(), nullptr)
                                                                            : nullptr);
  if (!options) {
    return fail(
        ErrorCode::ConfigInvalid,
        "this is not a PostgreSQL URL; write postgres://USER@HOST:PORT/DATABASE and give the password by PGPASSWORD "
        "or PGPASSFILE",
        "--record");
  }
  std::string host = "localhost";
  std::string port = "5432";
  std::string database;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr || *option->val == '\0') continue;
    const std::string_view keyword(option->keyword);
    if (keyword == "host") host = option->val;
    if (keyword == "port") port = option->val;
    if (keyword == "dbname") database = option->val;
  }
  return fmt::format("{}:{}/{}", host, port, database);
}

bool postgres_password_in(const std::string& url) {
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(PQconninfoParse(url.c_str(), nullptr));
  for (const PQconninfoOption* option = options.get(); option != nullptr && option->keyword != nullptr; ++option) {
    if (std::string_view(option->keyword) == "password" && option->val != nullptr && *option->val != '\0') return true;
  }
  return false;
}

Result<PostgresConnection> PostgresConnection::open(const std::string& url, std::chrono::milliseconds limit) {
  PostgresConnection opened;
  SUFFICE_TRY(opened.place_, postgres_place(url));
  const Moment until = std::chrono::steady_clock::now() + limit;
  // `client_encoding` because the texts are UTF-8 whatever the environment says; keepalives find a peer that went away silently.
  const std::array<const char*, 6> keys = {"dbname",          "application_name", "client_encoding",
                                           "keepalives_idle", "tcp_user_timeout", nullptr};
  const std::array<const char*, 6> values = {url.c_str(), "suffice", "UTF8", "10", "10000", nullptr};
  opened.connection_.reset(PQconnectStartParams(keys.data(), values.data(), 1));
  PostgresPollingStatusType next = PGRES_POLLING_WRITING;
  while (opened.connection_ && PQstatus(opened.connection_.get()) != CONNECTION_BAD && next != PGRES_POLLING_OK) {
    if (next == PGRES_POLLING_FAILED) break;
    SUFFICE_TRY_VOID(opened.wait(next == PGRES_POLLING_READING ? POLLIN : POLLOUT, until));
    next = PQconnectPoll(opened.connection_.get());
  }
  if (!opened.usable()) {
    return fail(ErrorCode::StoreFailed,
                fmt::format("cannot connect: {}", one_line(PQerrorMessage(opened.connection_.get()))), opened.place_);
  }
  // Notices would go to standard error; they say nothing that a result does not.
  PQsetNoticeProcessor(opened.connection_.get(), [](void*, const char*) {}, nullptr);
  PQsetnonblocking(opened.connection_.get(), 1);
  return opened;
}

std::unexpected<Error> PostgresConnection::lost(std::string_view what) {
  connection_.reset();
  return fail(ErrorCode::StoreFailed, fmt::format("PostgreSQL: {}", what), place_);
}

Result<void> PostgresConnection::wait(short events, Moment until) {
  using std::chrono::milliseconds;
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(until - std::chrono::steady_clock::now());
    if (left <= milliseconds{0}) return lost("no answer in time");
    pollfd waited{.fd = PQsocket(connection_.get()), .events = events, .revents = 0};
    const int ready = ::poll(&waited, 1, static_cast<int>(left.count()));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return lost("the connection's socket failed");
  }
}

Result<PostgresRows> PostgresConnection::query(const std::string& sql, const std::vector<std::string>& parameters,
                                               std::chrono::milliseconds limit) {
  if (!usable()) return lost("not connected");
  std::vector<const char*> values;
  values.reserve(parameters.size());
  for (const std::string& parameter : parameters) values.push_back(parameter.c_str());
  if (PQsendQueryParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(),
                        nullptr, nullptr, 0) != 1) {
    return lost(one_line(PQerrorMessage(connection_.get())));
  }
  return answer(std::chrono::steady_clock::now() + limit);
}

Result<PostgresRows> PostgresConnection::execute(const std::string& sql, std::chrono::milliseconds limit) {
  if (!usable()) return lost("not connected");
  if (PQsendQuery(connection_.get(), sql.c_str()) != 1) return lost(one_line(PQerrorMessage(connection_.get())));
  return answer(std::chrono::steady_clock::now() + limit);
}

/// Sends what is left to send and takes every result, because the connection is free only then.
Result<PostgresRows> PostgresConnection::answer(Moment until) {
  for (int unsent = PQflush(connection_.get()); unsent != 0; unsent = PQflush(connection_.get())) {
    if (unsent < 0) return lost(one_line(PQerrorMessage(connection_.get())));
    SUFFICE_TRY_VOID(wait(POLLIN | POLLOUT, until));
    if (PQconsumeInput(connection_.get()) != 1) return lost(one_line(PQerrorMessage(connection_.get())));
  }
  Result<PostgresRows> found = PostgresRows();
  while (true) {
    while (PQisBusy(connection_.get()) == 1) {
      SUFFICE_TRY_VOID(wait(POLLIN, until));
      if (PQconsumeInput(connection_.get()) != 1) return lost(one_line(PQerrorMessage(connection_.get())));
    }
    PGresult* const result = PQgetResult(connection_.get());
    if (result == nullptr) break;
    PostgresRows rows(result);
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
      found = fail(ErrorCode::StoreFailed, words_of(result), place_);
    } else if (found) {
      found = std::move(rows);
    }
  }
  if (!usable()) return lost("the connection was lost");
  return found;
}

std::string postgres_array(const std::vector<std::string>& items) {
  std::string array = "{";
  for (const std::string& item : items) {
    if (array.size() > 1) array += ',';
    array += '"';
    for (const char c : item) {
      if (c == '"' || c == '\\') array += '\\';
      array += c;
    }
    array += '"';
  }
  return array += '}';
}

}  // namespace suffice::audit
