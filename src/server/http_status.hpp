#pragma once
// Error code -> HTTP status and the vendors' words for it. Lives here and only here.

#include <string_view>

#include "core/error.hpp"
#include "net/http.hpp"

namespace suffice::server {

/// The HTTP status a caller sees. A provider's own 4xx about the request (400, 404, 413, 422) is passed on.
[[nodiscard]] int http_status(const Error& error) noexcept;

/// OpenAI's error type for a status: "invalid_request_error", "authentication_error", "rate_limit_error", "server_error", ...
[[nodiscard]] std::string_view openai_error_type(int status) noexcept;

/// Anthropic's: "invalid_request_error", "authentication_error", "overloaded_error", "api_error", ...
[[nodiscard]] std::string_view anthropic_error_type(int status) noexcept;

/// Retry-After in whole seconds, where the error asks for it (429 and 503).
void add_retry_after(net::Headers& headers, const Error& error, int status);

}  // namespace suffice::server
