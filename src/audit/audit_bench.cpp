// What the record costs: redaction and JSON per event, enqueueing per request, and durable events per second.
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>

#include <benchmark/benchmark.h>

#include "audit/event_json.hpp"
#include "audit/recorder.hpp"
#include "audit/redaction.hpp"
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

}  // namespace
}  // namespace suffice::audit
