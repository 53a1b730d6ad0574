#include "wire/provider_error.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "core/text.hpp"

namespace suffice::wire {
namespace {

constexpr std::size_t kMessageBytesMax = 160;
constexpr std::size_t kWordBytesMax = 64;
constexpr std::size_t kKeyBytesMin = 20;  // shorter runs of letters and digits are words, model names, numbers

bool is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

/// True for provider words such as "invalid_request_error".
bool is_plain_word(std::string_view word) {
  return !word.empty() && word.size() <= kWordBytesMax &&
         std::ranges::all_of(word, [](char c) { return is_alnum(c) || c == '_' || c == '-' || c == '.'; }) &&
         safe_provider_message(word) == word;
}

bool contains_any(std::string_view text, std::initializer_list<std::string_view> needles) {
  return std::ranges::any_of(needles,
                             [&](std::string_view needle) { return text.find(needle) != std::string_view::npos; });
}

bool says_context_overflow(std::string_view words, std::string_view message) {
  return contains_any(words, {"context_length_exceeded", "exceed_context_size", "context_window_exceeded",
                              "string_above_max_length"}) ||
         contains_any(message,
                      {"maximum context length", "context length", "context size", "context window",
                       "prompt is too long", "input is too long", "too many tokens", "exceeds the available context"});
}

bool says_content_filter(std::string_view words) {
  return contains_any(words,
                      {"content_filter", "content_policy_violation", "responsibleaipolicyviolation", "contentfilter"});
}

ErrorCode code_by_words(std::string_view words) {
  if (contains_any(words, {"rate_limit", "insufficient_quota", "too_many_requests", "quota_exceeded"}))
    return ErrorCode::RateLimited;
  if (contains_any(words, {"invalid_api_key", "authentication", "permission"})) return ErrorCode::UpstreamUnauthorized;
  if (contains_any(words, {"model_not_found", "deploymentnotfound", "not_found"})) return ErrorCode::ModelUnavailable;
  if (contains_any(words, {"invalid_request"})) return ErrorCode::UpstreamRejected;
  return ErrorCode::UpstreamFailed;
}

ErrorCode code_by_status(int status, std::string_view words) {
  switch (status) {
    case 401:
    case 403:
      return ErrorCode::UpstreamUnauthorized;
    case 404:
      return ErrorCode::ModelUnavailable;
    case 408:
      return ErrorCode::UpstreamFailed;  // the provider gave up waiting; a retry may help
    case 429:
      return ErrorCode::RateLimited;
    default:
      break;
  }
  if (status >= 500 || (status >= 300 && status < 400)) return ErrorCode::UpstreamFailed;
  if (status >= 400) {
    return code_by_words(words) == ErrorCode::ModelUnavailable ? ErrorCode::ModelUnavailable
                                                               : ErrorCode::UpstreamRejected;
  }
  return code_by_words(words);
}

std::string compose(const ProviderFault& fault, ErrorCode code) {
  std::string text =
      fault.status != 0 ? "provider answered " + std::to_string(fault.status) : "provider sent an error in the stream";
  std::string words;
  for (const std::string_view word : {fault.type, fault.code}) {
    if (!is_plain_word(word) || words == word) continue;
    if (!words.empty()) words += ", ";
    words += word;
  }
  if (!words.empty()) text += " (" + words + ")";
  // What providers say of a wrong key or of filtered content quotes the key or the content.
  const bool may_quote = code == ErrorCode::UpstreamUnauthorized || code == ErrorCode::ContentFiltered;
  const std::string message = may_quote ? std::string() : safe_provider_message(fault.message);
  if (!message.empty()) text += ": " + message;
  return text;
}

}  // namespace

std::string safe_provider_message(std::string_view message) {
  message = trim(message);
  if (message.empty() || message.size() > kMessageBytesMax || first_invalid_utf8(message)) return {};
  const bool quotes = std::ranges::any_of(message, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '"' || c == '\'' || c == '`' || c == '{' ||
           c == '<' || static_cast<unsigned char>(c) >= 0x80;
  });
  if (quotes) return {};
  std::string out;
  const std::string lowered = lower(message);
  for (std::size_t at = 0; at < message.size();) {
    std::size_t end = at;
    while (end < message.size() &&
           (is_alnum(message[end]) || message[end] == '-' || message[end] == '_' || message[end] == '*'))
      ++end;
    if (end == at) {
      out += message[at++];
      continue;
    }
    const std::string_view word = message.substr(at, end - at);
    const std::string_view low = std::string_view(lowered).substr(at, end - at);
    const bool has_digit = std::ranges::any_of(word, [](char c) { return c >= '0' && c <= '9'; });
    const bool has_letter = std::ranges::any_of(low, [](char c) { return c >= 'a' && c <= 'z'; });
    const bool key = low.starts_with("sk-") || low.starts_with("key-") || word.find("**") != std::string_view::npos ||
                     (word.size() >= kKeyBytesMin && has_digit && has_letter) || word.size() >= 2 * kKeyBytesMin;
    out += key ? std::string_view("***") : word;
    at = end;
  }
  return out;
}

Error classify_provider_fault(const ProviderFault& fault) {
  const std::string words = lower(std::string(fault.type) + " " + std::string(fault.code));
  const std::string message = lower(fault.message);
  ErrorCode code = code_by_status(fault.status, words);
  const bool about_the_request = fault.status == 0 || fault.status == 400 || fault.status == 413 ||
                                 fault.status == 422 ||
                                 fault.status == 500;  // older llama-server says 500 for a full context
  if (says_content_filter(words)) {
    code = ErrorCode::ContentFiltered;
  } else if (about_the_request && says_context_overflow(words, message)) {
    code = ErrorCode::ContextOverflow;
  }
  Error error{.code = code, .message = compose(fault, code), .where = {}};
  error.upstream_status = fault.status;
  return error;
}

}  // namespace suffice::wire
