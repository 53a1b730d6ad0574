#pragma once
// Identifiers of requests and events.

#include <string>

#include "core/clock.hpp"
#include "core/random.hpp"

namespace suffice {

/// A UUID version 7 (RFC 9562, 5.7): 48 bits of Unix milliseconds, then random bits; sorts by time as text.
[[nodiscard]] std::string new_uuid7(const Clock& clock, Random& random);

}  // namespace suffice
