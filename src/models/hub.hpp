#pragma once
// Addresses and answers of a model hub, as text: what a pull decides, without sockets. Private to models/ and its tests.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "net/http.hpp"
#include "net/http_client.hpp"

namespace suffice::models {

/// One file of a hub of Hugging Face's kind.
struct HubFile {
  std::string hub = "https://huggingface.co";
  std::string repository;  ///< "owner/name"
  std::string file;        ///< its path in the repository
  std::string revision = "main";
};
/// HUB/REPOSITORY/resolve/REVISION/FILE, with every part percent-encoded. InvalidArgument names the part that cannot be one.
[[nodiscard]] Result<std::string> hub_url(const HubFile& file);

/// Where a request goes: an endpoint (scheme, host, port) and the path with query.
struct Target {
  net::Endpoint endpoint;
  std::string path;
  [[nodiscard]] bool same_origin(const Target& other) const;
};
[[nodiscard]] Result<Target> parse_target_url(std::string_view url);
/// Where `location` leads from `from` (RFC 3986, 5.2 for absolute URLs and absolute paths). ProtocolError for anything else, and for a
/// way from https to http.
[[nodiscard]] Result<Target> follow(const Target& from, std::string_view location);

/// The digest in a header of quotes and marks (`"abc..."`, `W/"sha256:abc..."`); nothing when it holds no SHA-256.
[[nodiscard]] std::optional<std::string> digest_in(std::string_view header);

/// "bytes 100-199/200" (RFC 9110, 14.4).
struct ContentRange {
  std::uint64_t first = 0;
  std::uint64_t total = 0;
};
[[nodiscard]] std::optional<ContentRange> parse_content_range(std::string_view header);
/// A whole number of at most 19 digits.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

/// What a status that is neither a body nor a redirect means to the user.
[[nodiscard]] Error refusal_of(int status, const std::string& url, bool had_token);

}  // namespace suffice::models
