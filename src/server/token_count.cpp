#include "server/token_count.hpp"

namespace suffice::server {
namespace {

constexpr std::int64_t kBytesPerToken = 4;
constexpr std::int64_t kTokensPerMessage = 4;
constexpr std::int64_t kTokensPerImage = 1'600;

}  // namespace

TokenCount estimate_tokens(const ChatRequest& chat) {
  std::size_t bytes = 0;
  std::int64_t images = 0;
  for (const Message& message : chat.messages) {
    for (const ContentPart& part : message.content) {
      const bool image = part.kind == ContentPart::Kind::Image;
      images += image ? 1 : 0;
      if (!image) bytes += part.text.empty() ? part.raw.text.size() : part.text.size();
    }
    for (const ToolCall& call : message.tool_calls) bytes += call.name.size() + call.arguments.size();
  }
  for (const ToolDefinition& tool : chat.tools)
    bytes += tool.name.size() + tool.description.size() + tool.parameters.text.size();
  bytes += chat.response_format.schema.text.size();
  const auto text_tokens = (static_cast<std::int64_t>(bytes) + kBytesPerToken - 1) / kBytesPerToken;
  const auto messages = static_cast<std::int64_t>(chat.messages.size());
  return {.tokens = text_tokens + messages * kTokensPerMessage + images * kTokensPerImage, .method = "estimate"};
}

}  // namespace suffice::server
