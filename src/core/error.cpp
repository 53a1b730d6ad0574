#include "core/error.hpp"

#include <algorithm>
#include <array>

namespace suffice {
namespace {

using enum ErrorCode;
using enum WhoActs;

constexpr std::array kCatalogue = {
    ErrorInfo{Internal, "internal", "a fault of Suffice itself", Developer, Retry::Maybe},
    ErrorInfo{InvalidArgument, "invalid_argument", "a value is outside what is allowed", Caller, Retry::Never},
    ErrorInfo{MalformedJson, "malformed_json", "the bytes are not valid UTF-8 JSON", Caller, Retry::Never},
    ErrorInfo{MalformedRequest, "malformed_request", "the JSON has the wrong shape for its endpoint", Caller,
              Retry::Never},
    ErrorInfo{UnsupportedField, "unsupported_field", "a field can neither be honoured nor safely ignored", Caller,
              Retry::Never},
    ErrorInfo{PayloadTooLarge, "payload_too_large", "a body, header, line or nesting is over its limit", Caller,
              Retry::Never},
    ErrorInfo{NotFound, "not_found", "no such path, model, task, file or record", Caller, Retry::Never},
    ErrorInfo{MethodNotAllowed, "method_not_allowed", "the path exists, the method does not", Caller, Retry::Never},
    ErrorInfo{Unauthorized, "unauthorized", "the key is missing or wrong", Caller, Retry::Never},
    ErrorInfo{Forbidden, "forbidden", "the key may not do this", Caller, Retry::Never},
    ErrorInfo{RateLimited, "rate_limited", "a quota is used up for now", Caller, Retry::Maybe},
    ErrorInfo{Overloaded, "overloaded", "a bounded queue is full", Operator, Retry::Maybe},
    ErrorInfo{Cancelled, "cancelled", "the caller went away or the work became useless", Caller, Retry::Maybe},
    ErrorInfo{ConnectFailed, "connect_failed", "no connection to the provider", Provider, Retry::Maybe},
    ErrorInfo{ConnectTimeout, "connect_timeout", "the provider did not accept a connection in time", Provider,
              Retry::Maybe},
    ErrorInfo{FirstTokenTimeout, "first_token_timeout", "the provider accepted the request and stayed silent", Provider,
              Retry::Maybe},
    ErrorInfo{IdleTimeout, "idle_timeout", "the provider stalled in the middle of its answer", Provider, Retry::Maybe},
    ErrorInfo{DeadlineExceeded, "deadline_exceeded", "the request's total time is over", Caller, Retry::Maybe},
    ErrorInfo{ConnectionClosed, "connection_closed", "the peer closed before its message was complete", Provider,
              Retry::Maybe},
    ErrorInfo{ProtocolError, "protocol_error", "the peer's bytes break their protocol", Provider, Retry::Maybe},
    ErrorInfo{UpstreamRejected, "upstream_rejected", "the provider refused the request", Caller, Retry::Never},
    ErrorInfo{UpstreamUnauthorized, "upstream_unauthorized", "the provider refused our key", Operator, Retry::Never},
    ErrorInfo{UpstreamFailed, "upstream_failed", "the provider failed", Provider, Retry::Maybe},
    ErrorInfo{ContentFiltered, "content_filtered", "the provider refused by its content policy", Caller, Retry::Never},
    ErrorInfo{ContextOverflow, "context_overflow", "the prompt does not fit the model's window", Caller, Retry::Never},
    ErrorInfo{ModelUnavailable, "model_unavailable", "the model is not running or not known", Operator, Retry::Maybe},
    ErrorInfo{ModelInvalid, "model_invalid", "the model file cannot be used", Operator, Retry::Never},
    ErrorInfo{PolicyInvalid, "policy_invalid", "the policy has problems", Operator, Retry::Never},
    ErrorInfo{ConfigInvalid, "config_invalid", "flags, environment or data directory are wrong", Operator,
              Retry::Never},
    ErrorInfo{IoFailed, "io_failed", "the file system refused", Operator, Retry::Maybe},
    ErrorInfo{StoreFailed, "store_failed", "the audit store refused or is away", Operator, Retry::Maybe},
    ErrorInfo{ChainBroken, "chain_broken", "the audit record was altered, cut or reordered", Operator, Retry::Never},
    ErrorInfo{AddressInUse, "address_in_use", "the address is taken by another program", Operator, Retry::Maybe},
    ErrorInfo{NoFrontier, "no_frontier", "escalation is needed and no frontier model is configured", Operator,
              Retry::Never},
    ErrorInfo{FrontierFailed, "frontier_failed", "every tier was tried and the last one failed", Provider,
              Retry::Maybe},
    ErrorInfo{OutputRejected, "output_rejected", "even the last tier's output fails the task's checks", Provider,
              Retry::Maybe},
    ErrorInfo{BudgetExhausted, "budget_exhausted", "money, tokens or steps are used up", Caller, Retry::Never},
    ErrorInfo{UnsupportedMediaType, "unsupported_media_type", "the body's media type is not spoken here", Caller,
              Retry::Never},
    ErrorInfo{LogprobsMissing, "logprobs_missing", "log-probabilities were asked for and did not come", Provider,
              Retry::Maybe},
};

}  // namespace

std::span<const ErrorInfo> error_catalogue() noexcept { return kCatalogue; }

const ErrorInfo& info(ErrorCode code) noexcept {
  const auto* row = std::ranges::find(kCatalogue, code, &ErrorInfo::code);
  return row == kCatalogue.end() ? kCatalogue.front() : *row;
}

std::string_view name(ErrorCode code) noexcept { return info(code).name; }

std::string describe(const Error& error) {
  return error.where.empty() ? error.message : error.where + ": " + error.message;
}

}  // namespace suffice
