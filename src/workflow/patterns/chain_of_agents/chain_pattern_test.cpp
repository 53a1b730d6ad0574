// `pattern: chain` of workflow files, and its runs cut off and resumed.
#include "workflow/patterns/chain_of_agents/chain_pattern.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/run_sync.hpp"
#include "testing/scripted_model.hpp"
#include "workflow/flow_io.hpp"
#include "workflow/journal.hpp"
#include "workflow/patterns/chain_of_agents/chain.hpp"
#include "workflow/patterns/chain_of_agents/simulated_worker.hpp"
#include "workflow/workflow_file.hpp"

namespace suffice::workflow::chain {
namespace {

namespace fs = std::filesystem;
using suffice::testing::ScriptedModel;
using ::testing::HasSubstr;
using ::testing::Not;

class ChainFile : public ::testing::Test {
 protected:
  LoadedWorkflow load(std::string_view yaml) {
    const WorkflowParts parts{.models = [this](const std::string& name) -> Result<std::shared_ptr<const PortModel>> {
                                if (name != "small" && name != "big") return fail(ErrorCode::NotFound, "no such model");
                                policy::Model model;
                                model.name = name;
                                model.local = name == "small";
                                return std::make_shared<const PortModel>(
                                    PortModel{.model = model, .client = name == "small" ? small_ : big_});
                              },
                              .prompts = nullptr};
    return parse_workflow(yaml, "chain.yaml", parts);
  }
  Result<FlowOutcome> go(const Workflow& workflow, std::string_view document, std::string_view query) {
    FlowRequest request;
    request.query = query;
    request.documents = {{.name = "notes.txt", .text = std::string(document)}};
    RunLedger ledger(workflow.budget.limits);
    const FlowOptions options = options_for(workflow, ledger, Deadline::never());
    return net::run_sync(run(*workflow.flow, to_message(request), options));
  }

