#include "server/credential.hpp"

#include <string_view>

#include "core/hash.hpp"

namespace suffice::server {
namespace {

constexpr std::string_view kScheme = "Bearer ";

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view key_of(const net::Headers& headers) {
  const std::string_view authorization = trimmed(headers.get("authorization"));
  if (net::equal_ignoring_case(authorization.substr(0, kScheme.size()), kScheme)) {
    return trimmed(authorization.substr(kScheme.size()));
  }
  const std::string_view anthropic = trimmed(headers.get("x-api-key"));
  return anthropic.empty() ? trimmed(headers.get("api-key")) : anthropic;
}

}  // namespace

std::string credential_of(const net::Headers& headers) {
  const std::string_view key = key_of(headers);
  return key.empty() ? std::string() : sha256_hex(key);
}

}  // namespace suffice::server
