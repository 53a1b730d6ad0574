#include "audit/postgres_store.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "audit/chain.hpp"
#include "audit/postgres.hpp"
#include "audit/postgres_schema.hpp"
#include "audit/rollups.hpp"

namespace suffice::audit {
namespace {

using std::chrono::milliseconds;
using Texts = std::vector<std::string>;

constexpr std::string_view kColumns =
    "sequence, id, time, kind, task, route, reason, request_id, json, previous_hash, hash";
/// Rows that a reader fetches at once.
constexpr int kFetchRows = 1'000;
/// Any number, the same in every suffice: who creates or upgrades the schema holds this advisory lock.
constexpr std::string_view kSchemaLock = "1398097478";

StoredEvent event_of(const PostgresRows& rows, int row) {
  return StoredEvent{.sequence = rows.integer(row, 0),
                     .id = rows.text(row, 1),
                     .time = rows.text(row, 2),
                     .kind = rows.text(row, 3),
                     .task = rows.text(row, 4),
                     .route = rows.text(row, 5),
                     .reason = rows.text(row, 6),
                     .request_id = rows.text(row, 7),
                     .json = rows.text(row, 8),
                     .previous_hash = rows.text(row, 9),
                     .hash = rows.text(row, 10)};
}

/// "2026-11-22" of an RFC 3339 time.
std::string day_of(std::string_view time) { return std::string(time.substr(0, 10)); }

struct Query {
  std::string where = "TRUE";
  Texts parameters;

  void add(std::string_view condition, std::string value) {
    parameters.push_back(std::move(value));
    where += fmt::format(" AND {} ${}", condition, parameters.size());
  }
};

Query query_of(const EventFilter& filter) {
  Query query;
  const auto equals = [&](std::string_view condition, const std::string& value) {
    if (!value.empty()) query.add(condition, value);
  };
  equals("task =", filter.task);
  equals("route =", filter.route);
  equals("reason =", filter.reason);
  equals("kind =", filter.kind);
  equals("time >=", filter.since);
  // The partition of an event is never of an earlier day than its time.
  if (!filter.since.empty()) query.add("day >=", day_of(filter.since));
  equals("time <", filter.until);
  if (filter.id_or_request_id.size() >= 6) {
    const std::size_t next = query.parameters.size() + 1;
    query.where += fmt::format(" AND (id BETWEEN ${0} AND ${1} OR request_id BETWEEN ${0} AND ${1})", next, next + 1);
    query.parameters.push_back(filter.id_or_request_id);
    query.parameters.push_back(filter.id_or_request_id + "~");
  } else if (!filter.id_or_request_id.empty()) {
    const std::size_t next = query.parameters.size() + 1;
    query.where += fmt::format(" AND (id = ${0} OR request_id = ${0})", next);
    query.parameters.push_back(filter.id_or_request_id);
  }
  if (filter.after_sequence > 0) query.add("sequence >", std::to_string(filter.after_sequence));
  return query;
}

/// A connection that comes back: each use opens it anew when it was lost.
class Link {
 public:
  Link(std::string url, PostgresConnection first, PostgresOptions options)
      : url_(std::move(url)), options_(options), connection_(std::move(first)) {}

  static Result<PostgresConnection> connect(const std::string& url, const PostgresOptions& options) {
    SUFFICE_TRY(PostgresConnection opened, PostgresConnection::open(url, options.connect_limit));
    // A writer that stops in the middle must not keep the others from the chain; quotes of literals are standard.
    const std::string session = fmt::format(
        "SET search_path = suffice; SET idle_in_transaction_session_timeout = {}; SELECT set_config("
        "'synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
        2 * std::max(options.write_limit, options.read_limit).count());
    SUFFICE_TRY_VOID(opened.execute(session, options.connect_limit));
    return opened;
  }

  Result<PostgresConnection*> get() {
    if (!connection_.usable()) {
      SUFFICE_TRY(connection_, connect(url_, options_));
    }
    return &connection_;
  }
  [[nodiscard]] const PostgresOptions& options() const { return options_; }