  std::shared_ptr<ScriptedModel> small_ = std::make_shared<ScriptedModel>();
  std::shared_ptr<ScriptedModel> big_ = std::make_shared<ScriptedModel>();
};

TEST_F(ChainFile, ReadsWithAModelAndAnswersWithAnother) {
  const LoadedWorkflow loaded = load(
      "version: 1\npattern: chain\nmodels: {worker: small, frontier: big}\nchain: {window: 2000, headroom: 200, state_tokens: 300}\n");
  ASSERT_TRUE(loaded.workflow) << policy::to_lines(loaded.problems);
  small_->set_tokens(500);
  small_->answer(R"({"facts": [{"fact": "Zed", "quote": "Zed has the key."}], "summary": "Zed."})");
  big_->answer("Zed [1]");

  const auto outcome = go(*loaded.workflow, "It rains. Zed has the key. It is late.", "Who has the key?");

  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_EQ(answer_text(outcome->output).value(), "Zed [1]");
  const std::vector<providers::ModelCall> read = small_->calls();
  EXPECT_THAT(read.front().request.messages.back().text(), HasSubstr("Zed has the key."));
  EXPECT_EQ(read.front().constraint.kind, providers::OutputConstraint::Kind::JsonSchema);
  EXPECT_EQ(read.front().request.sampling.temperature, 0);
  const std::vector<providers::ModelCall> asked = big_->calls();
  EXPECT_THAT(asked.front().request.messages.back().text(), Not(HasSubstr("It rains")));
}

TEST_F(ChainFile, AsksTheModelAgainWarmerAfterAnAnswerThatWasCutOff) {
  const LoadedWorkflow loaded = load("version: 1\npattern: chain\nmodels: {worker: small}\nchain: {}\n");
  ASSERT_TRUE(loaded.workflow) << policy::to_lines(loaded.problems);
  small_->set_tokens(500);
  Completion cut;
  cut.text = R"({"facts": [{"fact": "Zed")";
  cut.finish = FinishReason::Length;
  small_->answer(cut).answer(R"({"facts": [{"quote": "Zed has the key."}]})");

  const auto outcome = go(*loaded.workflow, "Zed has the key.", "Who?");

  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_GT(small_->calls().back().request.sampling.temperature.value(), 0);
  EXPECT_EQ(ChainOutcome::of(outcome->output)->paths.front().report.retried, 1U);
}

TEST_F(ChainFile, NeedsNoModelAtAll) {
  const LoadedWorkflow loaded =
      load("version: 1\npattern: chain\nchain: {paths: [forward, backward], score_min: 0.5}\n");
  ASSERT_TRUE(loaded.workflow) << policy::to_lines(loaded.problems);
  const auto outcome =
      go(*loaded.workflow, "It rains all day. Zed has the archive key. Nobody knows.", "Who has the archive key?");
  ASSERT_TRUE(outcome) << describe(outcome.error());
  EXPECT_THAT(answer_text(outcome->output).value(), HasSubstr("Zed has the archive key."));
}

TEST_F(ChainFile, SaysWhatIsWrongAndWhere) {
  const auto said = [&](std::string_view yaml) {
    const LoadedWorkflow loaded = load(yaml);
    EXPECT_FALSE(loaded.workflow) << yaml;
    return policy::to_lines(loaded.problems);
  };
  EXPECT_THAT(said("version: 1\npattern: chain\nchain: {paths: [sideways]}\n"), HasSubstr("chain.yaml:3"));
  EXPECT_THAT(said("version: 1\npattern: chain\nchain: {paths: [forward, forward]}\n"), HasSubstr("twice"));
  EXPECT_THAT(said("version: 1\npattern: chain\nchain: {chunk_toknes: 5}\n"), HasSubstr("chunk_tokens"));
  EXPECT_THAT(said("version: 1\npattern: chain\nmodels: {worker: absent}\n"), HasSubstr("no such model"));
}

/// Cut off at every byte of its journal and resumed: the same answer, and no part is read twice.
TEST_F(ChainFile, ResumesAfterAnyHopWithoutReadingAPartTwice) {
  std::string pattern = (fs::temp_directory_path() / "suffice-chain-XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const fs::path file = fs::path(pattern) / "run.journal";
  const auto worker = std::make_shared<SimulatedWorker>([](const HopInput& input) -> Result<std::string> {
    return fmt::format(R"({{"facts": [{{"quote": "{}"}}]}})", input.chunk.substr(0, input.chunk.find('.') + 1));
  });
  ChainSpec spec;
  spec.budget = {.window = 100'000, .headroom = 100, .state = 300, .chunk_max = 10};
  const auto flow = chain_flow(spec, {.worker = worker, .manager = nullptr});
  ASSERT_TRUE(flow);
  FlowRequest request{.query = "What?", .system = {}, .documents = {{.name = "a", .text = ""}}};
  for (int i = 0; i < 6; ++i) request.documents[0].text += fmt::format("Sentence number {} is here.\n", i);
  const FlowMessage input = to_message(request);
  const auto go_on = [&] {
    const JournalHeader header{
        .run_id = "run", .shape = (*flow)->shape(), .input_sha256 = digest_of(input), .seed = 5, .about = {}};
    auto journal = fs::exists(file) ? Journal::open(file) : Journal::create(file, header);
    EXPECT_TRUE(journal);
    FlowOptions options;
    options.journal = journal->get();
    return net::run_sync(run(**flow, input, options));
  };

  const auto whole = go_on();
  ASSERT_TRUE(whole);
  const std::size_t parts = worker->seen().size();
  ASSERT_EQ(parts, 6U);
  std::string bytes;
  {
    std::ifstream in(file, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  for (std::size_t size = bytes.size() / 8; size < bytes.size(); size += 97) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes.substr(0, size);
    const std::size_t before = worker->seen().size();
    const auto resumed = go_on();
    ASSERT_TRUE(resumed) << size << ": " << describe(resumed.error());
    EXPECT_EQ(resumed->output, whole->output) << size;
    const std::size_t kept =
        resumed->replayed < 1 ? 0 : static_cast<std::size_t>(resumed->replayed) - 1;  // but for "plan"
    EXPECT_EQ(worker->seen().size() - before, parts - std::min(parts, kept)) << size;
  }
  fs::remove_all(pattern);
}

}  // namespace
}  // namespace suffice::workflow::chain
