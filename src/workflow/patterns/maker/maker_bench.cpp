// What MAKER itself costs a step: a simulated worker (p = .9978, k = 3) on Towers of Hanoi.
// The oracle that plays the worker is measured apart: subtract it.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <benchmark/benchmark.h>

#include "net/run_sync.hpp"
#include "wire/json.hpp"
#include "workflow/journal.hpp"
#include "workflow/patterns/maker/hanoi.hpp"
#include "workflow/patterns/maker/maker.hpp"
#include "workflow/patterns/maker/simulated_worker.hpp"
#include "workflow/patterns/maker/steps.hpp"

namespace suffice::workflow::maker {
namespace {

constexpr int kDisks = 12;

Plan hanoi_plan(int disks) {
  return *Plan::create(Hanoi::create(disks)->json(),
                       {{.instruction = "Make the next move.", .times = hanoi_steps(disks)}},
                       {.steps_max = std::uint64_t{1} << disks});
}

namespace fs = std::filesystem;

/// A folder that is gone with its owner.
struct Folder {
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "suffice-maker-bench-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path = pattern;
  }
  ~Folder() { fs::remove_all(path); }
  fs::path path;
};

/// The whole flow with its journal, from where the journal stands.
Result<FlowOutcome> run_flow(int disks, const fs::path& file) {
  MakerTask task;
  task.name = "hanoi";
  task.rules.voting = {.ahead_by = 3, .samples_max = 60};
  task.limits.steps_max = hanoi_steps(disks);
  task.entries = {{.instruction = "Make the next move.", .times = hanoi_steps(disks)}};
  task.start = Hanoi::create(disks)->json();
  MakerWorkers workers;
  workers.worker = [](FlowRun&) -> Result<std::unique_ptr<StepWorker>> {
    return std::make_unique<SimulatedWorker>(hanoi_oracle(), Noise{.right = .9978, .valid = 1, .seed = 1});
  };
  const auto flow = *build_maker(std::make_shared<const MakerTask>(task), workers);
  const FlowMessage request = to_message({.query = "go"});
  const JournalHeader header{
      .run_id = "bench", .shape = flow->shape(), .input_sha256 = digest_of(request), .seed = 1, .about = {}};
  auto journal = fs::exists(file) ? Journal::open(file) : Journal::create(file, header);
  if (!journal) return fail(journal.error());
  FlowOptions options;
  options.journal = journal->get();
  return net::run_sync(workflow::run(*flow, request, options));
}

/// Time a step, without a journal.
void vote_and_commit(benchmark::State& state) {
  const Plan plan = hanoi_plan(kDisks);
  StepRules rules;
  rules.voting = {.ahead_by = 3, .samples_max = 60};
  const StepHooks hooks;
  std::uint64_t steps = 0;
  for (auto _ : state) {
    SimulatedWorker worker(hanoi_oracle(), {.right = .9978, .valid = 1, .seed = 1});
    Progress at;
    at.state = plan.start();
    benchmark::DoNotOptimize(net::run_sync(make_steps(rules, plan, worker, nullptr, at, hooks)));
    steps += at.step;
  }
  state.counters["step"] =
      benchmark::Counter(static_cast<double>(steps), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(vote_and_commit)->Unit(benchmark::kMillisecond);

/// The same as a flow whose every step is written to a journal.
void vote_commit_and_journal(benchmark::State& state) {
  std::uint64_t steps = 0;
  for (auto _ : state) {
    const Folder folder;
    if (!run_flow(kDisks, folder.path / "run.journal")) state.SkipWithError("the run failed");
    steps += hanoi_steps(kDisks);
  }
  state.counters["step"] =
      benchmark::Counter(static_cast<double>(steps), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(vote_commit_and_journal)->Unit(benchmark::kMillisecond);

/// 2^20 - 1 steps, killed by SIGKILL twice on the way in processes of their own, and resumed. The shortest solution is the only one of
/// that many steps, so that towers which are solved then have seen no wrong step. Real time of all three processes.
void million_steps_killed_twice(benchmark::State& state) {
  constexpr int kManyDisks = 20;
  for (auto _ : state) {
    const Folder folder;
    const fs::path file = folder.path / "run.journal";
    for (int kill = 0; kill < 2; ++kill) {
      const pid_t child = ::fork();
      if (child == 0) ::_exit(run_flow(kManyDisks, file) ? 0 : 1);
      ::usleep(3'000'000);
      ::kill(child, SIGKILL);
      int status = 0;
      if (::waitpid(child, &status, 0) != child || !WIFSIGNALED(status))
        state.SkipWithError("it ended before it was killed");
    }
    const Result<FlowOutcome> outcome = run_flow(kManyDisks, file);
    const Result<boost::json::value> answer = wire::parse_json(outcome ? outcome->output.body.text : "{}");
    const Result<Hanoi> end = outcome ? Hanoi::parse(wire::canonical_json(answer->at("state"))) : Hanoi::parse("");
    if (!end || !end->solved() || answer->at("steps").to_number<std::uint64_t>() != hanoi_steps(kManyDisks)) {
      state.SkipWithError("a step was wrong");
    }
  }
  state.counters["steps"] = static_cast<double>(hanoi_steps(kManyDisks));
}
BENCHMARK(million_steps_killed_twice)->Unit(benchmark::kSecond)->Iterations(1)->UseRealTime();

/// The worker's own share of it: one oracle a step, three samples.
void simulate_worker(benchmark::State& state) {
  SimulatedWorker worker(hanoi_oracle(), {.right = .9978, .valid = 1, .seed = 1});
  const std::string start = Hanoi::create(kDisks)->json();
  std::vector<Result<Sample>> samples;
  std::uint64_t step = 0;
  for (auto _ : state) {
    const StepQuestion question{.step = step++, .instruction = "Make the next move.", .state = start};
    benchmark::DoNotOptimize(net::run_sync(worker.sample(question, {.first = 0, .count = 3}, samples)));
  }
}
BENCHMARK(simulate_worker)->Unit(benchmark::kMicrosecond);

/// The checkpoint's text.
void write_checkpoint(benchmark::State& state) {
  Progress at;
  at.state = Hanoi::create(20)->json();
  at.action = hanoi_action_json({1, 0, 2});
  std::string text;
  for (auto _ : state) {
    text.clear();
    at.append_json(text);
    benchmark::DoNotOptimize(text.data());
  }
}
BENCHMARK(write_checkpoint)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace suffice::workflow::maker
