#pragma once
// The key that came with a request.

#include <string>

#include "net/http.hpp"

namespace suffice::server {

/// SHA-256 (hex) of the key in `Authorization: Bearer KEY`, else `x-api-key: KEY` (Anthropic's), else `api-key: KEY` (Azure's); empty when
/// there is none. The key itself goes no further than this.
[[nodiscard]] std::string credential_of(const net::Headers& headers);

}  // namespace suffice::server
