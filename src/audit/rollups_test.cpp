#include "audit/rollups.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/sample_events.hpp"
#include "audit/sqlite_store.hpp"

namespace suffice::audit {
namespace {

using testing::chained_events;
using testing::request_event;
using ::testing::SizeIs;
using testing::TemporaryFolder;

/// Two tasks, three hours, one change of state.
std::vector<StoredEvent> varied_events() {
  std::vector<StoredEvent> events;
  std::string previous(kFirstPreviousHash);
  for (int i = 0; i < 30; ++i) {
    Event event = request_event(fmt::format("01890000-0000-7000-8000-{:012}", i + 1));
    event.time = testing::test_time() + std::chrono::minutes{5} * i;
    if (i % 3 == 0) event.task = "summarize_log";
    if (i % 5 == 0) {
      event.route = Route::Local;
      event.reasons.clear();
      event.served_model = "small";
      event.cost = Usd{0};
      event.attempts.pop_back();
      event.attempts[0].accepted = true;
    }
    if (i == 7) event.counterfactual_cost.reset();
    if (i == 8) event.outcome = "frontier_failed";
    if (i == 9) event.kind = Event::Kind::PolicyReload;
    event.latency_us = 1'000 * (i + 1);
    StoredEvent stored = stored_form(event);
    stored.sequence = i + 1;
    stored.previous_hash = previous;
    stored.hash = previous = chain_hash(stored.previous_hash, stored.json);
    events.push_back(std::move(stored));
  }
  return events;
}

std::unique_ptr<AuditStore> store_of(const TemporaryFolder& folder, const std::vector<StoredEvent>& events) {
  auto store = open_sqlite_store(folder / "audit.db");
  EXPECT_TRUE(store && (*store)->append(events));
  return std::move(store).value();
}

TEST(EventFigures, AreTheSameFromTheEventAndFromItsText) {
  Event event = request_event("a");
  event.stand_in = true;

  const auto from_event = figures_of(event);
  const auto from_text = figures_of_json(event_json(event));

  ASSERT_TRUE(from_event && from_text);
  EXPECT_EQ(*from_event, *from_text);
  EXPECT_EQ(from_event->local_attempts, 1);
  EXPECT_EQ(from_event->hosted_attempts, 1);
  EXPECT_EQ(from_event->input_tokens, 310);
  EXPECT_EQ(from_event->counterfactual_nanodollars, 123'000);
  event.counterfactual_cost.reset();
  event.outcome = "deadline_exceeded";
  EXPECT_EQ(figures_of(event), figures_of_json(event_json(event)));
  event.kind = Event::Kind::Start;
  EXPECT_FALSE(figures_of(event) || figures_of_json(event_json(event)) || figures_of_json("[]"));
}

TEST(Rollups, AddUpWhatTheEventsSay) {
  const TemporaryFolder folder;
  const std::vector<StoredEvent> events = varied_events();
  const auto store = store_of(folder, events);

  const auto rows = rollups(*store, {});

  ASSERT_TRUE(rows) << describe(rows.error());
  RollupSums total;
  RollupMap expected;
  for (const StoredEvent& event : events) fold(expected, event);
  ASSERT_THAT(*rows, SizeIs(expected.size()));
  for (const Rollup& row : *rows) {
    EXPECT_EQ(row.sums, expected[row.key]) << row.key.hour << row.key.task << row.key.route;
    total += row.sums;
  }
  EXPECT_EQ(total.requests, 29) << "a change of state is no request";
  EXPECT_EQ(total.succeeded, 28);
  EXPECT_EQ(total.counterfactual_known, 28);
  EXPECT_EQ(total.local_accepted, 6);
  EXPECT_EQ(total.cost_nanodollars, 23 * 123'450);
  EXPECT_EQ(total.cost_where_counterfactual_nanodollars, 22 * 123'450);
  EXPECT_EQ(total.latency_us, 1'000 * (30 * 31 / 2 - 10));
}

TEST(Rollups, CoverTheWholeHoursOfARange) {
  const TemporaryFolder folder;
  const auto store = store_of(folder, varied_events());  // from 2023-11-14T22:13:20 on, 145 minutes
  const auto requests = [&](const TimeRange& range) {
    const auto rows = rollups(*store, range);
    std::int64_t sum = 0;
    for (const Rollup& row : rows.value()) sum += row.sums.requests;
    return sum;
  };
  struct Case {
    const char* name;
    TimeRange range;
    std::int64_t requests;
  };
  const Case cases[] = {
      {"all", {}, 29},
      {"first hour", {.to = "2023-11-14T23:00:00.000Z"}, 9},
      {"from the middle of an hour: the hour is whole", {.from = "2023-11-14T23:20:00.000Z"}, 20},
      {"one hour", {.from = "2023-11-14T23:00:00.000Z", .to = "2023-11-15T00:00:00.000Z"}, 12},
      {"by date", {.from = "2023-11-15"}, 8},
      {"nothing", {.from = "2024-01-01"}, 0},
  };
  for (const Case& c : cases) EXPECT_EQ(requests(c.range), c.requests) << c.name;
}

TEST(LatencyHistogram, HoldsEachLatencyInTheBucketOfItsBounds) {
  for (const std::int64_t us : {0L, 1L, 2L, 3L, 5L, 999L, 1'000'000L, 3'037'000'500L, 1'000'000'000'000L}) {
    const std::size_t bucket = LatencyHistogram::bucket_of(us);
    EXPECT_GE(us, LatencyHistogram::bound(bucket)) << us;
    if (bucket + 1 < LatencyHistogram::kBuckets) EXPECT_LT(us, LatencyHistogram::bound(bucket + 1)) << us;
  }
  EXPECT_EQ(LatencyHistogram::bucket_of(-5), 0U);
}

TEST(LatencyHistogram, GivesQuantilesWithinTheirBucket) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.quantile(0.5), 0);
  for (int i = 1; i <= 1'000; ++i) histogram.add(i * 100);
  for (const double q : {0.01, 0.5, 0.9, 0.99, 1.0}) {
    const double truth = q * 100'000;
    EXPECT_NEAR(histogram.quantile(q), truth, truth * 0.42) << q;
  }
}

TEST(EventPages, LeaveNothingOutAndGoOnWhereTheyEnded) {
  const TemporaryFolder folder;
  const auto store = store_of(folder, chained_events(5));
  std::vector<std::int64_t> seen;
  std::int64_t cursor = 0;
  for (bool more = true; more;) {
    const auto page = events(*store, EventFilter{}, cursor, 2);
    ASSERT_TRUE(page);
    for (const StoredEvent& event : page->events) seen.push_back(event.sequence);
    cursor = page->next;
    more = page->more;
  }

  EXPECT_THAT(seen, ::testing::ElementsAre(1, 2, 3, 4, 5));
  EXPECT_TRUE(events(*store, EventFilter{}, cursor, 2)->events.empty());
  EXPECT_EQ(events(*store, EventFilter{.until = testing::chained_events(1)[0].time}, 0)->events.size(), 0U);
}

}  // namespace
}  // namespace suffice::audit
