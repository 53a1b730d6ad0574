// A MAKER run in a process of its own that is killed with SIGKILL, twice, and goes on from its journal: every step is decided and committed
// once, and at most the one step that was under way at each kill is asked for again.

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "net/run_sync.hpp"
#include "wire/json.hpp"
#include "workflow/journal.hpp"
#include "workflow/patterns/maker/hanoi.hpp"
#include "workflow/patterns/maker/maker.hpp"
#include "workflow/patterns/maker/simulated_worker.hpp"

namespace suffice::workflow::maker {
namespace {

namespace fs = std::filesystem;

constexpr int kDisks = 12;

/// Writes the number of each step it is asked about to a descriptor: what a kill cannot take back.
class PaidWorker final : public StepWorker {
 public:
  explicit PaidWorker(int paid) : paid_(paid), worker_(hanoi_oracle(), {.right = .9978, .valid = .95, .seed = 5}) {}

  Task<Result<void>> sample(const StepQuestion& question, SampleRange range,
                            std::vector<Result<Sample>>& out) override {
    const std::uint64_t step = question.step;
    if (range.first == 0 && ::write(paid_, &step, sizeof step) != sizeof step) {
      co_return fail(ErrorCode::IoFailed, "the pipe is gone");
    }
    Result<void> asked = co_await worker_.sample(question, range, out);
    co_return asked;
  }

 private:
  int paid_;
  SimulatedWorker worker_;
};

Result<FlowOutcome> run_hanoi(const fs::path& file, int paid) {
  MakerTask task;
  task.name = "hanoi";
  task.rules.voting = {.ahead_by = 3, .samples_max = 60};
  task.limits.steps_max = hanoi_steps(kDisks);
  task.entries = {{.instruction = "Make the next move.", .times = hanoi_steps(kDisks)}};
  task.start = Hanoi::create(kDisks)->json();
  MakerWorkers workers;
  workers.worker = [paid](FlowRun&) -> Result<std::unique_ptr<StepWorker>> {
    return std::make_unique<PaidWorker>(paid);
  };
  const auto flow = *build_maker(std::make_shared<const MakerTask>(task), workers);
  const FlowMessage request = to_message({.query = "Solve it."});
  const JournalHeader header{
      .run_id = "hanoi", .shape = flow->shape(), .input_sha256 = digest_of(request), .seed = 1, .about = {}};
  const JournalOptions small{.sync_every = 0, .compact_bytes = 20'000};  // compaction happens on the way
  auto journal = fs::exists(file) ? Journal::open(file, small) : Journal::create(file, header, small);
  if (!journal) return fail(journal.error());
  FlowOptions options;
  options.journal = journal->get();
  return net::run_sync(workflow::run(*flow, request, options));
}

/// Runs in a child that is killed once it has asked about `count` steps. The steps it asked about, in order.
std::vector<std::uint64_t> run_and_kill(const fs::path& file, std::size_t count) {
  std::array<int, 2> pipe{};
  EXPECT_EQ(::pipe(pipe.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(pipe[0]);
    const Result<FlowOutcome> outcome = run_hanoi(file, pipe[1]);
    ::_exit(outcome ? 0 : 1);
  }
  ::close(pipe[1]);
  std::vector<std::uint64_t> asked;
  std::uint64_t step = 0;
  while (::read(pipe[0], &step, sizeof step) == sizeof step) {
    asked.push_back(step);
    if (asked.size() == count) EXPECT_EQ(::kill(child, SIGKILL), 0);
  }
  ::close(pipe[0]);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status)) << "it ended before it was killed";
  return asked;
}

TEST(MakerResume, AKilledRunGoesOnAndNoCommittedStepIsPaidTwice) {
  std::string pattern = (fs::temp_directory_path() / "suffice-maker-XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const fs::path folder = pattern;
  const fs::path file = folder / "run.journal";

  std::vector<std::uint64_t> asked = run_and_kill(file, 700);
  for (const std::uint64_t step : run_and_kill(file, 900)) asked.push_back(step);
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const Result<FlowOutcome> outcome = run_hanoi(file, pipe[1]);
  ::close(pipe[1]);
  for (std::uint64_t step = 0; ::read(pipe[0], &step, sizeof step) == sizeof step;) asked.push_back(step);
  ::close(pipe[0]);

  ASSERT_TRUE(outcome) << describe(outcome.error());
  const boost::json::value answer = *wire::parse_json(outcome->output.body.text);
  EXPECT_EQ(answer.at("steps").to_number<std::uint64_t>(), hanoi_steps(kDisks));
  const Result<Hanoi> end = Hanoi::parse(wire::canonical_json(answer.at("state")));
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->solved());
  std::vector<int> times(hanoi_steps(kDisks));
  for (const std::uint64_t step : asked) ++times.at(step);
  int twice = 0;
  for (const int count : times) {
    EXPECT_GE(count, 1);
    if (count > 1) ++twice;
  }
  EXPECT_LE(twice, 2) << "more than the step under way at each of the two kills";
  EXPECT_LE(asked.size(), hanoi_steps(kDisks) + 2);
  fs::remove_all(folder);
}

TEST(MakerResume, TheSameJournalIsNotResumedByAnotherTask) {
  std::string pattern = (fs::temp_directory_path() / "suffice-maker-XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const fs::path file = fs::path(pattern) / "run.journal";
  run_and_kill(file, 50);
  MakerTask task;
  task.name = "hanoi";
  task.version = "another prompt";
  task.entries = {{.instruction = "Make the next move.", .times = 1}};
  task.start = "1";
  MakerWorkers workers;
  workers.worker = [](FlowRun&) -> Result<std::unique_ptr<StepWorker>> { return std::make_unique<PaidWorker>(-1); };
  const auto flow = *build_maker(std::make_shared<const MakerTask>(task), workers);
  const auto journal = Journal::open(file);
  ASSERT_TRUE(journal);
  FlowOptions options;
  options.journal = journal->get();

  const Result<FlowOutcome> outcome = net::run_sync(workflow::run(*flow, to_message({.query = "Solve it."}), options));

  EXPECT_FALSE(outcome);
  fs::remove_all(pattern);
}

}  // namespace
}  // namespace suffice::workflow::maker
