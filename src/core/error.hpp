#pragma once
// The one catalogue of errors: what it means, who can act, whether a retry may help.
// The HTTP status of each is chosen in server/ only; docs/errors.md is generated from this table.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace suffice {

/// Stored in audit events: never renumber, never reuse a number.
enum class ErrorCode : std::uint16_t {
  Internal = 1,          ///< a bug of ours, or a library's
  InvalidArgument = 2,   ///< a value a caller gave is outside what is allowed
  MalformedJson = 3,     ///< bytes that are not JSON (or not UTF-8)
  MalformedRequest = 4,  ///< JSON of the wrong shape for its endpoint
  UnsupportedField = 5,  ///< a field that can neither be honoured nor ignored safely
  PayloadTooLarge = 6,   ///< body, header, depth or line over its limit
  NotFound = 7,          ///< no such path, model, task, file or record
  MethodNotAllowed = 8,
  Unauthorized = 9,    ///< key missing or wrong
  Forbidden = 10,      ///< key right, action not allowed
  RateLimited = 11,    ///< 429 from upstream or our own quota
  Overloaded = 12,     ///< a bounded queue is full
  Cancelled = 13,      ///< the caller went away, or the answer became useless
  ConnectFailed = 14,  ///< DNS, TCP or TLS did not come up
  ConnectTimeout = 15,
  FirstTokenTimeout = 16,     ///< connected, sent, nothing came
  IdleTimeout = 17,           ///< stalled between tokens
  DeadlineExceeded = 18,      ///< the request's total time is over
  ConnectionClosed = 19,      ///< peer closed before the message was complete (a cut stream included)
  ProtocolError = 20,         ///< peer's bytes break HTTP, SSE, NDJSON or engine framing
  UpstreamRejected = 21,      ///< a 4xx of the provider that is about our request
  UpstreamUnauthorized = 22,  ///< provider says 401/403: our key is wrong
  UpstreamFailed = 23,        ///< provider 5xx
  ContentFiltered = 24,       ///< provider refused by its content policy
  ContextOverflow = 25,       ///< prompt plus output does not fit the model's window
  ModelUnavailable = 26,      ///< engine not running, or the server knows no such model
  ModelInvalid = 27,          ///< a GGUF that is not one, or not the one expected
  PolicyInvalid = 28,         ///< the policy file has problems (all are listed)
  ConfigInvalid = 29,         ///< flags, environment or data directory are wrong
  IoFailed = 30,              ///< file system
  StoreFailed = 31,           ///< the audit store refused or lost its connection
  ChainBroken = 32,           ///< audit verification found an altered, missing or reordered event
  AddressInUse = 33,          ///< port taken
  NoFrontier = 34,            ///< escalation needed and no frontier model is configured
  FrontierFailed = 35,        ///< every tier was tried and the last one failed
  OutputRejected = 36,        ///< even the last tier's output fails the task's mechanical checks
  BudgetExhausted = 37,       ///< money, tokens or steps used up
  UnsupportedMediaType = 38,
  LogprobsMissing = 39,  ///< log-probabilities were asked for and did not come
};

enum class Retry : std::uint8_t { Never, Maybe };
enum class WhoActs : std::uint8_t { Caller, Operator, Provider, Developer };

/// One row of the catalogue.
struct ErrorInfo {
  ErrorCode code;
  std::string_view name;     ///< snake_case, stable, used in JSON bodies, logs and metrics labels
  std::string_view meaning;  ///< one sentence
  WhoActs who;
  Retry retry;  ///< whether the same call may succeed later
};

/// An expected failure. `message` is one line for a person, free of secrets and user text; `where` places it in the input.
struct Error {
  ErrorCode code = ErrorCode::Internal;
  std::string message;
  std::string where;
  int upstream_status = 0;           ///< HTTP status of the provider, 0 when none
  std::int64_t retry_after_ms = -1;  ///< provider's Retry-After, -1 when none

  bool operator==(const Error&) const = default;
};

/// All rows, ordered by code. Any thread.
[[nodiscard]] std::span<const ErrorInfo> error_catalogue() noexcept;
[[nodiscard]] const ErrorInfo& info(ErrorCode code) noexcept;
[[nodiscard]] std::string_view name(ErrorCode code) noexcept;

/// "where: message" or "message": the one line shown to people.
[[nodiscard]] std::string describe(const Error& error);

}  // namespace suffice
