#include "providers/secret.hpp"

#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>

#include "core/text.hpp"

namespace suffice::providers {
namespace {

constexpr std::size_t kFileBytesMax = 64UL * 1024;

Result<Secret> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string bytes(kFileBytesMax + 1, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  const std::size_t size = in.bad() ? 0 : static_cast<std::size_t>(in.gcount());
  const std::string_view value = trim(std::string_view(bytes).substr(0, size));
  if (value.empty() || size > kFileBytesMax) {
    return fail(ErrorCode::ConfigInvalid, "the secret file is missing, unreadable, empty or over 64 KiB", path);
  }
  Secret secret{std::string(value)};
  explicit_bzero(bytes.data(), bytes.size());
  return secret;
}

}  // namespace

Secret::~Secret() { explicit_bzero(value_.data(), value_.size()); }

Result<Secret> Secret::read(const policy::SecretRef& reference, const policy::Environment& environment) {
  switch (reference.kind) {
    case policy::SecretRef::Kind::None:
      return Secret{};
    case policy::SecretRef::Kind::File:
      return read_file(reference.source);
    case policy::SecretRef::Kind::Env:
      break;
  }
  std::optional<std::string> value = environment(reference.source);
  if (!value || trim(*value).empty()) {
    return fail(ErrorCode::ConfigInvalid, "the environment variable of the key is not set", reference.source);
  }
  return Secret{std::string(trim(*value))};
}

}  // namespace suffice::providers
