#pragma once
// A model that says what a test has written for it, in order, and fails the test on a surprise.

#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "providers/model_client.hpp"

namespace suffice::testing {

/// What one call does: deltas to the sink (when the call has one), then the result.
struct ScriptedTurn {
  std::vector<Delta> deltas;
  Result<Completion> result = Completion{};
  std::function<void(const providers::ModelCall&)> check;  ///< runs first; may be empty
  bool hang = false;  ///< neither ends nor fails until the awaiting coroutine is cancelled
};

/// Strict: a call beyond the script fails the test and is answered with ModelUnavailable; a turn that nobody called fails the test at
/// the end. Any thread.
class ScriptedModel final : public providers::ModelClient {
 public:
  explicit ScriptedModel(std::string provider = "scripted") : provider_(std::move(provider)) {}
  ~ScriptedModel() override;
  ScriptedModel(const ScriptedModel&) = delete;
  ScriptedModel& operator=(const ScriptedModel&) = delete;

  ScriptedModel& then(ScriptedTurn turn);
  /// A whole answer; streamed as one delta to a call with a sink. finish is Stop, usage 10 in, 5 out.
  ScriptedModel& answer(std::string text);
  ScriptedModel& answer(Completion completion);
  ScriptedModel& fail_with(ErrorCode code, std::int64_t retry_after_ms = -1);
  /// Some text, then an error: a cut stream.
  ScriptedModel& cut_after(std::string text, ErrorCode code = ErrorCode::ConnectionClosed);
  ScriptedModel& hang();

  /// What count_tokens says; without it as a model that cannot count.
  void set_tokens(std::int64_t tokens) { tokens_ = tokens; }
  void set_capabilities(providers::Capabilities capabilities) { capabilities_ = capabilities; }
  void set_available(bool available);

  Task<Result<Completion>> complete(const providers::ModelCall& call, providers::TokenSink* sink,
                                    Deadline deadline) override;
  Task<Result<std::int64_t>> count_tokens(const providers::ModelCall& call, Deadline deadline) override;
  [[nodiscard]] providers::Capabilities capabilities() const override { return capabilities_; }
  [[nodiscard]] std::string_view provider_name() const override { return provider_; }
  [[nodiscard]] bool available() const override;

  [[nodiscard]] std::vector<providers::ModelCall> calls() const;
  [[nodiscard]] std::size_t turns_left() const;

 private:
  std::string provider_;
  std::optional<std::int64_t> tokens_;
  providers::Capabilities capabilities_{
      .logprobs = true, .json_schema = true, .labels = true, .tools = true, .streaming = true, .context_window = 8192};
  mutable std::mutex mutex_;
  std::deque<ScriptedTurn> turns_;
  std::vector<providers::ModelCall> calls_;
  bool available_ = true;
};

/// Collects what a sink is given; can ask to stop.
class CollectingSink final : public providers::TokenSink {
 public:
  /// Stops after that many deltas; 0: never.
  explicit CollectingSink(std::size_t stop_after = 0) : stop_after_(stop_after) {}
  Task<providers::SinkAction> on_delta(const Delta& delta) override;
  [[nodiscard]] const std::vector<Delta>& deltas() const { return deltas_; }
  [[nodiscard]] std::string text() const;

 private:
  std::size_t stop_after_;
  std::vector<Delta> deltas_;
};

}  // namespace suffice::testing
