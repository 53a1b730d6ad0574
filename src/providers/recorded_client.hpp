#pragma once
// A model that is a file: plays recorded answers. For demonstrations without a key, and for tests.

#include <filesystem>
#include <memory>
#include <string>

#include "core/chat.hpp"
#include "core/result.hpp"
#include "policy/policy.hpp"
#include "providers/model_client.hpp"
#include "providers/sleeper.hpp"

namespace suffice::providers {

// The file is JSON Lines, UTF-8. Blank lines and lines that start with # are skipped. Each line is one of
//
//   {"task": "classify_issue", "match": {...}, "response": {...}}   answers calls that match; "task" and "match" are both optional
//   {"task": "classify_issue", "responses_by_input": {"<sha256>": {...response...}, ...}}
//   {"task": "classify_issue", "default": {...response...}}         answers calls of that task that nothing else answers
//   {"default": {...response...}}                                   the same for every task
//
// match, where every member given must hold:
//   "sha256": "..."          messages_sha256() of the call's messages
//   "input_sha256": "..."    SHA-256 (64 hex digits) of the caller's own text, or of a user message as it is sent
//   "input_contains": "..."  occurs in the text of the messages; or a list, all of which occur
//
// response:
//   "text": "..."            and/or
//   "tool_calls": [{"name": "f", "arguments": {...} or "...", "id": "call_1"}]    or instead of both
//   "error": {"code": "rate_limited", "status": 429, "retry_after_ms": 1000}      a name of the error catalogue
//   "usage": {"input": 12, "cached": 0, "output": 3}, or "estimate": one token for every 4 bytes of messages and answer
//   "finish": "stop"         stop, length, tool_calls, content_filter; default: tool_calls when there are any, else stop
//   "delay_ms": 20           before the answer; default 0, at most 600000
//
// Order: the first matching `match` line of the file, then responses_by_input, then the task's default, then the default of all.
// A member that is not named here is an error, so that a misspelling is not a silent default.

/// Reads the file named by model.model. IoFailed when it cannot be read; MalformedJson or MalformedRequest with "file:line" in
/// `where`. The client answers ModelUnavailable naming the file when nothing matches. With a sink it streams word by word.
/// `sleeper` null: a timer.
[[nodiscard]] Result<std::unique_ptr<ModelClient>> make_recorded_client(const policy::Model& model,
                                                                        Sleeper* sleeper = nullptr);

/// SHA-256 in hex of the canonical JSON (wire/json.hpp) of [{"role":..., "content":...}, ...]: content is the message's text; tool
/// calls, ids and names are members where present. Stored in recordings: never changed.
[[nodiscard]] std::string messages_sha256(const std::vector<Message>& messages);

}  // namespace suffice::providers
