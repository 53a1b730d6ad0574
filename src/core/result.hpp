#pragma once
// Result<T>: how a function says that it may fail in a way its caller decides about.
// Outcomes of the outside world (time-outs, refusals, bad input) are values; bugs are exceptions.

#include <expected>
#include <string>
#include <utility>

#include "core/error.hpp"

namespace suffice {

/// A T, or the Error that says why there is none. Build one with `return value;` or `return fail(...)`.
template <class T>
using Result = std::expected<T, Error>;

/// The only way to build a failed Result; `where` names the place in the input (file:line:column, JSON pointer, URL path), never user text.
[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string message, std::string where = {}) {
  return std::unexpected<Error>(Error{.code = code, .message = std::move(message), .where = std::move(where)});
}

/// Passes an Error on unchanged.
[[nodiscard]] inline std::unexpected<Error> fail(Error error) { return std::unexpected<Error>(std::move(error)); }

}  // namespace suffice

/// Evaluates `expr` (a Result); returns its Error from the enclosing function, else yields nothing. Not for use around co_await.
#define SUFFICE_TRY_VOID(expr)                                                              \
  do {                                                                                      \
    auto suffice_try_result = (expr);                                                       \
    if (!suffice_try_result) return std::unexpected(std::move(suffice_try_result).error()); \
  } while (false)

/// `SUFFICE_TRY(auto x, f());` declares x from f()'s value or returns its Error. Not for use around co_await.
#define SUFFICE_TRY_CONCAT_INNER(a, b) a##b
#define SUFFICE_TRY_CONCAT(a, b) SUFFICE_TRY_CONCAT_INNER(a, b)
#define SUFFICE_TRY(declaration, expr)                                                     \
  auto SUFFICE_TRY_CONCAT(suffice_try_, __LINE__) = (expr);                                \
  if (!SUFFICE_TRY_CONCAT(suffice_try_, __LINE__))                                         \
    return std::unexpected(std::move(SUFFICE_TRY_CONCAT(suffice_try_, __LINE__)).error()); \
  declaration = *std::move(SUFFICE_TRY_CONCAT(suffice_try_, __LINE__))
