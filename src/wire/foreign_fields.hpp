#pragma once
// Unknown fields meet a provider of another dialect: refused by name, never dropped silently. For the request writers of this folder.

#include <span>
#include <string_view>

#include "core/chat.hpp"
#include "core/result.hpp"

namespace suffice::wire {

/// Fine when `request` came in `dialect` (its provider knows its own fields). Else UnsupportedField naming the first field of `extra` that
/// is not a mere hint, and the first content part that only the other dialect knows. Hints are fields that cannot change what the
/// answer says: who pays, what is cached, what is stored, how long a model stays loaded.
[[nodiscard]] Result<void> refuse_foreign(const ChatRequest& request, ApiDialect dialect);

/// Whether `raw` of the request's parts may be written for a provider of `dialect`.
[[nodiscard]] inline bool speaks(const ChatRequest& request, ApiDialect dialect) { return request.dialect == dialect; }

}  // namespace suffice::wire
