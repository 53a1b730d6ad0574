// What the pipeline promises about embeddings: one model and no other, hard stops, keys, and a record without text.
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "net/run_sync.hpp"
#include "pipeline/gateway.hpp"
#include "pipeline/gateway_metrics.hpp"
#include "testing/manual_clock.hpp"

namespace suffice::pipeline {
namespace {

using namespace std::chrono_literals;

/// Keeps the text of every event; shared between the recorder's thread and the test.
class TextStore final : public audit::AuditStore {
 public:
  struct Kept {
    std::mutex mutex;
    std::vector<audit::StoredEvent> events;
  };
  explicit TextStore(std::shared_ptr<Kept> kept) : kept_(std::move(kept)) {}
  Result<void> append(const std::vector<audit::StoredEvent>& batch) override {
    const std::lock_guard lock(kept_->mutex);
    kept_->events.insert(kept_->events.end(), batch.begin(), batch.end());
    return {};
  }
  Result<std::optional<audit::StoredEvent>> last() override { return std::optional<audit::StoredEvent>{}; }
  Result<void> read(const audit::EventFilter&, const std::function<bool(const audit::StoredEvent&)>&) override {
    return {};
  }
  Result<std::map<std::string, Usd>> spent_since(std::string_view) override { return std::map<std::string, Usd>{}; }

 private:
  std::shared_ptr<Kept> kept_;
};

/// The vector of a text is its length.
class LengthModel final : public providers::ModelClient {
 public:
  Task<Result<Completion>> complete(const providers::ModelCall&, providers::TokenSink*, Deadline) override {
    co_return fail(ErrorCode::Internal, "not asked for text");
  }
  Task<Result<EmbeddingAnswer>> embed(const EmbeddingRequest& request, Deadline) override {
    ++calls;
    if (broken) co_return fail(ErrorCode::UpstreamFailed, "scripted");
    EmbeddingAnswer answer;
    for (const std::string& text : request.texts) answer.vectors.push_back({static_cast<float>(text.size())});
    answer.usage = usage;
    answer.model = request.model;
    co_return answer;
  }
  providers::Capabilities capabilities() const override { return {}; }
  std::string_view provider_name() const override { return "test"; }

  int calls = 0;
  bool broken = false;
  std::optional<Usage> usage = Usage{.input_tokens = 4};
};

class EmbeddingsTest : public ::testing::Test {
 protected:
  EmbeddingsTest() {
    for (const std::string name : {"near", "far", "chat"}) {
      policy::Model& model = policy_.models[name];
      model.name = name;
      model.model = name + "-model";
      model.local = name == "near";
      model.embeddings = name != "chat";
      model.price.input_per_million = 1'000'000;  // a dollar a token
    }
    policy::HardStopGroup& group = policy_.hard_stops["access"];
    group.name = "access";
    group.reason = Reason::HardStopAccess;
    group.phrases = {"401 unauthorized"};
    policy::Task& task = policy_.tasks["careful"];
    task.name = "careful";
    task.tiers = {{.model = "chat", .prompt = {}}};
    task.hard_stops = {"access"};
    policy_.version = "v1";
    request_.request_id = "req-1";
    request_.surface = "test.embeddings";
  }

  EmbeddingOutcome embed(std::string model, std::vector<std::string> texts) {
    if (!gateway_) start();
    const EmbeddingRequest asked{
        .model = std::move(model), .texts = std::move(texts), .dimensions = std::nullopt, .user = {}};
    return net::run_sync(gateway_->embed(request_, asked, Deadline::after(20s)));
  }

  std::string record() {
    const std::lock_guard lock(kept_->mutex);
    std::string all;
    for (const audit::StoredEvent& event : kept_->events) all += event.json + "\n";
    return all;
  }

  policy::Policy policy_;
  Request request_;
  std::shared_ptr<LengthModel> model_ = std::make_shared<LengthModel>();
  Levers levers_{LeverState{}};

 private:
  void start() {
    const ClientSource clients = [this](const policy::Model&) -> Result<std::shared_ptr<providers::ModelClient>> {
      return model_;
    };
    auto snapshot = make_snapshot(std::make_shared<const policy::Policy>(policy_), prompts::PromptLibrary{}, clients);
    ASSERT_TRUE(snapshot.has_value()) << describe(snapshot.error());
    auto recorder = audit::Recorder::create(std::make_unique<TextStore>(kept_), audit::RecorderOptions{});
    ASSERT_TRUE(recorder.has_value());
    recorder_ = *std::move(recorder);
    gateway_ = std::make_unique<Gateway>(
        Gateway::Parts{
            .recorder = *recorder_, .levers = levers_, .clock = clock_, .random = random_, .metrics = metrics_},
        GatewayOptions{}, *snapshot);
  }

