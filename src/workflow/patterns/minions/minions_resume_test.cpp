// A run that is cut off in the middle of its jobs and goes on from its journal: what was read is not read again, the frontier is not paid
// twice, and the answer is that of a run that was never cut off.

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "workflow/journal.hpp"
#include "workflow/patterns/minions/minions_fixture.hpp"

namespace suffice::workflow::minions {
namespace {

namespace fs = std::filesystem;
using namespace test;
using testing::Each;
using testing::SizeIs;

constexpr std::size_t kJobs = 60;

class MinionsResume : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "suffice-minions-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    for (std::size_t i = 0; i <= kJobs; ++i) text_ += "PM: fact number " + std::to_string(i) + "\n";
  }
  void TearDown() override { fs::remove_all(folder_); }

  /// Cancels itself before job `stop_at`; reads are counted by job.
  Ran run_it(const fs::path& file, std::size_t stop_at, std::vector<int>& reads) {
    const auto worker = worker_of([&, stop_at](const ChunkQuestion& question) -> Result<WorkerReply> {
      if (question.number == stop_at) return fail(ErrorCode::Cancelled, "the power is gone");
      ++reads[question.number];
      return WorkerReply{
          .text = question.number % 3 == 0 ? found_json(question.chunk.substr(0, question.chunk.find('\n'))) : "none"};
    });
    auto flow =
        build_minions(std::make_shared<const MinionsSpec>(), worker, std::make_shared<const PortModel>(hosted(spy_)));
    EXPECT_TRUE(flow.has_value());
    const FlowMessage input = question_of(text_).message();
    const JournalHeader header{
        .run_id = "r", .shape = (*flow)->shape(), .input_sha256 = digest_of(input), .seed = 1, .about = {}};
    auto journal = fs::exists(file) ? Journal::open(file) : Journal::create(file, header);
    EXPECT_TRUE(journal.has_value());
    FlowOptions options;
    options.journal = journal->get();
    options.seed = 1;
    Ran ran;
    ran.outcome = net::run_sync(run(**flow, input, std::move(options)));
    if (ran.outcome) ran.body = wire::parse_json(ran.outcome->output.body.text).value().as_object();
    return ran;
  }

  fs::path folder_;
  std::string text_;
  std::shared_ptr<RemoteSpy> spy_ = std::make_shared<RemoteSpy>([](const std::string& prompt) -> Result<Completion> {
    if (asked_of(prompt) == Asked::Advice) return said("look");
    if (asked_of(prompt) == Asked::Plan) {
      return said(
          R"({"tasks":[{"name":"f","instruction":"facts"}],"chunking":{"unit":"lines","size":2,"overlap":1},"samples":1})");
    }
    return said(R"({"decision":"answer","answer":"many","evidence":[1,2]})");
  });
};

TEST_F(MinionsResume, ReadsNoFinishedBatchAgainAndEndsTheSame) {
  std::vector<int> straight(kJobs);
  const Ran whole = run_it(folder_ / "whole", kJobs, straight);
  ASSERT_TRUE(whole.outcome.has_value()) << describe(whole.outcome.error());
  EXPECT_THAT(straight, Each(1));
  const std::size_t paid = spy_->calls.size();

  std::vector<int> reads(kJobs);
  const Ran cut = run_it(folder_ / "cut", 40, reads);
  ASSERT_FALSE(cut.outcome.has_value());
  EXPECT_EQ(cut.outcome.error().code, ErrorCode::Cancelled);
  const Ran resumed = run_it(folder_ / "cut", kJobs, reads);

  ASSERT_TRUE(resumed.outcome.has_value()) << describe(resumed.outcome.error());
  EXPECT_EQ(resumed.body, whole.body);
  EXPECT_THAT(spy_->calls, SizeIs(2 * paid)) << "advice, plan and decision once each over both parts";
  for (std::size_t job = 0; job < kJobs; ++job) {
    EXPECT_GE(reads[job], 1) << job;
    EXPECT_LE(reads[job], job < 32 ? 1 : 2) << job << ": only the batch under way is read again";
  }
}

}  // namespace
}  // namespace suffice::workflow::minions