 private:
  std::string url_;
  PostgresOptions options_;
  PostgresConnection connection_;
};

/// Leaves no transaction open, whatever happened. Declared before its BEGIN.
class Transaction {
 public:
  Transaction(PostgresConnection& connection, milliseconds limit) : connection_(connection), limit_(limit) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction() {
    if (!done_ && connection_.usable()) static_cast<void>(connection_.execute("ROLLBACK", limit_));
  }
  Result<void> commit() {
    done_ = true;
    const Result<PostgresRows> committed = connection_.execute("COMMIT", limit_);
    if (!committed) return fail(committed.error());
    return {};
  }

 private:
  PostgresConnection& connection_;
  milliseconds limit_;
  bool done_ = false;
};

class PostgresReader final : public AuditReader {
 public:
  explicit PostgresReader(Link link) : link_(std::move(link)) {}

  Result<std::optional<StoredEvent>> last() override {
    std::optional<StoredEvent> found;
    SUFFICE_TRY_VOID(read(EventFilter{.limit = 1, .newest_first = true}, [&](const StoredEvent& event) {
      found = event;
      return true;
    }));
    return found;
  }

  /// In one transaction, so that a pruning beside it leaves no hole in what is read.
  Result<void> read(const EventFilter& filter, const std::function<bool(const StoredEvent&)>& row) override {
    SUFFICE_TRY(PostgresConnection * connection, link_.get());
    const milliseconds limit = link_.options().read_limit;
    const Query query = query_of(filter);
    std::string sql =
        fmt::format("DECLARE found NO SCROLL CURSOR FOR SELECT {} FROM event WHERE {} ORDER BY sequence{}", kColumns,
                    query.where, filter.newest_first ? " DESC" : "");
    if (filter.limit > 0) sql += fmt::format(" LIMIT {}", filter.limit);
    Transaction transaction(*connection, limit);
    SUFFICE_TRY_VOID(connection->execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", limit));
    SUFFICE_TRY_VOID(connection->query(sql, query.parameters, limit));
    const std::string fetch = fmt::format("FETCH {} FROM found", kFetchRows);
    while (true) {
      SUFFICE_TRY(const PostgresRows rows, connection->execute(fetch, limit));
      for (int i = 0; i < rows.count(); ++i) {
        if (!row(event_of(rows, i))) return {};
      }
      if (rows.count() < kFetchRows) return transaction.commit();
    }
  }

  Result<std::map<std::string, Usd>> spent_since(std::string_view time) override {
    SUFFICE_TRY(PostgresConnection * connection, link_.get());
    SUFFICE_TRY(const PostgresRows rows,
                connection->query("SELECT caller_key, sum(cost_nanodollars)::bigint FROM event WHERE time >= $1 AND "
                                  "day >= $2 AND kind = 'request' AND caller_key <> '' "
                                  "GROUP BY caller_key",
                                  {std::string(time), day_of(time)}, link_.options().read_limit));
    std::map<std::string, Usd> spent;
    for (int i = 0; i < rows.count(); ++i) spent.emplace(rows.text(i, 0), Usd{rows.integer(i, 1)});
    return spent;
  }

  Result<std::optional<PrunedEnd>> pruned() override {
    SUFFICE_TRY(PostgresConnection * connection, link_.get());
    SUFFICE_TRY(const PostgresRows rows,
                connection->execute("SELECT pruned_sequence, pruned_hash FROM chain", link_.options().read_limit));
    if (rows.count() == 0 || rows.integer(0, 0) == 0) return std::nullopt;
    return PrunedEnd{.sequence = rows.integer(0, 0), .hash = rows.text(0, 1)};
  }

  Result<std::optional<SealedTexts>> sealed(std::string_view id) override {
    SUFFICE_TRY(PostgresConnection * connection, link_.get());
    SUFFICE_TRY(const PostgresRows rows, connection->query("SELECT expires, sealed FROM vault WHERE id = $1",
                                                           {std::string(id)}, link_.options().read_limit));
    if (rows.count() == 0) return std::nullopt;
    return SealedTexts{.id = std::string(id), .expires = rows.text(0, 0), .bytes = rows.text(0, 1)};
  }

  Result<std::vector<Rollup>> rollups(const TimeRange& range) override {
    SUFFICE_TRY(PostgresConnection * connection, link_.get());
    std::string sql = "SELECT hour, task, route, reason, model, latency";
    for (const RollupSum& sum : rollup_sums()) sql.append(", ").append(sum.name);
    Query query;
    if (!range.from.empty()) query.add("hour >=", hour_of(range.from));
    if (!range.to.empty()) query.add("hour <", range.to);
    sql += fmt::format(" FROM rollup WHERE {} ORDER BY hour, task, route, reason, model", query.where);
    SUFFICE_TRY(const PostgresRows rows, connection->query(sql, query.parameters, link_.options().read_limit));
    std::vector<Rollup> found;
    found.reserve(static_cast<std::size_t>(rows.count()));
    for (int i = 0; i < rows.count(); ++i) {
      Rollup rollup{.key = {.hour = rows.text(i, 0),
                            .task = rows.text(i, 1),
                            .route = rows.text(i, 2),
                            .reason = rows.text(i, 3),
                            .model = rows.text(i, 4)},
                    .sums = {}};
      rollup.sums.latency = histogram_from(rows.text(i, 5));
      int column = 6;
      for (const RollupSum& sum : rollup_sums()) rollup.sums.*sum.value = rows.integer(i, column++);
      found.push_back(std::move(rollup));
    }
    return found;
  }

  [[nodiscard]] Link& link() { return link_; }

 private:
  Link link_;
};

class PostgresStore final : public AuditStore {
 public:
  explicit PostgresStore(Link link) : reader_(std::move(link)) {}

