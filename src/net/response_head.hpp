#pragma once
// The first lines of a response as bytes. Private to net/.

#include <cstddef>
#include <optional>
#include <string>

#include "net/http.hpp"

namespace suffice::net {

/// How the body of a response is delimited (RFC 9112, 6).
struct ResponseFraming {
  std::optional<std::size_t>
      content_length{};  ///< neither this nor chunked: the body ends with the connection, or there is none
  bool chunked = false;
  bool keep_alive = true;
  int version = 11;  ///< of the request: HTTP/1.0 must be told of keep-alive
};

/// Replaces `out` by status line, Date, `headers` and the framing fields, up to the empty line. Framing fields among
/// `headers` are left out, fields that would break the message too, so that a handler cannot split a response.
void write_response_head(std::string& out, int status, const Headers& headers, const ResponseFraming& framing);

}  // namespace suffice::net
