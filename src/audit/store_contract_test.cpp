// What every store promises (audit/store.hpp), tested on SQLite and on a real PostgreSQL server that the tests start.
#include <algorithm>
#include <chrono>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/export.hpp"
#include "audit/recorder.hpp"
#include "audit/rollups.hpp"
#include "audit/store.hpp"
#include "audit/stores_for_tests.hpp"
#include "audit/verify.hpp"

namespace suffice::audit {
namespace {

using testing::chained_events;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::numbered_event;
using testing::request_event;
using ::testing::SizeIs;

class StoreContract : public testing::BothStores {};
INSTANTIATE_TEST_SUITE_P(Stores, StoreContract, ::testing::Values("Sqlite", "Postgres"),
                         [](const auto& info) { return info.param; });

std::vector<std::int64_t> sequences(AuditReader& reader, const EventFilter& filter) {
  std::vector<std::int64_t> found;
  const auto read = reader.read(filter, [&](const StoredEvent& event) {
    found.push_back(event.sequence);
    return true;
  });
  EXPECT_TRUE(read) << describe(read.error());
  return found;
}

/// `per_day` requests on each of `days` days from 2023-11-14 on, chained.
std::vector<StoredEvent> days_of_events(int days, int per_day) {
  std::vector<StoredEvent> events;
  for (int i = 0; i < days * per_day; ++i) {
    Event event = numbered_event(i + 1);
    event.time = testing::test_time() + std::chrono::days{i / per_day} + std::chrono::minutes{i % per_day};
    event.latency_us = 1'000 * (i + 1);
    if (i % 4 == 0) event.task = "summarize_log";
    events.push_back(stored_form(event));
  }
  return chained_behind(ChainEnd{}, std::move(events));
}

TEST_P(StoreContract, GivesBackWhatWasAppendedAfterReopening) {
  const std::vector<StoredEvent> events = chained_events(3);
  {
    const auto first = store();
    EXPECT_FALSE(first->last().value().has_value());
    ASSERT_TRUE(first->append(events));
  }

  const auto again = store();

  const auto last = again->last();
  ASSERT_TRUE(last && *last);
  EXPECT_EQ((*last)->sequence, 3);
  EXPECT_EQ((*last)->json, events[2].json);
  EXPECT_EQ((*last)->hash, events[2].hash);
  EXPECT_TRUE(hash_matches(**last));
}

TEST_P(StoreContract, KeepsEveryByteOfAnEvent) {
  Event event = request_event("01890000-0000-7000-8000-000000000001");
  using namespace std::string_literals;
  event.input = "quote \" backslash \\ brace { } comma , nul \0 tab \t line\n"s + "\xf0\x9f\x98\x80 \xff";
  event.task = "a\"b\\c,{d}\nNULL";
  StoredEvent stored = stored_form(event);
  stored = chained_behind(ChainEnd{}, {stored})[0];
  const auto opened = store();

  const auto appended = opened->append({stored});

  ASSERT_TRUE(appended) << describe(appended.error());
  const auto last = opened->last();
  ASSERT_TRUE(last && *last);
  EXPECT_EQ((*last)->json, stored.json);
  EXPECT_EQ((*last)->task, stored.task);
  EXPECT_TRUE(verify(*opened)->ok());
}

TEST_P(StoreContract, KeepsNothingOfABatchThatFails) {
  const auto opened = store();
  std::vector<StoredEvent> events = chained_events(3);
  events[2].sequence = 1;

  const auto appended = opened->append(events);

  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().code, ErrorCode::StoreFailed);
  EXPECT_THAT(sequences(*opened, EventFilter{}), IsEmpty());
  EXPECT_TRUE(opened->rollups({})->empty());
  EXPECT_TRUE(opened->append(chained_events(3)));
  EXPECT_EQ(opened->rollups({})->at(0).sums.requests, 3);
}

TEST_P(StoreContract, StoresABatchOnceThoughItIsGivenAgainAfterAFailure) {
  const auto opened = store();
  const std::vector<StoredEvent> events = chained_events(3);
  std::vector<StoredEvent> bad = chained_events(2);
  bad[1].sequence = 1;
  ASSERT_TRUE(opened->append(events));
  ASSERT_FALSE(opened->append({bad[0], bad[1], bad[1]})) << "the store must now doubt what it committed";

  ASSERT_TRUE(opened->append(events));

  EXPECT_THAT(sequences(*opened, EventFilter{}), ElementsAre(1, 2, 3));
}

TEST_P(StoreContract, FiltersAndOrders) {
  const auto opened = store();
  std::vector<StoredEvent> events = chained_events(5);
  events[1].task = "summarize_log";
  events[2].route = "local";
  events[2].reason = "";
  events[3].kind = "kill_switch";
  events[4].time = "2030-01-01T00:00:00.000Z";
  events[4].request_id = "zzzzzz-1";
  ASSERT_TRUE(opened->append(events));

  struct Case {
    const char* name;
    EventFilter filter;
    std::vector<std::int64_t> expected;
  };
  const std::vector<Case> cases = {
      {"everything", {}, {1, 2, 3, 4, 5}},
      {"task", {.task = "summarize_log"}, {2}},
      {"route", {.route = "local"}, {3}},
      {"reason", {.reason = "confidence_low"}, {1, 2, 4, 5}},
      {"kind", {.kind = "kill_switch"}, {4}},
      {"since, inclusive", {.since = "2030-01-01T00:00:00.000Z"}, {5}},
      {"until, exclusive", {.until = "2030-01-01T00:00:00.000Z"}, {1, 2, 3, 4}},
      {"full id", {.id_or_request_id = events[2].id}, {3}},
      {"full request id", {.id_or_request_id = "zzzzzz-1"}, {5}},
      {"prefix", {.id_or_request_id = "zzzzzz"}, {5}},
      {"too short for a prefix", {.id_or_request_id = "zzzzz"}, {}},
      {"a pattern is no prefix", {.id_or_request_id = "%%%%%%"}, {}},
      {"a quote is a value", {.id_or_request_id = "' OR '1'='1"}, {}},
      {"after", {.after_sequence = 3}, {4, 5}},
      {"newest two", {.limit = 2, .newest_first = true}, {5, 4}},
      {"newest of a task", {.task = "classify_issue", .limit = 3, .newest_first = true}, {5, 4, 3}},
      {"all together", {.task = "classify_issue", .route = "escalated", .after_sequence = 1, .limit = 1}, {4}},
  };
  for (const Case& c : cases) EXPECT_EQ(sequences(*opened, c.filter), c.expected) << c.name;
}

TEST_P(StoreContract, SumsWhatEachKeySpentSinceATime) {
  const auto opened = store();
  using namespace std::chrono;
  const WallTime midnight = sys_days{year{2030} / 1 / 1};
  struct Spent {
    std::string key;
    WallTime time;
    std::int64_t nanos;
  };
  std::vector<StoredEvent> events;
  for (const Spent& spent :
       {Spent{"a", midnight - milliseconds{1}, 1'000}, Spent{"a", midnight, 20}, Spent{"b", midnight + hours{10}, 300},
        Spent{"a", midnight + hours{11}, 4}, Spent{"", midnight + hours{12}, 50'000}}) {
    Event event = numbered_event(static_cast<std::int64_t>(events.size()) + 1);
    event.caller_key = spent.key;
    event.time = spent.time;
    event.cost = Usd{spent.nanos};
    events.push_back(stored_form(event));
  }
  ASSERT_TRUE(opened->append(chained_behind(ChainEnd{}, std::move(events))));

  const Result<std::map<std::string, Usd>> sums = opened->spent_since("2030-01-01T00:00:00.000Z");

  ASSERT_TRUE(sums) << describe(sums.error());
  EXPECT_EQ(*sums, (std::map<std::string, Usd>{{"a", Usd{24}}, {"b", Usd{300}}}));
}

TEST_P(StoreContract, StopsReadingWhenTheRowSaysSo) {
  const auto opened = store();
  ASSERT_TRUE(opened->append(chained_events(5)));
  std::vector<std::int64_t> seen;

  const auto read = opened->read(EventFilter{}, [&](const StoredEvent& event) {
    seen.push_back(event.sequence);
    return seen.size() < 2;
  });

  EXPECT_TRUE(read);
  EXPECT_THAT(seen, ElementsAre(1, 2));
  EXPECT_THAT(sequences(*opened, {}), SizeIs(5)) << "and can be read again";
}

TEST_P(StoreContract, IsReadWhileItIsWritten) {
  const auto opened = store();
  const std::vector<StoredEvent> events = chained_events(2);
  ASSERT_TRUE(opened->append({events[0]}));
  const auto beside = reader();
  EXPECT_THAT(sequences(*beside, EventFilter{}), ElementsAre(1));

  ASSERT_TRUE(opened->append({events[1]}));

  EXPECT_THAT(sequences(*beside, EventFilter{}), ElementsAre(1, 2));
}

TEST_P(StoreContract, KeepsOneChainThoughTwoWritersAppend) {
  const auto first = store();
  auto second = place().open_beside();
  ASSERT_TRUE(second) << describe(second.error());
  constexpr int kEach = 40;
  // Each writer chains behind its own last event, as recorders do; the store puts that right.
  const auto write = [](AuditStore& store, std::int64_t from) {
    ChainEnd end;
    for (std::int64_t i = 0; i < kEach; ++i) {
      const auto batch = chained_behind(end, {stored_form(numbered_event(from + i))});
      ASSERT_TRUE(store.append(batch));
      end = ChainEnd{.sequence = batch.back().sequence, .hash = batch.back().hash};
    }
  };

  std::thread other(write, std::ref(**second), 1'000);
  write(*first, 1);
  other.join();

  const auto report = verify(*reader());
  ASSERT_TRUE(report && report->ok()) << report->problem->message;
  EXPECT_EQ(report->events, 2 * kEach);
  std::int64_t requests = 0;
  for (const Rollup& row : rollups(*reader(), {}).value()) requests += row.sums.requests;
  EXPECT_EQ(requests, 2 * kEach);
}

TEST_P(StoreContract, RollsUpExactlyWhatItsEventsSay) {
  const auto opened = store();
  const std::vector<StoredEvent> events = days_of_events(3, 700);  // more than wait in memory
  for (std::size_t from = 0; from < events.size(); from += 300) {
    const auto begin = events.begin() + static_cast<std::ptrdiff_t>(from);
    ASSERT_TRUE(opened->append({begin, begin + 300}));
  }
  RollupMap expected;
  for (const StoredEvent& event : events) fold(expected, event);

  for (const bool reopened : {false, true}) {
    const auto rows = reopened ? rollups(*store(), {}) : rollups(*reader(), {});
    ASSERT_TRUE(rows) << describe(rows.error());
    ASSERT_THAT(*rows, SizeIs(expected.size())) << reopened;
    for (const Rollup& row : *rows) EXPECT_EQ(row.sums, expected[row.key]) << row.key.hour;
    if (!reopened && GetParam() == "Sqlite") break;  // its lock allows one gateway at a time
  }
  const auto one_day =
      rollups(*reader(), {.from = "2023-11-15T00:00:00.000Z", .to = "2023-11-16T00:00:00.000Z"}).value();
  std::int64_t requests = 0;
  for (const Rollup& row : one_day) requests += row.sums.requests;
  EXPECT_EQ(requests, std::ranges::count_if(
                          events, [](const StoredEvent& event) { return event.time.starts_with("2023-11-15"); }));
}

TEST_P(StoreContract, PrunesWholeDaysAndStaysVerifiable) {
  const auto opened = store();
  const std::vector<StoredEvent> events = days_of_events(4, 5);
  ASSERT_TRUE(opened->append(events));
  const auto before = rollups(*opened, {});

  const auto pruned = opened->prune("2023-11-16");

  ASSERT_TRUE(pruned) << describe(pruned.error());
  EXPECT_EQ(pruned->events, 10);
  EXPECT_EQ(pruned->partitions, 2);
  EXPECT_EQ(pruned->end, (PrunedEnd{.sequence = 10, .hash = events[9].hash}));
  EXPECT_THAT(sequences(*opened, {}), SizeIs(10));
  const auto report = verify(*reader());
  ASSERT_TRUE(report && report->ok()) << report->problem->message;
  EXPECT_EQ(report->pruned, 10);
  EXPECT_EQ(report->first_sequence, 11);
  EXPECT_EQ(*rollups(*reader(), {}), *before) << "sums outlive their events";
  const auto again = opened->prune("2023-11-16");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->events, 0);
  auto next = chained_behind({.sequence = 20, .hash = events[19].hash}, {stored_form(numbered_event(99))});
  ASSERT_TRUE(opened->append(next)) << "an event with an earlier clock goes to the newest day";
  EXPECT_EQ(verify(*reader())->events, 11);
}

TEST_P(StoreContract, NeverPrunesTheNewestDay) {
  const auto opened = store();
  const std::vector<StoredEvent> events = days_of_events(2, 3);
  ASSERT_TRUE(opened->append(events));

  const auto pruned = opened->prune("2100-01-01");

  ASSERT_TRUE(pruned) << describe(pruned.error());
  EXPECT_EQ(pruned->events, 3);
  EXPECT_THAT(sequences(*opened, {}), ElementsAre(4, 5, 6));
  EXPECT_EQ(opened->last().value()->hash, events[5].hash);
}

TEST_P(StoreContract, PrunesBesideAWriterThatGoesOn) {
  const auto opened = store();
  const std::vector<StoredEvent> events = days_of_events(3, 4);
  ASSERT_TRUE(opened->append(events));
  auto other = place().open_beside();
  ASSERT_TRUE(other);

  ASSERT_EQ((*other)->prune("2023-11-15")->events, 4);
  auto next = chained_behind({.sequence = 12, .hash = events[11].hash}, {stored_form(numbered_event(99))});
  ASSERT_TRUE(opened->append(next));

  const auto report = verify(*reader());
  ASSERT_TRUE(report && report->ok()) << report->problem->message;
  EXPECT_EQ(report->events, 9);
  std::int64_t requests = 0;
  for (const Rollup& row : rollups(*reader(), {}).value()) requests += row.sums.requests;
  EXPECT_EQ(requests, 13);
}

TEST_P(StoreContract, RefusesADayThatIsNone) {
  const auto opened = store();
  for (const char* day : {"", "yesterday", "2023-13-01", "2023-11-1", "20231101", "2023-11-01'; DROP TABLE chain"}) {
    const auto pruned = opened->prune(day);
    ASSERT_FALSE(pruned) << day;
    EXPECT_EQ(pruned.error().code, ErrorCode::InvalidArgument) << day;
  }
}

/// An export carries the beginning of a pruned record, and tampering with that is found.
TEST_P(StoreContract, ExportsAPrunedRecordThatVerifiesAlone) {
  const auto opened = store();
  const std::vector<StoredEvent> events = days_of_events(2, 3);
  ASSERT_TRUE(opened->append(events) && opened->prune("2023-11-15"));
  std::vector<std::string> lines;
  ASSERT_TRUE(export_events(*reader(), {}, ExportFormat::Jsonl, [&](std::string_view piece) {
    lines.emplace_back(piece.substr(0, piece.size() - 1));
    return true;
  }));
  const auto verified = [](std::vector<std::string> all) {
    std::size_t next = 0;
    return verify_export(
        [&]() -> std::optional<std::string> { return next < all.size() ? std::optional(all[next++]) : std::nullopt; });
  };

  const VerifyReport sound = verified(lines);
  std::vector<std::string> cut = lines;
  cut.erase(cut.begin() + 1);
  std::vector<std::string> other_hash = lines;
  other_hash[0].replace(other_hash[0].find(events[2].hash), 64, events[1].hash);

  ASSERT_TRUE(sound.ok()) << sound.problem->message;
  EXPECT_EQ(sound.pruned, 3);
  EXPECT_EQ(sound.events, 3);
  ASSERT_FALSE(verified(cut).ok());
  EXPECT_EQ(verified(cut).problem->kind, ChainProblem::Kind::Gap);
  ASSERT_FALSE(verified(other_hash).ok());
  EXPECT_EQ(verified(other_hash).problem->kind, ChainProblem::Kind::BrokenLink);
}

TEST_P(StoreContract, VerifiesEventsOfEveryKind) {
  using enum Event::Kind;
  std::vector<StoredEvent> events;
  for (const auto kind : {Request, PolicyReload, Start, Shadow, Review, Promotion, VaultRead}) {
    Event event = numbered_event(static_cast<std::int64_t>(events.size()) + 1);
    event.kind = kind;
    event.refers_to = "0188";
    events.push_back(stored_form(event));
  }
  const auto opened = store();
  ASSERT_TRUE(opened->append(chained_behind(ChainEnd{}, std::move(events))));

  const auto report = verify(*opened);

  ASSERT_TRUE(report);
  EXPECT_TRUE(report->ok()) << report->problem->message;
  EXPECT_EQ(rollups(*opened, {})->at(0).sums.requests, 1) << "only requests are summed";
}

TEST_P(StoreContract, CarriesARecorder) {
  auto recorder = Recorder::create(store(), RecorderOptions{});
  ASSERT_TRUE(recorder);
  for (int i = 1; i <= 50; ++i) ASSERT_TRUE((*recorder)->record(numbered_event(i)));

  ASSERT_TRUE((*recorder)->flush(std::chrono::seconds{30}));

  const auto report = verify(*reader());
  ASSERT_TRUE(report && report->ok());
  EXPECT_EQ(report->events, 50);
}

/// What somebody with the database's password might do, and what verification answers.
TEST_P(StoreContract, ShowsTamperingWithItsPosition) {
  using Kind = ChainProblem::Kind;
  struct Case {
    const char* name;
    std::string sql;
    Kind kind;
    std::int64_t position;
  };
  const auto forged = [](std::int64_t sequence, const std::string& previous) {
    StoredEvent event = stored_form(numbered_event(77));
    event.hash = chain_hash(previous, event.json);
    return std::pair(event, fmt::format("{}, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'", sequence,
                                        event.id, event.time, event.kind, event.task, event.route, event.reason,
                                        event.request_id, event.json, previous, event.hash));
  };
  const std::string first_hash = chained_events(1)[0].hash;
  const bool postgres = GetParam() == "Postgres";
  const std::string insert = postgres
                                 ? "INSERT INTO EVENTS (day, caller_key, cost_nanodollars, sequence, id, time, kind, "
                                   "task, route, reason, request_id, json, previous_hash, hash) VALUES ("
                                   "'2023-11-14', '', 0, "
                                 : "INSERT INTO EVENTS (sequence, id, time, kind, task, route, reason, request_id, "
                                   "json, previous_hash, hash) VALUES (";
  const std::string renumber =
      "UPDATE EVENTS SET sequence = -sequence WHERE sequence >= 2; UPDATE EVENTS SET sequence = 1 - sequence WHERE sequence < 0; ";
  const Case cases[] = {
      {"text altered", "UPDATE EVENTS SET json = replace(json, 'frontier', 'frontjer') WHERE sequence = 3",
       Kind::Altered, 3},
      {"event dropped", "DELETE FROM EVENTS WHERE sequence = 2", Kind::Gap, 2},
      {"first dropped", "DELETE FROM EVENTS WHERE sequence = 1", Kind::Gap, 1},
      {"column altered", "UPDATE EVENTS SET task = 'other' WHERE sequence = 4", Kind::ColumnsDiffer, 4},
      {"reason altered", "UPDATE EVENTS SET reason = '' WHERE sequence = 5", Kind::ColumnsDiffer, 5},
      {"two exchanged",
       "UPDATE EVENTS SET sequence = -1 WHERE sequence = 2; UPDATE EVENTS SET sequence = 2 WHERE sequence = 3;"
       "UPDATE EVENTS SET sequence = 3 WHERE sequence = -1",
       Kind::BrokenLink, 2},
      {"inserted behind the first", renumber + insert + forged(2, first_hash).second + ")", Kind::BrokenLink, 3},
      {"appended without the chain", insert + forged(6, std::string(64, '1')).second + ")", Kind::BrokenLink, 6},
      {"a beginning said to be pruned", "DELETE FROM EVENTS WHERE sequence <= 2; UPDATE CHAIN SET pruned_sequence = 2",
       Kind::BrokenLink, 1},
  };
  const std::vector<StoredEvent> events = chained_events(5);
  ASSERT_TRUE(store()->append(events));
  for (const Case& c : cases) {
    const auto run = [&](std::string sql) {
      for (std::size_t at = sql.find("CHAIN"); at != std::string::npos; at = sql.find("CHAIN"))
        sql.replace(at, 5, postgres ? "suffice.chain" : "chain");
      place().tamper(sql);
    };
    run(c.sql);
    const auto report = verify(*reader());
    ASSERT_TRUE(report && !report->ok()) << c.name;
    EXPECT_EQ(name(report->problem->kind), name(c.kind)) << c.name;
    EXPECT_EQ(report->problem->position, c.position) << c.name;
    // Put right for the next case.
    std::string restore = "DELETE FROM EVENTS; UPDATE CHAIN SET pruned_sequence = 0;";
    for (const StoredEvent& event : events) {
      restore += insert + fmt::format("{}, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}');",
                                      event.sequence, event.id, event.time, event.kind, event.task, event.route,
                                      event.reason, event.request_id, event.json, event.previous_hash, event.hash);
    }
    run(restore);
    ASSERT_TRUE(verify(*reader())->ok()) << c.name;
  }
  place().tamper("DELETE FROM EVENTS WHERE sequence > 3");
  EXPECT_TRUE(verify(*reader())->ok()) << "a cut end shows only against a hash noted before";
  const auto cut = verify(*reader(), {.expected_hash = events[4].hash});
  ASSERT_TRUE(cut && !cut->ok());
  EXPECT_EQ(cut->problem->kind, Kind::Truncated);
}

}  // namespace
}  // namespace suffice::audit
