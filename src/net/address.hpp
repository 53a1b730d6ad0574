#pragma once
// Addresses and request targets as text: parsing without sockets. Shared by client and server, private to net/.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace suffice::net {

struct HostPort {
  std::string host;  ///< an IPv6 address without its brackets
  std::uint16_t port = 0;
};

/// "127.0.0.1:80", "[::1]:80", "name:80", and without port when `default_port` is not negative. InvalidArgument otherwise.
[[nodiscard]] Result<HostPort> parse_host_port(std::string_view text, int default_port);

/// "[::1]:80" for an IPv6 address, "host:80" for all else.
[[nodiscard]] std::string join_host_port(std::string_view host, std::uint16_t port);

struct RequestTarget {
  std::string path;   ///< percent-decoded but for "%2F", which stays as it is; starts with '/' (or is "*")
  std::string query;  ///< raw, without '?'
};

/// Splits and decodes a request target in origin form, absolute form or "*" (RFC 9112, 3.2).
///
/// Refused, because two programs could read them as different paths: broken escapes, backslashes, NUL and
/// other control characters, "." and ".." segments, fragments. MalformedRequest says which; the target is not quoted.
[[nodiscard]] Result<RequestTarget> parse_target(std::string_view target);

}  // namespace suffice::net
