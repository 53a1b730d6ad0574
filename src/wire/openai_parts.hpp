#pragma once
// Pieces that whole and streamed OpenAI answers share, and both of its endpoints. Not for use outside this folder.

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "core/chat.hpp"
#include "wire/json_fields.hpp"
#include "wire/json_writer.hpp"
#include "wire/openai_chat.hpp"

namespace suffice::wire {

/// "call_<answer id>_<index>" for servers that name no tool call; unique within a conversation as far as answer ids are.
[[nodiscard]] std::string made_up_call_id(std::string_view answer_id, std::size_t index);

void write_usage(JsonWriter& json, const std::optional<Usage>& usage);
/// token, logprob, bytes: members of the object that is open.
void write_token(JsonWriter& json, std::string_view token, double logprob);
/// An array: each token with its rivals.
void write_token_logprobs(JsonWriter& json, std::span<const TokenLogprob> tokens);
/// The member `logprobs` as chat completions have it.
void write_logprobs(JsonWriter& json, std::span<const TokenLogprob> tokens);
void write_decision(JsonWriter& json, const DecisionExtension& decision);
[[nodiscard]] std::string_view openai_finish_reason(FinishReason finish, bool has_tool_calls);

/// `metadata` within OpenAI's limits: 16 pairs of strings, keys of 64 bytes, values of 512.
Result<void> read_openai_metadata(const boost::json::object& body, const JsonPath& path,
                                  std::map<std::string, std::string>& metadata);
[[nodiscard]] FinishReason read_finish_reason(std::string_view word);
[[nodiscard]] std::optional<Usage> read_usage(const boost::json::object& body);
[[nodiscard]] std::optional<std::vector<TokenLogprob>> read_logprobs(const boost::json::object& choice);
/// `status` 0 inside a stream or a 200 answer.
[[nodiscard]] Error read_openai_error(int status, const boost::json::object& body);

}  // namespace suffice::wire
