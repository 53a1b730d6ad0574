#include "pipeline/gateway.hpp"

#include <mutex>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include "core/hash.hpp"
#include "net/run_sync.hpp"
#include "pipeline/gateway_metrics.hpp"
#include "testing/manual_clock.hpp"
#include "testing/scripted_model.hpp"

namespace suffice::pipeline {
namespace {

using testing::ScriptedModel;

/// Keeps events in memory; can be told to fail. Shared between the recorder's thread and the test.
class MemoryStore final : public audit::AuditStore {
 public:
  struct Kept {
    std::mutex mutex;
    std::vector<audit::StoredEvent> events;
    bool broken = false;
  };
  explicit MemoryStore(std::shared_ptr<Kept> kept) : kept_(std::move(kept)) {}

  Result<void> append(const std::vector<audit::StoredEvent>& batch) override {
    const std::lock_guard lock(kept_->mutex);
    if (kept_->broken) return fail(ErrorCode::StoreFailed, "scripted");
    kept_->events.insert(kept_->events.end(), batch.begin(), batch.end());
    return {};
  }
  Result<std::optional<audit::StoredEvent>> last() override {
    const std::lock_guard lock(kept_->mutex);
    if (kept_->events.empty()) return std::optional<audit::StoredEvent>{};
    return std::optional(kept_->events.back());
  }
  Result<void> read(const audit::EventFilter&, const std::function<bool(const audit::StoredEvent&)>& row) override {
    const std::lock_guard lock(kept_->mutex);
    for (const audit::StoredEvent& event : kept_->events) {
      if (!row(event)) break;
    }
    return {};
  }

  Result<std::map<std::string, Usd>> spent_since(std::string_view) override { return std::map<std::string, Usd>{}; }

 private:
  std::shared_ptr<Kept> kept_;
};

/// Writes down what a streaming surface would send.
class RecordingSink final : public AnswerSink {
 public:
  Task<providers::SinkAction> on_begin(const Decision& decision) override {
    begun.push_back(decision);
    co_return providers::SinkAction::Continue;
  }
  Task<providers::SinkAction> on_delta(const Delta& delta) override {
    text += delta.text;
    co_return providers::SinkAction::Continue;
  }
  std::vector<Decision> begun;
  std::string text;
};

/// A gateway over scripted models: one label task, local then hosted.
class GatewayTest : public ::testing::Test {
 protected:
  GatewayTest() {
    policy_.models["small"].name = "small";
    policy_.models["small"].local = true;
    policy_.models["big"].name = "big";
    policy_.models["big"].price = {
        .input_per_million = 1'000'000, .cached_per_million = 0, .output_per_million = 0, .hardware_per_hour = 0};
    policy_.models["big"].price_known = true;
    policy_.frontier = "big";
    policy_.version = "v1";
    policy::Task& task = policy_.tasks["triage"];
    task.name = "triage";
    task.tiers = {{.model = "small", .prompt = {}}, {.model = "big", .prompt = {}}};
    task.labels = {"build", "test"};
    task.confidence = policy::ConfidenceSignal::LabelProbability;
    task.min_confidence = 0.7;
    request_.chat.model = "suffice/triage";
    request_.chat.messages.push_back(Message::of(Role::User, "the log with jane@example.com"));
    request_.request_id = "req-1";
    request_.surface = "test";
  }

  Gateway& gateway() {
    if (gateway_) return *gateway_;
    Result<std::unique_ptr<audit::Recorder>> recorder =
        audit::Recorder::create(std::make_unique<MemoryStore>(kept_), audit::RecorderOptions{});
    EXPECT_TRUE(recorder);
    recorder_ = *std::move(recorder);
    gateway_ = std::make_unique<Gateway>(
        Gateway::Parts{
            .recorder = *recorder_, .levers = levers_, .clock = clock_, .random = random_, .metrics = metrics_},
        options_, make());
    return *gateway_;
  }

  std::shared_ptr<const Snapshot> make() {
    const ClientSource clients = [this](const policy::Model& model) -> Result<std::shared_ptr<providers::ModelClient>> {
      return model.local ? local_ : frontier_;
    };
    Result<std::shared_ptr<const Snapshot>> made =
        make_snapshot(std::make_shared<const policy::Policy>(policy_), prompts::PromptLibrary{}, clients);
    EXPECT_TRUE(made);
    return *made;
  }