  Result<void> append(const std::vector<StoredEvent>& batch) override {
    if (batch.empty()) return {};
    Result<void> done = try_append(batch);
    unsure_ = !done;
    return done;
  }

  Result<Pruned> prune(std::string_view day) override;

  Result<std::optional<StoredEvent>> last() override { return reader_.last(); }
  Result<void> read(const EventFilter& filter, const std::function<bool(const StoredEvent&)>& row) override {
    return reader_.read(filter, row);
  }
  Result<std::map<std::string, Usd>> spent_since(std::string_view time) override { return reader_.spent_since(time); }
  Result<std::optional<PrunedEnd>> pruned() override { return reader_.pruned(); }
  Result<std::optional<SealedTexts>> sealed(std::string_view id) override { return reader_.sealed(id); }

  Result<std::int64_t> forget_expired(std::string_view now) override {
    SUFFICE_TRY(PostgresConnection * connection, reader_.link().get());
    SUFFICE_TRY(const PostgresRows gone,
                connection->query("WITH gone AS (DELETE FROM vault WHERE expires <= $1 RETURNING 1) "
                                  "SELECT count(*) FROM gone",
                                  {std::string(now)}, reader_.link().options().write_limit));
    return gone.integer(0, 0);
  }

  Result<std::vector<Rollup>> rollups(const TimeRange& range) override { return reader_.rollups(range); }

 private:
  Result<void> try_append(const std::vector<StoredEvent>& batch) {
    SUFFICE_TRY(PostgresConnection * connection, reader_.link().get());
    const milliseconds limit = reader_.link().options().write_limit;
    // The row's lock makes writers take turns; it goes away with the transaction, however that ends.
    Transaction transaction(*connection, limit);
    SUFFICE_TRY(const PostgresRows end, lock_chain(*connection));
    const ChainEnd tail{.sequence = end.integer(0, 0), .hash = end.text(0, 1)};
    std::string day = end.text(0, 2);
    if (unsure_) {
      SUFFICE_TRY(const bool there, is_stored(*connection, batch.back().id));
      if (there) return {};
    }
    if (continues(batch, tail)) {
      SUFFICE_TRY_VOID(insert(*connection, batch, day));
      SUFFICE_TRY_VOID(move_end(*connection, batch.back(), day));
    } else {
      const std::vector<StoredEvent> moved = chained_behind(tail, batch);
      SUFFICE_TRY_VOID(insert(*connection, moved, day));
      SUFFICE_TRY_VOID(move_end(*connection, moved.back(), day));
    }
    SUFFICE_TRY_VOID(add_rollups(*connection, batch));
    SUFFICE_TRY_VOID(keep(*connection, batch));
    return transaction.commit();
  }

