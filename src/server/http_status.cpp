#include "server/http_status.hpp"

#include <algorithm>
#include <string>

namespace suffice::server {

int http_status(const Error& error) noexcept {
  using enum ErrorCode;
  switch (error.code) {
    case InvalidArgument:
    case MalformedJson:
    case MalformedRequest:
    case UnsupportedField:
    case ContextOverflow:
    case ContentFiltered:
      return 400;
    case UpstreamRejected: {
      const bool about_the_request = error.upstream_status == 400 || error.upstream_status == 404 ||
                                     error.upstream_status == 413 || error.upstream_status == 422;
      return about_the_request ? error.upstream_status : 400;
    }
    case Unauthorized:
      return 401;
    case BudgetExhausted:
      return 402;
    case Forbidden:
      return 403;
    case NotFound:
      return 404;
    case MethodNotAllowed:
      return 405;
    case PayloadTooLarge:
      return 413;
    case UnsupportedMediaType:
      return 415;
    case RateLimited:
      return 429;
    case Cancelled:
      return 499;  // nginx's word for "the client closed"; nobody is left to read it
    case ConnectFailed:
    case ConnectionClosed:
    case ProtocolError:
    case UpstreamUnauthorized:
    case UpstreamFailed:
    case FrontierFailed:
    case LogprobsMissing:
    case OutputRejected:
      return 502;
    case Overloaded:
    case ModelUnavailable:
    case NoFrontier:
    case StoreFailed:
      return 503;
    case ConnectTimeout:
    case FirstTokenTimeout:
    case IdleTimeout:
    case DeadlineExceeded:
      return 504;
    case Internal:
    case ModelInvalid:
    case PolicyInvalid:
    case ConfigInvalid:
    case IoFailed:
    case ChainBroken:
    case AddressInUse:
      return 500;
  }
  return 500;
}

std::string_view openai_error_type(int status) noexcept {
  switch (status) {
    case 401:
      return "authentication_error";
    case 402:
      return "insufficient_quota";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 429:
      return "rate_limit_error";
    default:
      return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

std::string_view anthropic_error_type(int status) noexcept {
  switch (status) {
    case 401:
      return "authentication_error";
    case 402:
      return "billing_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 503:
      return "overloaded_error";
    case 504:
      return "timeout_error";
    default:
      return status >= 500 ? "api_error" : "invalid_request_error";
  }
}

void add_retry_after(net::Headers& headers, const Error& error, int status) {
  if (status != 429 && status != 503) return;
  const std::int64_t ms = error.retry_after_ms >= 0 ? error.retry_after_ms : 1'000;
  headers.set("retry-after", std::to_string(std::max<std::int64_t>(1, (ms + 999) / 1'000)));
}

}  // namespace suffice::server