  testing::ManualClock clock_;
  SeededRandom random_{1};
  metrics::Registry registry_;
  GatewayMetrics metrics_{registry_};
  std::shared_ptr<TextStore::Kept> kept_ = std::make_shared<TextStore::Kept>();
  std::unique_ptr<audit::Recorder> recorder_;
  std::unique_ptr<Gateway> gateway_;
};

TEST_F(EmbeddingsTest, AreMadeByTheModelThatIsNamedAndCostWhatItUsed) {
  const EmbeddingOutcome outcome = embed("suffice/far", {"abc", "z"});

  ASSERT_TRUE(outcome.answer.has_value());
  EXPECT_EQ(outcome.answer->vectors, (std::vector<std::vector<float>>{{3}, {1}}));
  EXPECT_EQ(outcome.answer->model, "far-model") << "the provider's name of it";
  EXPECT_EQ(outcome.decision.model, "far");
  EXPECT_EQ(outcome.decision.route, Route::Frontier);
  EXPECT_DOUBLE_EQ(outcome.decision.cost.dollars(), 4);
}

TEST_F(EmbeddingsTest, AModelThatSaysNoUsageCountsAsItsWorstCase) {
  model_->usage.reset();
  const EmbeddingOutcome outcome = embed("far", {std::string(30, 'x')});
  EXPECT_GE(outcome.decision.cost.dollars(), 10);
}

TEST_F(EmbeddingsTest, NoOtherModelStandsInForTheOneThatIsNamed) {
  for (const std::string name : {"text-embedding-3-small", "chat", "suffice/embed", "suffice/careful"}) {
    const EmbeddingOutcome outcome = embed(name, {"abc"});
    ASSERT_FALSE(outcome.answer.has_value()) << name;
    EXPECT_EQ(outcome.answer.error().code, ErrorCode::NotFound) << name;
  }
  model_->broken = true;
  EXPECT_EQ(embed("far", {"abc"}).answer.error().code, ErrorCode::UpstreamFailed);
  EXPECT_EQ(model_->calls, 1);
}

TEST_F(EmbeddingsTest, TheOnlyModelCanBeAskedWithoutItsName) {
  policy_.models["far"].embeddings = false;
  EXPECT_EQ(embed("suffice/embed", {"abc"}).decision.model, "near");
}

TEST_F(EmbeddingsTest, ATasksHardStopsKeepATextFromLocalModelsOnly) {
  request_.task_hint = "careful";
  const EmbeddingOutcome stopped = embed("near", {"fine", "HTTP 401 Unauthorized"});
  ASSERT_FALSE(stopped.answer.has_value());
  EXPECT_EQ(stopped.answer.error().code, ErrorCode::Forbidden);
  EXPECT_EQ(stopped.decision.reasons, (std::vector{Reason::HardStopAccess}));
  EXPECT_EQ(model_->calls, 0);

  EXPECT_TRUE(embed("near", {"fine"}).answer.has_value());
  EXPECT_TRUE(embed("far", {"HTTP 401 Unauthorized"}).answer.has_value());
  request_.task_hint = "nobody";
  EXPECT_EQ(embed("near", {"fine"}).answer.error().code, ErrorCode::NotFound);
}

TEST_F(EmbeddingsTest, TheKillSwitchHolds) {
  levers_.set(LeverState{.kill_switch = policy::KillSwitch::FrontierOnly, .frontier_only_tasks = {}});
  EXPECT_EQ(embed("near", {"a"}).answer.error().code, ErrorCode::ModelUnavailable);
  EXPECT_TRUE(embed("far", {"a"}).answer.has_value());
  levers_.set(LeverState{.kill_switch = policy::KillSwitch::LocalOnly, .frontier_only_tasks = {}});
  EXPECT_TRUE(embed("near", {"a"}).answer.has_value());
  EXPECT_EQ(embed("far", {"a"}).answer.error().code, ErrorCode::NoFrontier);
}

TEST_F(EmbeddingsTest, TheRecordHasADigestAndNoText) {
  ASSERT_TRUE(embed("near", {"zebra crossing"}).answer.has_value());
  const std::string events = record();
  EXPECT_NE(events.find("test.embeddings"), std::string::npos) << events;
  EXPECT_NE(events.find("texts=1 sha256="), std::string::npos) << events;
  EXPECT_EQ(events.find("zebra"), std::string::npos);
}

}  // namespace
}  // namespace suffice::pipeline
