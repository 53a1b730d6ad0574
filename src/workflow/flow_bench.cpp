// What a step of a flow costs beside its executor: in memory, and with the journal on. Target: 20 us a step with the journal.

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include <benchmark/benchmark.h>

#include "net/run_sync.hpp"
#include "workflow/flow_run.hpp"
#include "workflow/journal.hpp"

namespace {

namespace fs = std::filesystem;
using namespace suffice;
using namespace suffice::workflow;

constexpr std::size_t kSteps = 1000;

/// An executor that hands its message of 200 bytes on, a thousand times.
std::shared_ptr<const Flow> loop_of_steps() {
  FlowBuilder builder("bench");
  builder.add(Executor{.name = "step",
                       .run = [](const FlowMessage& in, FlowRun&) -> Task<Result<FlowMessage>> { co_return in; }});
  builder.add(Executor{.name = "end",
                       .run = [](const FlowMessage& in, FlowRun&) -> Task<Result<FlowMessage>> { co_return in; }});
  builder.loop("again", kSteps).connect("step", "step", {.loop = "again"}).connect("step", "end");
  return *builder.build();
}

const FlowMessage kInput{.type = "t", .body = {"\"" + std::string(200, 'x') + "\""}};

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "suffice-bench-XXXXXX").string();
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] fs::path file() const { return path_ / "run.journal"; }

 private:
  fs::path path_;
};

void report(benchmark::State& state) {
  state.counters["us_per_step"] = benchmark::Counter(static_cast<double>(state.iterations()) * (kSteps + 2) / 1e6,
                                                     benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void in_memory(benchmark::State& state) {
  const auto flow = loop_of_steps();
  for (auto unused : state) {
    const auto outcome = net::run_sync(run(*flow, kInput, {.steps_max = 2 * kSteps}));
    if (!outcome) state.SkipWithError("the run failed");
  }
  report(state);
}
BENCHMARK(in_memory)->Unit(benchmark::kMillisecond);

void with_journal(benchmark::State& state) {
  const auto flow = loop_of_steps();
  const Folder folder;
  for (auto unused : state) {
    fs::remove(folder.file());
    const auto journal =
        Journal::create(folder.file(), {.run_id = "r", .shape = flow->shape(), .input_sha256 = digest_of(kInput)});
    const auto outcome = net::run_sync(run(*flow, kInput, {.steps_max = 2 * kSteps, .journal = journal->get()}));
    if (!outcome) state.SkipWithError("the run failed");
  }
  report(state);
}
BENCHMARK(with_journal)->Unit(benchmark::kMillisecond);

/// A resumed run reads its steps instead of running them.
void replayed(benchmark::State& state) {
  const auto flow = loop_of_steps();
  const Folder folder;
  {
    const auto journal =
        Journal::create(folder.file(), {.run_id = "r", .shape = flow->shape(), .input_sha256 = digest_of(kInput)});
    static_cast<void>(net::run_sync(run(*flow, kInput, {.steps_max = 2 * kSteps, .journal = journal->get()})));
  }
  for (auto unused : state) {
    const auto journal = Journal::open(folder.file());
    const auto outcome = net::run_sync(run(*flow, kInput, {.steps_max = 2 * kSteps, .journal = journal->get()}));
    if (!outcome) state.SkipWithError("the run failed");
  }
  report(state);
}
BENCHMARK(replayed)->Unit(benchmark::kMillisecond);

}  // namespace
