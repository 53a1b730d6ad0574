#include "models/hub.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "models/store_files.hpp"

namespace suffice::models {
namespace {

constexpr std::size_t kPartBytesMax = 512;

/// Unreserved characters stay (RFC 3986, 2.3), and '/' where it parts segments.
std::string encoded(std::string_view text, bool keep_slashes) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain || (keep_slashes && c == '/')) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4U];
      out += kHex[byte & 0x0fU];
    }
  }
  return out;
}

/// Segments without "", "." and "..": a name, not a way around.
bool is_plain_path(std::string_view path) {
  if (path.empty() || path.size() > kPartBytesMax) return false;
  std::size_t begin = 0;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view segment = path.substr(begin, end - begin);
    if (segment.empty() || segment == "." || segment == "..") return false;
    begin = end + 1;
  }
  return std::ranges::none_of(path, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\\'; });
}

}  // namespace

Result<std::string> hub_url(const HubFile& file) {
  if (!is_plain_path(file.repository) || std::ranges::count(file.repository, '/') != 1) {
    return fail(ErrorCode::InvalidArgument,
                "a repository is written OWNER/NAME, such as Qwen/Qwen2.5-0.5B-Instruct-GGUF", "REPO");
  }
  if (!is_plain_path(file.file)) {
    return fail(ErrorCode::InvalidArgument, "a file is its path in the repository, such as model-q4_k_m.gguf", "FILE");
  }
  if (!is_plain_path(file.revision))
    return fail(ErrorCode::InvalidArgument, "a revision is a branch, a tag or a commit", "--revision");
  std::string hub = file.hub;
  while (hub.ends_with('/')) hub.pop_back();
  const Result<Target> parsed = parse_target_url(hub);
  if (!parsed) {
    return fail(ErrorCode::InvalidArgument, "a hub is an http:// or https:// URL, such as https://huggingface.co",
                "--hub");
  }
  return hub + "/" + encoded(file.repository, true) + "/resolve/" + encoded(file.revision, false) + "/" +
         encoded(file.file, true);
}

bool Target::same_origin(const Target& other) const {
  return endpoint.tls == other.endpoint.tls && endpoint.port == other.endpoint.port &&
         net::equal_ignoring_case(endpoint.host, other.endpoint.host);
}

Result<Target> parse_target_url(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return fail(ErrorCode::InvalidArgument, "not an absolute URL");
  const std::size_t path = std::min(url.find_first_of("/?#", scheme + 3), url.size());
  Target target;
  SUFFICE_TRY(target.endpoint, net::Endpoint::parse(url.substr(0, path)));
  target.path = std::string(url.substr(path, url.find('#') - path));
  if (!target.path.starts_with('/')) target.path.insert(0, "/");
  return target;
}

Result<Target> follow(const Target& from, std::string_view location) {
  if (location.starts_with('/') && !location.starts_with("//")) {
    Target target = from;
    target.path = std::string(location.substr(0, location.find('#')));
    return target;
  }
  Result<Target> target = parse_target_url(location);
  if (!target) return fail(ErrorCode::ProtocolError, "the hub sends us on to something that is no http(s) URL");
  if (from.endpoint.tls && !target->endpoint.tls)
    return fail(ErrorCode::ProtocolError, "the hub sends us on from https to http");
  return target;
}

std::optional<std::string> digest_in(std::string_view header) {
  if (header.starts_with("W/")) header.remove_prefix(2);
  if (header.size() >= 2 && header.front() == '"' && header.back() == '"') header = header.substr(1, header.size() - 2);
  if (header.starts_with("sha256:")) header.remove_prefix(7);
  std::string text(header);
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (!is_sha256(text)) return std::nullopt;
  return text;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty() || text.size() > 19) return std::nullopt;
  return value;
}

std::optional<ContentRange> parse_content_range(std::string_view header) {
  if (!header.starts_with("bytes ")) return std::nullopt;
  header.remove_prefix(6);
  const std::size_t dash = header.find('-');
  const std::size_t slash = header.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash) return std::nullopt;
  const auto first = parse_size(header.substr(0, dash));
  const auto last = parse_size(header.substr(dash + 1, slash - dash - 1));
  const auto total = parse_size(header.substr(slash + 1));
  if (!first || !last || !total || *first > *last || *last >= *total) return std::nullopt;
  return ContentRange{.first = *first, .total = *total};
}

Error refusal_of(int status, const std::string& url, bool had_token) {
  const auto error = [&](ErrorCode code, std::string message) {
    return Error{.code = code, .message = std::move(message), .where = url, .upstream_status = status};
  };
  if (status == 404)
    return error(ErrorCode::NotFound,
                 "the hub has no such file; check the repository, the revision and the file's name");
  if (status == 401 || status == 403) {
    return error(
        ErrorCode::UpstreamUnauthorized,
        had_token ? "the hub refuses the token; accept the model's licence on the hub's page, or set another HF_TOKEN"
                  : "the hub asks for a token (or there is no such repository); set HF_TOKEN and try again");
  }
  if (status == 429) return error(ErrorCode::RateLimited, "the hub asks us to wait; run the same command later");
  return error(status >= 500 ? ErrorCode::UpstreamFailed : ErrorCode::UpstreamRejected,
               "the hub answered with status " + std::to_string(status) + "; run the same command again later");
}

}  // namespace suffice::models
