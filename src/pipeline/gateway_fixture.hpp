#pragma once
// For the tests of this folder: a gateway over scripted models, with a record in memory.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "audit/recorder.hpp"
#include "net/run_sync.hpp"
#include "pipeline/gateway.hpp"
#include "pipeline/gateway_metrics.hpp"
#include "testing/manual_clock.hpp"
#include "testing/scripted_model.hpp"

namespace suffice::pipeline {

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
class GatewayFixture : public ::testing::Test {
 protected:
  GatewayFixture() {
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
  std::shared_ptr<testing::ScriptedModel> local_ = std::make_shared<testing::ScriptedModel>("suffice.embedded");
  std::shared_ptr<testing::ScriptedModel> frontier_ = std::make_shared<testing::ScriptedModel>("openai");
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

}  // namespace suffice::pipeline