  Answer ask(AnswerSink* sink = nullptr) { return net::run_sync(gateway().answer(request_, sink, Deadline::never())); }

  std::vector<audit::StoredEvent> events() {
    const std::lock_guard lock(kept_->mutex);
    return kept_->events;
  }

  static Completion labelled(const std::string& label, double probability) {
    Completion completion;
    completion.text = label;
    completion.finish = FinishReason::Stop;
    completion.usage = Usage{.input_tokens = 10, .output_tokens = 1};
    completion.labels = LabelDistribution{};
    completion.labels->entries = {{label, probability}, {"rest", 1 - probability}};
    return completion;
  }

  std::shared_ptr<MemoryStore::Kept> kept_ = std::make_shared<MemoryStore::Kept>();
  std::shared_ptr<ScriptedModel> local_ = std::make_shared<ScriptedModel>("suffice.embedded");
  std::shared_ptr<ScriptedModel> frontier_ = std::make_shared<ScriptedModel>("openai");
  policy::Policy policy_;
  Request request_;
  GatewayOptions options_{.record_wait_max = std::chrono::seconds{30}};
  testing::ManualClock clock_;
  SeededRandom random_{1};
  Levers levers_{LeverState{}};
  metrics::Registry registry_;
  GatewayMetrics metrics_{registry_};
  std::unique_ptr<audit::Recorder> recorder_;
  std::unique_ptr<Gateway> gateway_;
};

TEST_F(GatewayTest, RecordsBeforeItAnswers) {
  local_->answer(labelled("build", 0.9));

  const Answer answer = ask();

  ASSERT_TRUE(answer.completion);
  ASSERT_EQ(events().size(), 1U) << "the event is durable when the answer is there";
  EXPECT_EQ(events()[0].id, answer.decision.event_id);
  EXPECT_EQ(events()[0].route, "local");
  EXPECT_EQ(answer.decision.route, Route::Local);
  EXPECT_EQ(answer.decision.model, "small");
  EXPECT_DOUBLE_EQ(answer.decision.confidence.value(), 0.9);
}

TEST_F(GatewayTest, KeepsTheCallersTextOutOfTheRecord) {
  local_->answer(labelled("build", 0.9));
  static_cast<void>(ask());
  EXPECT_EQ(events()[0].json.find("jane@example.com"), std::string::npos);
  EXPECT_NE(events()[0].json.find("sha256"), std::string::npos);
}

TEST_F(GatewayTest, TellsRouteReasonAndBothCostsOfAnEscalation) {
  local_->answer(labelled("build", 0.3));
  frontier_->answer("test");

  const Answer answer = ask();

  EXPECT_EQ(answer.decision.route, Route::EscalatedAfterValidation);
  EXPECT_EQ(answer.decision.reasons, std::vector<Reason>{Reason::ConfidenceLow});
  EXPECT_EQ(answer.decision.cost, Usd::from_dollars(10));
  EXPECT_EQ(events()[0].reason, "confidence_low");
}

TEST_F(GatewayTest, AnswersAnUnknownTaskFromTheFrontier) {
  request_.chat.model = "gpt-4o";
  frontier_->answer("hello");

  const Answer answer = ask();

  EXPECT_EQ(answer.decision.reasons, std::vector<Reason>{Reason::UnknownTask});
  EXPECT_EQ(answer.decision.route, Route::Frontier);
  EXPECT_EQ(answer.completion->text, "hello");
}

TEST_F(GatewayTest, SaysWhatIsMissingWhenThereIsNoFrontier) {
  policy_.frontier.clear();
  request_.chat.model = "gpt-4o";

  const Answer answer = ask();

  ASSERT_FALSE(answer.completion);
  EXPECT_EQ(answer.completion.error().code, ErrorCode::NoFrontier);
  EXPECT_EQ(events()[0].route, "refused");
}

TEST_F(GatewayTest, ShowsALocalAnswerOnlyAfterItIsAccepted) {
  local_->answer(labelled("build", 0.9));
  RecordingSink sink;

  const Answer answer = ask(&sink);

  EXPECT_TRUE(answer.streamed);
  EXPECT_EQ(sink.text, "build");
  ASSERT_EQ(sink.begun.size(), 1U);
  EXPECT_EQ(sink.begun[0].route, Route::Local);
}

TEST_F(GatewayTest, NeverShowsARejectedLocalAnswer) {
  local_->answer(labelled("build", 0.3));
  frontier_->answer("test");
  RecordingSink sink;

  static_cast<void>(ask(&sink));

  EXPECT_EQ(sink.text, "test");
  ASSERT_EQ(sink.begun.size(), 1U);
  EXPECT_EQ(sink.begun[0].route, Route::EscalatedAfterValidation);
  EXPECT_EQ(sink.begun[0].reasons, std::vector<Reason>{Reason::ConfidenceLow});
}

TEST_F(GatewayTest, EndsACutStreamAsAnErrorNeverAsAnAnswer) {
  local_->answer(labelled("build", 0.3));
  frontier_->cut_after("half an ans");
  RecordingSink sink;

  const Answer answer = ask(&sink);

  EXPECT_TRUE(answer.streamed);
  ASSERT_FALSE(answer.completion);
  EXPECT_EQ(answer.completion.error().code, ErrorCode::ConnectionClosed);
  EXPECT_NE(events()[0].json.find("connection_closed"), std::string::npos);
}

TEST_F(GatewayTest, ServesAnUnsureAnswerWithAWarningWhereThePolicySaysSo) {
  policy_.tasks["triage"].on_frontier_unavailable = policy::OnFrontierUnavailable::LocalWithWarning;
  local_->answer(labelled("build", 0.3));
  frontier_->fail_with(ErrorCode::UpstreamFailed);

  const Answer answer = ask();

  ASSERT_TRUE(answer.completion);
  EXPECT_EQ(answer.completion->text, "build");
  EXPECT_FALSE(answer.decision.warning.empty());
}

TEST_F(GatewayTest, NeverRescuesAnAnswerThatFailedAMechanicalCheck) {
  policy_.tasks["triage"].on_frontier_unavailable = policy::OnFrontierUnavailable::LocalWithWarning;
  local_->answer(labelled("rubbish", 0.99));
  frontier_->fail_with(ErrorCode::UpstreamFailed);

  EXPECT_FALSE(ask().completion);
}

TEST_F(GatewayTest, RefusesWhenTheEventCannotBeMadeDurable) {
  kept_->broken = true;
  local_->answer(labelled("build", 0.9));

  const Answer answer = ask();

  ASSERT_FALSE(answer.completion);
  EXPECT_EQ(answer.completion.error().code, ErrorCode::StoreFailed);
  const std::lock_guard lock(kept_->mutex);
  kept_->broken = false;  // so that the recorder can finish
}

TEST_F(GatewayTest, ServesWithAWarningWhenTheOperatorPreferredThat) {
  options_.on_record_failure = OnRecordFailure::Serve;
  kept_->broken = true;
  local_->answer(labelled("build", 0.9));

  const Answer answer = ask();

  ASSERT_TRUE(answer.completion);
  EXPECT_NE(answer.decision.warning.find("not durable"), std::string::npos);
  const std::lock_guard lock(kept_->mutex);
  kept_->broken = false;
}

TEST_F(GatewayTest, KeepsTheSnapshotARequestBeganWith) {
  testing::ScriptedTurn turn;
  turn.result = labelled("build", 0.9);
  turn.check = [this](const providers::ModelCall&) {
    policy_.version = "v2";
    gateway_->replace(make());
  };
  local_->then(std::move(turn));
  local_->answer(labelled("build", 0.9));

  EXPECT_EQ(ask().decision.policy_version, "v1");
  EXPECT_EQ(ask().decision.policy_version, "v2");
}

TEST_F(GatewayTest, RecordsACallerWhoLeftAndCancelsTheModel) {
  namespace asio = boost::asio;
  using asio::experimental::awaitable_operators::operator||;
  local_->hang();
  Gateway& under_test = gateway();
  const auto leave = []() -> Task<void> {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    timer.expires_after(std::chrono::milliseconds{1});
    co_await timer.async_wait(asio::use_awaitable);
  };
  const auto caller = [&]() -> Task<void> {
    Task<Answer> answering = under_test.answer(request_, nullptr, Deadline::never());
    Task<void> leaving = leave();
    co_await (std::move(answering) || std::move(leaving));
  };
  net::run_sync(caller());

  ASSERT_EQ(events().size(), 1U);
  EXPECT_NE(events()[0].json.find("\"cancelled\""), std::string::npos);
}

TEST_F(GatewayTest, MarksToolsThatNeedApproval) {
  policy_.approval_tools = {"delete_branch"};
  request_.chat.model = "gpt-4o";
  Completion completion;
  completion.finish = FinishReason::ToolCalls;
  completion.tool_calls = {{.id = "1", .name = "delete_branch", .arguments = "{}"},
                           {.id = "2", .name = "list", .arguments = "{}"}};
  frontier_->answer(completion);

  EXPECT_EQ(ask().decision.approval_required, std::vector<std::string>{"delete_branch"});
}

TEST_F(GatewayTest, CountsRequestsByTaskRouteAndReason) {
  local_->answer(labelled("build", 0.3));
  frontier_->answer("test");
  static_cast<void>(ask());
  EXPECT_NE(registry_.to_prometheus().find(
                R"(suffice_requests_total{task="triage",route="escalated",reason="confidence_low"} 1)"),
            std::string::npos)
      << registry_.to_prometheus();
}

/// A key of the policy whose caller brings it.
policy::AccessKey key_of(const std::string& secret) {
  policy::AccessKey key;
  key.name = "team-a";
  key.group = "blue";
  key.sha256 = sha256_hex(secret);
  return key;
}

TEST_F(GatewayTest, AsksNoModelAndWritesNoEventForAnUnknownKey) {
  const policy::AccessKey key = key_of("right");
  policy_.keys.emplace(key.sha256, key);
  for (const std::string& credential : {std::string(), sha256_hex("wrong")}) {
    request_.credential = credential;

    const Answer answer = ask();

    ASSERT_FALSE(answer.completion);
    EXPECT_EQ(answer.completion.error().code, ErrorCode::Unauthorized);
    EXPECT_EQ(answer.decision.request_id, "req-1");
    EXPECT_EQ(answer.decision.route, Route::Refused);
  }
  EXPECT_TRUE(events().empty());
  EXPECT_NE(registry_.to_prometheus().find("suffice_requests_refused_total{key=\"none\",error=\"unauthorized\"} 2"),
            std::string::npos);
}

TEST_F(GatewayTest, RecordsTheKeyAndItsGroupWhateverTheCallerSays) {
  const policy::AccessKey key = key_of("right");
  policy_.keys.emplace(key.sha256, key);
  request_.credential = key.sha256;
  request_.caller_group = "admins";
  local_->answer(labelled("build", 0.9));

  ASSERT_TRUE(ask().completion);

  ASSERT_EQ(events().size(), 1U);
  EXPECT_NE(events().front().json.find(R"("caller_group":"blue","caller_key":"team-a")"), std::string::npos);
}

TEST_F(GatewayTest, KeepsAKeyThatForcesEscalationsOffTheFrontier) {
  policy::AccessKey key = key_of("right");
  key.escalations_per_hour = 1;
  policy_.keys.emplace(key.sha256, key);
  request_.credential = key.sha256;
  local_->answer(labelled("build", 0.2)).answer(labelled("build", 0.2)).answer(labelled("build", 0.9));
  Completion dear;
  dear.text = "build";
  dear.finish = FinishReason::Stop;
  frontier_->answer(dear);
  ASSERT_TRUE(ask().completion);

  const Answer held = ask();
  const Answer local = ask();

  ASSERT_FALSE(held.completion);
  EXPECT_EQ(held.completion.error().code, ErrorCode::RateLimited);
  EXPECT_EQ(held.completion.error().retry_after_ms, 3'600'000);
  EXPECT_EQ(held.decision.reasons.back(), Reason::BudgetExhausted);
  ASSERT_TRUE(local.completion);
  EXPECT_EQ(events().size(), 3U);
}

TEST_F(GatewayTest, RefusesBeforeItCallsWhatTheBudgetCannotPay) {
  policy::AccessKey key = key_of("right");
  key.budget_per_day = Usd::from_dollars(0.01);
  policy_.keys.emplace(key.sha256, key);
  request_.credential = key.sha256;

  const Answer answer = ask();

  ASSERT_FALSE(answer.completion);
  EXPECT_EQ(answer.completion.error().code, ErrorCode::BudgetExhausted);
  EXPECT_TRUE(events().empty());
}

}  // namespace
}  // namespace suffice::pipeline
