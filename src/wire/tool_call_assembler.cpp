#include "wire/tool_call_assembler.hpp"

#include <utility>

#include "wire/openai_parts.hpp"

namespace suffice::wire {

std::optional<std::size_t> ToolCallAssembler::find(const RawToolCallPart& part) const {
  // Backwards: a reused index means its latest call.
  for (std::size_t i = calls_.size(); i-- > 0;) {
    if (part.index && foreign_index_[i] != part.index) continue;
    if (!part.id.empty() && !id_made_up_[i]) {
      if (calls_[i].id == part.id) return i;
      if (part.index && part.name.empty()) return i;  // an id that changes in mid-call
      continue;
    }
    if (part.index) return i;
    if (part.id.empty() && part.name.empty()) return i;  // a bare continuation
    return std::nullopt;
  }
  return std::nullopt;
}

Delta::ToolCallPart ToolCallAssembler::add(const RawToolCallPart& part, std::string_view answer_id) {
  Delta::ToolCallPart out;
  out.arguments = part.arguments;
  if (const auto known = find(part)) {
    out.index = *known;
    ToolCall& call = calls_[*known];
    call.arguments += part.arguments;
    if (call.name.empty() && !part.name.empty()) {  // the name came late
      call.name = part.name;
      out.name = part.name;
    }
    return out;
  }
  out.index = calls_.size();
  out.id = part.id.empty() ? made_up_call_id(answer_id, out.index) : std::string(part.id);
  out.name = part.name;
  calls_.push_back(ToolCall{.id = out.id, .name = out.name, .arguments = out.arguments});
  foreign_index_.push_back(part.index);
  id_made_up_.push_back(part.id.empty());
  return out;
}

}  // namespace suffice::wire
