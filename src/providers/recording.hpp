#pragma once
// The recording file of recorded_client.hpp, read and looked up. Pure apart from load().

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/chat.hpp"
#include "core/result.hpp"
#include "providers/model_client.hpp"

namespace suffice::providers {

struct RecordedResponse {
  Completion completion;
  bool estimate_usage = false;
  std::optional<Error> error;  ///< instead of the completion
  std::chrono::milliseconds delay{0};
};

/// Immutable after load; any thread.
class Recording {
 public:
  static Result<Recording> load(const std::filesystem::path& file);
  /// `name` is what errors call the file.
  static Result<Recording> parse(std::string_view text, const std::string& name);

  /// The answer to `call`, or null.
  [[nodiscard]] const RecordedResponse* find(const ModelCall& call) const;

 private:
  struct Rule {
    std::string task;  ///< empty: any
    std::string messages_sha256;
    std::string input_sha256;
    std::vector<std::string> input_contains;
    RecordedResponse response;
  };
  struct ByInput {
    std::string task;
    std::map<std::string, RecordedResponse, std::less<>> responses;
  };
  Result<void> add_line(std::string_view line);

  std::vector<Rule> rules_;
  std::vector<ByInput> by_input_;
  std::map<std::string, RecordedResponse, std::less<>> defaults_;  ///< by task, "" for all
};

/// One token for every 4 bytes, at least 1: a rough figure for texts without a tokenizer, said to be one where it is shown.
[[nodiscard]] Usage estimate_usage(const std::vector<Message>& messages, const Completion& completion);

}  // namespace suffice::providers
