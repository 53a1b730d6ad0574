// What the record costs: redaction and JSON per event, enqueueing per request, and durable events per second.
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string>

#include <benchmark/benchmark.h>

#include "audit/event_json.hpp"
#include "audit/postgres_server.hpp"
#include "audit/postgres_store.hpp"
#include "audit/recorder.hpp"
#include "audit/redaction.hpp"
#include "audit/rollups.hpp"
#include "audit/sample_events.hpp"
#include "audit/sample_secrets.hpp"
#include "audit/sqlite_store.hpp"

namespace suffice::audit {
namespace {

/// Log lines that differ from call to call, `bytes` long together.
std::string log_text(Random& random, std::size_t bytes) {
  static constexpr std::array<std::string_view, 5> kLines = {
      "[INFO] Downloading from central: https://repo.maven.apache.org/maven2/org/apache/{}/{}.jar\n",
      "[ERROR] /src/main/java/com/example/{}/{}Service.java:[41,23] cannot find symbol\n",
      "2026-11-22T06:30:42.123Z WARN 4711 --- [main] c.e.{}.{} : retry 3 of 5 after 250 ms\n",
      "npm ERR! code ERESOLVE could not resolve {}@1.2.3 against {}@^2.0.0\n",
      "I cannot open the ticket about {} since the update of {}, please help.\n"};
  std::string text;
  while (text.size() < bytes) {
    text +=
        fmt::format(fmt::runtime(testing::one_of(random, kLines)), testing::random_of(random, testing::kLowerDigits, 9),
                    testing::random_of(random, testing::kLowerDigits, 7));
  }
  return text;
}

std::vector<Event> varied_events() {
  SeededRandom random(3);
  std::vector<Event> events;
  for (int i = 0; i < 256; ++i) {
    events.push_back(testing::numbered_event(i));
    events.back().input = log_text(random, 6'000);
  }
  return events;
}

void BM_Preview(benchmark::State& state) {
  SeededRandom random(1);
  std::vector<std::string> texts;
  for (int i = 0; i < 512; ++i) texts.push_back(log_text(random, static_cast<std::size_t>(state.range(0))));
  std::size_t next = 0;
  for (auto _ : state) benchmark::DoNotOptimize(redacted_preview(texts[next++ % texts.size()], 240));
}
BENCHMARK(BM_Preview)->Arg(100)->Arg(1'000)->Arg(100'000)->Unit(benchmark::kMicrosecond);

void BM_PreviewOfSecrets(benchmark::State& state) {
  SeededRandom random(2);
  std::vector<std::string> texts;
  for (int i = 0; i < 512; ++i) {
    std::string text;
    for (int n = 0; n < 4; ++n) {
      const auto& format = testing::kSecretFormats[random.below(testing::kSecretFormats.size())];
      text += testing::in_a_sentence(random, format.make(random).text) + "\n";
    }
    texts.push_back(std::move(text));
  }
  std::size_t next = 0;
  for (auto _ : state) benchmark::DoNotOptimize(redacted_preview(texts[next++ % texts.size()], 240));
}
BENCHMARK(BM_PreviewOfSecrets)->Unit(benchmark::kMicrosecond);

void BM_EventJson(benchmark::State& state) {
  const std::vector<Event> events = varied_events();
  std::size_t next = 0;
  for (auto _ : state) benchmark::DoNotOptimize(event_json(events[next++ % events.size()]));
}
BENCHMARK(BM_EventJson)->Unit(benchmark::kMicrosecond);

void BM_EventJsonWithoutText(benchmark::State& state) {
  Event event = testing::numbered_event(1);
  event.input.clear();
  event.output.clear();
  for (CheckResult& check : event.attempts[0].checks) check.detail.clear();
  for (auto _ : state) benchmark::DoNotOptimize(event_json(event));
}
BENCHMARK(BM_EventJsonWithoutText)->Unit(benchmark::kMicrosecond);

/// Events per second that one transaction of `range` events gives.
void BM_SqliteAppend(benchmark::State& state) {
  const testing::TemporaryFolder folder;
  const auto durability = state.range(1) == 0 ? Durability::ProcessCrash : Durability::PowerLoss;
  auto store = open_sqlite_store(folder / "audit.db", SqliteOptions{.durability = durability});
  if (!store) return state.SkipWithError("no store");
  std::vector<StoredEvent> batch = testing::chained_events(state.range(0));
  std::int64_t sequence = 0;
  for (auto _ : state) {
    for (StoredEvent& event : batch) {
      event.sequence = ++sequence;
      event.id = fmt::format("01890000-0000-7000-8000-{:012}", sequence);
    }
    if (!(*store)->append(batch)) return state.SkipWithError("append failed");
  }
  state.SetItemsProcessed(sequence);
}
BENCHMARK(BM_SqliteAppend)
    ->Args({1, 0})
    ->Args({16, 0})
    ->Args({128, 0})
    ->Args({512, 0})
    ->Args({1, 1})
    ->Args({128, 1})
    ->UseRealTime();

/// What a request pays: copying aside, one event handed over while the writer works.
void BM_Enqueue(benchmark::State& state) {
  const testing::TemporaryFolder folder;
  auto store = open_sqlite_store(folder / "audit.db");
  if (!store) return state.SkipWithError("no store");
  auto recorder = Recorder::create(std::move(*store), RecorderOptions{.queue_max = 20'000});
  std::int64_t number = 0;
  for (auto _ : state) {
    state.PauseTiming();
    Event event = testing::numbered_event(++number);
    if (number % 10'000 == 0) static_cast<void>((*recorder)->flush(std::chrono::seconds(60)));
    state.ResumeTiming();
    benchmark::DoNotOptimize((*recorder)->record(std::move(event)));
  }
}
BENCHMARK(BM_Enqueue)->Iterations(50'000)->Unit(benchmark::kNanosecond);

/// Durable events per second through the whole recorder: 6 KB of input hashed, redacted, chained, committed.
void BM_RecordUntilDurable(benchmark::State& state) {
  const testing::TemporaryFolder folder;
  auto store = open_sqlite_store(folder / "audit.db");
  if (!store) return state.SkipWithError("no store");
  auto recorder = Recorder::create(std::move(*store), RecorderOptions{});
  const std::vector<Event> events = varied_events();
  std::int64_t number = 0;
  for (auto _ : state) {
    for (std::int64_t i = 0; i < state.range(0); ++i) {
      Event event = events[static_cast<std::size_t>(number) % events.size()];
      event.id = fmt::format("01890000-0000-7000-8000-{:012}", ++number);
      if (!(*recorder)->record(std::move(event))) return state.SkipWithError("queue full");
    }
    if (!(*recorder)->flush(std::chrono::seconds(60))) return state.SkipWithError("not durable");
  }
  state.SetItemsProcessed(number);
}
BENCHMARK(BM_RecordUntilDurable)->Arg(1)->Arg(64)->Arg(4'096)->UseRealTime();

/// Requests of thirty days, five tasks, three routes and three models: short ones, because what a report reads are their sums.
class Thirty {
 public:
  std::vector<StoredEvent> next(std::int64_t count, std::int64_t of) {
    std::vector<StoredEvent> batch;
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t number = number_++;
      Event event;
      event.id = fmt::format("01890000-0000-7000-8000-{:012}", number);
      event.time = testing::test_time() + std::chrono::milliseconds{number * (30LL * 86'400'000 / of)};
      event.request_id = event.id;
      event.task = kTasks[number % kTasks.size()];
      event.route = number % 3 == 0   ? Route::Local
                    : number % 3 == 1 ? Route::EscalatedAfterValidation
                                      : Route::Frontier;
      if (number % 3 == 1) event.reasons = {number % 2 == 0 ? Reason::ConfidenceLow : Reason::LabelEscalates};
      event.served_model = kModels[number % kModels.size()];
      event.outcome = "ok";
      event.cost = Usd{number % 1'000};
      event.counterfactual_cost = Usd{2'000};
      event.latency_us = 1'000 + number % 1'000'000;
      batch.push_back(stored_form(event));
    }
    batch = chained_behind(end_, std::move(batch));
    end_ = {.sequence = batch.back().sequence, .hash = batch.back().hash};
    return batch;
  }

 private:
  static constexpr std::array<const char*, 5> kTasks = {"triage", "intent", "summary", "extract", "route"};
  static constexpr std::array<const char*, 3> kModels = {"small", "large", "frontier"};
  std::int64_t number_ = 0;
  ChainEnd end_;
};

std::int64_t events_to_load() {
  const char* given = std::getenv("SUFFICE_BENCH_EVENTS");  // NOLINT(concurrency-mt-unsafe): nothing sets it
  return given == nullptr ? 100'000 : std::atoll(given);
}

/// A record of SUFFICE_BENCH_EVENTS events [100,000], loaded once for the benches of a store; says on standard error what loading took.
std::unique_ptr<AuditStore> load(std::unique_ptr<AuditStore> store, std::string_view name) {
  const std::int64_t events = events_to_load();
  Thirty source;
  const auto began = std::chrono::steady_clock::now();
  for (std::int64_t done = 0; done < events; done += 500) {
    if (!store->append(source.next(500, events))) return nullptr;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  fmt::print(stderr, "{}: {} events loaded in {:.1f} s\n", name, events, took.count());
  return store;
}

AuditReader* loaded(std::int64_t which) {
  if (which == 0) {
    static const testing::TemporaryFolder folder;
    static const std::unique_ptr<AuditStore> store = load(open_sqlite_store(folder / "audit.db").value(), "SQLite");
    return store.get();
  }
  testing::PostgresServer* const server = testing::shared_postgres();
  if (server == nullptr) return nullptr;
  static const std::unique_ptr<AuditStore> store =
      load(open_postgres_store(server->url("bench")).value(), "PostgreSQL");
  return store.get();
}

/// What a report asks first: the sums of everything.
void BM_RollupsOfAll(benchmark::State& state) {
  AuditReader* const reader = loaded(state.range(0));
  if (reader == nullptr) return state.SkipWithError("no store");
  std::size_t rows = 0;
  std::int64_t requests = 0;
  for (auto _ : state) {
    const auto found = rollups(*reader, {});
    if (!found) return state.SkipWithError("failed");
    rows = found->size();
    requests = 0;
    for (const Rollup& row : *found) requests += row.sums.requests;
  }
  state.counters["rows"] = static_cast<double>(rows);
  state.counters["requests"] = static_cast<double>(requests);
}
BENCHMARK(BM_RollupsOfAll)->ArgName("postgres")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond)->UseRealTime();

void BM_RollupsOfADay(benchmark::State& state) {
  AuditReader* const reader = loaded(state.range(0));
  if (reader == nullptr) return state.SkipWithError("no store");
  for (auto _ : state)
    benchmark::DoNotOptimize(rollups(*reader, {.from = "2023-11-20", .to = "2023-11-21T00:00:00.000Z"}));
}
BENCHMARK(BM_RollupsOfADay)->ArgName("postgres")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond)->UseRealTime();

void BM_NewestOfATask(benchmark::State& state) {
  AuditReader* const reader = loaded(state.range(0));
  if (reader == nullptr) return state.SkipWithError("no store");
  for (auto _ : state) {
    const auto read = reader->read({.task = "triage", .limit = 20, .newest_first = true},
                                   [](const StoredEvent& event) { return !event.id.empty(); });
    if (!read) return state.SkipWithError("failed");
  }
}
BENCHMARK(BM_NewestOfATask)->ArgName("postgres")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond)->UseRealTime();

/// Events a second that appends of `range` events give on a PostgreSQL of its own over a Unix socket; the server syncs each commit.
void BM_PostgresAppend(benchmark::State& state) {
  testing::PostgresServer* const server = testing::shared_postgres();
  if (server == nullptr) return state.SkipWithError("no PostgreSQL here");
  auto store = open_postgres_store(server->url(fmt::format("append_{}", state.range(0))));
  if (!store) return state.SkipWithError("no store");
  ChainEnd end;
  if (const auto last = (*store)->last(); last && *last) end = {.sequence = (*last)->sequence, .hash = (*last)->hash};
  std::vector<StoredEvent> batch = testing::chained_events(state.range(0));
  for (auto _ : state) {
    state.PauseTiming();
    for (std::size_t i = 0; i < batch.size(); ++i)
      batch[i].id = fmt::format("01890000-0000-7000-8000-{:012}", end.sequence + static_cast<std::int64_t>(i) + 1);
    batch = chained_behind(end, std::move(batch));
    end = {.sequence = batch.back().sequence, .hash = batch.back().hash};
    state.ResumeTiming();
    if (!(*store)->append(batch)) return state.SkipWithError("append failed");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_PostgresAppend)->Arg(1)->Arg(16)->Arg(128)->Arg(512)->UseRealTime();

}  // namespace
}  // namespace suffice::audit
