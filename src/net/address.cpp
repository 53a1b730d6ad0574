#include "net/address.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

#include "net/http.hpp"
#include "net/http_client.hpp"
#include "net/http_server.hpp"

namespace suffice::net {
namespace {

bool is_host_character(char c) {
  const bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return alphanumeric || c == '-' || c == '.' || c == '_' || c == '~';
}

Result<std::uint16_t> parse_port(std::string_view digits) {
  std::uint16_t port = 0;
  const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || status != std::errc{} || end != digits.data() + digits.size()) {
    return fail(ErrorCode::InvalidArgument, "the port must be a number from 0 to 65535");
  }
  return port;
}

/// The end of the host in `text`, or npos when it is none.
std::size_t host_end(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || close == 1) return std::string_view::npos;
    const std::string_view address = text.substr(1, close - 1);
    const bool is_ipv6 = address.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
    return is_ipv6 ? close + 1 : std::string_view::npos;
  }
  const std::size_t end = std::min(text.find(':'), text.size());
  const bool valid =
      end > 0 && std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), is_host_character);
  return valid ? end : std::string_view::npos;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// What an encoded slash stays: never a separator, whoever decodes it. Clients encode the one in a model's name (/v1/models/suffice%2Fx).
constexpr std::string_view kEncodedSlash = "%2F";

/// The byte that the escape at `text[at]` stands for, or -1 when it is none that a path may hold.
int decode_escape(std::string_view text, std::size_t at) {
  if (at + 2 >= text.size()) return -1;
  const int high = hex_digit(text[at + 1]);
  const int low = hex_digit(text[at + 2]);
  if (high < 0 || low < 0) return -1;
  const int byte = high * 16 + low;
  const bool ambiguous = byte < 0x20 || byte == 0x7f || byte == '\\';
  return ambiguous ? -1 : byte;
}

bool has_dot_segment(std::string_view path) {
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view segment = path.substr(0, end);
    if (segment == "." || segment == "..") return true;
    path.remove_prefix(end);
  }
  return false;
}

Result<std::string> decode_path(std::string_view raw) {
  std::string path;
  path.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '\\') return fail(ErrorCode::MalformedRequest, "the path holds a backslash");
    if (raw[i] != '%') {
      path.push_back(raw[i]);
      continue;
    }
    const int byte = decode_escape(raw, i);
    if (byte < 0) {
      return fail(ErrorCode::MalformedRequest,
                  "the path holds a broken escape, an encoded backslash or a control character");
    }
    if (byte == '/') {
      path += kEncodedSlash;
    } else {
      path.push_back(static_cast<char>(byte));
    }
    i += 2;
  }
  return path;
}

/// The part of an absolute-form target that begins with the path.
std::string_view after_authority(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.size() > scheme.size() && equal_ignoring_case(target.substr(0, scheme.size()), scheme)) {
      const std::size_t slash = target.find_first_of("/?", scheme.size());
      return slash == std::string_view::npos ? std::string_view{"/"} : target.substr(slash);
    }
  }
  return target;
}

}  // namespace

Result<HostPort> parse_host_port(std::string_view text, int default_port) {
  const std::size_t end = host_end(text);
  if (end == std::string_view::npos) {
    return fail(ErrorCode::InvalidArgument, "expected HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080");
  }
  HostPort result;
  result.host = text.starts_with('[') ? text.substr(1, end - 2) : text.substr(0, end);
  if (end == text.size()) {
    if (default_port < 0) return fail(ErrorCode::InvalidArgument, "the port is missing: expected HOST:PORT");
    result.port = static_cast<std::uint16_t>(default_port);
    return result;
  }
  if (text[end] != ':') return fail(ErrorCode::InvalidArgument, "expected ':' and a port after the host");
  SUFFICE_TRY(result.port, parse_port(text.substr(end + 1)));
  return result;
}

std::string join_host_port(std::string_view host, std::uint16_t port) {
  std::string text;
  const bool brackets = host.contains(':');
  if (brackets) text += '[';
  text += host;
  if (brackets) text += ']';
  text += ':';
  text += std::to_string(port);
  return text;
}

Result<RequestTarget> parse_target(std::string_view target) {
  if (target == "*") return RequestTarget{.path = "*", .query = {}};
  if (target.starts_with('?')) return fail(ErrorCode::MalformedRequest, "the request target must start with '/'");
  target = after_authority(target);
  if (target.contains('#')) return fail(ErrorCode::MalformedRequest, "the request target holds a fragment");
  const std::size_t question = std::min(target.find('?'), target.size());
  std::string_view raw_path = target.substr(0, question);
  if (raw_path.empty() && question < target.size()) raw_path = "/";
  if (!raw_path.starts_with('/')) return fail(ErrorCode::MalformedRequest, "the request target must start with '/'");

  RequestTarget result;
  SUFFICE_TRY(result.path, decode_path(raw_path));
  if (has_dot_segment(result.path)) {
    return fail(ErrorCode::MalformedRequest, "the path holds a '.' or '..' segment");
  }
  if (question < target.size()) result.query = target.substr(question + 1);
  return result;
}

Result<Endpoint> Endpoint::parse(std::string_view url) {
  Endpoint endpoint;
  std::string_view rest = url;
  for (const auto& [scheme, tls] :
       {std::pair{std::string_view{"http://"}, false}, {std::string_view{"https://"}, true}}) {
    if (url.size() >= scheme.size() && equal_ignoring_case(url.substr(0, scheme.size()), scheme)) {
      rest = url.substr(scheme.size());
      endpoint.tls = tls;
      break;
    }
  }
  if (rest.size() == url.size()) {
    return fail(ErrorCode::InvalidArgument, "the URL must start with http:// or https://");
  }
  if (rest.find_first_of("?#@\\") != std::string_view::npos) {
    return fail(ErrorCode::InvalidArgument, "the URL must not hold a query, a fragment or user information");
  }
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view path = rest.substr(slash);
  while (path.ends_with('/')) path.remove_suffix(1);
  const bool visible = std::all_of(path.begin(), path.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (!visible) return fail(ErrorCode::InvalidArgument, "the URL's path holds characters that must be percent-encoded");
  SUFFICE_TRY(HostPort address, parse_host_port(rest.substr(0, slash), endpoint.tls ? 443 : 80));
  if (address.port == 0) return fail(ErrorCode::InvalidArgument, "port 0 cannot be connected to");
  endpoint.host = std::move(address.host);
  endpoint.port = address.port;
  endpoint.path_prefix = path;
  return endpoint;
}

Result<ListenAddress> ListenAddress::parse(std::string_view text) {
  SUFFICE_TRY(HostPort address, parse_host_port(text, -1));
  return ListenAddress{.host = std::move(address.host), .port = address.port};
}

bool ListenAddress::is_loopback() const {
  if (host == "localhost" || host == "::1") return true;
  if (!host.starts_with("127.")) return false;
  return host.find_first_not_of("0123456789.") == std::string::npos;
}

std::string ListenAddress::to_string() const { return join_host_port(host, port); }

}  // namespace suffice::net