  /// Begins a transaction that holds the lock; gives sequence, hash, day and pruned_sequence.
  Result<PostgresRows> lock_chain(PostgresConnection& connection) {
    SUFFICE_TRY(PostgresRows end,
                connection.execute("BEGIN; SELECT sequence, hash, day, pruned_sequence FROM chain FOR UPDATE",
                                   reader_.link().options().write_limit));
    if (end.count() == 1) return end;
    return fail(ErrorCode::ChainBroken, "the record's table suffice.chain has lost its row", connection.place());
  }

  /// A commit whose answer was lost has happened or not: the lock we hold says that it is over.
  Result<bool> is_stored(PostgresConnection& connection, const std::string& id) {
    SUFFICE_TRY(const PostgresRows rows, connection.query("SELECT 1 FROM event WHERE id = $1 LIMIT 1", {id},
                                                          reader_.link().options().write_limit));
    return rows.count() > 0;
  }

  /// `day` becomes the partition of the batch's last event.
  Result<void> insert(PostgresConnection& connection, const std::vector<StoredEvent>& batch, std::string& day) {
    constexpr std::size_t kTextColumns = 11;  // id .. hash, caller_key
    Texts days;
    Texts sequences;
    Texts costs;
    std::array<Texts, kTextColumns> texts;
    for (const StoredEvent& event : batch) {
      if (day_of(event.time) > day) day = day_of(event.time);
      SUFFICE_TRY_VOID(ensure_partition(connection, day));
      days.push_back(day);
      sequences.push_back(std::to_string(event.sequence));
      const EventFigures figures =
          event.figures ? *event.figures : figures_of_json(event.json).value_or(EventFigures{});
      costs.push_back(std::to_string(figures.cost_nanodollars));
      std::size_t column = 0;
      for (const std::string* text : {&event.id, &event.time, &event.kind, &event.task, &event.route, &event.reason,
                                      &event.request_id, &event.json, &event.previous_hash, &event.hash}) {
        texts[column++].push_back(*text);
      }
      texts[column].push_back(figures.caller_key);
    }
    Texts parameters = {postgres_array(days), postgres_array(sequences), postgres_array(costs)};
    for (const Texts& column : texts) parameters.push_back(postgres_array(column));
    SUFFICE_TRY_VOID(connection.query(
        "INSERT INTO event (day, sequence, cost_nanodollars, id, time, kind, task, route, reason, request_id, json, "
        "previous_hash, hash, caller_key) SELECT * FROM unnest($1::date[], $2::bigint[], $3::bigint[], $4::text[], "
        "$5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], "
        "$14::text[])",
        parameters, reader_.link().options().write_limit));
    return {};
  }

  /// Made beside the table and attached, which readers need not wait for. Within the transaction: a rollback takes it back, so what is
  /// known is kept only for days that were committed before (a failed append asks again).
  Result<void> ensure_partition(PostgresConnection& connection, const std::string& day) {
    if (day == partition_ && !unsure_) return {};
    const milliseconds limit = reader_.link().options().write_limit;
    std::string name = "event_" + day;
    std::erase(name, '-');
    SUFFICE_TRY(const PostgresRows there,
                connection.query("SELECT 1 FROM pg_class WHERE relname = $1 AND relnamespace = 'suffice'::regnamespace",
                                 {name}, limit));
    if (there.count() == 0) {
      // `day` and `name` are checked to be digits: they cannot be parameters of a definition.
      if (name.find_first_not_of("0123456789", 6) != std::string::npos || name.size() != 14)
        return fail(ErrorCode::StoreFailed, "an audit event has a time that is not RFC 3339", connection.place());
      SUFFICE_TRY_VOID(connection.execute(
          fmt::format(
              "CREATE TABLE {0} (LIKE event INCLUDING DEFAULTS INCLUDING CONSTRAINTS); ALTER TABLE event ATTACH "
              "PARTITION {0} FOR VALUES FROM ('{1}') TO (date '{1}' + 1)",
              name, day),
          limit));
    }
    partition_ = day;
    return {};
  }

