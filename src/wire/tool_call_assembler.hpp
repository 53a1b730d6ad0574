#pragma once
// Puts the pieces of streamed tool calls in order, whatever way a server splits them. For the stream decoders of this folder.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/chat.hpp"

namespace suffice::wire {

/// One piece as a server sent it.
struct RawToolCallPart {
  std::optional<std::size_t> index;
  std::string_view id;
  std::string_view name;
  std::string_view arguments;
};

/// Servers differ: some repeat id and name in every piece, some leave the index out, some give every call index 0 with another id,
/// some name no id. What comes out has dense indices in order of appearance, and id and name in the first part only. One thread.
class ToolCallAssembler {
 public:
  /// `answer_id` goes into ids that have to be made up.
  [[nodiscard]] Delta::ToolCallPart add(const RawToolCallPart& part, std::string_view answer_id);
  [[nodiscard]] const std::vector<ToolCall>& calls() const { return calls_; }
  [[nodiscard]] std::vector<ToolCall> take() { return std::move(calls_); }

 private:
  [[nodiscard]] std::optional<std::size_t> find(const RawToolCallPart& part) const;

  std::vector<ToolCall> calls_;
  std::vector<std::optional<std::size_t>> foreign_index_;  ///< the server's index of each call
  std::vector<bool> id_made_up_;
};

}  // namespace suffice::wire
