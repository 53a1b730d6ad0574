#include "providers/recorded_client.hpp"

#include <algorithm>
#include <fstream>
#include <initializer_list>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/hash.hpp"
#include "core/text.hpp"
#include "providers/recording.hpp"
#include "wire/json.hpp"

namespace suffice::providers {
namespace {

/// Splits text so that the pieces join to it again: each word with the white space before it.
std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t word = text.find_first_not_of(" \n\t\r");
    const std::size_t end =
        word == std::string_view::npos ? text.size() : std::min(text.find_first_of(" \n\t\r", word), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

class RecordedClient final : public ModelClient {
 public:
  RecordedClient(Recording recording, std::string file, std::int64_t context_window, Sleeper* sleeper)
      : recording_(std::move(recording)),
        file_(std::move(file)),
        context_window_(context_window),
        sleeper_(sleeper == nullptr ? timer_ : *sleeper) {}

  Task<Result<Completion>> complete(const ModelCall& call, TokenSink* sink, Deadline deadline) override {
    const RecordedResponse* response = recording_.find(call);
    if (response == nullptr) {
      co_return fail(ErrorCode::ModelUnavailable,
                     "the recording has no answer for this call; add a default to " + file_);
    }
    if (response->delay.count() > 0) {
      const bool late = response->delay >= deadline.remaining();
      const Sleeper::Woken woken = co_await sleeper_.sleep(std::min(response->delay, deadline.remaining()));
      if (woken == Sleeper::Woken::Cancelled) co_return fail(ErrorCode::Cancelled, "the call was cancelled");
      if (late) co_return fail(ErrorCode::DeadlineExceeded, "the recorded delay is longer than the time left");
    }
    if (response->error) co_return fail(*response->error);
    Completion completion = response->completion;
    completion.model = call.request.model;
    if (response->estimate_usage) completion.usage = estimate_usage(call.request.messages, completion);
    if (sink != nullptr) {
      const SinkAction action = co_await play(completion, *sink);
      if (action == SinkAction::Stop) co_return fail(ErrorCode::Cancelled, "the receiver stopped the answer");
    }
    co_return completion;
  }

  [[nodiscard]] Capabilities capabilities() const override {
    return Capabilities{.logprobs = false,
                        .json_schema = true,
                        .labels = false,
                        .tools = true,
                        .streaming = true,
                        .context_window = context_window_};
  }
  [[nodiscard]] std::string_view provider_name() const override { return "suffice.recorded"; }

 private:
  static Task<SinkAction> play(const Completion& completion, TokenSink& sink) {
    for (const std::string_view word : words_of(completion.text)) {
      Delta delta;
      delta.text = word;
      const SinkAction action = co_await sink.on_delta(delta);
      if (action == SinkAction::Stop) co_return action;
    }
    for (std::size_t i = 0; i < completion.tool_calls.size(); ++i) {
      const ToolCall& call = completion.tool_calls[i];
      Delta delta;
      delta.tool_calls.push_back({.index = i, .id = call.id, .name = call.name, .arguments = call.arguments});
      const SinkAction action = co_await sink.on_delta(delta);
      if (action == SinkAction::Stop) co_return action;
    }
    co_return SinkAction::Continue;
  }

  Recording recording_;
  std::string file_;
  std::int64_t context_window_;
  TimerSleeper timer_;
  Sleeper& sleeper_;
};

}  // namespace

Result<std::unique_ptr<ModelClient>> make_recorded_client(const policy::Model& model, Sleeper* sleeper) {
  SUFFICE_TRY(Recording recording, Recording::load(model.model));
  return std::make_unique<RecordedClient>(std::move(recording), model.model, model.context_window, sleeper);
}

}  // namespace suffice::providers
