#pragma once
// What every workflow that answers a caller is given and gives back, whoever calls it: HTTP, the command line, C++.

#include <string>
#include <string_view>
#include <vector>

#include "core/chat.hpp"
#include "core/result.hpp"
#include "workflow/flow.hpp"

namespace suffice::workflow {

/// Type of a run's input: {"documents": [{"name", "text"}], "query", "system"}.
inline constexpr std::string_view kRequestType = "request";
/// Type of a run's answer: an object with "answer" (any JSON; null: there is none) and, where the answer is not for people as it stands,
/// "text". Patterns add what they know beside them: votes, citations, chunks that could not be read.
inline constexpr std::string_view kAnswerType = "answer";

/// A question, and the texts it is about.
struct FlowRequest {
  struct Text {
    std::string name;  ///< of the file, or "document 1"
    std::string text;
    bool operator==(const Text&) const = default;
  };
  std::string query;
  std::string system = {};  ///< what the caller tells every model; may be empty
  std::vector<Text> documents = {};
  bool operator==(const FlowRequest&) const = default;
};

[[nodiscard]] FlowMessage to_message(const FlowRequest& request);
/// InvalidArgument when `message` is no request: which member is wrong.
[[nodiscard]] Result<FlowRequest> read_request(const FlowMessage& message);

/// What a person sees of an answer: its "text", else its "answer" as text; "not found" for null. InvalidArgument for anything else.
[[nodiscard]] Result<std::string> answer_text(const FlowMessage& message);

/// A chat as a workflow's input. File parts with text in them are documents (OpenAI's file_data, Anthropic's document blocks); of the
/// last user message the longest text part is one too when another part follows or precedes it; what is left of that message is the
/// query; earlier messages of user and assistant go before it. UnsupportedField for parts that are not text (images, audio, a PDF).
[[nodiscard]] Result<FlowRequest> to_flow_request(const ChatRequest& chat);

}  // namespace suffice::workflow
