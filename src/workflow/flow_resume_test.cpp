// A run that is cut off anywhere and resumed ends as if nothing had happened: the same answer, the same ledger, the same file, and no
// finished step is run (or paid) again.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/run_sync.hpp"
#include "workflow/flow_run.hpp"
#include "workflow/journal.hpp"

namespace suffice::workflow {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

/// How often each executor has been run, and so paid.
using Paid = std::map<std::string, int>;

/// Pays a model of its name, draws a number, counts in the state, answers with all of it.
Executor paying(std::string name, Paid& paid) {
  return Executor{.name = name, .run = [name, &paid](const FlowMessage& in, FlowRun& run) -> Task<Result<FlowMessage>> {
                    ++paid[run.executor()];
                    audit::Attempt attempt;
                    attempt.model = name;
                    attempt.usage = {.input_tokens = static_cast<std::int64_t>(in.body.text.size()),
                                     .output_tokens = 1};
                    attempt.cost = Usd{static_cast<std::int64_t>(in.body.text.size())};
                    Result<void> reserved = run.ledger().reserve(Usd{}, 0);
                    if (!reserved) co_return fail(std::move(reserved).error());
                    run.ledger().charge(Usd{}, 0, attempt);
                    const std::optional<JsonText> count = run.state("count");
                    run.set_state("count", {std::to_string((count ? std::stoi(count->text) : 0) + 1)});
                    co_return FlowMessage{.type = "n", .body = {std::to_string(run.random().below(1000))}};
                  }};
}

/// Fan-out with a join of two out of three (one fails), a sub-flow with a loop, and a loop around.
std::shared_ptr<const Flow> sample_flow(Paid& paid, std::string version = {}) {
  FlowBuilder inner("inner");
  inner.add(paying("turn", paid)).loop("turns", 2).connect("turn", "turn", {.loop = "turns"});
  inner.add(paying("done", paid)).connect("turn", "done");
  FlowBuilder builder("sample");
  Executor begin = paying("begin", paid);
  begin.version = std::move(version);
  builder.add(begin).add(paying("a", paid)).add(paying("b", paid)).add(paying("sum", paid)).add(paying("end", paid));
  builder.add(Executor{.name = "broken", .run = [&](const FlowMessage&, FlowRun& run) -> Task<Result<FlowMessage>> {
                         ++paid[run.executor()];
                         co_return fail(ErrorCode::UpstreamFailed, "scripted");
                       }});
  builder.sub_flow("sub", *inner.build());
  builder.fan_out("begin", {"broken", "a", "b"}).fan_in({"broken", "a", "b"}, "sum", Join::of(2)).connect("sum", "sub");
  builder.loop("rounds", 2).connect("sub", "begin", {.loop = "rounds"}).connect("sub", "end");
  Result<std::shared_ptr<const Flow>> flow = builder.build();
  EXPECT_TRUE(flow) << describe(flow.error());
  return *flow;
}

const FlowMessage kInput{.type = "n", .body = {"42"}};

class FlowResume : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "suffice-resume-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] fs::path file() const { return folder_ / "run.journal"; }
  [[nodiscard]] std::string bytes() const {
    std::ifstream in(file(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(std::string_view bytes) const { std::ofstream(file(), std::ios::binary) << bytes; }

  struct Ran {
    Result<FlowOutcome> outcome;
    std::vector<ModelUse> used;
  };
  /// Begins, where there is no journal yet, or resumes.
  Ran go(const Flow& flow, FlowOptions options = {}, const FlowMessage& input = kInput) {
    const JournalHeader header{
        .run_id = "run", .shape = flow.shape(), .input_sha256 = digest_of(input), .seed = 5, .about = {}};
    Result<std::unique_ptr<Journal>> journal =
        fs::exists(file()) ? Journal::open(file()) : Journal::create(file(), header);
    if (!journal) return {.outcome = fail(journal.error()), .used = {}};
    RunLedger ledger;
    options.ledger = &ledger;
    options.journal = journal->get();
    Result<FlowOutcome> outcome = net::run_sync(run(flow, input, std::move(options)));
    return {.outcome = std::move(outcome), .used = ledger.used()};
  }

  fs::path folder_;
};

int total(const Paid& paid) {
  int sum = 0;
  for (const auto& [name, count] : paid) sum += count;
  return sum;
}

std::size_t header_bytes(std::string_view journal) {
  return kJournalMagic.size() + find_frame(journal.substr(kJournalMagic.size())).size;
}

/// Steps whose end the journal holds.
int kept_steps(const fs::path& file) {
  const auto journal = Journal::open(file);
  int steps = 0;
  for (auto record = (*journal)->next(); record && *record; record = (*journal)->next())
    steps += (*record)->kind == JournalRecord::Kind::Answer || (*record)->kind == JournalRecord::Kind::Failure ? 1 : 0;
  return steps;
}

TEST_F(FlowResume, EndsTheSameWithTheSameLedgerAndFileWhereverItWasCutOff) {
  Paid paid;
  const auto flow = sample_flow(paid);
  const Ran whole = go(*flow, {.at_once_max = 1});
  ASSERT_TRUE(whole.outcome) << describe(whole.outcome.error());
  const std::string journal = bytes();
  const int steps = total(paid);
  ASSERT_EQ(steps, 24);

  for (std::size_t size = header_bytes(journal); size <= journal.size(); ++size) {
    write(std::string_view(journal).substr(0, size));
    const int kept = kept_steps(file());
    paid.clear();

    const Ran resumed = go(*flow, {.at_once_max = 1});

    ASSERT_TRUE(resumed.outcome) << size << ": " << describe(resumed.outcome.error());
    FlowOutcome outcome = *resumed.outcome;
    ASSERT_EQ(outcome.replayed, static_cast<std::uint64_t>(kept)) << size;
    outcome.replayed = 0;
    ASSERT_EQ(outcome, *whole.outcome) << size;
    ASSERT_TRUE(resumed.used == whole.used) << size;
    ASSERT_EQ(total(paid), steps - kept) << size;
    ASSERT_EQ(bytes(), journal) << size;
  }
}

/// What branches paid that were cut off before their ends were kept is really paid twice, and the ledger says so.
TEST_F(FlowResume, RunsNoKeptStepOfABranchAgainAndForgetsNoPayment) {
  Paid paid;
  const auto flow = sample_flow(paid);
  const Ran whole = go(*flow);
  ASSERT_TRUE(whole.outcome);
  const std::string journal = bytes();
  const int steps = total(paid);
  std::size_t cut = header_bytes(journal);
  for (FoundFrame next = find_frame(std::string_view(journal).substr(cut)); next.kind == FoundFrame::Kind::Whole;
       next = find_frame(std::string_view(journal).substr(cut))) {
    cut += next.size;
    write(std::string_view(journal).substr(0, cut));
    const int kept = kept_steps(file());
    paid.clear();

    const Ran resumed = go(*flow);

    ASSERT_TRUE(resumed.outcome) << cut << ": " << describe(resumed.outcome.error());
    EXPECT_EQ(resumed.outcome->output, whole.outcome->output) << cut;
    EXPECT_EQ(total(paid), steps - kept) << cut;
    for (std::size_t i = 0; i < whole.used.size(); ++i)
      EXPECT_GE(resumed.used.at(i).calls, whole.used.at(i).calls) << cut;
  }
}

TEST_F(FlowResume, GoesOnAfterABudgetThatWasTooSmall) {
  Paid paid;
  const auto flow = sample_flow(paid);
  const Ran cut = go(*flow, {.steps_max = 9});
  ASSERT_FALSE(cut.outcome);
  EXPECT_EQ(cut.outcome.error().code, ErrorCode::BudgetExhausted);

  const Ran resumed = go(*flow);

  ASSERT_TRUE(resumed.outcome) << describe(resumed.outcome.error());
  EXPECT_EQ(total(paid), 24);
  std::int64_t calls = 0;
  for (const ModelUse& use : resumed.used) calls += use.calls;
  EXPECT_EQ(calls, 21);  // three of the steps are the broken branch, which asks nobody
}

TEST_F(FlowResume, RunsAFailedStepAgain) {
  int tries = 0;
  Paid paid;
  FlowBuilder builder("flaky");
  builder.add(paying("first", paid))
      .add(Executor{.name = "flaky", .run = [&](const FlowMessage& in, FlowRun&) -> Task<Result<FlowMessage>> {
                      if (++tries == 1) co_return fail(ErrorCode::UpstreamFailed, "scripted");
                      co_return in;
                    }});
  builder.connect("first", "flaky");
  const auto flow = *builder.build();
  EXPECT_FALSE(go(*flow).outcome);

  EXPECT_TRUE(go(*flow).outcome);

  EXPECT_EQ(paid["first"], 1);
  EXPECT_EQ(tries, 2);
}

TEST_F(FlowResume, ALongStepGoesOnFromItsLastCheckpoint) {
  int worked = 0;
  int stop_at = 30;
  FlowBuilder builder("long");
  builder.add(Executor{.name = "long", .run = [&](const FlowMessage&, FlowRun& run) -> Task<Result<FlowMessage>> {
                         int at = run.last_checkpoint() ? std::stoi(run.last_checkpoint()->text) : 0;
                         for (; at < 100; ++at) {
                           if (at == stop_at) co_return fail(ErrorCode::Cancelled, "killed");
                           ++worked;
                           audit::Attempt attempt;
                           attempt.model = "m";
                           run.ledger().charge(Usd{}, 0, attempt);
                           Result<void> kept = run.checkpoint({std::to_string(at + 1)});
                           if (!kept) co_return fail(std::move(kept).error());
                         }
                         co_return FlowMessage{.type = "n", .body = {std::to_string(at)}};
                       }});
  const auto flow = *builder.build();
  EXPECT_FALSE(go(*flow).outcome);
  stop_at = 70;
  EXPECT_FALSE(go(*flow).outcome);
  stop_at = -1;

  const Ran resumed = go(*flow);

  ASSERT_TRUE(resumed.outcome) << describe(resumed.outcome.error());
  EXPECT_EQ(resumed.outcome->output.body.text, "100");
  EXPECT_EQ(worked, 100);
  ASSERT_EQ(resumed.used.size(), 1U);
  EXPECT_EQ(resumed.used.front().calls, 100);
}

TEST_F(FlowResume, AFinishedRunIsReplayedWithoutRunningAnything) {
  Paid paid;
  const auto flow = sample_flow(paid);
  ASSERT_TRUE(go(*flow).outcome);
  const std::string journal = bytes();
  paid.clear();
  std::vector<std::string> started;
  FlowOptions options;
  options.on_event = [&](const FlowEvent& event) {
    if (event.kind == FlowEvent::Kind::ExecutorStarted) started.emplace_back(event.executor);
  };

  ASSERT_TRUE(go(*flow, options).outcome);

  EXPECT_TRUE(paid.empty());
  EXPECT_TRUE(started.empty());
  EXPECT_EQ(bytes(), journal);
}

TEST_F(FlowResume, RefusesAWorkflowThatHasChanged) {
  Paid paid;
  ASSERT_TRUE(go(*sample_flow(paid, "1")).outcome);

  const Ran other = go(*sample_flow(paid, "2"));

  ASSERT_FALSE(other.outcome);
  EXPECT_EQ(other.outcome.error().code, ErrorCode::InvalidArgument);
  EXPECT_THAT(other.outcome.error().message, HasSubstr("has changed"));
}

TEST_F(FlowResume, RefusesAnotherInput) {
  Paid paid;
  const auto flow = sample_flow(paid);
  ASSERT_TRUE(go(*flow).outcome);

  const Ran other = go(*flow, {}, {.type = "n", .body = {"43"}});

  ASSERT_FALSE(other.outcome);
  EXPECT_THAT(other.outcome.error().message, HasSubstr("another input"));
}

TEST_F(FlowResume, RefusesRecordsThatDoNotFitTheWorkflow) {
  Paid paid;
  const auto flow = sample_flow(paid);
  const JournalHeader header{
      .run_id = "run", .shape = flow->shape(), .input_sha256 = digest_of(kInput), .seed = 5, .about = {}};
  const JournalRecord not_due{.kind = JournalRecord::Kind::Answer, .step = 9, .executor = "begin"};
  const JournalRecord other_name{.kind = JournalRecord::Kind::Answer, .step = 1, .executor = "end"};
  const JournalRecord other_input{.kind = JournalRecord::Kind::Answer, .step = 1, .executor = "begin", .input = 1};
  for (const JournalRecord& record : {not_due, other_name, other_input}) {
    fs::remove(file());
    {
      const auto journal = Journal::create(file(), header);
      ASSERT_TRUE((*journal)->append(record));
    }

    const Ran ran = go(*flow);

    ASSERT_FALSE(ran.outcome);
    EXPECT_EQ(ran.outcome.error().code, ErrorCode::ChainBroken);
  }
  EXPECT_TRUE(paid.empty());
}

}  // namespace
}  // namespace suffice::workflow
