#pragma once
// Pieces of reading a Responses request. For the openai_responses_*.cpp files only.

#include <span>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "core/chat.hpp"
#include "core/result.hpp"
#include "wire/json_fields.hpp"
#include "wire/openai_responses.hpp"

namespace suffice::wire {

/// Appends what `input` says to `messages`: calls that follow each other become one assistant message, as chat models expect.
/// UnsupportedField and MalformedRequest name the item ("input[2].content[0].file_id").
Result<void> decode_responses_input(const boost::json::value& input, const JsonPath& path, const ItemLookup& lookup,
                                    std::vector<Message>& messages);

/// tools, tool_choice and parallel_tool_calls. Tools that run at OpenAI are refused by their name.
Result<void> decode_responses_tools(const boost::json::object& body, const JsonPath& path, ChatRequest& request);

/// ResponsesRequest::echo of a body that was decoded without error.
[[nodiscard]] JsonText responses_echo(const boost::json::object& body);

/// UnsupportedField naming the first member of `object` that is not in `known` and not null.
Result<void> refuse_unknown_members(const boost::json::object& object, const JsonPath& path,
                                    std::span<const std::string_view> known);

}  // namespace suffice::wire
