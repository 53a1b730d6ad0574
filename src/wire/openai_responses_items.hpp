#pragma once
// The output items of a response: as they grow, and as JSON. For openai_responses.hpp and its .cpp files.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/chat.hpp"
#include "wire/json_writer.hpp"

namespace suffice::wire {

enum class ItemStatus : std::uint8_t { InProgress, Completed, Incomplete };
[[nodiscard]] std::string_view name(ItemStatus status) noexcept;

/// A part of a message.
struct OutputPart {
  enum class Kind : std::uint8_t { Text, Refusal };
  Kind kind = Kind::Text;
  std::string text;
  std::vector<TokenLogprob> logprobs;  ///< Text only
};

/// A message or a proposed tool call.
struct OutputItem {
  enum class Kind : std::uint8_t { Message, FunctionCall };
  std::string id;
  Kind kind = Kind::Message;
  std::vector<OutputPart> parts;  ///< Message
  ToolCall call;                  ///< FunctionCall
  std::size_t call_index = 0;     ///< FunctionCall: Delta::ToolCallPart::index
  ItemStatus status = ItemStatus::InProgress;
};

/// An empty message at place `output_index` of its answer. Its id is "msg_<seed>", "msg_<seed>_2" at a later place.
[[nodiscard]] OutputItem new_message(std::string_view seed, std::size_t output_index);
/// A call ("fc_<seed>..."), with a call id made up where there is none.
[[nodiscard]] OutputItem new_call(std::string_view seed, std::size_t output_index, ToolCall call,
                                  std::size_t call_index);

void write_part(JsonWriter& json, const OutputPart& part);
void write_item(JsonWriter& json, const OutputItem& item);

}  // namespace suffice::wire