  Result<void> move_end(PostgresConnection& connection, const StoredEvent& last, const std::string& day) {
    SUFFICE_TRY_VOID(connection.query("UPDATE chain SET sequence = $1, hash = $2, day = $3",
                                      {std::to_string(last.sequence), last.hash, day},
                                      reader_.link().options().write_limit));
    return {};
  }

  Result<void> add_rollups(PostgresConnection& connection, const std::vector<StoredEvent>& batch) {
    RollupMap rows;
    for (const StoredEvent& event : batch) fold(rows, event);
    if (rows.empty()) return {};
    std::array<Texts, 6> texts;
    std::vector<Texts> sums(rollup_sums().size());
    for (const auto& [key, row] : rows) {
      std::size_t column = 0;
      for (const std::string* text : {&key.hour, &key.task, &key.route, &key.reason, &key.model})
        texts[column++].push_back(*text);
      texts[column].push_back("{" + to_text(row.latency) + "}");
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i].push_back(std::to_string(row.*rollup_sums()[i].value));
    }
    Texts parameters;
    for (const Texts& column : texts) parameters.push_back(postgres_array(column));
    for (const Texts& column : sums) parameters.push_back(postgres_array(column));
    SUFFICE_TRY_VOID(connection.query(rollup_statement(), parameters, reader_.link().options().write_limit));
    return {};
  }

  Result<void> keep(PostgresConnection& connection, const std::vector<StoredEvent>& batch) {
    std::array<Texts, 3> texts;
    for (const StoredEvent& event : batch) {
      if (!event.sealed) continue;
      texts[0].push_back(event.sealed->id);
      texts[1].push_back(event.sealed->expires);
      texts[2].push_back(event.sealed->bytes);
    }
    if (texts[0].empty()) return {};
    SUFFICE_TRY_VOID(connection.query(
        "INSERT INTO vault (id, expires, sealed) SELECT * FROM unnest($1::text[], $2::text[], $3::text[])",
        {postgres_array(texts[0]), postgres_array(texts[1]), postgres_array(texts[2])},
        reader_.link().options().write_limit));
    return {};
  }

  static const std::string& rollup_statement() {
    static const std::string kStatement = [] {
      std::string columns;
      std::string arrays;
      std::string adding;
      std::size_t next = 7;
      for (const RollupSum& sum : rollup_sums()) {
        columns += fmt::format(", {}", sum.name);
        arrays += fmt::format(", ${}::bigint[]", next++);
        adding += fmt::format(", {0} = rollup.{0} + excluded.{0}", sum.name);
      }
      return fmt::format(
          "INSERT INTO rollup (hour, task, route, reason, model, latency{0}) SELECT hour, task, route, reason, model, "
          "counts::bigint[]{0} FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[]{1}) "
          "AS t(hour, task, route, reason, model, counts{0}) ON CONFLICT (hour, task, route, reason, model) DO UPDATE "
          "SET latency = add_counts(rollup.latency, excluded.latency){2}",
          columns, arrays, adding);
    }();
    return kStatement;
  }

  PostgresReader reader_;
  std::string partition_;  ///< known to be there
  bool unsure_ = false;    ///< the append before failed: it may have been committed all the same
};

Result<Pruned> PostgresStore::prune(std::string_view day) {
  SUFFICE_TRY_VOID(check_day(day));
  SUFFICE_TRY(PostgresConnection * connection, reader_.link().get());
  const milliseconds limit = reader_.link().options().read_limit;
  Transaction transaction(*connection, limit);
  SUFFICE_TRY(const PostgresRows end, lock_chain(*connection));
  const std::string before = std::min(std::string(day), end.text(0, 2));
  SUFFICE_TRY(
      const PostgresRows names,
      connection->query("SELECT relname FROM pg_class JOIN pg_inherits ON inhrelid = pg_class.oid WHERE inhparent = "
                        "'suffice.event'::regclass AND relname < 'event_' || to_char($1::date, 'YYYYMMDD')",
                        {before}, limit));
  SUFFICE_TRY(const PostgresRows last,
              connection->query("SELECT sequence, hash FROM event WHERE day < $1 ORDER BY sequence DESC LIMIT 1",
                                {before}, limit));
  if (names.count() > 0) {
    std::string drop = fmt::format("SET LOCAL lock_timeout = {}", reader_.link().options().prune_lock_limit.count());
    for (int i = 0; i < names.count(); ++i) drop += fmt::format("; DROP TABLE {}", names.text(i, 0));
    SUFFICE_TRY_VOID(connection->execute(drop, limit));
  }
  Pruned pruned{.events = 0, .partitions = names.count()};
  if (last.count() > 0) {
    pruned.events = last.integer(0, 0) - end.integer(0, 3);
    SUFFICE_TRY_VOID(connection->query("UPDATE chain SET pruned_sequence = $1, pruned_hash = $2",
                                       {last.text(0, 0), last.text(0, 1)}, limit));
  }
  SUFFICE_TRY_VOID(transaction.commit());
  SUFFICE_TRY(pruned.end, reader_.pruned());
  return pruned;
}

Result<std::int64_t> schema_version(PostgresConnection& connection, milliseconds limit) {
  SUFFICE_TRY(const PostgresRows there, connection.execute("SELECT to_regclass('suffice.record')", limit));
  if (there.count() == 0 || there.is_null(0, 0)) return 0;
  SUFFICE_TRY(const PostgresRows rows, connection.execute("SELECT version FROM suffice.record", limit));
  const std::int64_t version = rows.count() == 1 ? rows.integer(0, 0) : 0;
  if (version > static_cast<std::int64_t>(kPostgresMigrations.size())) {
    return fail(ErrorCode::ConfigInvalid,
                fmt::format("the audit record has schema version {}, this program knows up to {}; use a newer suffice",
                            version, kPostgresMigrations.size()),
                connection.place());
  }
  return version;
}

/// Several gateways may start at once: the first does it, the others wait.
Result<void> migrate(PostgresConnection& connection, milliseconds limit) {
  Transaction transaction(connection, limit);
  SUFFICE_TRY_VOID(connection.execute(fmt::format("BEGIN; SELECT pg_advisory_xact_lock({})", kSchemaLock), limit));
  SUFFICE_TRY(const std::int64_t version, schema_version(connection, limit));
  if (version == 0) {
    SUFFICE_TRY_VOID(connection.execute(
        "CREATE SCHEMA IF NOT EXISTS suffice; CREATE TABLE suffice.record (version bigint NOT NULL); "
        "INSERT INTO suffice.record VALUES (0)",
        limit));
  }
  for (auto step = static_cast<std::size_t>(version); step < kPostgresMigrations.size(); ++step) {
    SUFFICE_TRY_VOID(connection.execute(std::string(kPostgresMigrations[step]), limit));
    SUFFICE_TRY_VOID(connection.execute(fmt::format("UPDATE suffice.record SET version = {}", step + 1), limit));
  }
  return transaction.commit();
}

}  // namespace

Result<std::unique_ptr<AuditStore>> open_postgres_store(const std::string& url, const PostgresOptions& options) {
  SUFFICE_TRY(PostgresConnection connection, Link::connect(url, options));
  SUFFICE_TRY_VOID(migrate(connection, options.write_limit));
  return std::make_unique<PostgresStore>(Link(url, std::move(connection), options));
}

Result<std::unique_ptr<AuditReader>> open_postgres_reader(const std::string& url, const PostgresOptions& options) {
  SUFFICE_TRY(PostgresConnection connection, Link::connect(url, options));
  SUFFICE_TRY(const std::int64_t version, schema_version(connection, options.read_limit));
  if (version == 0) {
    return fail(ErrorCode::NotFound, "there is no audit record in this database; suffice serve --record creates it",
                connection.place());
  }
  return std::make_unique<PostgresReader>(Link(url, std::move(connection), options));
}

}  // namespace suffice::audit
